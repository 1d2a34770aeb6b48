// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

// leak is CLOSE_WAIT socket number n on port 80 that a process holds.
func leak(n int, pid int) snapshot.Socket {
	return snapshot.Socket{
		State: sockdiag.StateCloseWait, Local: addrPort("192.0.2.1:80"), UID: 33, Inode: uint32(n), Cookie: uint64(n), Receive: 1,
		Peer: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, 0, byte(n)}), 1000), Owners: []int{pid},
	}
}

func leaks(pid int, numbers ...int) (list []snapshot.Socket) {
	for _, n := range numbers {
		list = append(list, leak(n, pid))
	}
	return list
}

func sockets(open ...[]snapshot.Socket) *snapshot.Snapshot {
	s := &snapshot.Snapshot{
		Sockets: &snapshot.Sockets{Counted: "dump"},
		Processes: map[int]snapshot.Process{
			7: {Name: "app", UID: 33, FDs: 50, FDSoft: ptr[int64](100), FDHard: ptr[int64](200)},
			8: {Name: "app", UID: 33, FDs: 90, FDSoft: ptr[int64](100), FDHard: ptr[int64](200)},
			9: {Name: "app", UID: 33, FDs: 95},
		},
	}
	for _, list := range open {
		s.Sockets.Open = append(s.Sockets.Open, list...)
	}
	return s
}

// TestCloseWait: age and growth, by cookie and, from the text tables, by
// addresses and inode.
func TestCloseWait(t *testing.T) {
	type result struct{ Count, Old, Growth *int64 }
	known := func(count, old, growth int64) result { return result{&count, &old, &growth} }
	heard := func(seconds float64, list []snapshot.Socket) []snapshot.Socket {
		for i := range list {
			list[i].LastHeard = ptr(seconds)
		}
		return list
	}
	tests := []struct {
		name   string
		window *snapshot.Window
		want   result
	}{
		{"still there", two(sockets(leaks(0, 1, 2, 3)), sockets(leaks(7, 1, 2, 3))), known(3, 3, 0)},
		{"more", two(sockets(leaks(0, 1)), sockets(leaks(7, 1, 2, 3))), known(3, 1, 2)},
		{"fewer", two(sockets(leaks(0, 1, 2, 3)), sockets(leaks(7, 3))), known(1, 1, -2)},
		{"others", two(sockets(leaks(0, 1, 2)), sockets(leaks(7, 3, 4))), known(2, 0, 0)},
		{"long silent", two(sockets(), sockets(heard(60, leaks(7, 1, 2)))), known(2, 2, 2)},
		{"silent for a moment", two(sockets(), sockets(heard(59.9, leaks(7, 1, 2)))), known(2, 0, 2)},
		{"one snapshot, ages", one(sockets(heard(60, leaks(7, 1)), heard(1, leaks(7, 2)))), result{Count: ptr[int64](2), Old: ptr[int64](1)}},
		{"one snapshot, no ages", one(sockets(heard(60, leaks(7, 1)), leaks(7, 2))), result{Count: ptr[int64](2)}},
	}
	for _, tt := range tests {
		for _, by := range []string{"cookie", "address"} {
			t.Run(tt.name+" by "+by, func(t *testing.T) {
				for _, s := range []*snapshot.Snapshot{tt.window.From, tt.window.To} {
					for i := 0; by == "address" && s != nil && i < len(s.Sockets.Open); i++ {
						s.Sockets.Open[i].Cookie = 0
					}
				}
				p := derive(tt.window).Processes[0]
				got := result{&p.CloseWait, p.CloseWaitOld, p.CloseWaitGrowth}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("close-wait (-want +got)\n%s", diff)
				}
			})
		}
	}
}

// TestCloseWaitShared: where several processes of one user serve one port,
// nobody can tell whose sockets vanished.
func TestCloseWaitShared(t *testing.T) {
	from := sockets(leaks(0, 1, 2, 3))
	gone := derive(two(from, sockets(leaks(7, 1, 4), leaks(8, 2)))).Processes
	if len(gone) != 2 || gone[0].CloseWaitGrowth != nil || gone[1].CloseWaitGrowth != nil || *gone[0].CloseWaitOld != 1 {
		t.Errorf("one of three vanished: %+v, %+v", gone[0], gone[1])
	}
	stayed := derive(two(from, sockets(leaks(7, 1, 3, 4), leaks(8, 2)))).Processes
	if *stayed[0].CloseWaitGrowth != 1 || *stayed[1].CloseWaitGrowth != 0 {
		t.Errorf("none vanished: %d, %d", *stayed[0].CloseWaitGrowth, *stayed[1].CloseWaitGrowth)
	}
	// The user of a process may not be that of its sockets.
	to := sockets(leaks(7, 1))
	to.Processes[7] = snapshot.Process{Name: "app", UID: 0}
	if p := derive(two(sockets(leaks(0, 1, 2, 3)), to)).Processes[0]; *p.CloseWaitGrowth != -2 || p.UID != 0 {
		t.Errorf("growth %d of uid %d", *p.CloseWaitGrowth, p.UID)
	}
}

