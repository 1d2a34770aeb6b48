// SPDX-License-Identifier: Apache-2.0

package report

import (
	"io"
	"slices"

	"github.com/tcptune/tcptune/internal/netns"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/rules"
)

// Checks is the result of `tcptune check --netns all`: a Check for each network
// namespace, and once what is about the whole machine. Its JSON is in the
// schema of Check.
type Checks struct {
	SchemaVersion int              `json:"schema_version"`
	Tool          string           `json:"tool"`
	Ruleset       Ruleset          `json:"ruleset"`
	Host          Host             `json:"host"`
	Window        Window           `json:"window"`
	Complete      bool             `json:"complete"` // every namespace was examined, and none is hidden
	Findings      []rules.Finding  `json:"findings"` // of scope host, of all namespaces, each once
	Waived        []rules.Waived   `json:"waived"`   // the same
	Namespaces    []*Check         `json:"namespaces"`
	NotExamined   []NotExamined    `json:"not_examined"`
	Hidden        int              `json:"hidden_processes"` // whose network namespace could not be seen
	Summary       NamespaceSummary `json:"summary"`
	ExitStatus    int              `json:"exit_status"`
}

// NotExamined is a network namespace and why it was not examined.
type NotExamined struct {
	Namespace netns.Label `json:"namespace"`
	Reason    string      `json:"reason"`
}

// NamespaceSummary counts findings by severity, and network namespaces.
type NamespaceSummary struct {
	Critical    int `json:"critical"`
	Warning     int `json:"warning"`
	Notice      int `json:"notice"`
	Info        int `json:"info"`
	Waived      int `json:"waived"`
	Namespaces  int `json:"namespaces"` // that were found
	Quiet       int `json:"quiet"`      // of these, examined and without a finding of notice or above
	NotExamined int `json:"not_examined"`
}

// hostScope is the scope of findings about the whole machine.
const hostScope = "host"

// NewChecks puts the checks of all namespaces together; hidden processes may
// live in others. What is about the machine moves out of the checks, to be told
// once. Host tells whether a rule is about the machine.
func NewChecks(list []*Check, missed []NotExamined, hidden int, host func(rule string) bool) *Checks {
	c := &Checks{
		SchemaVersion: CheckSchemaVersion,
		Namespaces:    notNil(list),
		NotExamined:   notNil(missed),
		Hidden:        hidden,
		Complete:      len(missed) == 0 && hidden == 0,
		Findings:      []rules.Finding{},
		Waived:        []rules.Waived{},
	}
	if len(list) > 0 {
		first := list[0]
		c.Tool, c.Ruleset, c.Window, c.Host = first.Tool, first.Ruleset, first.Window, first.Host
		c.Host.Netns, c.Host.InitialNetns, c.Host.Namespace = "", nil, nil
	}
	for _, check := range list {
		c.lift(check)
		c.Complete = c.Complete && check.Collection.Complete
	}
	c.settleSkipped(host)
	c.Findings = sorted(c.Findings)
	c.count()
	return c
}

// lift moves the findings about the machine out of the check of one namespace.
// Of the same ones in several the most severe stays.
func (c *Checks) lift(check *Check) {
	check.Findings = slices.DeleteFunc(check.Findings, func(f rules.Finding) bool {
		if f.Scope != hostScope {
			return false
		}
		i := slices.IndexFunc(c.Findings, func(known rules.Finding) bool { return same(known, f) })
		switch {
		case i < 0:
			c.Findings = append(c.Findings, f)
		case !c.Findings[i].Severity.AtLeast(f.Severity):
			c.Findings[i] = f
		}
		return true
	})
	check.Waived = slices.DeleteFunc(check.Waived, func(w rules.Waived) bool {
		if w.Finding.Scope != hostScope {
			return false
		}
		if !slices.ContainsFunc(c.Waived, func(known rules.Waived) bool { return same(known.Finding, w.Finding) }) {
			c.Waived = append(c.Waived, w)
		}
		return true
	})
	check.countFindings()
	check.Summary.Waived = countWaived(check.Waived)
}

func same(a, b rules.Finding) bool { return a.Rule == b.Rule && a.Subject == b.Subject }

// settleSkipped takes rules about the machine out of what a namespace could not
// judge where another one could: it has the facts.
func (c *Checks) settleSkipped(host func(rule string) bool) {
	judged := make(map[string]bool)
	for _, check := range c.Namespaces {
		for _, rule := range check.Passed {
			judged[rule] = true
		}
	}
	for _, f := range c.Findings {
		judged[f.Rule] = true
	}
	for _, w := range c.Waived {
		judged[w.Finding.Rule] = true
	}
	for _, check := range c.Namespaces {
		before := len(check.Skipped)
		check.Skipped = slices.DeleteFunc(check.Skipped, func(s rules.Skipped) bool { return s.Elements == 0 && judged[s.Rule] && host(s.Rule) })
		check.Summary.Skipped -= before - len(check.Skipped)
	}
}

func (c *Checks) count() {
	s := &c.Summary
	s.Namespaces, s.NotExamined = len(c.Namespaces)+len(c.NotExamined), len(c.NotExamined)
	s.Waived = countWaived(c.Waived)
	machine := Check{Findings: c.Findings}
	machine.countFindings()
	s.add(machine.Summary)
	for _, check := range c.Namespaces {
		s.add(check.Summary)
		s.Waived += check.Summary.Waived
		if check.quiet() {
			s.Quiet++
		}
	}
}

func (s *NamespaceSummary) add(o Summary) {
	s.Critical += o.Critical
	s.Warning += o.Warning
	s.Notice += o.Notice
	s.Info += o.Info
}

// quiet reports whether nothing of notice or above was found.
func (c *Check) quiet() bool { return c.Summary.Critical+c.Summary.Warning+c.Summary.Notice == 0 }

// AtLeast counts the findings of a severity or above.
func (c *Checks) AtLeast(min rules.Severity) int {
	machine := Check{Findings: c.Findings}
	n := machine.AtLeast(min)
	for _, check := range c.Namespaces {
		n += check.AtLeast(min)
	}
	return n
}

// Judged reports whether any rule could be judged anywhere.
func (c *Checks) Judged() bool {
	return slices.ContainsFunc(c.Namespaces, func(check *Check) bool { return check.Summary.Judged > 0 })
}

// AllJudged reports whether every rule could be judged everywhere.
func (c *Checks) AllJudged() bool {
	return len(c.NotExamined) == 0 && !slices.ContainsFunc(c.Namespaces, func(check *Check) bool { return len(check.Skipped) > 0 })
}

// WriteJSON writes the checks as one JSON document.
func (c *Checks) WriteJSON(w io.Writer) error { return writeJSON(w, c) }

// Visits turns what a survey has into checks and what it has not.
func Visits(visits []snapshot.Visit, judge func(*snapshot.Window) *Check) (list []*Check, missed []NotExamined) {
	for _, v := range visits {
		if v.Err != nil {
			missed = append(missed, NotExamined{v.Label, v.Err.Error()})
			continue
		}
		list = append(list, judge(v.Window))
	}
	return list, missed
}
