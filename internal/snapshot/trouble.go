// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"maps"
	"time"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// What an ESTABLISHED socket must show at both ends of the window before rules
// name its holder.
const (
	unreadMatters = 32 << 10  // bytes that the program has not read
	unsentMatters = 256 << 10 // bytes that the peer has not acknowledged
)

// farRTT is the round trip from which on the size of a window matters, us.
const farRTT = 10000

// A silent connection has no keepalive timer, and no data moved for so long.
const (
	silentMatters = int64(time.Minute / time.Millisecond)
	manySilent    = 20
)

// ByID indexes the connections of a sample, which may be nil.
func (s *Sample) ByID() map[SocketID]*Connection {
	if s == nil {
		return nil
	}
	index := make(map[SocketID]*Connection, len(s.Connections))
	for i := range s.Connections {
		index[s.Connections[i].ID()] = &s.Connections[i]
	}
	return index
}

// troubledInodes lists the sockets whose holders rules name because data waits
// in them at both ends of the window.
func (s *Sample) troubledInodes(before *Sample) (inodes []uint32) {
	s.compare(before, func(c, start *Connection) {
		if both(c, start, RecvQ, unreadMatters) || both(c, start, SendQ, unsentMatters) {
			inodes = append(inodes, c.Inode)
		}
	})
	return inodes
}

// curiousInodes lists the sockets whose holders rules name if they are easily
// found, less those that w has: far receivers whose buffer did not grow, and
// silent connections where there are many.
func (s *Sample) curiousInodes(before *Sample, w wanted) map[uint32]bool {
	curious, silent := make(map[uint32]bool), make(map[uint32]bool)
	s.compare(before, func(c, start *Connection) {
		received, ok := c.Grown(start, BytesReceived)
		if ok && received >= 2*c.values[RcvSsthresh] && received > 0 && c.values[RcvBuf] == start.values[RcvBuf] && c.atLeast(RTT, farRTT) {
			curious[c.Inode] = true
		}
	})
	if s != nil {
		for i := range s.Connections {
			c := &s.Connections[i]
			if c.Timer == sockdiag.TimerNone && !c.Loopback() && c.atLeast(LastDataSent, silentMatters) && c.atLeast(LastDataRecv, silentMatters) {
				silent[c.Inode] = true
			}
		}
	}
	if len(silent) >= manySilent {
		maps.Copy(curious, silent)
	}
	maps.DeleteFunc(curious, func(inode uint32, _ bool) bool {
		_, has := w[inode]
		return has || inode == 0
	})
	return curious
}

// compare calls fn for each connection that both samples have.
func (s *Sample) compare(before *Sample, fn func(c, start *Connection)) {
	if s == nil || before == nil {
		return
	}
	index := before.ByID()
	for i := range s.Connections {
		if start := index[s.Connections[i].ID()]; start != nil {
			fn(&s.Connections[i], start)
		}
	}
}

func both(c, start *Connection, m Measure, n int64) bool {
	return c.atLeast(m, n) && start.atLeast(m, n)
}

func (c *Connection) atLeast(m Measure, n int64) bool {
	value, ok := c.Get(m)
	return ok && value >= n
}

// Grown is how much a measure grew since before. It is not ok where one of the
// two is unknown, or fell.
func (c *Connection) Grown(before *Connection, m Measure) (n int64, ok bool) {
	now, ok1 := c.Get(m)
	then, ok2 := before.Get(m)
	return now - then, ok1 && ok2 && now >= then
}

// Loopback reports whether both ends are on this host.
func (c *Connection) Loopback() bool {
	return c.Peer.Addr().IsLoopback() || c.Peer.Addr() == c.Local.Addr()
}