// TestUnownedCloseWait: what nobody accepted is the listener's, not a process's.
func TestUnownedCloseWait(t *testing.T) {
	s := sockets(leaks(7, 1), []snapshot.Socket{{State: sockdiag.StateCloseWait, Local: addrPort("192.0.2.1:80")}})
	s.Sockets.Listeners = []snapshot.Listener{{Local: addrPort("0.0.0.0:80"), Owners: []int{7}, Connections: map[string]int64{"close_wait": 2}}}
	f := derive(one(s))
	if len(f.Processes) != 1 || f.Processes[0].CloseWait != 1 || !f.Processes[0].Listens {
		t.Errorf("processes %+v", f.Processes)
	}
	if l := f.Listeners[0]; *l.CloseWait != 2 || *l.CloseWaitUnowned != 1 {
		t.Errorf("listener %+v", l)
	}
}

// TestHidden: sockets of processes that cannot be seen are grouped by user.
func TestHidden(t *testing.T) {
	hidden := func(n int, uid uint32) snapshot.Socket {
		s := leak(n, 0)
		s.Owners, s.UID = nil, uid
		return s
	}
	s := sockets([]snapshot.Socket{hidden(1, 33), hidden(2, 33), hidden(3, 44)})
	s.Sockets.Listeners = []snapshot.Listener{{Local: addrPort("0.0.0.0:80"), UID: 33, Inode: 9}}
	f := derive(two(sockets(), s))
	want := []*Process{
		{Name: "a process of uid 33", Hidden: true, UID: 33, Listens: true, CloseWait: 2, CloseWaitEOF: 2},
		{Name: "a process of uid 44", Hidden: true, UID: 44, CloseWait: 1, CloseWaitEOF: 1},
	}
	for i, p := range f.Processes {
		if *p.CloseWaitGrowth != p.CloseWait || *p.CloseWaitOld != 0 || p.CloseWaitLocal == "" || p.CloseWaitPeers == "" {
			t.Errorf("process %+v", p)
		}
		p.CloseWaitGrowth, p.CloseWaitOld, p.FinWait2Old, p.CloseWaitLocal, p.CloseWaitPeers = nil, nil, nil, "", ""
		if diff := cmp.Diff(want[i], p); diff != "" {
			t.Errorf("process %d (-want +got)\n%s", i, diff)
		}
	}
	if f.Listeners[0].Process != "a process of uid 33" {
		t.Errorf("listener %+v", f.Listeners[0])
	}
}

// TestPrefork: of several holders the one with the fewest descriptors left
// stands for all.
func TestPrefork(t *testing.T) {
	s := sockets()
	s.Sockets.Listeners = []snapshot.Listener{
		{Local: addrPort("0.0.0.0:80"), Owners: []int{7, 8, 9}},
		{Local: addrPort("0.0.0.0:81"), Owners: []int{7, 8, 9, 10, 11}},
	}
	f := derive(one(s))
	if len(f.Processes) != 2 {
		t.Fatalf("%d processes", len(f.Processes))
	}
	p := f.Processes[0]
	if p.Name != "app[7] and 4 more" || !p.Listens || p.Hidden {
		t.Errorf("process %+v", p)
	}
	for _, p := range f.Processes {
		if *p.PID != 8 || *p.FDs != 90 || *p.FDSoft != 100 || *p.FDHard != 200 {
			t.Errorf("process %+v", p)
		}
	}
	if got := f.Listeners[0].Process; got != "app[7], app[8], app[9]" {
		t.Errorf("listener's process %q", got)
	}
}

func TestSynSent(t *testing.T) {
	s := sockets()
	for i, peer := range []string{"198.18.0.1:80", "198.18.0.1:80", "198.18.0.1:443", "198.18.0.2:80", "198.18.0.3:22", "198.18.0.4:21"} {
		s.Sockets.Open = append(s.Sockets.Open, snapshot.Socket{State: sockdiag.StateSynSent, Peer: addrPort(peer), Inode: 1, Owners: []int{7}, Retried: uint8(i)})
	}
	p := derive(one(s)).Processes[0]
	want := &Process{
		Name: "app[7]", PID: ptr[int64](7), UID: 33, FDs: ptr[int64](50), FDSoft: ptr[int64](100), FDHard: ptr[int64](200), CloseWaitOld: ptr[int64](0),
		SynSent: 6, SynSentHosts: 4, SynSentPorts: 4, SynSentPortList: "80 (3), 21 (1), 22 (1), 1 more",
		SynSentTop: "198.18.0.1:80", SynSentTopCount: 2, SynSentTopShare: 2.0 / 6, SynSentRetried: 5, SynSentTopRetried: 1,
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("process (-want +got)\n%s", diff)
	}
}
