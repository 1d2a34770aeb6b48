// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"time"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// What an ESTABLISHED socket must show at both ends of the window before rules
// name its holder.
const (
	unreadMatters = 32 << 10  // bytes that the program has not read
	unsentMatters = 256 << 10 // bytes that the peer has not acknowledged
	bulkMatters   = 1 << 20   // bytes received in the window, for the size of the buffer to matter
)

// A silent connection has no keepalive timer, and nothing was heard for so long.
const (
	silentMatters = time.Minute
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

// troubledInodes lists the sockets whose holders rules name because of what
// they show at both ends of the window.
func (s *Sample) troubledInodes(before *Sample) (inodes []uint32) {
	if s == nil || before == nil {
		return nil
	}
	start := before.ByID()
	for i := range s.Connections {
		c := &s.Connections[i]
		if b := start[c.ID()]; b != nil && c.troubled(b) {
			inodes = append(inodes, c.Inode)
		}
	}
	return inodes
}

func (c *Connection) troubled(before *Connection) bool {
	both := func(m Measure, most int64) bool {
		return c.atLeast(m, most) && before.atLeast(m, most)
	}
	if both(RecvQ, unreadMatters) || both(SendQ, unsentMatters) {
		return true
	}
	received, ok := c.Grown(before, BytesReceived)
	return ok && received >= bulkMatters && c.values[RcvBuf] == before.values[RcvBuf]
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

// silentInodes lists the connections that nobody would miss if their peers were
// gone, where there are many and w has them not.
func (s *Sample) silentInodes(w wanted) map[uint32]bool {
	if s == nil {
		return nil
	}
	silent := make(map[uint32]bool)
	for i := range s.Connections {
		c := &s.Connections[i]
		_, has := w[c.Inode]
		if !has && c.Inode != 0 && c.Timer == sockdiag.TimerNone && !c.Loopback() && c.silentFor(silentMatters) {
			silent[c.Inode] = true
		}
	}
	if len(silent) < manySilent {
		return nil
	}
	return silent
}

func (c *Connection) silentFor(d time.Duration) bool {
	sent, received := c.atLeast(LastDataSent, d.Milliseconds()), c.atLeast(LastDataRecv, d.Milliseconds())
	return sent && received
}

// Loopback reports whether both ends are on this host.
func (c *Connection) Loopback() bool {
	return c.Peer.Addr().IsLoopback() || c.Peer.Addr() == c.Local.Addr()
}
