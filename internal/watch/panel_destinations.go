// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/report"
)

// destinations lists where this host connects to, and how many of the local
// ports are taken for each, the fullest first.
func (m *Model) destinations() *table {
	t := &table{
		columns: []column{
			{title: "DESTINATION", width: 21, flex: true},
			{title: "PORTS USED", width: 13, right: true},
			{title: "", width: barWidth, rank: 4},
			{title: "ESTAB", width: 7, right: true, rank: 3},
			{title: "TIME-W", width: 7, right: true},
			{title: "OTHER", width: 6, right: true, rank: 5},
			{title: "PROCESS", width: 16, rank: 2},
		},
		sorts: []string{"ports", "ESTABLISHED", "TIME_WAIT", "address"},
		empty: m.noDestination(),
	}
	for _, d := range m.round.Facts.Destinations {
		r := row{
			key: destinationKey(d), order: []float64{d.Use, numberOr(d.Established, -1), numberOr(d.TimeWait, -1)},
			cells: []string{
				d.Address, fmt.Sprintf("%s/%s", report.Value(d.Used), report.Value(d.Size)), barText(d.Use, barWidth),
				countText(d.Established), countText(d.TimeWait), report.Value(d.Other), d.Process,
			},
			tones: make([]tone, 3),
		}
		switch {
		case d.Use >= 0.9:
			r.tones[1], r.tones[2] = red, red
		case d.Use >= 0.5:
			r.tones[1], r.tones[2] = yellow, yellow
		}
		t.rows = append(t.rows, r)
	}
	return t
}

// destinationKey tells two destinations apart.
func destinationKey(d *facts.Destination) string { return d.Address + " from " + d.Source }

// noDestination says why the list is empty. Outgoing connections are counted one
// by one only where some destination may use half of the ports.
func (m *Model) noDestination() string {
	p := m.round.Facts.Ports
	switch {
	case m.round.Facts.Destinations == nil || p == nil || p.MaxUse == nil:
		return "not known how many ports any destination uses: g shows why"
	case p.Exact != nil && *p.Exact:
		return "no outgoing connection with a port of the ephemeral range"
	}
	return fmt.Sprintf("no destination uses more than %.2g %% of the %s ports, so that none is counted by itself", 100**p.MaxUse, countText(p.Size))
}
