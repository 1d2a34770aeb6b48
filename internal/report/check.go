// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/netns"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/rules"
)

// CheckSchemaVersion is the version of the JSON form of a Check. Fields are
// only added within a version. The schema is docs/schema/check.schema.json.
const CheckSchemaVersion = 1

// Check is the result of `tcptune check`.
type Check struct {
	SchemaVersion int               `json:"schema_version"`
	Tool          string            `json:"tool"`
	Ruleset       Ruleset           `json:"ruleset"`
	Host          Host              `json:"host"`
	Window        Window            `json:"window"`
	Collection    Collection        `json:"collection"`
	States        map[string]*int64 `json:"states"` // null: could not be counted
	Findings      []rules.Finding   `json:"findings"`
	Passed        []string          `json:"passed"`
	Skipped       []rules.Skipped   `json:"skipped"`
	Waived        []rules.Waived    `json:"waived"`
	Baseline      *Baseline         `json:"baseline,omitempty"` // what the findings are compared with
	Gone          []rules.Finding   `json:"gone,omitzero"`      // of the baseline: there no more
	Undecided     []rules.Finding   `json:"undecided,omitzero"` // of the baseline: whether they are there cannot be told
	Summary       Summary           `json:"summary"`
	ExitStatus    int               `json:"exit_status"`

	Root    string   `json:"-"` // of the examined tree; empty: the host
	numbers []string // the numbers that prove the verdict "no problem"
	details details
}

// Ruleset says which rules judged.
type Ruleset struct {
	Version string `json:"version"`
	SHA256  string `json:"sha256"`

	set *rules.Set // nil where the ruleset was read from JSON
}

// NewRuleset tells which rules a set has.
func NewRuleset(set *rules.Set) Ruleset {
	return Ruleset{Version: set.Version, SHA256: set.SHA256, set: set}
}

// rule returns a rule of the set; nil where it is not known.
func (r Ruleset) rule(id string) *rules.Rule {
	if r.set == nil {
		return nil
	}
	rule, _ := r.set.Lookup(id)
	return rule
}

// Host identifies what was examined.
type Host struct {
	Hostname      string       `json:"hostname"`
	Kernel        string       `json:"kernel"`
	Netns         string       `json:"netns,omitempty"`
	InitialNetns  *bool        `json:"initial_netns,omitempty"`
	Namespace     *netns.Label `json:"namespace,omitempty"` // where one was asked for
	BootID        string       `json:"boot_id,omitempty"`
	UptimeSeconds *float64     `json:"uptime_seconds,omitempty"`
	Privilege     string       `json:"privilege,omitempty"`
}

// Window is the time between the two snapshots; null when there was one.
type Window struct {
	Seconds     *float64 `json:"seconds"`
	Interrupted bool     `json:"interrupted,omitempty"` // ended before its time
}

// NewWindow says how long a window is.
func NewWindow(w *snapshot.Window) Window {
	window := Window{Interrupted: w.Interrupted}
	if seconds, ok := w.Seconds(); ok {
		window.Seconds = &seconds
	}
	return window
}

// words says how long the window was.
func (w Window) words() string {
	switch {
	case w.Seconds == nil && w.Interrupted:
		return "interrupted too early for a window (rates unknown)"
	case w.Seconds == nil:
		return "no window (rates unknown)"
	case w.Interrupted:
		return fmt.Sprintf("window %.3g s (interrupted)", *w.Seconds)
	case *w.Seconds >= 1000:
		return "window " + duration(*w.Seconds)
	}
	return fmt.Sprintf("window %.3g s", *w.Seconds)
}

// Collection says how the facts were read.
type Collection struct {
	Method     string         `json:"method"`
	Tiers      []int          `json:"tiers"`
	Sockets    int            `json:"sockets"` // received from the kernel
	DurationMS float64        `json:"duration_ms"`
	Complete   bool           `json:"complete"`
	Counted    string         `json:"counted,omitempty"`
	Closer     string         `json:"closer_look,omitempty"` // why ESTABLISHED and TIME_WAIT were not all looked at
	Gaps       []snapshot.Gap `json:"gaps"`
}

// Summary counts findings by severity and rules by outcome.
type Summary struct {
	Critical int `json:"critical"`
	Warning  int `json:"warning"`
	Notice   int `json:"notice"`
	Info     int `json:"info"`
	Judged   int `json:"judged"`
	Skipped  int `json:"skipped"`
	Waived   int `json:"waived"` // findings; they are in none of the severities
}

