// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"net/netip"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

// Connections says what the ESTABLISHED connections have in common. All but
// the first four facts leave loopback out.
type Connections struct {
	Established int64    `cel:"established" doc:"ESTABLISHED connections when they were looked at"`
	LookedAt    int64    `cel:"looked_at" doc:"how many of them were looked at"`
	Sampled     bool     `cel:"sampled" doc:"whether only a random part was looked at"`
	Scale       *float64 `cel:"scale" doc:"by how much a number of those looked at must be multiplied to estimate that of all; 1 when all were looked at"`
	Remote      int64    `cel:"remote" doc:"those looked at whose peer is not this host; the following are about them"`

	Quiet           int64   `cel:"quiet" doc:"connections that wait for no answer: no retransmission or probe is under way"`
	Keepalive       int64   `cel:"keepalive" doc:"quiet connections with a running keepalive timer"`
	KeepaliveLate   *int64  `cel:"keepalive_late" doc:"quiet connections, idle for 175 s or more, whose keepalive probe comes later than 350 s after the last segment"`
	Silent          *int64  `cel:"silent" doc:"connections without any timer on which no data moved for 2 hours"`
	SilentProcesses *string `cel:"silent_processes" doc:"top processes that hold connections without any timer on which no data moved for a minute, as far as they were found, as text"`

	NotsentBytes    *int64 `cel:"notsent_bytes" doc:"bytes in send queues that were never sent"`
	NotsentLarge    *int64 `cel:"notsent_large" doc:"connections with more than 1 MiB of them"`
	SendMemoryBytes *int64 `cel:"send_memory_bytes" doc:"memory of all send queues, bytes"`

	Congestion     *string  `cel:"congestion" doc:"congestion control by number of connections, as text"`
	LossBasedShare *float64 `cel:"loss_based_share" doc:"share of connections with cubic or reno (0..1)"`
	Restarts       *int64   `cel:"restarts" window:"yes" doc:"connections with cubic or reno and a round trip of 20 ms or more that sent 10 segments or more in the window and were silent for longer than their retransmission timeout at one of its ends"`
	RestartPeers   *string  `cel:"restart_peers" window:"yes" doc:"top peers of these, as text"`

	NoWScale      *int64  `cel:"no_wscale" doc:"connections without window scaling"`
	NoWScalePeers *string `cel:"no_wscale_peers" doc:"top peers of these, as text"`
	NoTimestamps  *int64  `cel:"no_timestamps" doc:"connections without timestamps"`
	NoSACK        *int64  `cel:"no_sack" doc:"connections without selective acknowledgements"`

	Outgoing                  int64   `cel:"outgoing" doc:"connections that this host opened: no listener has their local port"`
	OutgoingNoTimestamps      *int64  `cel:"outgoing_no_timestamps" doc:"those of them without timestamps"`
	OutgoingNoTimestampsPeers *string `cel:"outgoing_no_timestamps_peers" doc:"top peers of these, as text"`

	RetransmitPeers *string `cel:"retransmit_peers" window:"yes" doc:"peers to which most segments were sent again in the window, of those that 100 or more were sent to, as text: \"198.18.0.2 (1.2 % of 5000)\""`

	Unanswered      int64  `cel:"unanswered" doc:"outgoing connections that sent data, or probes of a closed window, again 6 times or more without an answer"`
	UnansweredPeers string `cel:"unanswered_peers" doc:"top peers of these, with their ports, as text"`

	BigStuck        *int64  `cel:"big_stuck" doc:"connections to one network (/24, /48) that sent the same data 3 times or more without an answer, wait with more than a segment, have a path MTU of 1500 or more and never got a large segment through; where no other connection to that network did; of the network with most of them"`
	BigStuckNetwork *string `cel:"big_stuck_network" doc:"that network"`
	BigStuckPeers   *string `cel:"big_stuck_peers" doc:"top peers of these, as text"`
	BigStuckPeer    *string `cel:"big_stuck_peer" doc:"the first of them"`
	BigStuckPMTU    *int64  `cel:"big_stuck_pmtu" doc:"the largest path MTU of these, bytes"`
}

