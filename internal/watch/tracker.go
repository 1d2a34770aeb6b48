// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"cmp"
	"slices"
	"time"

	"github.com/tcptune/tcptune/rules"
)

// What keeps the list of findings from flickering. A window of a live view is
// short, and a rate that hovers around a limit is above it every other time.
const (
	mildRounds  = 2                // a finding below warning counts when it was seen in so many rounds in a row
	clearRounds = 3                // a finding has cleared when so many rounds in a row judged its rule and lack it
	showCleared = 60 * time.Second // how long a cleared finding is shown
	maxTracked  = 500              // findings that are kept; the cleared ones go first, then those that were seen longest ago
)

// A phase is where a tracked finding stands.
type phase uint8

const (
	pending phase = iota // seen, but not often enough
	active
	cleared
)

// tracked is a finding over several rounds. What it is about is the rule and the
// subject: evidence and severity may change.
type tracked struct {
	rules.Finding
	phase  phase
	times  int       // how often it has appeared
	seen   int       // rounds in a row that had it, up to the last one that did
	missed int       // rounds in a row that lack it
	since  time.Time // when it appeared, or cleared
	last   time.Time // the last round that had it
	unsure bool      // the last round lacks it, but its rule is not settled
}

type identity struct{ rule, subject string }

func (e *tracked) identity() identity { return identity{e.Rule, e.Subject} }

// tracker follows findings from round to round.
type tracker struct {
	list   []*tracked // in the order in which they were first seen
	rounds int
}

// observe takes the findings of a round and returns those that appeared and
// those that cleared with it. unsettled says of which rules a finding that is
// not listed may be there: it neither stays nor goes.
func (t *tracker) observe(now time.Time, findings []rules.Finding, unsettled func(rule string) bool) (appeared, gone []*tracked) {
	t.rounds++
	present := make(map[identity]bool, len(findings))
	for _, f := range findings {
		id := identity{f.Rule, f.Subject}
		if present[id] {
			continue
		}
		present[id] = true
		if e := t.entry(id); e.see(now, f, t.rounds == 1) {
			appeared = append(appeared, e)
		}
	}
	for _, e := range t.list {
		if present[e.identity()] {
			continue
		}
		e.More = 0 // another one has it now
		if e.unsure = unsettled(e.Rule); !e.unsure && e.miss(now) {
			gone = append(gone, e)
		}
	}
	t.forget(now)
	return appeared, gone
}

func (t *tracker) entry(id identity) *tracked {
	for _, e := range t.list {
		if e.identity() == id {
			return e
		}
	}
	e := &tracked{Finding: rules.Finding{Rule: id.rule, Subject: id.subject}}
	t.list = append(t.list, e)
	return e
}

// see notes that a round has the finding, and reports whether it appears. At the
// first round of all everything appears: there is nothing that it could flicker with.
func (e *tracked) see(now time.Time, f rules.Finding, first bool) (appears bool) {
	e.Finding, e.last, e.missed, e.unsure = f, now, 0, false
	e.seen++
	if e.phase == active || !first && !f.Severity.AtLeast(rules.Warning) && e.seen < mildRounds {
		return false
	}
	e.phase, e.since = active, now
	e.times++
	return true
}

// miss notes that a round lacks the finding, and reports whether it clears.
func (e *tracked) miss(now time.Time) (clears bool) {
	e.seen = 0
	e.missed++
	if e.phase != active || e.missed < clearRounds {
		return false
	}
	e.phase, e.since = cleared, now
	return true
}

// forget drops what nobody needs to see any more.
func (t *tracker) forget(now time.Time) {
	t.list = slices.DeleteFunc(t.list, func(e *tracked) bool {
		return e.phase == cleared && now.Sub(e.since) > showCleared || e.phase == pending && e.missed > 0
	})
	if len(t.list) > maxTracked {
		slices.SortStableFunc(t.list, func(a, b *tracked) int { return cmp.Or(byPhase(a, b), b.last.Compare(a.last)) })
		t.list = slices.Delete(t.list, maxTracked, len(t.list))
	}
}

// shown lists what a screen shows: active findings, the worst first, then those
// that have cleared, the latest first.
func (t *tracker) shown() []*tracked {
	list := slices.DeleteFunc(slices.Clone(t.list), func(e *tracked) bool { return e.phase == pending })
	slices.SortStableFunc(list, func(a, b *tracked) int {
		if c := byPhase(a, b); c != 0 {
			return c
		}
		if a.phase == cleared {
			return b.since.Compare(a.since)
		}
		return cmp.Or(worse(a.Severity, b.Severity), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Subject, b.Subject))
	})
	return list
}

// byPhase puts active findings first, and cleared ones last.
func byPhase(a, b *tracked) int {
	order := map[phase]int{active: 0, pending: 1, cleared: 2}
	return cmp.Compare(order[a.phase], order[b.phase])
}

// worse orders the more severe first.
func worse(a, b rules.Severity) int {
	switch {
	case a == b:
		return 0
	case a.AtLeast(b):
		return -1
	}
	return 1
}

// count counts active findings of a severity. What is unsure of a rule that found
// more than it lists is not counted by itself: it may be among those.
func (t *tracker) count(s rules.Severity) (n int) {
	more := make(map[string]bool)
	for _, e := range t.list {
		more[e.Rule] = more[e.Rule] || e.More > 0
	}
	for _, e := range t.list {
		if e.phase == active && e.Severity == s && (!e.unsure || !more[e.Rule]) {
			n += 1 + e.More
		}
	}
	return n
}
