// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

func TestGlanceDepth(t *testing.T) {
	const million = 1_000_000
	tests := []struct {
		name                string
		glance              glance
		sockets, namespaces int64
		want                depth
	}{
		{"no sockstat", glance{}, million, 200, depthAll},
		{"empty", glance{counted: true}, million, 200, depthCounts},
		{"empty, traffic before", glance{counted: true, arrivals: true}, million, 200, depthCounts},
		{"listeners that nobody asked", glance{counted: true, full: 3, listeners: 3}, million, 200, depthCounts},
		{"idle server", glance{counted: true, full: 3, listeners: 3, arrivals: true}, million, 200, depthListeners},
		{"idle server, small machine", glance{counted: true, full: 3, listeners: 3, arrivals: true}, 20_000, 200, depthAll},
		{"idle server, one more socket", glance{counted: true, full: 3, listeners: 3, arrivals: true}, 20_001, 200, depthListeners},
		{"idle server, alone", glance{counted: true, full: 3, listeners: 3, arrivals: true}, million, 1, depthAll},
		{"few connections", glance{counted: true, full: 7, listeners: 3, arrivals: true}, million, 200, depthListeners},
		{"enough connections", glance{counted: true, full: 8, listeners: 3, arrivals: true}, million, 200, depthAll},
		{"few connections and TIME_WAIT", glance{counted: true, full: 4, mini: 3, listeners: 3, arrivals: true}, million, 200, depthListeners},
		{"enough TIME_WAIT", glance{counted: true, full: 3, mini: 5, listeners: 3, arrivals: true}, million, 200, depthAll},
		{"trouble", glance{counted: true, full: 3, listeners: 3, arrivals: true, troubled: true}, million, 200, depthAll},
		{"a table of its own", glance{counted: true, full: 4, listeners: 3, arrivals: true, ownTable: true}, million, 200, depthAll},
		{"a listener closed in between", glance{counted: true, full: 2, listeners: 3}, million, 200, depthCounts},
	}
	for _, test := range tests {
		if got := test.glance.depth(test.sockets, test.namespaces); got != test.want {
			t.Errorf("%s: depth %d, want %d", test.name, got, test.want)
		}
	}
}

// TestGlanceMonotonic: more sockets, or trouble, never make the look shorter.
func TestGlanceMonotonic(t *testing.T) {
	reach := map[depth]int{depthListeners: 0, depthCounts: 1, depthAll: 1} // depthCounts leaves nothing open
	for full := range int64(12) {
		for mini := range int64(12) {
			for _, arrivals := range []bool{false, true} {
				a := glance{counted: true, full: full, mini: mini, listeners: 2, arrivals: arrivals}
				for _, b := range []glance{
					{counted: true, full: full + 1, mini: mini + 5, listeners: 2, arrivals: arrivals},
					{counted: true, full: full, mini: mini, listeners: 2, arrivals: arrivals, troubled: true},
				} {
					if reach[b.depth(1e6, 200)] < reach[a.depth(1e6, 200)] || b.need() < a.need() {
						t.Errorf("%+v is looked at less closely than %+v", b, a)
					}
				}
			}
		}
	}
}

func TestSnapshotGlance(t *testing.T) {
	drops := uint32(1)
	snapshot := func(change func(*Snapshot)) *Snapshot {
		s := &Snapshot{
			Sockstat: procnet.Sockstat{"TCP.inuse": 4, "TCP.tw": 2, "TCP6.inuse": 3},
			Counters: procnet.Counters{"Tcp.InSegs": 9, "TcpExt.ListenDrops": 5},
			Sockets:  &Sockets{States: map[string]int64{"listen": 2}, Listeners: []Listener{{}, {}}},
		}
		if change != nil {
			change(s)
		}
		return s
	}
	quiet := glance{counted: true, full: 7, mini: 2, listeners: 2, arrivals: true}
	troubled := quiet
	troubled.troubled = true
	untouched := quiet
	untouched.arrivals = false
	unread := quiet
	unread.listeners = 0
	tests := []struct {
		name      string
		from, now *Snapshot
		want      glance
	}{
		{"quiet", snapshot(nil), snapshot(nil), quiet},
		{"no window", nil, snapshot(nil), quiet},
		{"drops", snapshot(nil), snapshot(func(s *Snapshot) { s.Counters["TcpExt.ListenDrops"]++ }), troubled},
		{"queue", nil, snapshot(func(s *Snapshot) { s.Sockets.Listeners[1].Queue = 1 }), troubled},
		{"drops of a listener", nil, snapshot(func(s *Snapshot) { s.Sockets.Listeners[1].Drops = &drops }), troubled},
		{"nothing arrived", nil, snapshot(func(s *Snapshot) { s.Counters["Tcp.InSegs"] = 0 }), untouched},
		{"counters unknown", snapshot(nil), snapshot(func(s *Snapshot) { s.Counters = nil }), quiet},
		{"no sockets", nil, snapshot(func(s *Snapshot) { s.Sockets = nil }), unread},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, test.now.glance(test.from), cmp.AllowUnexported(glance{})); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.name, diff)
		}
	}
}

// TestDepths: what is asked for at each depth, and what is known then.
func TestDepths(t *testing.T) {
	f := &fakeTable{method: sockdiag.MethodSockDiag}
	f.sockets = append(f.sockets, sockdiag.Socket{State: sockdiag.StateListen}, sockdiag.Socket{State: sockdiag.StateCloseWait})
	for _, test := range []struct {
		depth    depth
		requests int
		states   map[string]int64
		complete bool
	}{
		{depthListeners, 1, map[string]int64{"listen": 1}, false},
		{depthAll, 2, map[string]int64{"listen": 1, "close_wait": 1, "established": 0, "time_wait": 0}, true},
	} {
		f.requests = nil
		tr := &tiers{dumper: f, fold: newFold(PortRange{}, PortSet{}, time.Second), counts: f.sockstat, depth: test.depth}
		if err := tr.collect(context.Background()); err != nil {
			t.Fatal(err)
		}
		got := tr.fold.finish()
		if diff := cmp.Diff(test.states, got.States); diff != "" || len(f.requests) != test.requests || got.Complete != test.complete {
			t.Errorf("depth %d: %d requests, complete %v, states (-want +got)\n%s", test.depth, len(f.requests), got.Complete, diff)
		}
	}
	f.sockets, f.requests = f.sockets[:1], nil
	tr := &tiers{dumper: f, fold: newFold(PortRange{}, PortSet{}, time.Second), counts: f.sockstat, depth: depthCounts}
	if err := tr.collect(context.Background()); err != nil {
		t.Fatal(err)
	}
	got := tr.fold.finish()
	want := map[string]int64{"listen": 1, "established": 0, "time_wait": 0}
	if diff := cmp.Diff(want, got.States); diff != "" || len(f.requests) != 1 || !got.Complete || got.Counted != "sockstat" {
		t.Errorf("only listeners: %d requests, %+v, states (-want +got)\n%s", len(f.requests), got, diff)
	}
}
