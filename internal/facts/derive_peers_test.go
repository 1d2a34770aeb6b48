// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"fmt"
	"math"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/sockdiag"
	"github.com/tcptune/tcptune/sysctl"
)

// client is a snapshot with one destination.
func client(d snapshot.Destination, sysctls map[string]string) *snapshot.Snapshot {
	return &snapshot.Snapshot{
		Sysctls: sysctls,
		Sockets: &snapshot.Sockets{
			Counted:      "sockstat",
			Ports:        snapshot.PortRange{Low: 20000, High: 20499, Known: true},
			Closer:       snapshot.Closer{Looked: true},
			Destinations: []snapshot.Destination{d},
		},
	}
}

// TestReuse: which TIME_WAIT sockets hold a port, by tcp_tw_reuse, loopback and
// timestamps, and the capacity of a range of 500 ports: 500/60 connections per
// second without reuse, 500 with it, 5000 with a delay of 100 ms.
func TestReuse(t *testing.T) {
	const far, near, near6 = "192.0.2.1 198.18.0.1:80", "127.0.0.1 127.0.0.1:80", "::1 [::1]:80"
	tests := []struct {
		peers, reuse, timestamps, delay string
		applies                         bool
		used                            int64
		capacity                        float64
	}{
		{far, "0", "1", "1000", false, 500, 500.0 / 60},
		{far, "2", "1", "1000", false, 500, 500.0 / 60},
		{far, "1", "1", "1000", true, 120, 500},
		{far, "1", "2", "1000", true, 120, 500},
		{far, "1", "1", "100", true, 120, 5000},
		{far, "1", "1", "", true, 120, 500}, // before Linux 6.14
		{far, "1", "0", "1000", false, 500, 500.0 / 60},
		{near, "0", "1", "1000", false, 500, 500.0 / 60},
		{near, "1", "1", "1000", true, 120, 500},
		{near, "2", "1", "1000", true, 120, 500},
		{near6, "2", "1", "1000", true, 120, 500},
		{near, "2", "0", "1000", false, 500, 500.0 / 60},
		{"192.0.2.1 127.0.0.1:80", "2", "1", "1000", true, 120, 500},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s reuse %s timestamps %s delay %s", tt.peers, tt.reuse, tt.timestamps, tt.delay), func(t *testing.T) {
			var source, destination string
			if _, err := fmt.Sscan(tt.peers, &source, &destination); err != nil {
				t.Fatal(err)
			}
			sysctls := map[string]string{"net.ipv4.tcp_tw_reuse": tt.reuse, "net.ipv4.tcp_timestamps": tt.timestamps}
			if tt.delay != "" {
				sysctls["net.ipv4.tcp_tw_reuse_delay"] = tt.delay
			}
			d := snapshot.Destination{
				Source: netip.MustParseAddr(source), Peer: addrPort(destination), Established: 9, Other: 1, TimeWait: 480, Young: 100,
			}
			s := client(d, sysctls)
			s.Sockets.Ports.Held = 10
			f := derive(one(s))
			got := f.Destinations[0]
			if *got.ReuseApplies != tt.applies || got.Used != tt.used || got.Use != float64(tt.used)/500 || *f.Ports.MaxUse != got.Use {
				t.Errorf("applies %v, used %d, use %v, max %v", *got.ReuseApplies, got.Used, got.Use, *f.Ports.MaxUse)
			}
			if math.Abs(*got.Capacity-tt.capacity) > 1e-9 || *got.PerSecond != 8 {
				t.Errorf("capacity %v, want %v; per second %v", *got.Capacity, tt.capacity, *got.PerSecond)
			}
		})
	}
}

// TestMaxUse: exact after a closer look, a bound without.
func TestMaxUse(t *testing.T) {
	d := snapshot.Destination{Source: netip.MustParseAddr("192.0.2.1"), Peer: addrPort("198.18.0.1:80"), Established: 100, TimeWait: 20, Other: 5}
	s := client(d, nil)
	s.Sockets.Closer = snapshot.Closer{AtMost: ptr[int64](200)}
	f := derive(one(s))
	if *f.Ports.MaxUse != 0.4 || *f.Ports.Exact {
		t.Errorf("max use %v, exact %v", *f.Ports.MaxUse, *f.Ports.Exact)
	}
	// What was not looked at is not known, and uses less than the bound.
	got := f.Destinations[0]
	if got.Established != nil || got.TimeWaitShare != nil || got.TimeWait != nil || got.Capacity != nil || got.Use > *f.Ports.MaxUse {
		t.Errorf("destination %+v", got)
	}
	if got.Process != "" {
		t.Errorf("process %q of sockets without an owner", got.Process)
	}
	s.Sockets.Destinations[0].UID = ptr[uint32](33)
	s.Sockets.TimeWait = &snapshot.TimeWait{Total: 20}
	if got := derive(one(s)).Destinations[0]; got.Process != "a process of uid 33" || *got.TimeWait != 20 || got.TimeWaitShare != nil {
		t.Errorf("destination %+v", got)
	}
	s.Sockets.Ports.Reserved = 500
	if f := derive(one(s)); f.Ports.MaxUse != nil {
		t.Errorf("max use of an empty range %v", *f.Ports.MaxUse)
	}
	s.Sockets.Destinations, s.Sockets.Closer = nil, snapshot.Closer{Looked: true}
	if f := derive(one(s)); *f.Ports.MaxUse != 0 || f.Destinations == nil || f.Clients == nil {
		t.Errorf("without sockets: %+v", f.Ports)
	}
}

