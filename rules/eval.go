// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/facts"
)

// MaxFindings is how many findings one rule with for_each may make; the
// mildest and last ones beyond it are only counted, in Finding.More.
const MaxFindings = 20

// Options say how to evaluate.
type Options struct {
	Why bool // fill Finding.Because; slow, for people
}

// Prepare plans the conditions now; without it Evaluate does so when it comes
// to them. It may run beside anything that leaves the set alone. Errors show
// when the conditions are evaluated.
func (s *Set) Prepare() {
	for _, r := range s.Rules {
		_ = r.When.Prepare()
	}
}

// Evaluate judges one window by every rule of the set. It is pure: the same
// facts give the same results in the same order, most severe first, then by
// rule id, then by subject.
//
// A rule passes only when every element of its list was judged and none fired.
// Where some elements could not be judged the rule is in Skipped with their
// number, and its findings about the others stand. A rule that fired silences
// those that it excludes: their findings are dropped, and they do not pass.
func (s *Set) Evaluate(f *facts.Facts, opts Options) Results {
	results, _ := s.evaluate(f, opts)
	return results
}

// evaluate also returns the faults outside conditions, for the tests of rules:
// users see such a value as unknown.
func (s *Set) evaluate(f *facts.Facts, opts Options) (Results, []string) {
	if f == nil {
		f = &facts.Facts{}
	}
	act := expr.NewActivation(f)
	judges := make([]*judge, len(s.Rules))
	for i, r := range s.Rules {
		judges[i] = &judge{rule: r, facts: f, act: act, why: opts.Why}
		judges[i].run()
	}
	results := Results{Findings: []Finding{}, Passed: []string{}, Skipped: []Skipped{}, Rules: len(s.Rules)}
	more := make(map[string]int) // by rule: findings beyond the cap
	var faults []string
	for _, j := range judges {
		if j.judged > 0 || j.passed() {
			results.Judged++
		}
		if skipped, ok := j.skipped(); ok {
			results.Skipped = append(results.Skipped, skipped)
		}
		switch {
		case j.passed():
			results.Passed = append(results.Passed, j.rule.ID)
		case !silenced(j.rule.ID, judges):
			findings := j.findings()
			results.Findings = append(results.Findings, findings...)
			more[j.rule.ID] = len(j.hits) - len(findings)
		}
		faults = append(faults, j.faults...)
	}
	slices.SortStableFunc(results.Findings, func(a, b Finding) int {
		return cmp.Or(bySeverity(a.Severity, b.Severity), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Subject, b.Subject))
	})
	for i := len(results.Findings) - 1; i >= 0; i-- {
		f := &results.Findings[i]
		f.More = more[f.Rule]
		delete(more, f.Rule)
	}
	return results, faults
}

// silenced reports whether a rule that fired excludes id.
func silenced(id string, judges []*judge) bool {
	return slices.ContainsFunc(judges, func(j *judge) bool { return len(j.hits) > 0 && j.rule.excludes(id) })
}

// bySeverity orders the most severe first.
func bySeverity(a, b Severity) int { return cmp.Compare(b.rank(), a.rank()) }

// A judge applies one rule to one window.
type judge struct {
	rule  *Rule
	facts *facts.Facts
	act   *expr.Activation
	why   bool

	hits     []hit
	judged   int      // elements, or 1 for a rule without a list, whose condition is true or false
	elements int      // elements that could not be judged
	missing  []string // facts that are unknown, with repetitions
	fault    string   // the first error of a condition
	faults   []string // errors elsewhere
}

// A hit is what the condition is true for. It becomes a finding only if it is
// to be shown: thousands of sockets can fire one rule.
type hit struct {
	element  int // of the list; 0 for a rule without one
	severity Severity
}

func (j *judge) run() {
	if j.rule.ForEach == "" {
		j.judge(0)
		j.elements = 0
		return
	}
	n, missing := j.act.Each(j.rule.ForEach)
	j.missing = missing
	for i := range n {
		j.act.Select(j.rule.ForEach, i)
		j.judge(i)
	}
}

// judge evaluates the condition for the host or for the selected element.
func (j *judge) judge(element int) {
	switch result := j.rule.When.Eval(j.act); {
	case result.Err != nil:
		j.elements++
		j.fault = cmp.Or(j.fault, result.Err.Error())
	case len(result.Missing) > 0:
		j.elements++
		j.missing = append(j.missing, result.Missing...)
	default:
		j.judged++
		if result.Value == true && !j.guarded() {
			severity := Severity(j.word(j.rule.Severity, "severity", string(Notice)))
			j.hits = append(j.hits, hit{element, severity})
		}
	}
}

// guarded reports whether a guard is true; one that is unknown is not.
func (j *judge) guarded() bool {
	return slices.ContainsFunc(j.rule.Unless, func(g Guard) bool { return g.When != nil && j.holds(g.When, "unless") })
}

func (j *judge) passed() bool {
	return len(j.hits) == 0 && len(j.missing) == 0 && j.fault == ""
}

func (j *judge) skipped() (Skipped, bool) {
	if len(j.missing) == 0 && j.fault == "" {
		return Skipped{}, false
	}
	missing := slices.Compact(slices.Sorted(slices.Values(j.missing)))
	if missing == nil {
		missing = []string{}
	}
	return Skipped{Rule: j.rule.ID, Category: j.rule.Category, Missing: missing, Elements: j.elements, Fault: j.fault}, true
}

// findings describes the most severe MaxFindings hits, in the order of the
// list where they are equally severe.
func (j *judge) findings() []Finding {
	slices.SortStableFunc(j.hits, func(a, b hit) int { return bySeverity(a.severity, b.severity) })
	var findings []Finding
	for _, h := range j.hits[:min(len(j.hits), MaxFindings)] {
		if j.rule.ForEach != "" {
			j.act.Select(j.rule.ForEach, h.element)
		}
		findings = append(findings, j.finding(h.severity))
	}
	return findings
}
