// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tcptune/tcptune/internal/procnet"
)

// TestStart keeps what a first snapshot of a window has, and nothing that only
// the second one has: what is added to Snapshot must be decided upon here.
func TestStart(t *testing.T) {
	s := sampleWindow().To
	got := s.Start()
	dropped := []string{"Uplink", "Files", "Sysctls", "Absent", "Lines", "LinesRead", "Config", "Units", "UnitsRead", "Processes"}
	opts := cmp.Options{
		cmpopts.IgnoreFields(Snapshot{}, append(dropped, "Sockets", "Conntrack")...),
		cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{}),
	}
	if diff := cmp.Diff(s, got, opts); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, name := range dropped {
		if v := reflect.ValueOf(got).Elem().FieldByName(name); !v.IsZero() {
			t.Errorf("%s is kept: %v", name, v)
		}
	}
	unused := []string{"Destinations", "Closer", "Clients", "TimeWait"}
	if diff := cmp.Diff(s.Sockets, got.Sockets, cmpopts.IgnoreFields(Sockets{}, append(unused, "Sample")...), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("sockets (-want +got)\n%s", diff)
	}
	for _, name := range unused {
		if v := reflect.ValueOf(got.Sockets).Elem().FieldByName(name); !v.IsZero() {
			t.Errorf("sockets: %s is kept: %v", name, v)
		}
	}
	if got.Sockets.Sample != s.Sockets.Sample || got.Conntrack.Table != nil || *got.Conntrack.Drops != *s.Conntrack.Drops {
		t.Errorf("unexpected %+v", got)
	}
	if again := got.Start(); !reflect.DeepEqual(got, again) {
		t.Errorf("twice: %+v, then %+v", got, again)
	}
	if empty := (&Snapshot{}).Start(); !reflect.DeepEqual(empty, &Snapshot{}) {
		t.Errorf("of nothing: %+v", empty)
	}
}

// TestStartWorn lets go of slices that narrowed when there were many more
// connections.
func TestStartWorn(t *testing.T) {
	for _, test := range []struct {
		established int64
		width       uint16
		kept        bool
	}{
		{10, sliceStride, true}, {10, sliceStride / 4, true}, {10, sliceStride/4 - 1, false},
		{1 << 20, sliceWidth(1 << 20), true}, {1 << 20, 3, true}, {1 << 20, minSlice, false}, {1 << 30, minSlice, true}, {100_000, minSlice, false},
	} {
		sample := &Sample{Established: test.established, Slices: Slices{Width: test.width}}
		s := &Snapshot{Sockets: &Sockets{Sample: sample}}
		if got := s.Start().Sockets.Sample; (got != nil) != test.kept || s.Sockets.Sample != sample {
			t.Errorf("%+v: kept %v", test, got)
		}
	}
}

func TestFell(t *testing.T) {
	w := &Window{
		From: &Snapshot{Counters: procnet.Counters{"Tcp.OutSegs": 9, "Tcp.InSegs": 9, "Tcp.CurrEstab": 9, "TcpExt.ListenDrops": 1, "TcpExt.Gone": 1, "Tcp.MaxConn": -1}},
		To:   &Snapshot{Counters: procnet.Counters{"Tcp.OutSegs": 8, "Tcp.InSegs": 10, "Tcp.CurrEstab": 3, "TcpExt.ListenDrops": 0, "TcpExt.New": 0, "Tcp.MaxConn": -1}},
	}
	if got, want := w.Fell(), []string{"Tcp.OutSegs", "TcpExt.ListenDrops"}; !slices.Equal(got, want) {
		t.Errorf("fell %q, want %q", got, want)
	}
	w.From = nil
	if got := w.Fell(); got != nil {
		t.Errorf("without a start: %q", got)
	}
}
