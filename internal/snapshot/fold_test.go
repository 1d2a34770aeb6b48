// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// addresses compares netip values by text.
func addresses() cmp.Options {
	return cmp.Options{
		cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	}
}

func TestFold(t *testing.T) {
	drops := uint32(3)
	reserved, err := ParsePorts("20005")
	if err != nil {
		t.Fatal(err)
	}
	f := newFold(PortRange{Low: 20000, High: 20099, Reserved: 1, Known: true}, reserved, time.Second)
	f.timeWait = newTimeWaitFold()
	client := addrPort("198.18.0.9:40000")
	for _, s := range []sockdiag.Socket{
		{State: sockdiag.StateListen, Source: addrPort("0.0.0.0:80"), UID: 33, Inode: 1, Cookie: 11, ReceiveQueue: 4, SendQueue: 128, BacklogKnown: true, Memory: &sockdiag.Memory{Drops: &drops}},
		{State: sockdiag.StateListen, Source: addrPort("[::]:81"), IPv6: true, Inode: 2},
		{State: sockdiag.StateListen, Source: addrPort("127.0.0.1:20001"), Inode: 3}, // SO_REUSEPORT
		{State: sockdiag.StateListen, Source: addrPort("127.0.0.1:20001"), Inode: 4}, //
		{State: sockdiag.StateListen, Source: addrPort("0.0.0.0:20005"), Inode: 5},   // reserved
		// inbound
		{State: sockdiag.StateCloseWait, Source: addrPort("198.18.0.1:80"), Destination: client, UID: 33, Inode: 20, Cookie: 12, ReceiveQueue: 1},
		{State: sockdiag.StateSynRecv, Source: addrPort("198.18.0.1:80"), Destination: client, Timer: sockdiag.TimerRetransmit, Retransmits: 2},
		{State: sockdiag.StateSynRecv, Source: addrPort("198.18.0.1:81"), Destination: client},    // IPv4-mapped: an IPv4 address on ::
		{State: sockdiag.StateSynRecv, Source: addrPort("[2001:db8::1]:80"), Destination: client}, // 0.0.0.0 takes no IPv6
		{State: sockdiag.StateSynRecv, Source: addrPort("198.18.0.1:20001"), Destination: client}, // not on 127.0.0.1
		{State: sockdiag.StateTimeWait, Source: addrPort("198.18.0.1:80"), Destination: client, Timer: sockdiag.TimerTimeWait, Expires: 59 * time.Second},
		// outgoing
		{State: sockdiag.StateEstablished, Source: addrPort("198.18.0.1:20010"), Destination: peer(1), UID: 1000, Inode: 30},
		{State: sockdiag.StateEstablished, Source: addrPort("198.18.0.1:20010"), Destination: peer(2), UID: 1000, Inode: 31},
		{State: sockdiag.StateEstablished, Source: addrPort("198.18.0.1:30000"), Destination: peer(1), UID: 1000, Inode: 32}, // outside the range
		{State: sockdiag.StateTimeWait, Source: addrPort("198.18.0.1:20011"), Destination: peer(1), Timer: sockdiag.TimerTimeWait, Expires: 59*time.Second + time.Millisecond},
		{State: sockdiag.StateTimeWait, Source: addrPort("198.18.0.1:20012"), Destination: peer(1), Timer: sockdiag.TimerTimeWait, Expires: 59 * time.Second},
		{State: sockdiag.StateFinWait2, Source: addrPort("198.18.0.1:20013"), Destination: peer(1), Timer: sockdiag.TimerTimeWait},
		{State: sockdiag.StateSynSent, Source: addrPort("198.18.0.1:20014"), Destination: peer(3), UID: 1001, Inode: 33, Timer: sockdiag.TimerRetransmit, Retransmits: 1, SendQueue: 1},
		{State: sockdiag.StateClose, Source: addrPort("198.18.0.1:20015")},
	} {
		f.add(&s)
	}
	f.count()
	got := f.finish()
	want := &Sockets{
		Complete: true,
		States: map[string]int64{
			"listen": 5, "close_wait": 1, "syn_recv": 4, "time_wait": 3, "established": 3, "fin_wait2": 1, "syn_sent": 1, "close": 1,
		},
		Ports: PortRange{Low: 20000, High: 20099, Reserved: 1, Held: 1, Known: true},
		Listeners: []Listener{
			{Local: addrPort("0.0.0.0:80"), UID: 33, Inode: 1, Cookie: 11, Queue: 4, Backlog: ptr[uint32](128), Drops: ptr[uint32](3), Connections: map[string]int64{"close_wait": 1, "syn_recv": 1}},
			{Local: addrPort("[::]:81"), IPv6: true, Inode: 2, Connections: map[string]int64{"syn_recv": 1}},
			{Local: addrPort("127.0.0.1:20001"), Inode: 3},
			{Local: addrPort("127.0.0.1:20001"), Inode: 4},
			{Local: addrPort("0.0.0.0:20005"), Inode: 5},
		},
		Open: []Socket{
			{State: sockdiag.StateCloseWait, Local: addrPort("198.18.0.1:80"), Peer: client, UID: 33, Inode: 20, Cookie: 12, Receive: 1},
			{State: sockdiag.StateSynRecv, Local: addrPort("198.18.0.1:80"), Peer: client, Timer: "retransmit", Retried: 2},
			{State: sockdiag.StateSynRecv, Local: addrPort("198.18.0.1:81"), Peer: client},
			{State: sockdiag.StateSynRecv, Local: addrPort("[2001:db8::1]:80"), Peer: client},
			{State: sockdiag.StateSynRecv, Local: addrPort("198.18.0.1:20001"), Peer: client},
			{State: sockdiag.StateFinWait2, Local: addrPort("198.18.0.1:20013"), Peer: peer(1), Timer: "time_wait", Mini: true},
			{State: sockdiag.StateSynSent, Local: addrPort("198.18.0.1:20014"), Peer: peer(3), UID: 1001, Inode: 33, Send: 1, Timer: "retransmit", Retried: 1},
			{State: sockdiag.StateClose, Local: addrPort("198.18.0.1:20015")},
		},
		Destinations: []Destination{
			{Source: netip.MustParseAddr("198.18.0.1"), Peer: peer(1), Established: 1, TimeWait: 2, Young: 1, Other: 1, Inodes: []uint32{30}, UID: ptr[uint32](1000)},
			{Source: netip.MustParseAddr("198.18.0.1"), Peer: peer(2), Established: 1, Inodes: []uint32{31}, UID: ptr[uint32](1000)},
			{Source: netip.MustParseAddr("198.18.0.1"), Peer: peer(3), Other: 1, Inodes: []uint32{33}, UID: ptr[uint32](1001)},
		},
		Clients:  []Client{{UID: 1000, Sockets: 2, Ports: 1, Destinations: 2, Inodes: []uint32{30, 31}}},
		TimeWait: &TimeWait{Total: 3, Listening: 1, Ports: []Count{{":80", 1}}, Peers: []Count{{"198.18.0.1:443", 2}}},
	}
	if diff := cmp.Diff(want, got, addresses()); diff != "" {
		t.Errorf("fold (-want +got)\n%s", diff)
	}
}

