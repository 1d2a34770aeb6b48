// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/report"
)

// barWidth is how many columns a bar in a table takes.
const barWidth = 8

// listeners lists the listening sockets, the fullest queue first.
func (m *Model) listeners() *table {
	t := &table{
		columns: []column{
			{title: "LISTENER", width: 21, flex: true},
			{title: "QUEUE/BACKLOG", width: 13, right: true},
			{title: "", width: barWidth, rank: 4},
			{title: "DROPS/S", width: 8, right: true},
			{title: "HALF-OPEN", width: 9, right: true, rank: 5},
			{title: "CLOSE-W", width: 7, right: true, rank: 3},
			{title: "PROCESS", width: 16, rank: 2},
		},
		sorts: []string{"queue", "drops", "CLOSE_WAIT", "address"},
		empty: "no listening socket",
	}
	if m.round.Facts.Listeners == nil {
		t.empty = "listening sockets could not be read: g shows why"
	}
	for _, l := range m.round.Facts.Listeners {
		drops := numberOr(l.DropsPerSecond, -1)
		r := row{
			key: l.Address, order: []float64{queueShare(l) + min(1, drops), drops, numberOr(l.CloseWait, -1)},
			cells: []string{
				l.Address, queueText(l), queueBar(l), rateText(l.DropsPerSecond),
				countText(l.SynRecv), countText(l.CloseWait), l.Process,
			},
			tones: make([]tone, 4),
		}
		switch share := queueShare(l); {
		case share >= 1:
			r.tones[1], r.tones[2] = red, red
		case share >= 0.5:
			r.tones[1], r.tones[2] = yellow, yellow
		}
		if drops > 0 {
			r.tones[3] = red
		}
		t.rows = append(t.rows, r)
	}
	return t
}

// queueShare is how full the accept queue is; 0 where its limit is not known.
func queueShare(l *facts.Listener) float64 {
	if l.Backlog == nil {
		return 0
	}
	return float64(l.Queue) / float64(max(1, *l.Backlog))
}

func queueBar(l *facts.Listener) string {
	if l.Backlog == nil {
		return ""
	}
	return barText(queueShare(l), barWidth)
}

func queueText(l *facts.Listener) string {
	return fmt.Sprintf("%s/%s", report.Value(l.Queue), countText(l.Backlog))
}

// numberOr is a number to sort by where it may be unknown.
func numberOr[T int64 | float64](v *T, otherwise float64) float64 {
	if v == nil {
		return otherwise
	}
	return float64(*v)
}
