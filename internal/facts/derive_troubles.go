// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"strconv"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

// What an ESTABLISHED socket must show before it counts as troubled.
const (
	manyUnread  = 64 << 10
	someUnread  = 32 << 10 // with half of the buffer
	manyUnsent  = 256 << 10
	bulkRate    = 125000 // bytes per second: 1 Mbit/s
	farRTT      = 0.010  // s, from which on the size of a window matters
	deadProbes  = 3      // probes of a closed window that got no answer
	windowInUse = 0.6    // share of the window that arrives in a round trip
)

// troubles are the ESTABLISHED sockets of one holder that look troubled.
type troubles struct {
	unread, unreadBytes, unreadLargest                        int64
	unsent, unsentDead, unsentReader, unsentPath, unsentBytes int64
	fixed                                                     int64
	fixedRate                                                 float64
	fixedSizes                                                tally[int64]
	unreadPeers, unsentPeers                                  tally[string]
}

// troubles adds the troubled ESTABLISHED sockets to their holders. A socket
// without an inode was not accepted yet: rules about listeners tell of it.
func (d *derivation) troubles(groups map[string]*processGroup) {
	if !d.compared() {
		return
	}
	for _, f := range d.sample {
		unread, unsent, fixed := f.unread(), f.unsent(), d.fixedBuffer(f)
		if f.Inode == 0 || !unread && !unsent && !fixed {
			continue
		}
		g := d.group(groups, f.Owners, f.UID)
		if unread {
			g.addUnread(f)
		}
		if unsent {
			g.addUnsent(f)
		}
		if fixed {
			g.addFixed(f)
		}
	}
}

// unread reports whether the program has not even read what waited when the
// window began.
func (f flow) unread() bool {
	if !f.atBothEnds(snapshot.RecvQ, someUnread) {
		return false
	}
	least := int64(manyUnread)
	if buffer, ok := f.Get(snapshot.RcvBuf); ok {
		least = min(least, max(buffer/2, someUnread))
	}
	then, now := f.start(snapshot.RecvQ), f.number(snapshot.RecvQ)
	received, known := f.Grown(f.before, snapshot.BytesReceived)
	read := received - (now - then)
	return f.atBothEnds(snapshot.RecvQ, least) && (known && read < then || !known && now == then)
}

// unsent reports whether the peer has not even acknowledged what waited when
// the window began.
func (f flow) unsent() bool {
	if !f.atBothEnds(snapshot.SendQ, manyUnsent) {
		return false
	}
	then, now := f.start(snapshot.SendQ), f.number(snapshot.SendQ)
	acknowledged, known := f.Grown(f.before, snapshot.BytesAcked)
	return known && acknowledged < then || !known && now == then
}

// fixedBuffer reports whether a buffer that the kernel does not let grow limits
// what the socket receives: autotuning keeps the buffer at more than twice of
// what arrives in a round trip, until it reaches tcp_rmem[2].
func (d *derivation) fixedBuffer(f flow) bool {
	size, window := f.number(snapshot.RcvBuf), f.number(snapshot.RcvSsthresh)
	rate := f.rate(snapshot.BytesReceived)
	if rate < bulkRate || f.start(snapshot.RcvBuf) != size || window == 0 {
		return false
	}
	initial, ok1 := d.facts.Sysctl("net.ipv4.tcp_rmem", 1)
	most, ok2 := d.facts.Sysctl("net.ipv4.tcp_rmem", 2)
	rtt, ok3 := f.roundTrip()
	return ok1 && ok2 && ok3 && size != initial && float64(size) < 0.9*float64(most) &&
		rtt >= farRTT && rate*rtt >= windowInUse*float64(window)
}

func (g *processGroup) addUnread(f flow) {
	n := f.number(snapshot.RecvQ)
	g.unread++
	g.unreadBytes += n
	g.unreadLargest = max(g.unreadLargest, n)
	g.unreadPeers.add(f.peerName(), 1)
}

func (g *processGroup) addUnsent(f flow) {
	g.unsent++
	g.unsentBytes += f.number(snapshot.SendQ)
	g.unsentPeers.add(f.peerName(), 1)
	switch limited := share(f.grown(snapshot.RwndLimited), f.grown(snapshot.BusyTime)); {
	case f.Timer == sockdiag.TimerRetransmit && f.unanswered(1) || f.unanswered(deadProbes):
		g.unsentDead++
	case f.Timer == sockdiag.TimerProbe || limited >= 0.5:
		g.unsentReader++
	default:
		g.unsentPath++
	}
}

func (g *processGroup) addFixed(f flow) {
	g.fixed++
	g.fixedSizes.add(f.number(snapshot.RcvBuf), 1)
	g.fixedRate = max(g.fixedRate, f.rate(snapshot.BytesReceived))
}

// finishTroubles writes what was counted into the fact.
func (g *processGroup) finishTroubles() {
	t := &g.troubles
	g.Unread, g.UnreadBytes, g.UnreadLargest = &t.unread, &t.unreadBytes, &t.unreadLargest
	g.Unsent, g.UnsentBytes = &t.unsent, &t.unsentBytes
	g.UnsentDead, g.UnsentReader, g.UnsentPath = &t.unsentDead, &t.unsentReader, &t.unsentPath
	unreadPeers, unsentPeers := t.unreadPeers.text(itself), t.unsentPeers.text(itself)
	g.UnreadPeers, g.UnsentPeers = &unreadPeers, &unsentPeers
	size, _ := t.fixedSizes.top(func(n int64) string { return strconv.FormatInt(n, 10) })
	g.RcvbufFixed, g.RcvbufFixedSize, g.RcvbufFixedRate = &t.fixed, &size, &t.fixedRate
}
