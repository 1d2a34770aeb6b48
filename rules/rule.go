// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"regexp"
	"strings"

	"github.com/tcptune/tcptune/internal/expr"
)

// A Rule is one question about a host: one YAML file, decoded, checked and
// compiled. It is not changed after it was loaded. Programs that the file
// leaves out are nil.
type Rule struct {
	File     string // that it was read from; "" for a built-in rule
	ID       string
	Title    Text
	Category string
	ForEach  string        // a list of facts: one finding for each element; "" for none
	When     *expr.Program // bool

	Severity   *expr.Program // word of Severities
	Confidence *expr.Program // word of Confidences
	Verdict    *expr.Program // word of Verdicts
	Scope      string
	Subject    *expr.Program // string, or nil

	Evidence   []Measure
	Recommend  []Advice
	Why        string
	Unless     []Guard
	Excludes   []string // ids of rules that a finding of this one silences; a final * stands for any rest
	References []string // ids of references.yaml, or addresses
	Proof      string   // how the claim was measured
}

// A Text is a text with ${expression} parts; the zero Text is none.
type Text struct {
	Source   string // as it was written
	template *expr.Template
}

// placeholder is a part of a Text that has no braces of its own.
var placeholder = regexp.MustCompile(`\$\{([^{}]*)\}`)

// Marked returns the text with other marks around its ${expression} parts: "<"
// and ">" for people, who do not know the values.
func (t Text) Marked(before, after string) string {
	return placeholder.ReplaceAllString(t.Source, before+"${1}"+after)
}

// A Measure is one line of evidence: a name and how its value is computed.
type Measure struct {
	Name  string
	Value *expr.Program // scalar
	Limit *expr.Program // scalar, or nil
	Unit  string
	When  *expr.Program // bool, or nil; the line is left out unless true
}

// Advice is one recommendation: an action in words, a value for a sysctl key,
// or an edit of a file. Kind says which of Action, Key and File leads.
type Advice struct {
	Kind    string        // action, sysctl or file, as in Recommendation
	When    *expr.Program // bool, or nil; the advice is left out unless true
	Action  Text
	Command Text          // the exact next command
	Key     Text          // the sysctl key; a part of it may stand for an interface
	Value   *expr.Program // what to set Key to: number or string
	File    Text          // the file:line to edit
	Risk    string        // of Risks; "" where none was given
	Effect  Text          // when it takes hold
	Because Text
}

// KeyPattern is the key as the catalogue has it: * for the interface that Key
// fills in.
func (a *Advice) KeyPattern() string { return placeholder.ReplaceAllString(a.Key.Source, "*") }

// A Guard is a reason not to report a finding. Where it cannot be tested When
// is nil, and it only informs the reader of the documentation.
type Guard struct {
	Text string
	When *expr.Program // bool, or nil
}

// Confidences are all confidences, lowest first: low is a lifetime total or
// one source alone, high is the socket table and a counter that agree.
func Confidences() []string { return []string{"low", "medium", "high"} }

// Scopes are what a finding can be about.
func Scopes() []string { return []string{"host", "netns", "process", "peer"} }

// Risks are the risks of a recommendation, lowest first.
func Risks() []string { return []string{"none", "low", "medium", "high"} }

// Verdicts are all verdicts.
func Verdicts() []Verdict {
	return []Verdict{VerdictSysctl, VerdictApplication, VerdictOperator, VerdictConfigFile, VerdictHarmless}
}

// excludes reports whether a finding of r silences findings of the rule id.
func (r *Rule) excludes(id string) bool {
	if id == r.ID {
		return false
	}
	for _, pattern := range r.Excludes {
		prefix, wild := strings.CutSuffix(pattern, "*")
		if id == pattern || wild && strings.HasPrefix(id, prefix) {
			return true
		}
	}
	return false
}
