// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/report"
)

// stateNames are the states in the order in which tcptune prints them.
func stateNames() []string { return report.StateNames() }

// commonStates are shown even without a socket: their absence is news.
var commonStates = []string{"listen", "established", "time_wait", "close_wait"}

// statesShown picks rows of the panel: the common states, those that have had
// sockets, and as many of the rest as fit.
func (m *Model) statesShown(rows int) []string {
	rank := func(name string) int {
		switch {
		case m.round != nil && m.round.Check.States[name] != nil && *m.round.Check.States[name] > 0:
			return 0
		case slices.Contains(commonStates, name):
			return 1
		case m.history.states[name].ever():
			return 2
		}
		return 3
	}
	names := stateNames()
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	names = names[:min(rows, len(names))]
	slices.SortFunc(names, func(a, b string) int {
		return slices.Index(stateNames(), a) - slices.Index(stateNames(), b)
	})
	return names
}

// statesPanel draws the states: name, count, sparkline.
func (m *Model) statesPanel(width, rows int) []string {
	const name, count = 11, 9
	lines := []string{m.rule("SOCKETS BY STATE", width, false)}
	for _, state := range m.statesShown(rows - 1) {
		line := padRight(strings.ToUpper(state), name) + " " + padLeft(countText(m.round.Check.States[state]), count) + "  "
		if room := width - textWidth(line); room > 0 {
			line += m.paint(faint, m.history.states[state].spark(min(room, historyLength)))
		}
		lines = append(lines, line)
	}
	return fill(lines, rows)
}

// statesLine is the panel where there is no room for it.
func (m *Model) statesLine(width int) string {
	var parts []string
	for _, state := range stateNames() {
		if n := m.round.Check.States[state]; n == nil || *n > 0 {
			parts = append(parts, countText(n)+" "+report.ShortState(state))
		}
	}
	if len(parts) == 0 {
		parts = []string{"no TCP socket"}
	}
	return cut(strings.Join(parts, ", "), width)
}

// A meter is one rate of the panel: counter events per second under the kernel's
// own name.
type meter struct {
	name  string
	bad   bool // more than a few of them are trouble
	value func(*Round) *float64
}

// meters are the rates that are watched, the most telling first.
func meters() []meter {
	rate := func(pick func(*facts.Rates) *float64) func(*Round) *float64 {
		return func(r *Round) *float64 {
			if r.Facts.Rate == nil {
				return nil
			}
			return pick(r.Facts.Rate)
		}
	}
	return []meter{
		{"RetransSegs", true, rate(func(r *facts.Rates) *float64 { return r.RetransSegs })},
		{"ListenDrops", true, rate(func(r *facts.Rates) *float64 { return r.ListenDrops })},
		{"TCPTimeouts", true, rate(func(r *facts.Rates) *float64 { return r.TCPTimeouts })},
		{"OutRsts", false, rate(func(r *facts.Rates) *float64 { return r.OutRsts })},
		{"EstabResets", false, rate(func(r *facts.Rates) *float64 { return r.EstabResets })},
		{"PassiveOpens", false, rate(func(r *facts.Rates) *float64 { return r.PassiveOpens })},
		{"ActiveOpens", false, rate(func(r *facts.Rates) *float64 { return r.ActiveOpens })},
		{"AttemptFails", true, rate(func(r *facts.Rates) *float64 { return r.AttemptFails })},
		{"OutSegs", false, rate(func(r *facts.Rates) *float64 { return r.OutSegs })},
		{"InSegs", false, rate(func(r *facts.Rates) *float64 { return r.InSegs })},
	}
}

// ratesPanel draws the rates: name, events per second, sparkline.
func (m *Model) ratesPanel(width, rows int) []string {
	const name, value = 12, 8
	lines := []string{m.rule("COUNTERS PER SECOND", width, false)}
	list := meters()
	for _, meter := range list[:min(rows-1, len(list))] {
		now := meter.value(m.round)
		text := padLeft(rateText(now), value)
		if meter.bad && now != nil && *now > 0 {
			text = m.paint(yellow, text)
		}
		line := padRight(meter.name, name) + " " + text + "  "
		if room := width - textWidth(line); room > 0 {
			line += m.paint(faint, m.history.rates[meter.name].spark(min(room, historyLength)))
		}
		lines = append(lines, line)
	}
	return fill(lines, rows)
}
