// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

// measures are what a test says of a connection.
type measures map[snapshot.Measure]int64

// connection is one of a sample; the cookie is its identity.
func connection(cookie uint64, local, peer string, m measures) snapshot.Connection {
	c := snapshot.Connection{Local: addrPort(local), Peer: addrPort(peer), Cookie: cookie, Inode: uint32(cookie), Congestion: "cubic"}
	for measure, n := range m {
		c.Set(measure, n)
	}
	return c
}

// sampled puts samples into a window of ten seconds.
func sampled(from, to []snapshot.Connection) *snapshot.Window {
	whole := snapshot.Slices{Width: 1 << 15}
	sockets := func(list []snapshot.Connection) *snapshot.Sockets {
		return &snapshot.Sockets{
			Method: sockdiag.MethodSockDiag, Counted: "sockstat",
			Listeners: []snapshot.Listener{{Local: addrPort("0.0.0.0:80")}},
			Sample:    &snapshot.Sample{Established: int64(len(list)), Slices: whole, Connections: list},
		}
	}
	return two(
		&snapshot.Snapshot{Sockets: sockets(from)},
		&snapshot.Snapshot{Sockets: sockets(to), Sysctls: map[string]string{"net.ipv4.tcp_rmem": "4096 131072 16777216"}},
	)
}

