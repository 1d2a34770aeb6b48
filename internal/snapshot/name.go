// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// nameHolders finds the processes behind the sockets that reports name:
// listeners, every socket that is neither ESTABLISHED nor TIME_WAIT, a sample
// of each destination and client that matters, and ESTABLISHED sockets that
// look troubled in comparison with the start of the window.
func (s *Snapshot) nameHolders(ctx context.Context, r root, before *Sample, within time.Duration) {
	if q := newQuest(s, before); len(q.wanted) > 0 {
		h, err := findHolders(ctx, r, q.wanted, within)
		q.take(h, err, func(pid int) (Process, bool) { return h.describe(r, pid) })
	}
}

// A quest is the sockets of one snapshot whose holders are looked for. One
// search serves several: an inode stands for one socket of the whole machine.
type quest struct {
	snapshot *Snapshot
	wanted   wanted
	curious  map[uint32]bool // of these, those that are no loss when not found
}

func newQuest(s *Snapshot, before *Sample) *quest {
	q := &quest{snapshot: s}
	if s.Sockets == nil {
		return q
	}
	if q.wanted = s.Sockets.wantedInodes(before); len(q.wanted) == 0 {
		return q
	}
	q.curious = s.Sockets.Sample.curiousInodes(before, q.wanted)
	for inode := range q.curious {
		q.wanted[inode] = false
	}
	return q
}

// take puts what a search found into the snapshot.
func (q *quest) take(h *holders, err error, describe func(pid int) (Process, bool)) {
	s := q.snapshot
	if err != nil {
		s.gap("/proc/PID/fd", err, "")
		return
	}
	s.Sockets.Tiers = append(s.Sockets.Tiers, tierHolders)
	s.Sockets.setOwners(h)
	s.Processes = make(map[int]Process)
	missing := 0
	for inode := range q.wanted {
		owners := h.byInode[inode]
		if len(owners) == 0 && !q.curious[inode] {
			missing++
		}
		for _, pid := range owners {
			if _, known := s.Processes[pid]; known {
				continue
			}
			if p, ok := describe(pid); ok {
				s.Processes[pid] = p
			}
		}
	}
	q.noteMissing(h, missing)
}

// noteMissing says why holders were not found.
func (q *quest) noteMissing(h *holders, missing int) {
	s := q.snapshot
	switch {
	case missing == 0:
	case h.partial:
		s.gap("/proc/PID/fd", fmt.Errorf("no holder found for %s in %s", countSockets(missing), h.within.Round(time.Millisecond)), "")
	case h.hidden > 0:
		s.gap("/proc/PID/fd", fmt.Errorf("%d processes of other users are hidden: no holder found for %s", h.hidden, countSockets(missing)), "run as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH")
	default:
		s.gap("/proc/PID/fd", fmt.Errorf("no holder found for %s: held by the kernel, or by a process that ended, is hidden or lives in another PID namespace", countSockets(missing)), "")
	}
}

// The numbers of sockets in a state from which on rules name their holders:
// fewer are not worth looking at every descriptor of the machine.
const (
	manyCloseWait = 20
	manySynSent   = 5
	manyFinWait2  = 50
)

// wantedInodes lists the sockets whose holders rules ask for.
func (s *Sockets) wantedInodes(before *Sample) wanted {
	w := make(wanted)
	add := func(everywhere bool, inodes ...uint32) {
		for _, inode := range inodes {
			if inode != 0 {
				w.add(inode, everywhere)
			}
		}
	}
	many := map[sockdiag.State]bool{
		sockdiag.StateCloseWait: s.States[sockdiag.StateCloseWait.String()] >= manyCloseWait,
		sockdiag.StateSynSent:   s.States[sockdiag.StateSynSent.String()] >= manySynSent,
		sockdiag.StateFinWait2:  s.States[sockdiag.StateFinWait2.String()] >= manyFinWait2,
	}
	// A connection is nearly always held by who holds its listener.
	near := make(map[netip.AddrPort]bool)
	for i := range s.Open {
		o := &s.Open[i]
		add(many[o.State], o.Inode)
		if many[o.State] {
			near[o.Local] = true
			near[netip.AddrPortFrom(netip.IPv4Unspecified(), o.Local.Port())] = true
			near[netip.AddrPortFrom(netip.IPv6Unspecified(), o.Local.Port())] = true
		}
	}
	for i := range s.Listeners {
		l := &s.Listeners[i]
		add(l.Queue > 0 || l.Drops != nil && *l.Drops > 0 || near[l.Local], l.Inode)
	}
	for i := range s.Destinations {
		if s.matters(s.Destinations[i].Ports()) {
			add(true, s.Destinations[i].Inodes...)
		}
	}
	for i := range s.Clients {
		// One whose sockets share ports takes none from anybody.
		if c := &s.Clients[i]; c.Sockets == c.Ports && s.matters(c.Ports) {
			add(true, c.Inodes...)
		}
	}
	add(true, s.Sample.troubledInodes(before)...)
	return w
}

// matters reports whether a number of ports is so much of the range that some
// rule asks who uses them.
func (s *Sockets) matters(ports int64) bool {
	return s.Ports.Known && float64(ports+int64(s.Ports.Held)) >= closerShare*float64(s.Ports.Size())
}

func (s *Sockets) setOwners(h *holders) {
	for i := range s.Listeners {
		s.Listeners[i].Owners = h.byInode[s.Listeners[i].Inode]
	}
	for i := range s.Open {
		s.Open[i].Owners = h.byInode[s.Open[i].Inode]
	}
	if s.Sample != nil {
		for i := range s.Sample.Connections {
			s.Sample.Connections[i].Owners = h.byInode[s.Sample.Connections[i].Inode]
		}
	}
	for i := range s.Destinations {
		s.Destinations[i].Owners = h.owners(s.Destinations[i].Inodes)
	}
	for i := range s.Clients {
		s.Clients[i].Owners = h.owners(s.Clients[i].Inodes)
	}
}

// owners merges the holders of several sockets, in order of appearance.
func (h *holders) owners(inodes []uint32) (pids []int) {
	seen := make(map[int]bool)
	for _, inode := range inodes {
		for _, pid := range h.byInode[inode] {
			if !seen[pid] {
				seen[pid] = true
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func countSockets(n int) string {
	if n == 1 {
		return "1 socket"
	}
	return fmt.Sprintf("%d sockets", n)
}
