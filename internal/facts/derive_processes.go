// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

// oldSeconds is the age from which on a CLOSE_WAIT socket is called old also
// without a window: no program needs a minute to answer an end of file.
const oldSeconds = 60

// processGroup collects the sockets of one holder: a process, several that
// share the descriptors (a prefork server), or a user whose processes are
// hidden.
type processGroup struct {
	*Process
	troubles
	listening *snapshot.PortSet // local ports with a listener

	heard         bool // the age of every CLOSE_WAIT is known
	old           int64
	fresh         int64               // CLOSE_WAIT that were not there at the start of the window
	homes         map[portOfUser]bool // of its CLOSE_WAIT
	local         tally[uint16]
	closeWaitPeer tally[string]
	synHosts      map[netip.Addr]bool
	synPorts      tally[uint16]
	synTop        tally[netip.AddrPort]
	synTopRetried map[netip.AddrPort]int64
	finWait2Old   int64
	finWait2Peers tally[string]
}

// processes derives one fact per holder of listeners and of the sockets that
// were kept one by one.
func (d *derivation) processes() {
	groups := make(map[string]*processGroup)
	for i := range d.to.Sockets.Listeners {
		l := &d.to.Sockets.Listeners[i]
		d.group(groups, l.Owners, l.UID).Listens = true
	}
	start := d.openAtStart(sockdiag.StateCloseWait, sockdiag.StateFinWait2)
	for i := range d.to.Sockets.Open {
		s := &d.to.Sockets.Open[i]
		if s.Inode == 0 {
			continue // half-open, orphaned, or never accepted: no process holds it
		}
		d.group(groups, s.Owners, s.UID).add(s, start)
	}
	d.troubles(groups)
	gone := goneByPort(start, d.to.Sockets.Open)
	sharing := make(map[portOfUser]int)
	for _, g := range groups {
		for home := range g.homes {
			sharing[home]++
		}
	}
	d.facts.Processes = []*Process{}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		g := groups[key]
		if d.start() != nil || g.heard {
			g.CloseWaitOld = &g.old
		}
		if d.start() != nil {
			g.CloseWaitGrowth = g.growth(gone, sharing)
			g.FinWait2Old = &g.finWait2Old
		}
		if d.compared() {
			g.finishTroubles()
		}
		g.finish()
		d.facts.Processes = append(d.facts.Processes, g.Process)
	}
	slices.SortStableFunc(d.facts.Processes, func(a, b *Process) int { return strings.Compare(a.Name, b.Name) })
}

func (d *derivation) group(groups map[string]*processGroup, pids []int, uid uint32) *processGroup {
	key := fmt.Sprint(pids)
	if len(pids) == 0 {
		key = hiddenName(uid)
	}
	g := groups[key]
	if g == nil {
		g = &processGroup{Process: d.process(pids, uid), listening: &d.listening, heard: true, homes: make(map[portOfUser]bool),
			synHosts: make(map[netip.Addr]bool), synTopRetried: make(map[netip.AddrPort]int64)}
		groups[key] = g
	}
	return g
}

// process describes the holder; of several the one with the fewest descriptors
// left stands for all.
func (d *derivation) process(pids []int, uid uint32) *Process {
	p := &Process{Name: d.owner(pids, uid), Hidden: len(pids) == 0, UID: int64(uid)}
	var fullest float64 = -1
	for _, pid := range pids {
		in, ok := d.to.Processes[pid]
		if !ok {
			continue
		}
		var use float64
		if in.FDSoft != nil {
			use = share(in.FDs, *in.FDSoft)
		}
		if use <= fullest {
			continue
		}
		fullest = use
		id, fds := int64(pid), in.FDs
		p.PID, p.Exe, p.UID = &id, in.Exe, int64(in.UID)
		p.FDs, p.FDSoft, p.FDHard = &fds, in.FDSoft, in.FDHard
	}
	return p
}

func (g *processGroup) add(s *snapshot.Socket, start map[snapshot.SocketID]*snapshot.Socket) {
	switch s.State {
	case sockdiag.StateCloseWait:
		g.addCloseWait(s, start)
	case sockdiag.StateSynSent:
		g.addSynSent(s)
	case sockdiag.StateFinWait2:
		g.FinWait2++
		g.finWait2Peers.add(s.Peer.Addr().String(), 1)
		if before := start[s.ID()]; before != nil && before.State == s.State {
			g.finWait2Old++
		}
	}
}