// troubledWindow has a connection of every kind that a fact tells of.
func troubledWindow() *snapshot.Window {
	const mss = 1448
	ms := func(d time.Duration) int64 { return d.Milliseconds() }
	options := int64(sockdiag.OptionWScale | sockdiag.OptionSACK | sockdiag.OptionTimestamps)
	var from, to []snapshot.Connection
	add := func(cookie uint64, local, peer string, start, end measures, change func(*snapshot.Connection)) {
		all := measures{
			snapshot.Negotiated: options, snapshot.RTT: 100_000, snapshot.MinRTT: 90_000, snapshot.RTO: 300_000, snapshot.SndMSS: mss,
			snapshot.PMTU: 1500, snapshot.SndCwnd: 10, snapshot.RcvBuf: 131072, snapshot.RcvSsthresh: 64088, snapshot.SndBuf: 87040,
			snapshot.SndWnd: 65536, snapshot.LastDataSent: 10, snapshot.LastDataRecv: 10, snapshot.LastAckRecv: 10,
			snapshot.BytesAcked: 0, snapshot.BytesReceived: 0, snapshot.SegsOut: 0, snapshot.SegsIn: 0, snapshot.DataSegsOut: 0,
			snapshot.TotalRetrans: 0, snapshot.BusyTime: 0, snapshot.RwndLimited: 0, snapshot.NotsentBytes: 0, snapshot.WmemQueued: 0,
			snapshot.RecvQ: 0, snapshot.SendQ: 0, snapshot.Retransmits: 0,
		}
		merge := func(m measures) measures {
			merged := measures{}
			for _, m := range []measures{all, m} {
				for k, n := range m {
					merged[k] = n
				}
			}
			return merged
		}
		for _, end := range []struct {
			list *[]snapshot.Connection
			m    measures
		}{{&from, start}, {&to, end}} {
			c := connection(cookie, local, peer, merge(end.m))
			if change != nil {
				change(&c)
			}
			*end.list = append(*end.list, c)
		}
	}
	owned := func(c *snapshot.Connection) { c.Owners = []int{7} }
	add(1, "192.0.2.1:80", "198.18.0.1:1000", measures{snapshot.RecvQ: 127_824}, measures{snapshot.RecvQ: 127_824}, owned)
	add(2, "192.0.2.1:80", "198.18.0.1:1001", measures{snapshot.SendQ: 300_000},
		measures{snapshot.SendQ: 400_000, snapshot.BytesAcked: 299_999, snapshot.BusyTime: 10e6, snapshot.RwndLimited: 5e6, snapshot.NotsentBytes: 2 << 20, snapshot.WmemQueued: 3 << 20}, owned)
	add(3, "192.0.2.1:40000", "198.18.0.2:5432", measures{snapshot.SendQ: 300_000}, measures{snapshot.SendQ: 300_000, snapshot.Retransmits: 6}, func(c *snapshot.Connection) {
		owned(c)
		c.Timer = sockdiag.TimerRetransmit
	})
	add(4, "192.0.2.1:80", "198.18.0.1:1002", measures{snapshot.SendQ: 300_000}, measures{snapshot.SendQ: 300_000, snapshot.BusyTime: 10e6}, owned)
	// A fixed buffer: 1.67 MB/s over 100 ms fill a window of 163,040.
	add(5, "192.0.2.1:40001", "198.18.0.3:443", measures{snapshot.RcvBuf: 262_144, snapshot.RcvSsthresh: 163_040},
		measures{snapshot.RcvBuf: 262_144, snapshot.RcvSsthresh: 163_040, snapshot.BytesReceived: 16_700_000, snapshot.SegsIn: 11_000}, owned)
	// A sender with loss that was silent and restarts.
	add(6, "192.0.2.1:80", "198.18.0.4:1003", measures{snapshot.LastDataSent: 3000},
		measures{snapshot.BytesAcked: 1 << 20, snapshot.SegsOut: 740, snapshot.SegsIn: 400, snapshot.DataSegsOut: 740, snapshot.TotalRetrans: 8, snapshot.BusyTime: 1e6, snapshot.RwndLimited: 1e5}, nil)
	// Silent connections: with a late keepalive probe, and without any timer.
	add(7, "192.0.2.1:40002", "198.18.0.5:443", nil, measures{
		snapshot.LastDataSent: ms(200 * time.Second), snapshot.LastDataRecv: ms(200 * time.Second), snapshot.LastAckRecv: ms(200 * time.Second), snapshot.Expires: ms(7000 * time.Second),
	}, func(c *snapshot.Connection) { c.Timer = sockdiag.TimerKeepalive })
	add(8, "192.0.2.1:40003", "198.18.0.5:443", nil, measures{
		snapshot.LastDataSent: ms(3 * time.Hour), snapshot.LastDataRecv: ms(3 * time.Hour), snapshot.Negotiated: 0,
	}, owned)
	// Large segments vanish.
	add(9, "192.0.2.1:40004", "198.18.6.1:443", measures{snapshot.SendQ: 200_000}, measures{snapshot.SendQ: 200_000, snapshot.Retransmits: 4, snapshot.BytesAcked: 509, snapshot.DataSegsOut: 5},
		func(c *snapshot.Connection) { c.Timer, c.Congestion = sockdiag.TimerRetransmit, "bbr" })
	// This host talks to itself.
	add(10, "127.0.0.1:40005", "127.0.0.1:80", measures{snapshot.RecvQ: 1 << 20}, measures{snapshot.RecvQ: 1 << 20}, owned)
	w := sampled(from, to)
	w.To.Sockets.Open = []snapshot.Socket{{State: sockdiag.StateFinWait2, Local: addrPort("192.0.2.1:1"), Peer: addrPort("198.18.0.9:1"), Inode: 99, Cookie: 99, Owners: []int{7}}}
	w.From.Sockets.Open = w.To.Sockets.Open
	w.To.Processes = map[int]snapshot.Process{7: {Name: "app"}}
	return w
}

