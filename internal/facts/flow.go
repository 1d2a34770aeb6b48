// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"net/netip"
	"time"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

// flow is one connection of the sample, at the end of the window and, if it was
// seen then, at the start.
type flow struct {
	*snapshot.Connection
	before  *snapshot.Connection // nil when it was not seen
	seconds float64              // length of the window
	inbound bool                 // opened by the peer
}

// flows pairs the connections of both samples, loopback left out: nothing of
// what follows is about a host that talks to itself.
func (d *derivation) flows() (flows []flow) {
	var start *snapshot.Sample
	if s := d.start(); s != nil {
		start = s.Sample
	}
	before := start.ByID()
	sample := d.to.Sockets.Sample
	for i := range sample.Connections {
		c := &sample.Connections[i]
		if !c.Loopback() {
			flows = append(flows, flow{c, before[c.ID()], d.seconds, d.listening.Has(c.Local.Port())})
		}
	}
	return flows
}

// compared reports whether there is a sample of the start of the window.
func (d *derivation) compared() bool {
	s := d.start()
	return s != nil && s.Sample != nil
}

// told reports whether the kernel tells a measure: where it does, it does so
// for every connection.
func told(flows []flow, m snapshot.Measure) bool {
	for _, f := range flows {
		if _, ok := f.Get(m); ok {
			return true
		}
	}
	return len(flows) == 0
}

// number is a measure, or 0 where it is not known.
func (f flow) number(m snapshot.Measure) int64 {
	n, _ := f.Get(m)
	return n
}

// start is a measure at the start of the window, or 0 where it is not known.
func (f flow) start(m snapshot.Measure) int64 {
	if f.before == nil {
		return 0
	}
	n, _ := f.before.Get(m)
	return n
}

// grown is how much a measure grew in the window, 0 where that is not known.
func (f flow) grown(m snapshot.Measure) int64 {
	if f.before == nil {
		return 0
	}
	n, ok := f.Grown(f.before, m)
	if !ok {
		return 0
	}
	return n
}

// rate is how much a measure grew per second.
func (f flow) rate(m snapshot.Measure) float64 { return float64(f.grown(m)) / f.seconds }

// atBothEnds reports whether a measure was n or more at both ends of the window.
func (f flow) atBothEnds(m snapshot.Measure, n int64) bool {
	return f.start(m) >= n && f.number(m) >= n
}

// idle is how long nothing was sent and nothing received; false when unknown.
func idle(c *snapshot.Connection) (time.Duration, bool) {
	sent, ok1 := c.Get(snapshot.LastDataSent)
	received, ok2 := c.Get(snapshot.LastDataRecv)
	return time.Duration(min(sent, received)) * time.Millisecond, ok1 && ok2
}

// roundTrip is the lowest round trip that is known of a connection, in
// seconds.
func (f flow) roundTrip() (seconds float64, ok bool) {
	for _, m := range []snapshot.Measure{snapshot.MinRTT, snapshot.RTT, snapshot.RcvRTT} {
		if us, told := f.Get(m); told && us > 0 && (!ok || float64(us)/1e6 < seconds) {
			seconds, ok = float64(us)/1e6, true
		}
	}
	return seconds, ok
}

// negotiated reports whether an option was negotiated; true when unknown.
func (f flow) negotiated(o sockdiag.Options) bool {
	n, ok := f.Get(snapshot.Negotiated)
	return !ok || sockdiag.Options(n).Has(o)
}

// lossBased reports whether the congestion control takes loss for congestion
// and restarts slowly after silence.
func (f flow) lossBased() bool { return f.Congestion == "cubic" || f.Congestion == "reno" }

func (f flow) peerName() string { return f.Peer.Addr().String() }

// networkOf is the network of an address: /24 for IPv4, /48 for IPv6; not
// valid for no address.
func networkOf(a netip.Addr) netip.Prefix {
	bits := 24
	if a.Is6() {
		bits = 48
	}
	prefix, _ := a.WithZone("").Prefix(bits)
	return prefix
}
