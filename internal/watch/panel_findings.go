// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"strings"

	"github.com/tcptune/tcptune/internal/report"
)

// findings lists what is wrong now, and what has been until a moment ago.
func (m *Model) findings() *table {
	t := &table{
		columns: []column{
			{title: "SEVERITY", width: 8},
			{title: "FINDING", width: 12, flex: true},
			{title: "ABOUT", width: 20, rank: 2},
			{title: "FOR", width: 11, rank: 3},
		},
		sorts: []string{"severity", "age", "name"},
		empty: "no finding",
	}
	now := m.round.Taken
	for i, f := range m.tracker.shown() {
		age := now.Sub(f.since).Seconds()
		r := row{
			key: f.Rule + " " + f.Subject, order: []float64{-float64(i), -age},
			cells: []string{strings.ToUpper(string(f.Severity)), f.Title, f.Subject, m.state(f)},
			tones: []tone{severityTone(f.Severity)},
		}
		if f.phase == cleared {
			r.cells[0], r.tones = "cleared", []tone{green, faint, faint, faint}
		}
		t.rows = append(t.rows, r)
	}
	return t
}

// state words since when a finding is there, or not there any more.
func (m *Model) state(f *tracked) string {
	age := report.Duration(m.round.Taken.Sub(f.since).Seconds())
	switch {
	case f.phase == cleared:
		return age + " ago"
	case f.unsure:
		return "not judged"
	case f.missed > 0:
		return "unseen " + report.Duration(m.round.Taken.Sub(f.last).Seconds())
	case f.times > 1:
		return fmt.Sprintf("%s (x%d)", age, f.times)
	}
	return age
}