func TestFoldBounds(t *testing.T) {
	f := newFold(PortRange{Low: 1024, High: 65535, Known: true}, PortSet{}, time.Second)
	const extra = 10
	for i := range maxOpenPerState + extra {
		source := netip.AddrPortFrom(here, uint16(1024+i))
		f.add(&sockdiag.Socket{State: sockdiag.StateSynRecv, Source: netip.AddrPortFrom(here, 80), Destination: peer(i)})
		f.add(&sockdiag.Socket{State: sockdiag.StateFinWait2, Source: source, Destination: peer(1), Timer: sockdiag.TimerTimeWait})
		f.add(&sockdiag.Socket{State: sockdiag.StateListen, Source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, byte(i >> 8), byte(i)}), 80)})
	}
	for i := range maxClients + extra {
		for j := range maxClientPeers + extra {
			f.add(&sockdiag.Socket{
				State: sockdiag.StateEstablished, Source: netip.AddrPortFrom(here, uint16(1024+j)), Destination: peer(j),
				UID: uint32(1000 + i), Inode: uint32(j + 1),
			})
		}
	}
	if f.mini != maxOpenPerState+extra {
		t.Errorf("%d mini-sockets, want all", f.mini)
	}
	got := f.finish()
	if got.Complete {
		t.Error("complete although sockets were left out")
	}
	want := map[string]int64{"syn_recv": extra, "fin_wait2": extra, "listen": extra}
	if diff := cmp.Diff(want, got.Dropped); diff != "" {
		t.Errorf("dropped (-want +got)\n%s", diff)
	}
	if len(got.Open) != 2*maxOpenPerState || len(got.Listeners) != maxOpenPerState {
		t.Errorf("kept %d sockets and %d listeners", len(got.Open), len(got.Listeners))
	}
	if len(got.Destinations) != maxKept {
		t.Errorf("kept %d destinations", len(got.Destinations))
	}
	if d := got.Destinations[0]; d.Other != maxOpenPerState+extra {
		t.Errorf("the largest destination has %+v", d)
	}
	if len(got.Clients) != maxClients || got.Clients[0].Destinations != maxClientPeers || len(got.Clients[0].Inodes) != maxInodes {
		t.Errorf("%d clients, the first %+v", len(got.Clients), got.Clients[0])
	}
	for _, d := range got.Destinations {
		if len(d.Inodes) > maxInodes {
			t.Fatalf("%d inodes of one destination", len(d.Inodes))
		}
	}
	if f.lost == 0 {
		t.Error("lost clients were not counted")
	}
}

func TestFoldTimeWaitBounds(t *testing.T) {
	f := newTimeWaitFold()
	const more = 10
	for i := range maxExactGroups + more {
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, byte(i >> 16), byte(i >> 8), byte(i)}), 443)
		s := outgoing(sockdiag.StateTimeWait, 20000, to)
		f.add(&s, false, false)
		f.add(&s, true, false)
	}
	if len(f.peers.byKey) != maxCounters || f.total != 2*(maxExactGroups+more) {
		t.Errorf("%d peers of %d sockets", len(f.peers.byKey), f.total)
	}
	if top := topCounts(f.peers.seen(), netip.AddrPort.String); len(top) != maxTop || top[0].Count != 1 {
		t.Errorf("top %v", top)
	}
}

func TestAccepts(t *testing.T) {
	tests := []struct {
		listener, local string
		want            bool
	}{
		{"0.0.0.0:80", "192.0.2.1", true},
		{"0.0.0.0:80", "2001:db8::1", false},
		{"[::]:80", "192.0.2.1", true},
		{"[::]:80", "2001:db8::1", true},
		{"192.0.2.1:80", "192.0.2.1", true},
		{"192.0.2.1:80", "192.0.2.2", false},
		{"[::1]:80", "::1", true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.listener, " ", tt.local), func(t *testing.T) {
			l := &Listener{Local: addrPort(tt.listener)}
			if got := l.accepts(netip.MustParseAddr(tt.local)); got != tt.want {
				t.Errorf("accepts = %v, want %v", got, tt.want)
			}
		})
	}
}
