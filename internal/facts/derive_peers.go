// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"github.com/tcptune/tcptune/internal/snapshot"
)

// timeWaitSeconds is how long a socket stays in TIME_WAIT: TCP_TIMEWAIT_LEN of
// include/net/tcp.h.
const timeWaitSeconds = 60

// looked reports whether enough is known about outgoing connections to say
// who uses half of the range, or that nobody does.
func (d *derivation) looked() bool {
	closer := d.to.Sockets.Closer
	return d.ranged && (closer.Looked || closer.AtMost != nil)
}

// destinations derives one fact per destination of outgoing connections.
func (d *derivation) destinations() {
	if !d.looked() {
		return
	}
	d.facts.Destinations = []*Destination{}
	for i := range d.to.Sockets.Destinations {
		d.facts.Destinations = append(d.facts.Destinations, d.destination(&d.to.Sockets.Destinations[i]))
	}
}

// destination judges how many local ports a new connection could not take.
func (d *derivation) destination(in *snapshot.Destination) *Destination {
	sockets := d.to.Sockets
	out := &Destination{
		Address: in.Peer.String(), Source: in.Source.String(),
		Loopback: in.Source.IsLoopback() || in.Peer.Addr().IsLoopback(),
		Size:     sockets.Ports.Size(), Other: in.Other,
	}
	if len(in.Owners) > 0 {
		out.Process = d.names(in.Owners)
	} else if in.UID != nil {
		out.Process = hiddenName(*in.UID)
	}
	if sockets.Closer.Looked {
		out.Established = &in.Established
	}
	if sockets.Closer.Looked || sockets.TimeWait != nil {
		out.TimeWait = &in.TimeWait
	}
	if out.Established != nil {
		part := share(in.TimeWait, in.Ports())
		out.TimeWaitShare = &part
	}
	timeWait := in.TimeWait
	if reuse, known := d.reuse(out.Loopback); known {
		out.ReuseApplies = &reuse
		if reuse {
			timeWait = in.Young
		}
	}
	out.Used = in.Established + in.Other + timeWait + int64(sockets.Ports.Held)
	out.Use = share(out.Used, out.Size)
	d.capacity(out)
	return out
}

// reuse reports whether connect() may take over TIME_WAIT sockets: tcp_tw_reuse
// is 1, or 2 over loopback, and timestamps are on.
// Source: net/ipv4/tcp_ipv4.c, tcp_twsk_unique.
func (d *derivation) reuse(loopback bool) (applies, known bool) {
	mode, ok := d.facts.Sysctl("net.ipv4.tcp_tw_reuse", 0)
	timestamps, ok2 := d.facts.Sysctl("net.ipv4.tcp_timestamps", 0)
	if !ok || !ok2 {
		return false, false
	}
	return timestamps != 0 && (mode == 1 || (mode == 2 && loopback)), true
}

// capacity is how many new connections per second the range allows when this
// side closes first.
func (d *derivation) capacity(out *Destination) {
	plain := float64(out.Size) / timeWaitSeconds
	delay, ok := d.facts.Sysctl("net.ipv4.tcp_tw_reuse_delay", 0)
	if !ok || delay < 1 {
		delay = 1000
	}
	reused := float64(out.Size) * 1000 / float64(delay)
	out.CapacityReused = &reused
	if out.ReuseApplies != nil {
		out.Capacity = &plain
		if *out.ReuseApplies {
			out.Capacity = &reused
		}
	}
	if out.TimeWait != nil {
		perSecond := float64(*out.TimeWait) / timeWaitSeconds
		out.PerSecond = &perSecond
	}
}

// clients derives one fact per user with outgoing connections. Without a
// closer look there is none that uses half of the range and shares no port.
func (d *derivation) clients() {
	if !d.looked() {
		return
	}
	d.facts.Clients = []*Client{}
	for _, c := range d.to.Sockets.Clients {
		d.facts.Clients = append(d.facts.Clients, &Client{
			UID: int64(c.UID), Process: d.owner(c.Owners, c.UID),
			Sockets: c.Sockets, Ports: c.Ports, Destinations: c.Destinations,
			SharedPorts: c.Sockets - c.Ports,
		})
	}
}
