// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"regexp"
	"slices"
	"strings"
)

// A Status says how a finding stands to those of a baseline: what was judged
// earlier.
type Status string

// The statuses. Unknown is never new: a rule that was not judged at the
// baseline cannot tell since when it holds.
const (
	StatusNew     Status = "new"     // its rule was judged at the baseline, and did not find it
	StatusStill   Status = "still"   // found at the baseline, too
	StatusGone    Status = "gone"    // of the baseline: its rule was judged now, and does not find it
	StatusUnknown Status = "unknown" // its rule was not judged, or not in full, on the other side
)

// A Judgement is what rules said about one window, waived findings included.
type Judgement struct {
	Findings []Finding
	Passed   []string
	Skipped  []Skipped
}

// A Comparison is a judgement beside that of a baseline. Every finding of now
// is in Now, in its order, with a status new, still or unknown; every finding
// of the baseline is the other half of a still one, in Gone or in Undecided.
type Comparison struct {
	Now       []Finding
	Gone      []Finding // of the baseline, with status gone
	Undecided []Finding // of the baseline, with status unknown: whether they are gone cannot be told
}

// Compare matches the findings of two judgements by rule and subject; both stay
// as they are. What changes although the subject is the same does not count:
// the ids and number of a program's processes, the number of a line whose text
// is the same. A finding that is still there and was of another severity says
// so in Was.
func Compare(then, now Judgement) Comparison {
	c := Comparison{Now: slices.Clone(now.Findings), Gone: []Finding{}, Undecided: []Finding{}}
	left := make([]bool, len(then.Findings)) // those without their other half
	for i := range left {
		left[i] = true
	}
	for i := range c.Now {
		c.Now[i].Status, c.Now[i].Was = "", ""
	}
	for _, name := range []func(*Finding) identity{(*Finding).exactly, (*Finding).loosely} {
		pair(then.Findings, left, c.Now, name)
	}
	for i := range c.Now {
		if f := &c.Now[i]; f.Status == "" {
			f.Status = StatusUnknown
			if then.settled(f.Rule) {
				f.Status = StatusNew
			}
		}
	}
	for i, f := range then.Findings {
		switch f.Was = ""; {
		case !left[i]:
		case now.settled(f.Rule):
			f.Status = StatusGone
			c.Gone = append(c.Gone, f)
		default:
			f.Status = StatusUnknown
			c.Undecided = append(c.Undecided, f)
		}
	}
	return c
}

// pair finds the other half of findings that have none yet, by name. Of several
// with one name the first is the half of the first.
func pair(then []Finding, left []bool, now []Finding, name func(*Finding) identity) {
	waiting := make(map[identity][]int)
	for i := range then {
		if left[i] {
			id := name(&then[i])
			waiting[id] = append(waiting[id], i)
		}
	}
	for i := range now {
		f := &now[i]
		id := name(f)
		if f.Status != "" || len(waiting[id]) == 0 {
			continue
		}
		half := waiting[id][0]
		waiting[id] = waiting[id][1:]
		left[half] = false
		f.Status = StatusStill
		if was := then[half].Severity; was != f.Severity {
			f.Was = was
		}
	}
}

// settled reports whether a finding of the rule that is not listed was not
// there: the rule was judged in full and all that it found is listed.
func (j *Judgement) settled(rule string) bool {
	if rule == waiverRule || slices.Contains(j.Passed, rule) {
		return true
	}
	if slices.ContainsFunc(j.Skipped, func(s Skipped) bool { return s.Rule == rule }) {
		return false
	}
	found := false
	for i := range j.Findings {
		if f := &j.Findings[i]; f.Rule == rule {
			if f.More > 0 {
				return false
			}
			found = true
		}
	}
	return found // neither passed nor found: it was left out, or another rule silenced it
}

// identity is what two findings about the same thing share.
type identity struct{ rule, subject, text string }

// exactly identifies a finding by its subject as it stands. A line of a file is
// also known by what it says: another line may stand there now.
func (f *Finding) exactly() identity {
	id := identity{rule: f.Rule, subject: f.Subject}
	if aboutLine.MatchString(f.Subject) {
		id.text = f.said()
	}
	return id
}

// loosely identifies a finding by what of its subject outlives a restart of a
// program and an edit elsewhere in a file.
func (f *Finding) loosely() identity {
	id := f.exactly()
	id.subject = f.StableSubject()
	return id
}

// StableSubject is what of the subject stays the same for the same trouble: the
// names of programs without process ids, each once, and a file without the
// number of the line.
func (f *Finding) StableSubject() string {
	if aboutLine.MatchString(f.Subject) {
		return aboutLine.ReplaceAllString(f.Subject, "$1")
	}
	names := strings.Split(processes.ReplaceAllString(f.Subject, ""), ", ")
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

var (
	aboutLine = regexp.MustCompile(`(?s)\A(/.*):[0-9]+\z`)
	// processes is what stands after the name of a holder: "nginx[7], nginx[8]",
	// or "nginx[7] and 5 more". An IPv6 address in brackets has a colon.
	processes = regexp.MustCompile(`\[[0-9]+\]( and [0-9]+ more)?`)
)

// said is what a finding about a line says: its title and, where it is text,
// its first evidence, which is the line.
func (f *Finding) said() string {
	if len(f.Evidence) > 0 {
		if line, ok := f.Evidence[0].Value.(string); ok {
			return f.Title + "\n" + line
		}
	}
	return f.Title
}
