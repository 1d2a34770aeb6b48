// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/facts"
)

// htmlBar is a bar of 100 units. A value above its limit fills it, and a mark
// stands where the limit is.
type htmlBar struct {
	Label string
	Width float64
	Over  bool
	Limit float64 // 0: no mark
}

// newHTMLBar returns nil where a bar would say nothing.
func newHTMLBar(value, limit float64, label string) *htmlBar {
	switch {
	case limit <= 0 || value < 0 || math.IsNaN(value) || math.IsInf(value, 0):
		return nil
	case value > limit:
		return &htmlBar{Label: label, Width: 100, Over: true, Limit: min(98.5, round(100*limit/value))}
	}
	return &htmlBar{Label: label, Width: round(100 * value / limit), Over: value == limit}
}

// htmlStates is the stacked bar of the socket states and their table, largest
// first.
type htmlStates struct {
	ID, Label, Unknown string
	Total              int64
	Rows               []htmlState
}

type htmlState struct {
	State, Color, Sockets, Share string
	X, Width                     float64 // of 1000
	count                        int64
}

func newHTMLStates(id string, c *Check) *htmlStates {
	v := &htmlStates{ID: id}
	var unknown, label []string
	for i, name := range stateOrder {
		switch n := c.States[name]; {
		case n == nil:
			unknown = append(unknown, strings.ToUpper(name))
		case *n > 0:
			v.Total += *n
			v.Rows = append(v.Rows, htmlState{State: strings.ToUpper(name), Color: fmt.Sprintf("s%d", i), Sockets: thousands(*n), count: *n})
		}
	}
	slices.SortStableFunc(v.Rows, func(a, b htmlState) int { return cmp.Compare(b.count, a.count) })
	x := 0.0
	for i := range v.Rows {
		r := &v.Rows[i]
		share := float64(r.count) / float64(v.Total)
		r.Share, r.X, r.Width = percentage(100*share), round(x), round(1000*share)
		x += 1000 * share
		label = append(label, r.Sockets+" "+r.State)
	}
	v.Label, v.Unknown = strings.Join(label, ", "), strings.Join(unknown, ", ")
	return v
}

// htmlRates are the counters that moved. They differ by orders of magnitude, so
// the bars are logarithmic from rateFloor on.
type htmlRates struct {
	ID, None, Quarter string
	Rows              []htmlRate
}

type htmlRate struct {
	Name, Value string
	Bar         *htmlBar
}

const (
	rateFloor = 0.01 // per second; nothing slower is seen in a window of a minute
	maxRates  = 30
)

func newHTMLRates(id string, c *Check) *htmlRates {
	v := &htmlRates{ID: id, None: "No counter moved in the window."}
	if c.Window.Seconds == nil {
		v.None = "Without a window no rates are known: --window 10s on the live host measures them."
	}
	moved := slices.DeleteFunc(slices.Clone(c.details.rates), func(r rate) bool { return r.perSecond <= 0 })
	rates := moved[:min(maxRates, len(moved))]
	if len(rates) == 0 {
		return v
	}
	top := math.Ceil(math.Log10(max(rates[0].perSecond/rateFloor, 10)))
	v.Quarter = number(math.Pow(10, top/4))
	for _, r := range rates {
		length := max(0, math.Log10(r.perSecond/rateFloor))
		text := number(r.perSecond)
		bar := newHTMLBar(length, top, text+" per second")
		bar.Over = false
		v.Rows = append(v.Rows, htmlRate{r.counter, text, bar})
	}
	return v
}

// htmlListeners are the listeners with their accept queues.
type htmlListeners struct {
	ID   string
	Cut  bool
	Rows []htmlListener
}

type htmlListener struct {
	Address, Process, Queue, Backlog, Drops, Rate string
	Bar                                           *htmlBar
}

func newHTMLListeners(id string, list []facts.Listener) *htmlListeners {
	if len(list) == 0 {
		return nil
	}
	v := &htmlListeners{ID: id, Cut: len(list) == maxListeners}
	for _, l := range list {
		row := htmlListener{Address: l.Address, Process: l.Process, Queue: thousands(l.Queue), Backlog: optional(l.Backlog), Drops: optional(l.DropsTotal)}
		if l.Backlog != nil {
			row.Bar = newHTMLBar(float64(l.Queue), float64(*l.Backlog), row.Queue+" of "+row.Backlog)
		}
		if l.DropsPerSecond != nil && *l.DropsPerSecond > 0 {
			row.Rate = number(*l.DropsPerSecond)
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

// optional words a number that may be unknown.
func optional(n *int64) string {
	if n == nil {
		return "unknown"
	}
	return thousands(*n)
}

// htmlDestinations are the destinations with the local ports that they take.
type htmlDestinations struct {
	ID   string
	Cut  bool
	Rows []htmlDestination
}

type htmlDestination struct {
	Address, Source, Process, Used, Size, Sockets string
	Bar                                           *htmlBar
}

func newHTMLDestinations(id string, list []facts.Destination) *htmlDestinations {
	if len(list) == 0 {
		return nil
	}
	v := &htmlDestinations{ID: id, Cut: len(list) == maxDestinations}
	for _, d := range list {
		row := htmlDestination{Address: d.Address, Source: d.Source, Process: d.Process, Used: thousands(d.Used), Size: thousands(d.Size)}
		row.Sockets = optional(d.Established) + " ESTABLISHED, " + optional(d.TimeWait) + " TIME_WAIT"
		if d.Other > 0 {
			row.Sockets += ", " + thousands(d.Other) + " in other states"
		}
		row.Bar = newHTMLBar(float64(d.Used), float64(d.Size), row.Used+" of "+row.Size)
		v.Rows = append(v.Rows, row)
	}
	return v
}

// htmlSettings are keys with where their values come from.
type htmlSettings struct {
	ID   string
	Rows []htmlSetting
}

type htmlSetting struct{ Key, Set, Live, Note, Default string }

func newHTMLSettings(id string, list []setting) *htmlSettings {
	if len(list) == 0 {
		return nil
	}
	v := &htmlSettings{ID: id}
	for _, s := range list {
		row := htmlSetting{Key: s.key, Set: "in no file", Live: "unknown", Default: "unknown"}
		if s.address != "" {
			row.Set = s.address + " sets " + s.set
		}
		switch {
		case s.live != nil:
			row.Live = current(s.live)
		case s.absent:
			row.Live, row.Default = "", ""
			row.Note = "does not exist here"
		}
		if s.standard != nil {
			row.Default = current(s.standard)
		}
		if s.drift != nil && *s.drift && !s.absent {
			row.Note = "not what the boot leaves"
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}
