// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/yamlfile"
)

// A TestCase is what rules are given and what they must answer: these findings
// and no others, these rules skipped and no others.
type TestCase struct {
	Name string
	Line int // in the file

	set      *Set // the rules that are judged
	facts    *facts.Facts
	findings []*wantedFinding
	skipped  map[string][]string // missing facts by rule
}

// A Difference is one way in which the answer is not the expected one.
type Difference struct {
	Rule    string `json:"rule,omitempty"`    // "" where it is not that of one rule
	Subject string `json:"subject,omitempty"` // of the finding
	Field   string `json:"field"`             // of the finding, or what is different: finding, skipped, evaluation
	Want    string `json:"want"`
	Got     string `json:"got"`
}

// testCase reads one case.
func (r *testReader) testCase(n *yaml.Node) *TestCase {
	f := r.Fields(n, "a case", "name", "facts", "window", "only", "findings", "skipped")
	r.Require(n, "a case", f, "name")
	c := &TestCase{Name: r.Text(f["name"], "name"), Line: n.Line, set: r.set, skipped: make(map[string][]string)}
	if n.Kind != yaml.MappingNode {
		return c
	}
	switch given := f["facts"] != nil; {
	case given && f["window"] != nil:
		r.At(f["window"], "a case has either facts or a window")
	case given:
		c.facts = readFacts(&r.Reader, f["facts"])
	case f["window"] != nil:
		c.facts = r.window(f["window"])
	default:
		r.At(n, "a case lacks what it is about: facts, or a saved window")
	}
	if f["findings"] == nil && f["skipped"] == nil {
		r.At(n, "a case lacks what is expected: findings, skipped or both; findings: [] expects that nothing fires")
	}
	c.set = r.only(f["only"])
	for _, element := range r.List(f["findings"], "findings") {
		c.findings = append(c.findings, r.wantedFinding(element, c.set))
	}
	for _, element := range r.List(f["skipped"], "skipped") {
		r.wantedSkip(element, c)
	}
	return c
}

// window derives the facts of the window that a node names.
func (r *testReader) window(n *yaml.Node) *facts.Facts {
	path := r.Text(n, "window")
	if path == "" {
		return nil
	}
	f, err := r.Window(r.relative(path))
	if err != nil {
		r.At(n, "%v", err)
	}
	return f
}

// only returns the rules of the file that a case judges: all, unless it names some.
func (r *testReader) only(n *yaml.Node) *Set {
	names := r.Words(n, "only")
	if r.set == nil || len(names) == 0 {
		return r.set
	}
	set, err := r.set.Select(names, nil)
	if err != nil {
		r.At(n, "%v", err)
		return r.set
	}
	return set
}

// wantedSkip reads that a rule is skipped, and for want of which facts.
func (r *testReader) wantedSkip(n *yaml.Node, c *TestCase) {
	f := r.Fields(n, "a skipped rule", "rule", "missing")
	r.Require(n, "a skipped rule", f, "missing")
	rule := r.ruleName(n, f["rule"], c.set)
	missing := r.Words(f["missing"], "missing")
	r.refuseEmpty(f["missing"], "missing is empty: a rule is skipped because facts are missing")
	if _, twice := c.skipped[rule]; twice && rule != "" {
		r.At(n, "skipped names %q twice", rule)
	}
	slices.Sort(missing)
	c.skipped[rule] = missing
}

// ruleName reads which of the judged rules is meant. It may be left out where
// there is only one.
func (r *testReader) ruleName(owner, n *yaml.Node, set *Set) string {
	switch {
	case set == nil:
		return ""
	case n == nil && len(set.Rules) == 1:
		return set.Rules[0].ID
	case n == nil:
		r.At(owner, "rule is missing: the case judges %d rules", len(set.Rules))
		return ""
	}
	return r.Word(n, "rule", set.IDs())
}

// Run judges the facts and returns what is not as expected.
func (c *TestCase) Run() []Difference {
	outcome, err := c.set.outcome(c.facts, Options{Why: true})
	if err != nil {
		return []Difference{{Field: "evaluation", Want: "no fault", Got: err.Error()}}
	}
	return append(c.compareFindings(outcome), c.compareSkipped(outcome)...)
}

// compareSkipped compares which rules were skipped, and why.
func (c *TestCase) compareSkipped(o Outcome) []Difference {
	got := make(map[string][]string)
	for _, s := range o.Skipped {
		got[s.Rule] = s.Missing
	}
	word := func(skipped map[string][]string, id string) string {
		if missing, ok := skipped[id]; ok {
			return "yes" + unknownSuffix(missing)
		}
		return "no"
	}
	var differences []Difference
	for _, id := range c.set.IDs() {
		if want, got := word(c.skipped, id), word(got, id); want != got {
			differences = append(differences, Difference{Rule: id, Field: "skipped", Want: want, Got: got})
		}
	}
	return differences
}

// state says what became of a rule that has no finding.
func (o Outcome) state(id string) string {
	for _, s := range o.Skipped {
		if s.Rule == id {
			return "none: it is skipped" + unknownSuffix(s.Missing)
		}
	}
	if slices.Contains(o.passed, id) {
		return "none: its condition is false, or a guard is true"
	}
	return "none, or silenced by another rule's finding"
}

// summary describes a finding that nobody expected.
func summary(f *Finding) string {
	text := fmt.Sprintf("%s: %s", f.Severity, f.Title)
	var operands []string
	for _, o := range f.Because {
		operands = append(operands, o.Text+" = "+o.Value)
	}
	if len(operands) > 0 {
		text += ", because " + strings.Join(operands, ", ")
	}
	return text
}

// unknownName is the message for a word that is none of the known ones.
func unknownName(what, word string, known []string) string {
	return fmt.Sprintf("%s %q is not one of %s%s", what, word, strings.Join(known, ", "), yamlfile.DidYouMean(word, known))
}