// What the facts about single connections rest on.
const (
	keepaliveIdle = 175  // s, half of keepaliveLate
	keepaliveLate = 350  // s: idle timeout of AWS NLB and NAT gateways, the best known one that cannot be seen from a host
	silentSeconds = 7200 // the kernel's own idea of how long is long: tcp_keepalive_time
	notsentLarge  = 1 << 20
	restartRTT    = 0.020 // s
	initialWindow = 10    // segments after silence, RFC 6928
	manyRetries   = 6     // without an answer: 12 s or more
	stuckRetries  = 3
	ethernetMTU   = 1500
)

// connections derives what the sample says of all connections, and keeps its
// flows for the facts about peers and processes.
func (d *derivation) connections() {
	sample := d.to.Sockets.Sample
	if sample == nil {
		return
	}
	d.sample = d.flows()
	c := &Connections{
		Established: sample.Established, LookedAt: int64(len(sample.Connections)),
		Sampled: !sample.Slices.Whole() || sample.Cut, Remote: int64(len(d.sample)),
	}
	d.facts.Connections = c
	switch {
	case sample.Cut: // which ones were looked at was not left to chance
	case !c.Sampled:
		scale := 1.0
		c.Scale = &scale
	case c.LookedAt > 0:
		scale := max(1, float64(c.Established)/float64(c.LookedAt))
		c.Scale = &scale
	}
	d.timers(c)
	d.unsent(c)
	d.congestion(c)
	d.options(c)
	d.bigStuck(c)
	d.peers()
}

// timers derives who waits for what.
func (d *derivation) timers(c *Connections) {
	var late, silent int64
	var peers, holders tally[string]
	for _, f := range d.sample {
		switch f.Timer {
		case sockdiag.TimerNone:
			c.Quiet++
		case sockdiag.TimerKeepalive:
			c.Quiet++
			c.Keepalive++
		}
		if !f.inbound {
			c.Outgoing++
		}
		if !f.inbound && f.unanswered(manyRetries) {
			c.Unanswered++
			peers.add(f.Peer.String(), 1)
		}
		if f.lateKeepalive() {
			late++
		}
		if quiet, ok := idle(f.Connection); ok && f.Timer == sockdiag.TimerNone {
			if quiet.Seconds() >= silentSeconds {
				silent++
			}
			if quiet.Seconds() >= oldSeconds && len(f.Owners) > 0 {
				holders.add(d.names(f.Owners), 1)
			}
		}
	}
	c.UnansweredPeers = peers.text(itself)
	if told(d.sample, snapshot.LastDataRecv) {
		text := holders.text(itself)
		c.KeepaliveLate, c.Silent, c.SilentProcesses = &late, &silent, &text
	}
}

// unanswered reports whether data was sent again, or a closed window probed, n
// times without any answer: a living peer acknowledges probes, too.
func (f flow) unanswered(n int64) bool {
	return (f.Timer == sockdiag.TimerRetransmit || f.Timer == sockdiag.TimerProbe) && f.number(snapshot.Retransmits) >= n
}

// lateKeepalive reports whether a middlebox that forgets idle connections would
// forget this one before it is probed. The kernel counts from the last segment
// of the peer (keepalive_time_elapsed of include/net/tcp.h).
func (f flow) lateKeepalive() bool {
	heard := min(f.number(snapshot.LastDataRecv), f.number(snapshot.LastAckRecv))
	return f.Timer == sockdiag.TimerKeepalive && f.number(snapshot.Retransmits) == 0 &&
		heard >= keepaliveIdle*1000 && heard+f.number(snapshot.Expires) > keepaliveLate*1000
}

// unsent derives what waits in send queues without being in flight.
func (d *derivation) unsent(c *Connections) {
	var total, large, memory int64
	for _, f := range d.sample {
		n := f.number(snapshot.NotsentBytes)
		total += n
		if n > notsentLarge {
			large++
		}
		memory += f.number(snapshot.WmemQueued)
	}
	if told(d.sample, snapshot.NotsentBytes) {
		c.NotsentBytes, c.NotsentLarge = &total, &large
	}
	if told(d.sample, snapshot.WmemQueued) {
		c.SendMemoryBytes = &memory
	}
}

// congestion derives which algorithms are in use, and who restarts slowly
// after silence.
func (d *derivation) congestion(c *Connections) {
	var algorithms, peers tally[string]
	var restarts, lossBased, known int64
	for _, f := range d.sample {
		if f.Congestion != "" {
			known++
			algorithms.add(f.Congestion, 1)
		}
		if f.lossBased() {
			lossBased++
		}
		if f.restarts() {
			restarts++
			peers.add(f.peerName(), 1)
		}
	}
	if known == 0 && len(d.sample) > 0 {
		return
	}
	text, part := algorithms.text(itself), share(lossBased, known)
	c.Congestion, c.LossBasedShare = &text, &part
	if d.compared() {
		text := peers.text(itself)
		c.Restarts, c.RestartPeers = &restarts, &text
	}
}

