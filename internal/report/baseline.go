// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tcptune/tcptune/rules"
)

// Baseline says what the findings of a check are compared with.
type Baseline struct {
	Kind       BaselineKind `json:"kind"`
	Source     string       `json:"source"` // file
	Taken      time.Time    `json:"taken"`
	AgeSeconds float64      `json:"age_seconds"` // by the clock of the boot
	Rates      bool         `json:"rates"`       // rates are those of the time since the baseline
	New        int          `json:"new"`         // findings by status
	Still      int          `json:"still"`
	Gone       int          `json:"gone"`
	Unknown    int          `json:"unknown"` // of both sides
	Notes      []string     `json:"notes"`   // what a reader must know to judge the comparison
}

// A BaselineKind says what a baseline was read from.
type BaselineKind string

// The kinds of baselines.
const (
	BaselineWindow BaselineKind = "window"  // a saved window
	BaselineReport BaselineKind = "report"  // a report of check: findings only
	BaselineLast   BaselineKind = "lastrun" // what --since-last keeps
)

// A DifferentError says that a baseline is of something else than what is
// examined.
type DifferentError struct {
	What      string // boot, host or network namespace
	Then, Now string
}

// AnotherBoot is the What of a baseline of the same host before it booted.
const AnotherBoot = "boot"

// Error names both.
func (e *DifferentError) Error() string {
	return fmt.Sprintf("it is of another %s: %s then, %s now", e.What, cmp.Or(e.Then, "unknown"), cmp.Or(e.Now, "unknown"))
}

// SameAs returns a *DifferentError unless both are the same network namespace
// of the same boot of the same host. A boot id that is not known is no proof.
func (h Host) SameAs(now Host) error {
	switch {
	case h.BootID == now.BootID && h.BootID != "":
		if h.Netns != now.Netns {
			return &DifferentError{"network namespace", h.Netns, now.Netns}
		}
		return nil
	case h.Hostname != now.Hostname:
		return &DifferentError{"host", h.Hostname, now.Hostname}
	case h.BootID == "" || now.BootID == "":
		return errors.New("which boot it is of cannot be told")
	}
	return &DifferentError{AnotherBoot, h.BootID, now.BootID}
}

// CompareWith compares the findings, waived ones included, with those of a
// baseline, and counts them in b.
func (c *Check) CompareWith(then *Check, b Baseline) {
	compared := rules.Compare(then.judgement(), c.judgement())
	n := copy(c.Findings, compared.Now)
	for i := range c.Waived {
		c.Waived[i].Finding = compared.Now[n+i]
	}
	c.Gone, c.Undecided = compared.Gone, compared.Undecided
	b.Gone, b.Unknown = len(c.Gone), len(c.Undecided)
	for _, f := range compared.Now {
		switch f.Status {
		case rules.StatusNew:
			b.New++
		case rules.StatusStill:
			b.Still++
		default:
			b.Unknown++
		}
	}
	b.Notes = append(notNil(b.Notes), c.compareNotes(then)...)
	c.Baseline = &b
}

// judgement is what the rules said, waived findings last.
func (c *Check) judgement() rules.Judgement {
	j := rules.Judgement{Findings: slices.Clone(c.Findings), Passed: c.Passed, Skipped: c.Skipped}
	for _, w := range c.Waived {
		j.Findings = append(j.Findings, w.Finding)
	}
	return j
}

// compareNotes says what makes the two sides differ for another reason than
// that the host is another.
func (c *Check) compareNotes(then *Check) (notes []string) {
	if a, b := then.Host.Privilege, c.Host.Privilege; a != b && a != "" && b != "" {
		notes = append(notes, fmt.Sprintf("the baseline was taken as %s, this as %s: processes may be named in one and not in the other", a, b))
	}
	if then.Ruleset.SHA256 != c.Ruleset.SHA256 {
		notes = append(notes, "the baseline was judged by other rules")
	}
	return notes
}