func (g *processGroup) addCloseWait(s *snapshot.Socket, start map[snapshot.SocketID]*snapshot.Socket) {
	g.CloseWait++
	switch s.Receive {
	case 0:
		g.CloseWaitRead++
	case 1:
		g.CloseWaitEOF++
	default:
		g.CloseWaitUnread++
	}
	g.homes[portOfUser{s.Local.Port(), s.UID}] = true
	if g.listening.Has(s.Local.Port()) {
		g.local.add(s.Local.Port(), 1)
		g.closeWaitPeer.add(s.Peer.Addr().String(), 1)
	} else {
		// Outgoing: the local port is any, the peer's tells the service.
		g.closeWaitPeer.add(s.Peer.String(), 1)
	}
	b := start[s.ID()]
	before := b != nil && b.State == s.State
	if !before {
		g.fresh++
	}
	if before || s.LastHeard != nil && *s.LastHeard >= oldSeconds {
		g.old++
	}
	switch {
	case s.LastHeard == nil:
		g.heard = false
	case g.CloseWaitSeconds == nil || *s.LastHeard > *g.CloseWaitSeconds:
		g.CloseWaitSeconds = s.LastHeard
	}
}

// growth is how many CLOSE_WAIT sockets more the group has than at the start
// of the window. Of those that vanished only port and user are known: where
// several groups share them nobody can tell whose they were, and it is nil.
func (g *processGroup) growth(gone map[portOfUser]int64, sharing map[portOfUser]int) *int64 {
	growth := g.fresh
	for home := range g.homes {
		if gone[home] > 0 && sharing[home] > 1 {
			return nil
		}
		growth -= gone[home]
	}
	return &growth
}

func (g *processGroup) addSynSent(s *snapshot.Socket) {
	g.SynSent++
	g.synHosts[s.Peer.Addr()] = true
	g.synPorts.add(s.Peer.Port(), 1)
	g.synTop.add(s.Peer, 1)
	if s.Retried > 0 {
		g.SynSentRetried++
		g.synTopRetried[s.Peer]++
	}
}

// finish writes what was counted into the fact.
func (g *processGroup) finish() {
	g.CloseWaitLocal = g.local.text(func(p uint16) string { return ":" + itoa(int(p)) })
	g.CloseWaitPeers = g.closeWaitPeer.text(itself)
	g.FinWait2Peers = g.finWait2Peers.text(itself)
	g.SynSentHosts, g.SynSentPorts = int64(len(g.synHosts)), int64(len(g.synPorts.counts))
	g.SynSentPortList = g.synPorts.text(func(p uint16) string { return itoa(int(p)) })
	if peer, n := g.synTop.top(netip.AddrPort.String); n > 0 {
		g.SynSentTop, g.SynSentTopCount, g.SynSentTopShare = peer.String(), n, share(n, g.SynSent)
		g.SynSentTopRetried = g.synTopRetried[peer]
	}
}

// openAtStart indexes the sockets of some states in the first snapshot; nil
// when they are unknown.
func (d *derivation) openAtStart(states ...sockdiag.State) map[snapshot.SocketID]*snapshot.Socket {
	sockets := d.start()
	if sockets == nil {
		return nil
	}
	index := make(map[snapshot.SocketID]*snapshot.Socket)
	for i := range sockets.Open {
		if s := &sockets.Open[i]; slices.Contains(states, s.State) {
			index[s.ID()] = s
		}
	}
	return index
}

// portOfUser stands for a process in the first snapshot, whose holders were
// not searched.
type portOfUser struct {
	port uint16
	uid  uint32
}

// goneByPort counts CLOSE_WAIT sockets that vanished during the window.
func goneByPort(start map[snapshot.SocketID]*snapshot.Socket, now []snapshot.Socket) map[portOfUser]int64 {
	still := make(map[snapshot.SocketID]bool)
	for i := range now {
		if now[i].State == sockdiag.StateCloseWait {
			still[now[i].ID()] = true
		}
	}
	gone := make(map[portOfUser]int64)
	for key, s := range start {
		if s.State == sockdiag.StateCloseWait && !still[key] {
			gone[portOfUser{s.Local.Port(), s.UID}]++
		}
	}
	return gone
}