func TestListeningPorts(t *testing.T) {
	listener := func(port uint16, uid uint32) snapshot.Listener {
		return snapshot.Listener{Local: netip.AddrPortFrom(netip.IPv4Unspecified(), port), UID: uid}
	}
	s := client(snapshot.Destination{}, nil)
	s.Sockets.Ports = snapshot.PortRange{Low: 32768, High: 60999, Reserved: 1, List: "40000", Known: true}
	s.Sockets.Listeners = []snapshot.Listener{
		listener(80, 0), listener(8080, 33), listener(8081, 33), // below the range
		listener(40000, 33),                      // reserved
		listener(33000, 33), listener(33000, 33), // SO_REUSEPORT
		listener(50000, 0), listener(50001, 33), // the second may come from bind(0)
		listener(61000, 0), listener(61001, 33),
	}
	f := derive(one(s))
	if *f.Ports.Overlap != "33000,50000" || *f.Ports.Reserve != "8080-8081,33000,40000,50000,61000" {
		t.Errorf("overlap %q, reserve %q", *f.Ports.Overlap, *f.Ports.Reserve)
	}
	s.Sockets.Listeners = nil
	s.Sockets.Ports.List = ""
	if f := derive(one(s)); *f.Ports.Overlap != "" || *f.Ports.Reserve != "" || *f.Sockets.LargestBacklog != 0 {
		t.Errorf("without listeners: %q, %q", *f.Ports.Overlap, *f.Ports.Reserve)
	}
}

func TestNetworks(t *testing.T) {
	s := &snapshot.Snapshot{Sockets: &snapshot.Sockets{}}
	for _, peer := range []string{"198.18.0.1:1", "198.18.0.1:2", "198.18.0.2:1", "198.18.1.1:1", "[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", "[2001:db8:2::1]:1", "[fe80::1%eth0]:1"} {
		s.Sockets.Open = append(s.Sockets.Open, snapshot.Socket{State: sockdiag.StateSynRecv, Peer: addrPort(peer), Retried: uint8(len(peer) % 2)})
	}
	s.Sockets.Open = append(s.Sockets.Open, snapshot.Socket{State: sockdiag.StateSynRecv}, snapshot.Socket{State: sockdiag.StateSynSent, Peer: addrPort("1.2.3.4:5")})
	want := []*Network{
		{Prefix: "198.18.0.0/24", SynRecv: 3, Share: 0.375, Addresses: 2},
		{Prefix: "198.18.1.0/24", SynRecv: 1, Share: 0.125, Addresses: 1},
		{Prefix: "2001:db8:1::/48", SynRecv: 2, Share: 0.25, Retried: 2, Addresses: 2},
		{Prefix: "2001:db8:2::/48", SynRecv: 1, Share: 0.125, Retried: 1, Addresses: 1},
		{Prefix: "fe80::/48", SynRecv: 1, Share: 0.125, Addresses: 1},
	}
	if diff := cmp.Diff(want, derive(one(s)).Networks); diff != "" {
		t.Errorf("networks (-want +got)\n%s", diff)
	}
}

// TestFinWait2Cut: of sockets beyond the bound the share without an owner is
// taken to be that of the others.
func TestFinWait2Cut(t *testing.T) {
	s := &snapshot.Snapshot{Sockets: &snapshot.Sockets{
		States:  map[string]int64{"fin_wait2": 40},
		Dropped: map[string]int64{"fin_wait2": 36},
		Open: []snapshot.Socket{
			{State: sockdiag.StateFinWait2}, {State: sockdiag.StateFinWait2}, {State: sockdiag.StateFinWait2}, {State: sockdiag.StateFinWait2, Inode: 1},
		},
	}}
	if got := *derive(one(s)).Sockets.FinWait2Unowned; got != 30 {
		t.Errorf("%d of 40 without an owner, want 30", got)
	}
}

// TestListenersOnly: what was not walked is unknown, not zero.
func TestListenersOnly(t *testing.T) {
	sockets := &snapshot.Sockets{
		Tiers: []int{0, 4}, States: map[string]int64{"listen": 1},
		Listeners: []snapshot.Listener{{Local: netip.MustParseAddrPort("127.0.0.1:80"), Queue: 3}},
	}
	f := Derive(&snapshot.Window{To: &snapshot.Snapshot{Sockets: sockets}}, sysctl.LoadCatalogue())
	s, l := f.Sockets, f.Listeners[0]
	if s.Listen == nil || *s.Listen != 1 || l.Queue != 3 {
		t.Errorf("sockets %+v, listener %+v", s, l)
	}
	if s.CloseWait != nil || s.SynRecv != nil || s.FinWait2 != nil || s.FinWait2Unowned != nil || s.Total != nil || l.CloseWait != nil || l.SynRecv != nil {
		t.Errorf("known although nothing was walked: sockets %+v, listener %+v", s, l)
	}
	if f.Processes != nil || f.Networks != nil || f.Destinations != nil || f.Clients != nil || f.FinSent != nil {
		t.Errorf("known although nothing was walked: %+v", f)
	}
}
