// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

// Peer is one remote address, with what the connections to it have in common
// and what the fastest ones are limited by.
type Peer struct {
	Address  string `cel:"address" doc:"remote address"`
	Sockets  int64  `cel:"sockets" doc:"connections to it that were looked at"`
	Outgoing int64  `cel:"outgoing" doc:"those that this host opened"`

	RTT    *float64 `cel:"rtt_ms" doc:"smoothed round trip of the connection that moved most, ms"`
	MinRTT *float64 `cel:"min_rtt_ms" doc:"lowest round trip of all of them, ms"`

	BytesSent         *int64   `cel:"bytes_sent" window:"yes" doc:"bytes that it acknowledged in the window"`
	BytesReceived     *int64   `cel:"bytes_received" window:"yes" doc:"bytes received from it in the window"`
	SegmentsSent      *int64   `cel:"segments_sent" window:"yes" doc:"segments sent to it in the window, those sent again and empty ones included"`
	SegmentsReceived  *int64   `cel:"segments_received" window:"yes" doc:"segments received from it in the window"`
	SentAgain         *int64   `cel:"sent_again" window:"yes" doc:"segments sent again in the window"`
	RetransmitPercent *float64 `cel:"retransmit_percent" window:"yes" doc:"the same, of 100 segments sent"`
	Congestion        *string  `cel:"congestion" doc:"congestion control of most of its connections"`

	SendRate        *float64 `cel:"send_rate" window:"yes" doc:"bytes per second of the connection that sent most; the other send_ facts are about the same connection"`
	SendRTT         *float64 `cel:"send_rtt_ms" window:"yes" doc:"its lowest known round trip, ms"`
	SendWindow      *int64   `cel:"send_window" window:"yes" doc:"window that the peer advertises, bytes"`
	SendLimit       *float64 `cel:"send_limit" window:"yes" doc:"bytes per second that this window allows: one in each round trip"`
	SendBuffer      *int64   `cel:"send_buffer" window:"yes" doc:"limit of the send buffer, bytes of memory"`
	SendBufferLimit *float64 `cel:"send_buffer_limit" window:"yes" doc:"bytes per second that this buffer allows: one in each round trip"`
	SendCwnd        *int64   `cel:"send_cwnd" window:"yes" doc:"congestion window, bytes"`
	SendBusy        *float64 `cel:"send_busy" window:"yes" doc:"percent of the window in which data was in flight or waited"`
	SendRwndLimited *float64 `cel:"send_rwnd_limited" window:"yes" doc:"percent of that time in which the peer's window held sending back"`

	ReceiveRate   *float64 `cel:"receive_rate" window:"yes" doc:"bytes per second of the connection that received most; the other receive_ facts are about the same connection"`
	ReceiveRTT    *float64 `cel:"receive_rtt_ms" window:"yes" doc:"its lowest known round trip, ms"`
	ReceiveBuffer *int64   `cel:"receive_buffer" window:"yes" doc:"limit of the receive buffer, bytes of memory"`
	ReceiveWindow *int64   `cel:"receive_window" window:"yes" doc:"window that this host can advertise with it (rcv_ssthresh), bytes"`
	ReceiveLimit  *float64 `cel:"receive_limit" window:"yes" doc:"bytes per second that this window allows: one in each round trip"`

	NoWScale     *int64 `cel:"no_wscale" doc:"connections without window scaling"`
	NoTimestamps *int64 `cel:"no_timestamps" doc:"connections without timestamps"`
	PMTU         *int64 `cel:"pmtu" doc:"lowest path MTU, bytes"`
}

// maxPeers bounds the list: rules ask about the peers with most traffic.
const maxPeers = 32

// peerGroup collects the connections to one address.
type peerGroup struct {
	address                     string
	flows                       []flow
	sent, received, moved       int64
	out, in, again              int64
	fastest, heaviest, receiver flow // by bytes sent, moved, received
}

// peers derives one fact per remote address.
func (d *derivation) peers() {
	groups := make(map[string]*peerGroup)
	for _, f := range d.sample {
		g := groups[f.peerName()]
		if g == nil {
			g = &peerGroup{address: f.peerName(), fastest: f, heaviest: f, receiver: f}
			groups[g.address] = g
		}
		g.add(f)
	}
	var list []*peerGroup
	for _, g := range groups {
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b *peerGroup) int {
		return cmp.Or(cmp.Compare(b.moved, a.moved), cmp.Compare(len(b.flows), len(a.flows)), strings.Compare(a.address, b.address))
	})
	d.facts.Peers = []*Peer{}
	for _, g := range list[:min(len(list), maxPeers)] {
		d.facts.Peers = append(d.facts.Peers, d.peer(g))
	}
	d.retransmitPeers(list)
}

func (g *peerGroup) add(f flow) {
	g.flows = append(g.flows, f)
	sent, received := f.grown(snapshot.BytesAcked), f.grown(snapshot.BytesReceived)
	g.sent += sent
	g.received += received
	g.moved += sent + received
	g.out += f.grown(snapshot.SegsOut)
	g.in += f.grown(snapshot.SegsIn)
	g.again += f.grown(snapshot.TotalRetrans)
	if sent > g.fastest.grown(snapshot.BytesAcked) {
		g.fastest = f
	}
	if received > g.receiver.grown(snapshot.BytesReceived) {
		g.receiver = f
	}
	if sent+received > g.heaviest.grown(snapshot.BytesAcked)+g.heaviest.grown(snapshot.BytesReceived) {
		g.heaviest = f
	}
}

