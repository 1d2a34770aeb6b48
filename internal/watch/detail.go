// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/rules"
)

// A subject is what somebody looks into: a row of a panel.
type subject struct {
	panel panel
	key   string
}

// drill opens the details of a row.
func (m *Model) drill(key string) {
	s := &subject{m.focus, key}
	m.history.detail = ring{}
	m.history.detail.add(s.number(m.round))
	m.open(overlay{kind: detailOverlay, subject: s})
}

func (s *subject) title() string {
	kind := [...]string{"FINDING", "LISTENER", "DESTINATION", "PROCESS"}[s.panel]
	return kind + " " + report.Clean(s.key)
}

// number is what the sparkline of the details follows; nil where it is not known.
func (s *subject) number(r *Round) *float64 {
	var n *int64
	switch s.panel {
	case listenersPanel:
		if l := s.listener(r); l != nil {
			n = &l.Queue
		}
	case destinationsPanel:
		if d := s.destination(r); d != nil {
			n = &d.Used
		}
	case processesPanel:
		if p := s.process(r); p != nil {
			n = &p.CloseWait
		}
	}
	return float(n)
}

func (s *subject) listener(r *Round) *facts.Listener {
	return pick(r.Facts.Listeners, func(l *facts.Listener) bool { return l.Address == s.key })
}

func (s *subject) destination(r *Round) *facts.Destination {
	return pick(r.Facts.Destinations, func(d *facts.Destination) bool { return destinationKey(d) == s.key })
}

func (s *subject) process(r *Round) *facts.Process {
	return pick(r.Facts.Processes, func(p *facts.Process) bool { return p.Name == s.key })
}

func pick[T any](list []*T, is func(*T) bool) *T {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i]
	}
	return nil
}

// lines are the details of the subject in the last round.
func (s *subject) lines(m *Model, width int) []string {
	d := &details{model: m, width: width}
	switch s.panel {
	case findingsPanel:
		return s.findingLines(d)
	case listenersPanel:
		s.listenerLines(d)
	case destinationsPanel:
		s.destinationLines(d)
	case processesPanel:
		s.processLines(d)
	}
	return d.lines
}

// findingLines are what check would print about the finding, and how it has been.
func (s *subject) findingLines(d *details) []string {
	for _, f := range d.model.tracker.shown() {
		if f.Rule+" "+f.Subject != s.key {
			continue
		}
		state := "there for " + d.model.state(f)
		switch {
		case f.phase == cleared:
			state = "cleared " + d.model.state(f)
		case f.unsure, f.missed > 0:
			state = d.model.state(f)
		}
		d.text(state + "; a rule about " + f.Category)
		d.lines = append(d.lines, "")
		d.finding(&f.Finding)
		return d.lines
	}
	d.text("cleared more than a minute ago")
	return d.lines
}

func (s *subject) listenerLines(d *details) {
	l := s.listener(d.model.round)
	if l == nil {
		d.absent(d.model.round.Facts.Listeners != nil, "nobody listens here any more")
		return
	}
	d.pair("process", l.Process)
	d.pair("accept queue", queueText(l)+"  "+queueBar(l))
	d.spark("queue, each round")
	d.pair("dropped per second", rateText(l.DropsPerSecond))
	d.pair("dropped in all", countText(l.DropsTotal))
	states := map[string]int64{}
	if sockets := d.model.round.Sockets; sockets != nil {
		for i := range sockets.Listeners {
			if sockets.Listeners[i].Local.String() == l.Address {
				states = sockets.Listeners[i].Connections
			}
		}
	}
	d.states("on its port", states, "ESTABLISHED and TIME_WAIT are not counted by listener here: tcptune states --by listener does")
	d.about("tcptune states --by listener", l.Address, l.Process)
	d.sockets(func(o *snapshot.Socket) bool { return int64(o.Local.Port()) == l.Port })
}

func (s *subject) destinationLines(d *details) {
	t := s.destination(d.model.round)
	if t == nil {
		d.absent(d.model.round.Facts.Destinations != nil, "it has no connection any more, or too few to be counted by itself")
		return
	}
	d.pair("process", t.Process)
	d.pair("from", t.Source)
	d.pair("local ports in use", fmt.Sprintf("%s of %s  %s", report.Value(t.Used), report.Value(t.Size), barText(t.Use, barWidth)))
	d.spark("ports, each round")
	d.pair("new per second", rateText(t.PerSecond))
	d.pair("capacity per second", rateText(t.Capacity))
	if t.ReuseApplies != nil {
		d.pair("tcp_tw_reuse applies", report.Value(*t.ReuseApplies))
	}
	is := func(o *snapshot.Socket) bool {
		return o.Peer.String() == t.Address && o.Local.Addr().String() == t.Source
	}
	counts, note := d.count(is), ""
	for name, n := range map[string]*int64{"established": t.Established, "time_wait": t.TimeWait} {
		if n != nil {
			counts[name] = *n
		} else {
			note = "not every state was counted: g shows why"
		}
	}
	d.states("to it", counts, note)
	d.about("tcptune states --by destination", t.Address, t.Process)
	d.sockets(is)
}

func (s *subject) processLines(d *details) {
	p := s.process(d.model.round)
	if p == nil {
		d.absent(d.model.round.Facts.Processes != nil, "it holds no such socket any more, or has ended")
		return
	}
	if p.Exe != nil {
		d.pair("program", *p.Exe)
	}
	d.pair("user", fmt.Sprintf("uid %d", p.UID))
	d.pair("open files", filesText(p))
	d.pair("listens", report.Value(p.Listens))
	d.spark("CLOSE_WAIT, each round")
	if p.CloseWait > 0 {
		d.pair("CLOSE_WAIT growth", signed(p.CloseWaitGrowth))
		d.pair("end of file not read", report.Value(p.CloseWaitEOF))
		d.pair("read, not closed", report.Value(p.CloseWaitRead))
		d.pair("data not read", report.Value(p.CloseWaitUnread))
		d.pair("peers", p.CloseWaitPeers)
	}
	if p.SynSent > 0 {
		d.pair("connects to", p.SynSentTop)
	}
	is := func(o *snapshot.Socket) bool {
		if p.PID == nil {
			return len(o.Owners) == 0 && int64(o.UID) == p.UID && o.Inode != 0
		}
		return slices.Contains(o.Owners, int(*p.PID))
	}
	d.states("of its sockets", d.count(is), "without ESTABLISHED and TIME_WAIT: tcptune states --by process counts all")
	d.about("tcptune states --by process", p.Name)
	d.sockets(is)
}

// mentions reports whether a finding is about one of the words: as its subject,
// or in the text of its evidence.
func mentions(f *rules.Finding, words []string) bool {
	texts := []string{f.Subject}
	for _, e := range f.Evidence {
		if text, ok := e.Value.(string); ok {
			texts = append(texts, text)
		}
	}
	for _, word := range words {
		if word != "" && slices.ContainsFunc(texts, func(text string) bool { return hasWord(text, word) }) {
			return true
		}
	}
	return false
}

// hasWord reports whether word stands in text by itself: ":80" is not in ":8080".
func hasWord(text, word string) bool {
	part := func(b byte) bool { return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return false
		}
		i += at
		end := i + len(word)
		if (i == 0 || !part(text[i-1])) && (end == len(text) || !part(text[end])) {
			return true
		}
		at = i + 1
	}
}