// NewCheck puts a window and what the rules said about it together.
func NewCheck(w *snapshot.Window, f *facts.Facts, results rules.Results, ruleset Ruleset) *Check {
	s := w.To
	c := &Check{
		SchemaVersion: CheckSchemaVersion,
		Tool:          w.Tool,
		Ruleset:       ruleset,
		Host:          HostOf(s),
		Findings:      notNil(results.Findings),
		Passed:        notNil(results.Passed),
		Skipped:       notNil(results.Skipped),
		Waived:        []rules.Waived{},
		Collection:    Collection{Tiers: []int{}, DurationMS: float64(s.Cost.Microseconds()) / 1000, Gaps: gaps(w)},
		States:        states(s.Sockets),
		numbers:       numbers(f),
		details:       newDetails(w, f),
	}
	c.Window = NewWindow(w)
	if sockets := s.Sockets; sockets != nil {
		c.Collection.Method, c.Collection.Tiers, c.Collection.Sockets = sockets.Method, notNil(sockets.Tiers), sockets.Received
		c.Collection.Complete, c.Collection.Counted, c.Collection.Closer = sockets.Complete, sockets.Counted, sockets.Closer.Why
	}
	c.count(results)
	return c
}

// HostOf identifies what a snapshot is of.
func HostOf(s *snapshot.Snapshot) Host {
	host := Host{UptimeSeconds: s.Uptime}
	if h := s.Host; h != nil {
		host.Hostname, host.Kernel, host.Netns = h.Hostname, h.Kernel, h.Netns
		host.BootID, host.Privilege, host.InitialNetns = h.BootID, h.Privilege, h.Initial
		host.Namespace = h.Namespace
	}
	return host
}

func (c *Check) count(results rules.Results) {
	c.Summary.Judged = results.Judged
	c.Summary.Skipped = results.Rules - results.Judged
	c.countFindings()
}

// countFindings counts the findings that count.
func (c *Check) countFindings() {
	s := &c.Summary
	s.Critical, s.Warning, s.Notice, s.Info = 0, 0, 0, 0
	for _, f := range c.Findings {
		switch f.Severity {
		case rules.Critical:
			s.Critical++
		case rules.Warning:
			s.Warning++
		case rules.Notice:
			s.Notice++
		case rules.Info:
			s.Info++
		}
	}
}

// Add adds findings that no rule of the set made, each after those that are as
// severe.
func (c *Check) Add(findings []rules.Finding) {
	c.Findings = sorted(append(c.Findings, findings...))
	c.countFindings()
}

// sorted puts the most severe findings first.
func sorted(findings []rules.Finding) []rules.Finding {
	slices.SortStableFunc(findings, func(a, b rules.Finding) int {
		switch {
		case a.Severity == b.Severity:
			return 0
		case a.Severity.AtLeast(b.Severity):
			return -1
		}
		return 1
	})
	return findings
}

// Waive takes the findings that waivers are about out of the verdict, and adds
// a finding for each waiver that has expired.
func (c *Check) Waive(waivers []rules.Waiver, now time.Time) {
	kept, waived := rules.Waive(c.Findings, waivers, now)
	c.Findings, c.Waived = notNil(kept), notNil(waived)
	c.Summary.Waived = countWaived(waived)
	c.Add(rules.ExpiredWaivers(waivers, now))
}

func countWaived(waived []rules.Waived) (n int) {
	for i := range waived {
		n += 1 + waived[i].Finding.More
	}
	return n
}

// gaps merges what could not be read at the start and at the end of a window.
func gaps(w *snapshot.Window) []snapshot.Gap {
	merged := slices.Clone(w.To.Gaps)
	if w.From != nil {
		for _, g := range w.From.Gaps {
			if !slices.Contains(merged, g) {
				merged = append(merged, g)
			}
		}
	}
	return notNil(merged)
}

func states(s *snapshot.Sockets) map[string]*int64 {
	counts := make(map[string]*int64, len(stateOrder))
	for _, name := range stateOrder {
		counts[name] = nil
		if s == nil {
			continue
		}
		n, ok := s.States[name]
		if ok || s.Counted != "" {
			counts[name] = &n
		}
	}
	return counts
}

// AtLeast counts the findings of a severity or above.
func (c *Check) AtLeast(min rules.Severity) (n int) {
	for _, f := range c.Findings {
		if f.Severity.AtLeast(min) {
			n++
		}
	}
	return n
}

// CoreSkipped lists the rules of the core categories that could not be judged,
// wholly or in part. While there is one, nobody can say that all is well.
func (c *Check) CoreSkipped() []rules.Skipped {
	var core []rules.Skipped
	for _, s := range c.Skipped {
		if rules.Core(s.Category) {
			core = append(core, s)
		}
	}
	return core
}

// WriteJSON writes the check as one JSON document.
func (c *Check) WriteJSON(w io.Writer) error { return writeJSON(w, c) }

// notNil makes an empty list print as [], not null.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
