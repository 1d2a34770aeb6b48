// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"slices"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// A depth says how far the sockets of one network namespace of several are
// looked at.
type depth uint8

// The depths. The established hash is shared by all network namespaces, so a
// walk for one of them passes over the sockets of the whole machine.
const (
	depthAll       depth = iota // as for a namespace alone: the tiers decide
	depthCounts                 // no walk: sockstat shows that there are listeners only
	depthListeners              // no walk: there are other sockets, but too few to matter
)

// cheapWalks is how many sockets the walks of all namespaces may pass over
// without anybody noticing: passing one takes about 0.1 us (Linux 6.18).
const cheapWalks = 4_000_000

// fewSockets is how many sockets, listeners left out, are too few for any rule
// that counts sockets in a state: the smallest number that one asks for is
// manySynSent.
const fewSockets = manySynSent

// A glance is what the cheap facts of tier 0 and the listeners tell of one
// network namespace.
type glance struct {
	counted   bool  // full and mini are known
	full      int64 // sockets of sockstat, listeners included
	mini      int64 // TIME_WAIT and orphan FIN_WAIT2
	listeners int64
	arrivals  bool // segments have arrived: there may be half-open connections, which sockstat does not count
	troubled  bool // counters or listeners say that something goes wrong
	ownTable  bool // the namespace has a hash table of its own, tcp_child_ehash_entries(7)
}

// others is how many sockets there are beside the listeners.
func (g glance) others() int64 { return max(0, g.full-g.listeners) + g.mini }

// alone reports whether there are no sockets but the listeners.
func (g glance) alone() bool {
	return g.counted && g.others() == 0 && (g.listeners == 0 || !g.arrivals)
}

// depth decides how far to look, where a walk passes over so many sockets and
// so many namespaces are examined.
func (g glance) depth(sockets, namespaces int64) depth {
	switch {
	case !g.counted:
		return depthAll
	case g.alone():
		return depthCounts
	case g.ownTable, sockets*namespaces <= cheapWalks, g.troubled, g.others() >= fewSockets:
		return depthAll
	}
	return depthListeners
}

// need orders namespaces: those that call most for a walk come first, in case
// that the time does not suffice for all.
func (g glance) need() int64 {
	if g.troubled {
		return 1<<62 + g.others()
	}
	return g.others()
}

// troubleCounters are counters whose growth says that something goes wrong
// with connections.
var troubleCounters = [...]string{
	"Tcp.AttemptFails", "TcpExt.ListenOverflows", "TcpExt.ListenDrops", "TcpExt.SyncookiesSent", "TcpExt.TCPReqQFullDrop",
	"TcpExt.TCPTimeouts", "TcpExt.TCPAbortOnTimeout", "TcpExt.TCPAbortOnMemory", "TcpExt.TCPTimeWaitOverflow",
}

// glance reads the cheap facts out of a snapshot; without its listeners they
// seem to be other sockets. from is the start of the window, nil when there is none.
func (s *Snapshot) glance(from *Snapshot) (g glance) {
	g.full, g.mini, g.counted = countSockstat(s.Sockstat)
	segments, known := s.Counters["Tcp.InSegs"]
	g.arrivals = segments > 0 || !known
	if s.Sockets == nil {
		return g
	}
	g.listeners = s.Sockets.States[sockdiag.StateListen.String()]
	for i := range s.Sockets.Listeners {
		l := &s.Sockets.Listeners[i]
		g.troubled = g.troubled || l.Queue > 0 || l.Drops != nil && *l.Drops > 0
	}
	if from != nil {
		for _, name := range troubleCounters {
			before, ok := from.Counters[name]
			g.troubled = g.troubled || ok && s.Counters[name] > before
		}
	}
	return g
}

// ListenersOnly reports whether nothing but the listeners was looked at: no
// other number is known then.
func (s *Sockets) ListenersOnly() bool {
	return s.Counted == "" && slices.Contains(s.Tiers, tierText) && !slices.Contains(s.Tiers, tierOpen)
}

// onlyListeners ends a collection after the listeners.
func (t *tiers) onlyListeners() {
	out := t.fold.out
	out.Tiers = []int{tierText}
	if _, mini, ok := t.counts(); ok {
		out.Mini = &mini
	}
	out.Closer.Why = "few sockets here, and many on the machine: they were not walked"
	t.fold.partial = true
}