func TestConnections(t *testing.T) {
	f := derive(troubledWindow())
	want := &Connections{
		Established: 10, LookedAt: 10, Scale: ptr(1.0), Remote: 9, Quiet: 7, Keepalive: 1,
		KeepaliveLate: ptr[int64](1), Silent: ptr[int64](1), SilentProcesses: ptr("app[7] (1)"),
		NotsentBytes: ptr[int64](2 << 20), NotsentLarge: ptr[int64](1), SendMemoryBytes: ptr[int64](3 << 20),
		Congestion: ptr("cubic (8), bbr (1)"), LossBasedShare: ptr(8.0 / 9), Restarts: ptr[int64](1), RestartPeers: ptr("198.18.0.4 (1)"),
		NoWScale: ptr[int64](1), NoWScalePeers: ptr("198.18.0.5 (1)"), NoTimestamps: ptr[int64](1), NoSACK: ptr[int64](1),
		Outgoing: 5, OutgoingNoTimestamps: ptr[int64](1), OutgoingNoTimestampsPeers: ptr("198.18.0.5 (1)"),
		RetransmitPeers: ptr("198.18.0.4 (1.1 % of 740)"), Unanswered: 1, UnansweredPeers: "198.18.0.2:5432 (1)",
		BigStuck: ptr[int64](1), BigStuckNetwork: ptr("198.18.6.0/24"), BigStuckPeers: ptr("198.18.6.1 (1)"), BigStuckPeer: ptr("198.18.6.1"), BigStuckPMTU: ptr[int64](1500),
	}
	if diff := cmp.Diff(want, f.Connections); diff != "" {
		t.Errorf("connections (-want +got)\n%s", diff)
	}
	wantProcess := &Process{
		Name: "app[7]", PID: ptr[int64](7), FDs: ptr[int64](0), CloseWaitOld: ptr[int64](0), CloseWaitGrowth: ptr[int64](0),
		FinWait2: 1, FinWait2Old: ptr[int64](1), FinWait2Peers: "198.18.0.9 (1)",
		Unread: ptr[int64](1), UnreadBytes: ptr[int64](127_824), UnreadLargest: ptr[int64](127_824), UnreadPeers: ptr("198.18.0.1 (1)"),
		Unsent: ptr[int64](3), UnsentDead: ptr[int64](1), UnsentReader: ptr[int64](1), UnsentPath: ptr[int64](1),
		UnsentBytes: ptr[int64](1_000_000), UnsentPeers: ptr("198.18.0.1 (2), 198.18.0.2 (1)"),
		RcvbufFixed: ptr[int64](1), RcvbufFixedSize: ptr[int64](262_144), RcvbufFixedRate: ptr(1_670_000.0),
	}
	if diff := cmp.Diff(wantProcess, f.Processes[len(f.Processes)-1]); diff != "" {
		t.Errorf("process (-want +got)\n%s", diff)
	}
	var addresses []string
	for _, p := range f.Peers {
		addresses = append(addresses, fmt.Sprint(p.Address, " ", p.Sockets, " ", p.Outgoing))
	}
	wantAddresses := []string{"198.18.0.3 1 1", "198.18.0.4 1 0", "198.18.0.1 3 0", "198.18.6.1 1 1", "198.18.0.5 2 2", "198.18.0.2 1 1"}
	if diff := cmp.Diff(wantAddresses, addresses); diff != "" {
		t.Errorf("peers (-want +got)\n%s", diff)
	}
	wantPeer := &Peer{
		Address: "198.18.0.4", Sockets: 1, RTT: ptr(100.0), MinRTT: ptr(90.0), BytesSent: ptr[int64](1 << 20), BytesReceived: ptr[int64](0),
		SegmentsSent: ptr[int64](740), SegmentsReceived: ptr[int64](400), SentAgain: ptr[int64](8), RetransmitPercent: ptr(100 * 8.0 / 740),
		Congestion: ptr("cubic"), SendRate: ptr((1 << 20) / 10.0), SendRTT: ptr(90.0), SendWindow: ptr[int64](65536), SendBuffer: ptr[int64](87040),
		SendLimit: ptr(65536 / 0.09), SendBufferLimit: ptr(87040 / 0.09), ReceiveLimit: ptr(64088 / 0.09),
		SendCwnd: ptr[int64](14480), SendBusy: ptr(10.0), SendRwndLimited: ptr(10.0),
		ReceiveRate: ptr(0.0), ReceiveRTT: ptr(90.0), ReceiveBuffer: ptr[int64](131072), ReceiveWindow: ptr[int64](64088),
		NoWScale: ptr[int64](0), NoTimestamps: ptr[int64](0), PMTU: ptr[int64](1500),
	}
	if diff := cmp.Diff(wantPeer, f.Peers[1]); diff != "" {
		t.Errorf("peer (-want +got)\n%s", diff)
	}
}

