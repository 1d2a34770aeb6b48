// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/report"
)

// processes lists who holds sockets in telling states, the most first.
func (m *Model) processes() *table {
	t := &table{
		columns: []column{
			{title: "PROCESS", width: 21, flex: true},
			{title: "CLOSE-W", width: 7, right: true},
			{title: "GROWTH", width: 7, right: true, rank: 4},
			{title: "SYN-SENT", width: 8, right: true},
			{title: "FIN-W2", width: 7, right: true, rank: 5},
			{title: "UNREAD", width: 6, right: true, rank: 6},
			{title: "UNSENT", width: 6, right: true, rank: 7},
			{title: "FILES/LIMIT", width: 13, right: true, rank: 3},
		},
		sorts: []string{"sockets", "CLOSE_WAIT", "SYN_SENT", "files", "name"},
		empty: "no process holds a listening socket or one in a telling state",
	}
	if m.round.Facts.Processes == nil {
		t.empty = "holders of sockets are not known: g shows why"
	}
	for _, p := range m.round.Facts.Processes {
		r := row{
			key: p.Name, order: []float64{telling(p), float64(p.CloseWait), float64(p.SynSent), filesShare(p)},
			cells: []string{
				p.Name, report.Value(p.CloseWait), signed(p.CloseWaitGrowth), report.Value(p.SynSent), report.Value(p.FinWait2),
				countText(p.Unread), countText(p.Unsent), filesText(p),
			},
			tones: make([]tone, 8),
		}
		if p.CloseWaitGrowth != nil && *p.CloseWaitGrowth > 0 {
			r.tones[1], r.tones[2] = yellow, yellow
		}
		if filesShare(p) >= 0.9 {
			r.tones[7] = red
		}
		t.rows = append(t.rows, r)
	}
	return t
}

// telling counts the sockets that say something about the process.
func telling(p *facts.Process) float64 {
	return float64(p.CloseWait+p.SynSent+p.FinWait2) + numberOr(p.Unread, 0) + numberOr(p.Unsent, 0)
}

func filesShare(p *facts.Process) float64 {
	if p.FDs == nil || p.FDSoft == nil || *p.FDSoft <= 0 {
		return -1
	}
	return float64(*p.FDs) / float64(*p.FDSoft)
}

func filesText(p *facts.Process) string {
	if p.FDs == nil && p.FDSoft == nil {
		return unknown
	}
	return countText(p.FDs) + "/" + countText(p.FDSoft)
}

// signed words a growth: +3, -1, 0.
func signed(n *int64) string {
	if n != nil && *n > 0 {
		return "+" + report.Value(*n)
	}
	return countText(n)
}