func (d *derivation) peer(g *peerGroup) *Peer {
	p := &Peer{Address: g.address, Sockets: int64(len(g.flows))}
	var congestion tally[string]
	for _, f := range g.flows {
		if !f.inbound {
			p.Outgoing++
		}
		congestion.add(f.Congestion, 1)
		if rtt, ok := f.roundTrip(); ok && (p.MinRTT == nil || rtt*1000 < *p.MinRTT) {
			ms := rtt * 1000
			p.MinRTT = &ms
		}
		if n, ok := f.Get(snapshot.PMTU); ok && (p.PMTU == nil || n < *p.PMTU) {
			p.PMTU = &n
		}
	}
	if us, ok := g.heaviest.Get(snapshot.RTT); ok {
		ms := float64(us) / 1000
		p.RTT = &ms
	}
	if name, n := congestion.top(itself); n > 0 && name != "" {
		p.Congestion = &name
	}
	if told(g.flows, snapshot.Negotiated) {
		p.lacking(g.flows)
	}
	if d.compared() && told(g.flows, snapshot.BytesAcked) {
		p.moved(g)
	}
	return p
}

// moved fills what only two samples tell.
func (p *Peer) moved(g *peerGroup) {
	p.BytesSent, p.BytesReceived, p.SegmentsSent, p.SegmentsReceived, p.SentAgain = &g.sent, &g.received, &g.out, &g.in, &g.again
	if g.out > 0 {
		percent := 100 * share(g.again, g.out)
		p.RetransmitPercent = &percent
	}
	f := g.fastest
	rate := f.rate(snapshot.BytesAcked)
	p.SendRate, p.SendRTT = &rate, f.roundTripMS()
	p.SendWindow, p.SendBuffer = f.optional(snapshot.SndWnd), f.optional(snapshot.SndBuf)
	p.SendLimit, p.SendBufferLimit = f.allowed(snapshot.SndWnd), f.allowed(snapshot.SndBuf)
	if cwnd, ok := f.Get(snapshot.SndCwnd); ok {
		cwnd *= f.number(snapshot.SndMSS)
		p.SendCwnd = &cwnd
	}
	if _, ok := f.Get(snapshot.BusyTime); ok {
		busy := min(100, 100*f.rate(snapshot.BusyTime)/1e6)
		limited := min(100, 100*share(f.grown(snapshot.RwndLimited), f.grown(snapshot.BusyTime)))
		p.SendBusy, p.SendRwndLimited = &busy, &limited
	}
	f = g.receiver
	received := f.rate(snapshot.BytesReceived)
	p.ReceiveRate, p.ReceiveRTT = &received, f.roundTripMS()
	p.ReceiveBuffer, p.ReceiveWindow = f.optional(snapshot.RcvBuf), f.optional(snapshot.RcvSsthresh)
	p.ReceiveLimit = f.allowed(snapshot.RcvSsthresh)
}

func (p *Peer) lacking(flows []flow) {
	var noWScale, noTimestamps int64
	for _, f := range flows {
		if !f.negotiated(sockdiag.OptionWScale) {
			noWScale++
		}
		if !f.negotiated(sockdiag.OptionTimestamps) {
			noTimestamps++
		}
	}
	p.NoWScale, p.NoTimestamps = &noWScale, &noTimestamps
}

func (f flow) optional(m snapshot.Measure) *int64 {
	if n, ok := f.Get(m); ok {
		return &n
	}
	return nil
}

// allowed is how many bytes per second a window of so many bytes allows.
func (f flow) allowed(m snapshot.Measure) *float64 {
	window, ok := f.Get(m)
	rtt, known := f.roundTrip()
	if !ok || !known {
		return nil
	}
	limit := float64(window) / rtt
	return &limit
}

func (f flow) roundTripMS() *float64 {
	if rtt, ok := f.roundTrip(); ok {
		ms := 1000 * rtt
		return &ms
	}
	return nil
}

// fewSegments is how many segments say something about loss.
const fewSegments = 100

// retransmitPeers names the peers to which most segments were sent again.
func (d *derivation) retransmitPeers(list []*peerGroup) {
	if !d.compared() || !told(d.sample, snapshot.TotalRetrans) {
		return
	}
	lossy := slices.DeleteFunc(slices.Clone(list), func(g *peerGroup) bool { return g.again == 0 || g.out < fewSegments })
	slices.SortStableFunc(lossy, func(a, b *peerGroup) int { return cmp.Compare(b.again, a.again) })
	var parts []string
	for _, g := range lossy[:min(len(lossy), maxListed)] {
		parts = append(parts, fmt.Sprintf("%s (%.1f %% of %d)", g.address, 100*share(g.again, g.out), g.out))
	}
	if more := len(lossy) - maxListed; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	text := strings.Join(parts, ", ")
	d.facts.Connections.RetransmitPeers = &text
}