// TestConnectionsUnknown: what the kernel did not tell is unknown, and what
// follows from queues and timers alone is known also from text tables.
func TestConnectionsUnknown(t *testing.T) {
	plain := func(cookie uint64, queue int64) snapshot.Connection {
		c := connection(cookie, "192.0.2.1:80", "198.18.0.1:1", measures{snapshot.RecvQ: queue, snapshot.SendQ: queue * 10, snapshot.Retransmits: 0})
		c.Congestion = ""
		return c
	}
	w := sampled([]snapshot.Connection{plain(1, 100_000), plain(2, 100_000)}, []snapshot.Connection{plain(1, 100_000), plain(2, 90_000)})
	f := derive(w)
	want := &Connections{Established: 2, LookedAt: 2, Scale: ptr(1.0), Remote: 2, Quiet: 2}
	if diff := cmp.Diff(want, f.Connections); diff != "" {
		t.Errorf("connections of a text table (-want +got)\n%s", diff)
	}
	if p := f.Processes[0]; *p.Unread != 1 || *p.Unsent != 1 || *p.UnsentPath != 1 {
		t.Errorf("process %+v", p)
	}
	if diff := cmp.Diff([]*Peer{{Address: "198.18.0.1", Sockets: 2}}, f.Peers); diff != "" {
		t.Errorf("peers of a text table (-want +got)\n%s", diff)
	}

	w = troubledWindow()
	w.From = nil
	f = derive(w)
	if c := f.Connections; c.Restarts != nil || c.RestartPeers != nil || c.RetransmitPeers != nil || c.Silent == nil || c.BigStuck == nil {
		t.Errorf("one snapshot: %+v", c)
	}
	if p := f.Processes[len(f.Processes)-1]; p.Unread != nil || p.Unsent != nil || p.FinWait2Old != nil || p.RcvbufFixed != nil {
		t.Errorf("one snapshot: %+v", p)
	}
	if p := f.Peers[0]; p.SendRate != nil || p.BytesSent != nil || p.RTT == nil || p.Congestion == nil {
		t.Errorf("one snapshot: %+v", p)
	}

	w = troubledWindow()
	w.To.Sockets.Sample = nil
	if f = derive(w); f.Connections != nil || f.Peers != nil || f.Processes == nil {
		t.Errorf("no sample: %+v, %v", f.Connections, f.Peers)
	}
	w = troubledWindow()
	w.From.Sockets.Sample, w.To.Sockets.Sample = nil, &snapshot.Sample{Slices: snapshot.Slices{Width: 1 << 15}}
	if f = derive(w); *f.Connections.Silent != 0 || *f.Connections.Scale != 1 || f.Connections.Sampled || f.Connections.Restarts != nil || f.Peers == nil {
		t.Errorf("nothing established: %+v", f.Connections)
	}
}

// TestConnectionsSampled: a part stands for the whole, unless it was cut off.
func TestConnectionsSampled(t *testing.T) {
	w := troubledWindow()
	w.To.Sockets.Sample.Established, w.To.Sockets.Sample.Slices.Width = 1000, 5
	if c := derive(w).Connections; !c.Sampled || *c.Scale != 100 || c.Established != 1000 {
		t.Errorf("%+v", c)
	}
	w.To.Sockets.Sample.Cut = true
	if c := derive(w).Connections; !c.Sampled || c.Scale != nil {
		t.Errorf("cut: %+v", c)
	}
}

// TestUnread: a queue that is long but moves is no trouble.
func TestUnread(t *testing.T) {
	tests := []struct {
		name     string
		from, to measures
		unread   bool
	}{
		{"stuck", measures{snapshot.RecvQ: 65536, snapshot.BytesReceived: 5}, measures{snapshot.RecvQ: 65536, snapshot.BytesReceived: 5}, true},
		{"grows", measures{snapshot.RecvQ: 65536, snapshot.BytesReceived: 5}, measures{snapshot.RecvQ: 99999, snapshot.BytesReceived: 34468}, true},
		{"reads less than what waited", measures{snapshot.RecvQ: 65536, snapshot.BytesReceived: 0}, measures{snapshot.RecvQ: 65536, snapshot.BytesReceived: 65535}, true},
		{"reads what waited", measures{snapshot.RecvQ: 65536, snapshot.BytesReceived: 0}, measures{snapshot.RecvQ: 65536, snapshot.BytesReceived: 65536}, false},
		{"just below", measures{snapshot.RecvQ: 65535, snapshot.BytesReceived: 0}, measures{snapshot.RecvQ: 65536, snapshot.BytesReceived: 1}, false},
		{"half of a small buffer", measures{snapshot.RecvQ: 40000, snapshot.BytesReceived: 0}, measures{snapshot.RecvQ: 40000, snapshot.BytesReceived: 0, snapshot.RcvBuf: 80000}, true},
		{"less than half of a buffer", measures{snapshot.RecvQ: 40000, snapshot.BytesReceived: 0}, measures{snapshot.RecvQ: 40000, snapshot.BytesReceived: 0, snapshot.RcvBuf: 80002}, false},
	}
	for _, tt := range tests {
		before := connection(1, "192.0.2.1:80", "198.18.0.1:1", tt.from)
		now := connection(1, "192.0.2.1:80", "198.18.0.1:1", tt.to)
		if got := (flow{Connection: &now, before: &before, seconds: 10}).unread(); got != tt.unread {
			t.Errorf("%s: unread %v", tt.name, got)
		}
		if (flow{Connection: &now, seconds: 10}).unread() {
			t.Errorf("%s: unread without a start", tt.name)
		}
	}
}

