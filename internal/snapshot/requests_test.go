// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// TestTiersRequests: what is asked of the kernel, and that cheap tables are not
// walked twice.
func TestTiersRequests(t *testing.T) {
	ports := PortRange{Low: 20000, High: 20099, Known: true}
	listen := sockdiag.Request{States: sockdiag.StatesOf(sockdiag.StateListen), Extensions: sockdiag.WithMemory}
	open := sockdiag.Request{
		States:     sockdiag.AllStates &^ sockdiag.StatesOf(sockdiag.StateListen, sockdiag.StateEstablished, sockdiag.StateTimeWait),
		Extensions: sockdiag.WithInfo,
	}
	sample := sockdiag.Request{
		States: sockdiag.StatesOf(sockdiag.StateEstablished), Extensions: sockdiag.WithInfo | sockdiag.WithMemory | sockdiag.WithCongestion,
	}
	inRange := sockdiag.Filter{SourcePorts: sockdiag.PortRange{First: 20000, Last: 20099}}
	openAndTimeWait := sockdiag.Request{States: open.States | sockdiag.StatesOf(sockdiag.StateTimeWait), Extensions: open.Extensions}
	established := sockdiag.Request{States: sockdiag.StatesOf(sockdiag.StateEstablished), Filter: inRange}
	rest := sockdiag.Request{States: sockdiag.AllStates &^ sockdiag.StatesOf(sockdiag.StateListen)}
	both := sockdiag.Request{States: sockdiag.StatesOf(sockdiag.StateEstablished, sockdiag.StateTimeWait), Filter: inRange}
	tests := []struct {
		name     string
		sockets  map[sockdiag.State]int
		ports    PortRange
		method   string
		noCounts bool
		openOnly bool
		want     []sockdiag.Request
		tiers    []int
		closer   Closer
	}{
		{
			name: "few sockets", sockets: map[sockdiag.State]int{sockdiag.StateEstablished: 30, sockdiag.StateTimeWait: 19}, ports: ports,
			want: []sockdiag.Request{listen, open, sample}, tiers: []int{0, 1, 3},
			closer: Closer{AtMost: ptr[int64](49), Why: "too few sockets to use half of the ephemeral port range"},
		},
		{
			name: "half", sockets: map[sockdiag.State]int{sockdiag.StateEstablished: 30, sockdiag.StateTimeWait: 20}, ports: ports,
			want: []sockdiag.Request{listen, open, both, sample}, tiers: []int{0, 1, 2, 3}, closer: Closer{Looked: true},
		},
		{
			name: "half by other states", sockets: map[sockdiag.State]int{sockdiag.StateCloseWait: 50}, ports: ports,
			want: []sockdiag.Request{listen, open}, tiers: []int{0, 1}, closer: Closer{Looked: true}, // nothing else is there
		},
		{
			name: "all by TIME_WAIT", sockets: map[sockdiag.State]int{sockdiag.StateTimeWait: 100}, ports: ports,
			want: []sockdiag.Request{listen, openAndTimeWait}, tiers: []int{0, 1, 2}, closer: Closer{Looked: true},
		},
		{
			name: "nearly all by TIME_WAIT", sockets: map[sockdiag.State]int{sockdiag.StateTimeWait: 100, sockdiag.StateEstablished: 1}, ports: ports,
			want: []sockdiag.Request{listen, openAndTimeWait, established, sample}, tiers: []int{0, 1, 2, 3}, closer: Closer{Looked: true},
		},
		{
			name: "much TIME_WAIT on a wide range", sockets: map[sockdiag.State]int{sockdiag.StateTimeWait: 1000},
			ports: PortRange{Low: 1024, High: 65535, Known: true},
			want:  []sockdiag.Request{listen, openAndTimeWait}, tiers: []int{0, 1, 2},
			closer: Closer{AtMost: ptr[int64](1000), Why: "too few sockets to use half of the ephemeral port range"},
		},
		{
			name: "range unknown", sockets: map[sockdiag.State]int{sockdiag.StateEstablished: 100},
			want: []sockdiag.Request{listen, open, sample}, tiers: []int{0, 1, 3},
			closer: Closer{Why: "the ephemeral port range is not known, or empty"},
		},
		{
			name: "range unknown, much TIME_WAIT", sockets: map[sockdiag.State]int{sockdiag.StateTimeWait: 1000},
			want: []sockdiag.Request{listen, openAndTimeWait}, tiers: []int{0, 1, 2},
			closer: Closer{Why: "the ephemeral port range is not known, or empty"},
		},
		{
			name: "start of a window", sockets: map[sockdiag.State]int{sockdiag.StateEstablished: 100}, ports: ports, openOnly: true,
			want: []sockdiag.Request{listen, open, sample}, tiers: []int{0, 1, 3},
		},
		{
			name: "without sockstat", sockets: map[sockdiag.State]int{sockdiag.StateEstablished: 3}, ports: ports, noCounts: true,
			want:  []sockdiag.Request{listen, open, {States: sockdiag.StatesOf(sockdiag.StateEstablished, sockdiag.StateTimeWait)}, sample},
			tiers: []int{1, 2, 3}, closer: Closer{Looked: true},
		},
		{
			name: "start of a window without sockstat", sockets: map[sockdiag.State]int{sockdiag.StateCloseWait: 3}, ports: ports, noCounts: true, openOnly: true,
			want: []sockdiag.Request{listen, open}, tiers: []int{0, 1},
		},
		{
			name: "text tables", sockets: map[sockdiag.State]int{sockdiag.StateEstablished: 3}, ports: ports, method: sockdiag.MethodProc,
			want: []sockdiag.Request{listen, rest}, tiers: []int{1, 2}, closer: Closer{Looked: true},
		},
		{
			name: "text tables, range unknown", method: sockdiag.MethodProc,
			want: []sockdiag.Request{listen, rest}, tiers: []int{1, 2},
			closer: Closer{Why: "the ephemeral port range is not known, or empty"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := &fakeTable{method: tt.method}
			if table.method == "" {
				table.method = sockdiag.MethodSockDiag
			}
			for state, n := range tt.sockets {
				for i := range n {
					table.sockets = append(table.sockets, outgoing(state, 20000+uint16(i), peer(0)))
				}
			}
			tiers := &tiers{dumper: table, fold: newFold(tt.ports, PortSet{}, time.Second), counts: table.sockstat, openOnly: tt.openOnly}
			if tt.noCounts {
				tiers.counts = func() (int64, int64, bool) { return 0, 0, false }
			}
			if err := tiers.collect(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := tiers.fold.finish()
			if diff := cmp.Diff(tt.want, table.requests); diff != "" {
				t.Errorf("requests (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(tt.tiers, got.Tiers); diff != "" {
				t.Errorf("tiers (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(tt.closer, got.Closer); diff != "" {
				t.Errorf("closer (-want +got)\n%s", diff)
			}
			if got.Method != table.method || !got.Complete {
				t.Errorf("method %q, complete %v", got.Method, got.Complete)
			}
			for state, n := range tt.sockets {
				if got.States[state.String()] != int64(n) {
					t.Errorf("%s %d, want %d", state, got.States[state.String()], n)
				}
			}
			if known := slices.ContainsFunc(tt.want, wholeTimeWait); known != (got.TimeWait != nil) {
				t.Errorf("TimeWait %+v", got.TimeWait)
			}
		})
	}
}

// wholeTimeWait reports whether all TIME_WAIT sockets are asked for.
func wholeTimeWait(r sockdiag.Request) bool {
	return r.States.Has(sockdiag.StateTimeWait) && reflect.ValueOf(r.Filter).IsZero()
}

// TestTiersErrors: an error of any dump is told, and a walk that takes too long
// leaves nothing that looks counted.
func TestTiersErrors(t *testing.T) {
	ports := PortRange{Low: 20000, High: 20009, Known: true}
	broken := errors.New("broken")
	for i := range 4 {
		table := &fakeTable{method: sockdiag.MethodSockDiag}
		for p := range 10 {
			table.sockets = append(table.sockets, outgoing(sockdiag.StateEstablished, 20000+uint16(p), peer(0)))
		}
		calls := 0
		table.fail = func(sockdiag.Request) error {
			if calls++; calls == i+1 {
				return broken
			}
			return nil
		}
		tiers := &tiers{dumper: table, fold: newFold(ports, PortSet{}, time.Second), counts: table.sockstat}
		if err := tiers.collect(t.Context()); !errors.Is(err, broken) {
			t.Errorf("dump %d: %v", i, err)
		}
	}
	t.Run("without sockstat", func(t *testing.T) {
		table := &fakeTable{method: sockdiag.MethodSockDiag, fail: func(r sockdiag.Request) error {
			if r.States.Has(sockdiag.StateEstablished) {
				return broken
			}
			return nil
		}}
		tiers := &tiers{dumper: table, fold: newFold(ports, PortSet{}, time.Second), counts: func() (int64, int64, bool) { return 0, 0, false }}
		if err := tiers.collect(t.Context()); !errors.Is(err, broken) {
			t.Error(err)
		}
	})
}

// slowTable waits for the end of its context in the dumps of one state.
type slowTable struct {
	fakeTable
	slow sockdiag.State
}

func (s *slowTable) Dump(ctx context.Context, r sockdiag.Request, fn func(*sockdiag.Socket) error) (sockdiag.Summary, error) {
	summary, err := s.fakeTable.Dump(ctx, r, fn)
	if r.States == sockdiag.StatesOf(s.slow) {
		<-ctx.Done()
		return summary, &sockdiag.Error{Op: "receive", Err: ctx.Err()}
	}
	return summary, err
}

func TestTiersBudget(t *testing.T) {
	ports := PortRange{Low: 20000, High: 20009, Known: true}
	for _, slow := range []sockdiag.State{sockdiag.StateTimeWait, sockdiag.StateEstablished} {
		table := &slowTable{fakeTable: fakeTable{method: sockdiag.MethodSockDiag}, slow: slow}
		for p := range 10 {
			table.sockets = append(table.sockets, outgoing(sockdiag.StateEstablished, 20000+uint16(p), peer(0)))
		}
		if slow == sockdiag.StateTimeWait { // without many the two states are one dump
			for p := range 10 * timeWaitMatters { // and for more there is no time in the walk of the other states
				table.sockets = append(table.sockets, outgoing(slow, 30000+uint16(p), peer(0)))
			}
		}
		tiers := &tiers{dumper: table, fold: newFold(ports, PortSet{}, time.Second), counts: table.sockstat, budget: time.Millisecond}
		if err := tiers.collect(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := tiers.fold.finish()
		want := Closer{Why: "walking the socket table took longer than 1ms"}
		if diff := cmp.Diff(want, got.Closer); diff != "" {
			t.Errorf("closer (-want +got)\n%s", diff)
		}
		if got.Complete || got.TimeWait != nil || got.States["established"] != 10 {
			t.Errorf("complete %v, TimeWait %v, states %v", got.Complete, got.TimeWait, got.States)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		tiers.fold = newFold(ports, PortSet{}, time.Second)
		if err := tiers.collect(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
}