// NewAtLeast counts the findings that were not as severe as min at the
// baseline and are now: those that are not known to have been there, and those
// that were milder.
func (c *Check) NewAtLeast(min rules.Severity) (n int) {
	for _, f := range c.Findings {
		if f.Severity.AtLeast(min) && (f.Status != rules.StatusStill || f.Was != "" && !f.Was.AtLeast(min)) {
			n++
		}
	}
	return n
}

// DecodeCheck reads a check that WriteJSON wrote.
func DecodeCheck(data []byte) (*Check, error) {
	var kind struct {
		SchemaVersion *int            `json:"schema_version"`
		Findings      json.RawMessage `json:"findings"`
		Namespaces    json.RawMessage `json:"namespaces"`
	}
	if err := json.Unmarshal(data, &kind); err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	switch {
	case kind.SchemaVersion == nil || kind.Findings == nil:
		return nil, errors.New("read report: this is no report of check")
	case *kind.SchemaVersion != CheckSchemaVersion:
		return nil, fmt.Errorf("read report: it has schema %d, this tcptune reads %d", *kind.SchemaVersion, CheckSchemaVersion)
	case kind.Namespaces != nil:
		return nil, errors.New("read report: it is of every network namespace, and one is needed")
	}
	var c Check
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	for _, f := range c.judgement().Findings {
		if f.Rule == "" || !slices.Contains(rules.Severities(), f.Severity) {
			return nil, fmt.Errorf("read report: a finding of the rule %q has the severity %q", f.Rule, f.Severity)
		}
	}
	return &c, nil
}

// baseline says against what and since when the findings are compared.
func (p *page) baseline(c *Check) {
	b := c.Baseline
	if b == nil {
		return
	}
	p.block("", "  ", b.with()+":")
	p.block("  ", "    ", b.counts())
	for _, note := range b.Notes {
		p.block("  ", "    ", note)
	}
}

// with says against what and since when is compared.
func (b *Baseline) with() string {
	name := b.Source
	if b.Kind == BaselineLast {
		name = "the last run"
	}
	return fmt.Sprintf("compared with %s, %s ago (%s)", name, duration(b.AgeSeconds), b.Taken.UTC().Format("2006-01-02 15:04 UTC"))
}

// counts words how many findings have which status, and what rates are of.
func (b *Baseline) counts() string {
	parts := []string{fmt.Sprintf("%d new", b.New), fmt.Sprintf("%d still there", b.Still), fmt.Sprintf("%d gone", b.Gone)}
	if b.Unknown > 0 {
		parts = append(parts, fmt.Sprintf("%d that cannot be compared", b.Unknown))
	}
	text := strings.Join(parts, ", ")
	if b.Rates {
		text += "; rates since then"
	}
	return text
}

// statusWords says how a finding stands to the baseline; empty without one.
func statusWords(f *rules.Finding) string {
	switch f.Status {
	case rules.StatusNew:
		return "new"
	case rules.StatusStill:
		if f.Was != "" {
			return "still there, was " + string(f.Was)
		}
		return "still there"
	case rules.StatusUnknown:
		return "not judged at the baseline"
	}
	return ""
}

// gone lists the findings of the baseline that are there no more, and those of
// which that cannot be told.
func (p *page) gone(c *Check) {
	for _, part := range c.past() {
		p.line(part.head + ":")
		for i := range part.list {
			f := &part.list[i]
			p.block("  ", "    ", string(f.Severity)+" "+f.Rule+": "+f.Title+about(f))
		}
	}
}

// capital begins a sentence with a word of ours.
func capital(words string) string { return strings.ToUpper(words[:1]) + words[1:] }

// A past is findings of the baseline that are not there now.
type past struct {
	head string
	list []rules.Finding
}

// past are the findings of the baseline that are not among those of now.
func (c *Check) past() (parts []past) {
	if len(c.Gone) > 0 {
		parts = append(parts, past{"gone since the baseline", c.Gone})
	}
	if len(c.Undecided) > 0 {
		parts = append(parts, past{"found at the baseline, not judged in full now", c.Undecided})
	}
	return parts
}