// TestBigStuck: where one large segment passed, the path is not the reason.
func TestBigStuck(t *testing.T) {
	stuck := func(cookie uint64, peer string) snapshot.Connection {
		c := connection(cookie, "192.0.2.1:40000", peer, measures{
			snapshot.SendQ: 200_000, snapshot.Retransmits: 3, snapshot.SndMSS: 1448, snapshot.PMTU: 1500, snapshot.BytesAcked: 501, snapshot.DataSegsOut: 4,
		})
		c.Timer = sockdiag.TimerRetransmit
		return c
	}
	large := connection(9, "192.0.2.1:80", "198.18.0.9:1", measures{snapshot.SndMSS: 1448, snapshot.BytesAcked: 20_000, snapshot.DataSegsOut: 20})
	small := connection(8, "192.0.2.1:80", "198.18.0.9:1", measures{snapshot.SndMSS: 1448, snapshot.BytesAcked: 20_000, snapshot.DataSegsOut: 200})
	mend := func(m snapshot.Measure, n int64) snapshot.Connection {
		c := stuck(7, "198.18.0.7:1")
		c.Set(m, n)
		return c
	}
	tests := []struct {
		name string
		list []snapshot.Connection
		want string
	}{
		{"two peers of a network", []snapshot.Connection{stuck(1, "198.18.0.1:1"), stuck(2, "198.18.0.2:1"), stuck(3, "198.18.1.1:1")}, "2 198.18.0.0/24 198.18.0.1 (1), 198.18.0.2 (1) 1500"},
		{"a chatty connection beside", []snapshot.Connection{stuck(1, "198.18.0.1:1"), small}, "1 198.18.0.0/24 198.18.0.1 (1) 1500"},
		{"large segments pass", []snapshot.Connection{stuck(1, "198.18.0.1:1"), large, stuck(2, "[2001:db8:1::1]:1")}, "1 2001:db8:1::/48 2001:db8:1::1 (1) 1500"},
		{"2 retransmissions", []snapshot.Connection{mend(snapshot.Retransmits, 2)}, "0   0"},
		{"less than a segment", []snapshot.Connection{mend(snapshot.SendQ, 1448)}, "0   0"},
		{"the path MTU is known to be smaller", []snapshot.Connection{mend(snapshot.PMTU, 1400)}, "0   0"},
		{"a peer that died later", []snapshot.Connection{mend(snapshot.BytesAcked, 14480)}, "0   0"},
	}
	for _, tt := range tests {
		c := derive(sampled(nil, tt.list)).Connections
		if got := fmt.Sprint(*c.BigStuck, " ", *c.BigStuckNetwork, " ", *c.BigStuckPeers, " ", *c.BigStuckPMTU); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestPeersBound: of very many peers those with most traffic are told of.
func TestPeersBound(t *testing.T) {
	var from, to []snapshot.Connection
	for i := range 500 {
		peer := fmt.Sprintf("198.18.%d.%d:1", i/250, i%250)
		from = append(from, connection(uint64(i+1), "192.0.2.1:80", peer, measures{snapshot.BytesAcked: 0, snapshot.BytesReceived: 0, snapshot.RTT: 1}))
		to = append(to, connection(uint64(i+1), "192.0.2.1:80", peer, measures{snapshot.BytesAcked: int64(i), snapshot.BytesReceived: 5, snapshot.RTT: 1}))
	}
	got := derive(sampled(from, to)).Peers
	if len(got) != maxPeers || got[0].Address != "198.18.1.249" || *got[0].BytesSent != 499 || *got[31].BytesSent != 468 {
		t.Errorf("%d peers, first %+v", len(got), got[0])
	}
}