// restarts reports whether the connection sends in bursts that are larger than
// the window it falls back to after silence.
func (f flow) restarts() bool {
	rtt, ok := f.roundTrip()
	if !ok || f.before == nil || !f.lossBased() || rtt < restartRTT {
		return false
	}
	return f.grown(snapshot.BytesAcked) >= initialWindow*f.number(snapshot.SndMSS) && f.number(snapshot.SndMSS) > 0 &&
		(silent(f.before) || silent(f.Connection))
}

// silent reports whether nothing was sent for longer than the retransmission
// timeout.
func silent(c *snapshot.Connection) bool {
	sent, ok1 := c.Get(snapshot.LastDataSent)
	rto, ok2 := c.Get(snapshot.RTO)
	return ok1 && ok2 && sent*1000 > rto
}

// options derives which connections lack a TCP option.
func (d *derivation) options(c *Connections) {
	if !told(d.sample, snapshot.Negotiated) {
		return
	}
	var noWScale, noTimestamps, noSACK, outgoing int64
	var wscalePeers, timestampPeers tally[string]
	for _, f := range d.sample {
		if !f.negotiated(sockdiag.OptionWScale) {
			noWScale++
			wscalePeers.add(f.peerName(), 1)
		}
		if !f.negotiated(sockdiag.OptionTimestamps) {
			noTimestamps++
			if !f.inbound {
				outgoing++
				timestampPeers.add(f.peerName(), 1)
			}
		}
		if !f.negotiated(sockdiag.OptionSACK) {
			noSACK++
		}
	}
	wscale, timestamps := wscalePeers.text(itself), timestampPeers.text(itself)
	c.NoWScale, c.NoWScalePeers, c.NoSACK = &noWScale, &wscale, &noSACK
	c.NoTimestamps, c.OutgoingNoTimestamps, c.OutgoingNoTimestampsPeers = &noTimestamps, &outgoing, &timestamps
}

// bigStuck finds the network to which small segments pass and large ones do
// not.
func (d *derivation) bigStuck(c *Connections) {
	if !told(d.sample, snapshot.DataSegsOut) || !told(d.sample, snapshot.PMTU) {
		return
	}
	passed := make(map[netip.Prefix]bool)
	var networks tally[netip.Prefix]
	for _, f := range d.sample {
		switch network := networkOf(f.Peer.Addr()); {
		case f.passedBig():
			passed[network] = true
		case f.stuckBig():
			networks.add(network, 1)
		}
	}
	for network := range passed {
		delete(networks.counts, network)
	}
	var peers tally[string]
	var pmtu int64
	name, text, first := "", "", ""
	network, n := networks.top(netip.Prefix.String)
	if n > 0 {
		for _, f := range d.sample {
			if networkOf(f.Peer.Addr()) == network && f.stuckBig() {
				peers.add(f.peerName(), 1)
				pmtu = max(pmtu, f.number(snapshot.PMTU))
			}
		}
		name, text = network.String(), peers.text(itself)
		first, _ = peers.top(itself)
	}
	c.BigStuck, c.BigStuckNetwork, c.BigStuckPeers, c.BigStuckPeer, c.BigStuckPMTU = &n, &name, &text, &first, &pmtu
}

// passedBig reports whether the peer acknowledged large segments: many bytes,
// and many in each segment.
func (f flow) passedBig() bool {
	acked, mss, segments := f.number(snapshot.BytesAcked), f.number(snapshot.SndMSS), f.number(snapshot.DataSegsOut)
	return segments > 0 && acked >= 10*mss && acked >= segments*mss/2
}

func (f flow) stuckBig() bool {
	mss := f.number(snapshot.SndMSS)
	return f.Timer == sockdiag.TimerRetransmit && f.number(snapshot.Retransmits) >= stuckRetries && mss > 0 &&
		f.number(snapshot.SendQ) > mss && f.number(snapshot.PMTU) >= ethernetMTU && f.number(snapshot.BytesAcked) < 10*mss
}

func itself(s string) string { return s }
