// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// A row is one scenario of the lab: it makes the symptom that a rule is about,
// lets check find it, cures it as the finding says, and measures the symptom
// before and after. Rows stand in lab_CATEGORY_linux_test.go.
//
// The run is always the same (see run): stage makes the hosts; check must find
// nothing above info; settings and files are written; load; check must find
// finds; the number before; the cure; load again; check must find then; the
// number after; both must be as effect demands.
type row struct {
	rule    string
	variant string // tells the rows of one rule apart; may be empty
	symptom string // what is done, for a reader: "600 connections over 500 ports"
	needs   needs
	window  time.Duration // of check; 0 means 1 s
	minutes int           // that it takes, where they are many: such rows begin first

	settings map[string]string // of the host that check looks at: what makes the symptom
	files    map[string]string // in the sysctl.d places of that host

	finds   findings // every finding above info, and that of the rule
	varies  []string // rules whose finding depends on the speed of the machine: of any severity, and needless unless finds or then names it
	verdict rules.Verdict
	number  string // what is counted or measured, with its unit: "failed connections", "MB/s"
	cure    cure
	then    findings // every finding above info after the cure
	effect  effect

	stage func(t *testing.T) *stage
}

// longTime is how long traffic goes on that is ended by Stop or Finish.
const longTime = 2 * time.Minute

// findings are the severities of rules.
type findings map[string]rules.Severity

// needs say what a row cannot do without. What is missing is told, not skipped.
type needs struct {
	guest    bool   // a throw-away machine: the row changes a key of the whole host
	kernel   string // at least this version, such as "6.14"
	keys     []string
	programs []string // that are run, such as /usr/sbin/sysctl
	bbr      bool     // that congestion control, allowed in a namespace
}

// A stage is what one run of a row works with. Its functions share variables.
type stage struct {
	host   *lab.Host                  // check and apply run here
	load   func(t *testing.T)         // makes the traffic, before and after the cure; ends what the first call left running. May be nil
	number func(t *testing.T) float64 // of the last load
	act    func(t *testing.T)         // what an action does; nil for the other cures
}

// A cure is what is done about a finding. Settings are changed by tcptune apply
// alone, never by the row.
type cure struct {
	risk   string   // apply --recommended --only RULE --max-risk: what the finding recommends
	anyKey bool     // apply --allow-any: the key is outside net.
	set    []string // apply --set: for a myth, what it says and what changes nothing
	advice string   // words of the recommendation that the action follows
	action string   // what stage.act does, for a reader
}

// recommended takes the settings that the finding recommends, up to a risk.
func recommended(risk string) cure { return cure{risk: risk} }

// tried sets KEY=VALUE to show what it does not do.
func tried(set ...string) cure { return cure{set: set} }

// acted does what a recommendation says in these words.
func acted(advice, action string) cure { return cure{advice: advice, action: action} }

// and then an action.
func (c cure) and(advice, action string) cure {
	c.advice, c.action = advice, action
	return c
}

// any allows a key outside net.
func (c cure) any() cure {
	c.anyKey = true
	return c
}

// applies tells whether tcptune apply is a part of it.
func (c cure) applies() bool { return c.risk != "" || c.set != nil }

// none changes nothing: the finding says that there is no need.
func none() cure { return cure{} }

// An effect is what the cure must do to the number at least.
type effect struct {
	text  string
	holds func(before, after float64) bool
}

// falls: at least from before, at most to after.
func falls(before, after float64) effect {
	return effect{fmt.Sprintf("from at least %v to at most %v", before, after), func(b, a float64) bool { return b >= before && a <= after }}
}

// rises: at most from before, at least to after.
func rises(before, after float64) effect {
	return effect{fmt.Sprintf("from at most %v to at least %v", before, after), func(b, a float64) bool { return b <= before && a >= after }}
}

// grows by a factor.
func grows(factor float64) effect {
	return effect{fmt.Sprintf("at least %v times", factor), func(b, a float64) bool { return b > 0 && a >= factor*b }}
}

// shrinks by a factor.
func shrinks(factor float64) effect {
	return effect{fmt.Sprintf("to at most 1/%v", factor), func(b, a float64) bool { return b > 0 && a <= b/factor }}
}

// stays between two numbers, before and after.
func stays(low, high float64) effect {
	return effect{fmt.Sprintf("none: between %v and %v both times", low, high), func(b, a float64) bool {
		return b >= low && b <= high && a >= low && a <= high
	}}
}

// name is what tests and pages call the row.
func (r row) name() string {
	if r.variant == "" {
		return r.rule
	}
	return r.rule + "/" + r.variant
}

// check is the window of check as a flag.
func (r row) length() string {
	if r.window == 0 {
		return "1s"
	}
	return r.window.String()
}

// applyArguments are the command line of a cure that changes settings.
func (r row) applyArguments() []string {
	args := []string{"apply"}
	for _, set := range r.cure.set {
		args = append(args, "--set", set)
	}
	if r.cure.set == nil {
		args = append(args, "--recommended", "--only", r.rule, "--max-risk", r.cure.risk, "--window", r.length(), "--yes")
	}
	if r.cure.anyKey {
		args = append(args, "--allow-any")
	}
	return append(args, "--runtime-only")
}

// change says what the cure is, without what it turned out to change.
func (r row) change() string {
	var steps []string
	if r.cure.applies() {
		steps = append(steps, "tcptune "+strings.Join(r.applyArguments(), " "))
	}
	if r.cure.action != "" {
		steps = append(steps, r.cure.action)
	}
	if len(steps) == 0 {
		return "nothing is changed"
	}
	return strings.Join(steps, "; then ")
}
