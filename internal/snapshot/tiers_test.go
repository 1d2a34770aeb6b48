// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// fakeTable is a socket table that answers as the kernel does: in one order,
// by state and port.
type fakeTable struct {
	sockets  []sockdiag.Socket
	method   string
	requests []sockdiag.Request
	fail     func(sockdiag.Request) error // nil never fails
}

func (f *fakeTable) Dump(_ context.Context, r sockdiag.Request, fn func(*sockdiag.Socket) error) (sockdiag.Summary, error) {
	f.requests = append(f.requests, r)
	summary := sockdiag.Summary{Method: f.method}
	for _, s := range f.sockets {
		if !r.States.Has(s.State) || !r.Filter.Match(&s) {
			continue
		}
		summary.Sockets++
		if err := fn(&s); err != nil {
			if errors.Is(err, sockdiag.ErrStop) {
				return summary, nil
			}
			return summary, err
		}
	}
	if f.fail != nil {
		if err := f.fail(r); err != nil {
			return summary, err
		}
	}
	summary.Complete = true
	return summary, nil
}

// sockstat counts as the kernel does: half-open requests and mini-sockets are
// no full sockets.
func (f *fakeTable) sockstat() (full, mini int64, ok bool) {
	for _, s := range f.sockets {
		switch {
		case s.Timer == sockdiag.TimerTimeWait:
			mini++
		case s.State != sockdiag.StateSynRecv:
			full++
		}
	}
	return full, mini, true
}

func (f *fakeTable) collect(tb tester, ports PortRange, reserved PortSet) *Sockets {
	tb.Helper()
	t := &tiers{dumper: f, fold: newFold(ports, reserved, time.Second), counts: f.sockstat}
	if err := t.collect(context.Background()); err != nil {
		tb.Fatal(err)
	}
	return t.fold.finish()
}

// use is the naive answer: how many ports of the range each destination has in
// use, listeners' included.
func (f *fakeTable) use(ports PortRange, reserved PortSet) map[string]int64 {
	listening := make(map[uint16]bool)
	var held int64
	for _, s := range f.sockets {
		if port := s.Source.Port(); s.State == sockdiag.StateListen && !listening[port] {
			listening[port] = true
			if port >= ports.Low && port <= ports.High && !reserved.Has(port) {
				held++
			}
		}
	}
	use := make(map[string]int64)
	for _, s := range f.sockets {
		port := s.Source.Port()
		if s.State == sockdiag.StateListen || listening[port] || port < ports.Low || port > ports.High || reserved.Has(port) {
			continue
		}
		use[fmt.Sprint(s.Source.Addr(), s.Destination)]++
	}
	for d := range use {
		use[d] += held
	}
	return use
}

// verdict is what rules conclude: who reaches which threshold, and how full
// the range is at most.
type verdict struct {
	Half, Eighty, NinetyFive []string
	Max                      int64 // 0 below half
}

func newVerdict(use map[string]int64, size int64) verdict {
	var v verdict
	for d, n := range use {
		share := float64(n) / float64(size)
		for threshold, list := range map[float64]*[]string{0.5: &v.Half, 0.8: &v.Eighty, 0.95: &v.NinetyFive} {
			if share >= threshold {
				*list = append(*list, d)
			}
		}
		if share >= 0.5 {
			v.Max = max(v.Max, n)
		}
	}
	slices.Sort(v.Half)
	slices.Sort(v.Eighty)
	slices.Sort(v.NinetyFive)
	return v
}

// check compares what the tiers found with the naive answer.
func (f *fakeTable) check(tb tester, got *Sockets, ports PortRange, reserved PortSet) {
	tb.Helper()
	naive := f.use(ports, reserved)
	want := newVerdict(naive, got.Ports.Size())
	use := make(map[string]int64)
	for _, d := range got.Destinations {
		use[fmt.Sprint(d.Source, d.Peer)] = d.Ports() + int64(got.Ports.Held)
	}
	switch {
	case got.Closer.Looked:
		if diff := cmp.Diff(want, newVerdict(use, got.Ports.Size())); diff != "" {
			tb.Fatalf("verdict (-naive +tiers)\n%s", diff)
		}
	case got.Closer.AtMost == nil:
		tb.Fatalf("neither looked nor bounded: %+v", got.Closer)
	default:
		if len(want.Half) > 0 {
			tb.Fatalf("tiers hid %v: %+v, range %+v", want.Half, got.Closer, got.Ports)
		}
		for d, n := range naive {
			if n > *got.Closer.AtMost {
				tb.Fatalf("%s uses %d ports, more than AtMost %d", d, n, *got.Closer.AtMost)
			}
		}
		if float64(*got.Closer.AtMost) >= 0.5*float64(got.Ports.Size()) {
			tb.Fatalf("AtMost %d settles nothing of %d", *got.Closer.AtMost, got.Ports.Size())
		}
	}
	counted := make(map[string]int64)
	for _, s := range f.sockets {
		counted[s.State.String()]++
	}
	for state, n := range got.States {
		if n != counted[state] {
			tb.Fatalf("%d sockets %s, want %d", n, state, counted[state])
		}
	}
}

var (
	here     = netip.MustParseAddr("192.0.2.1")
	anywhere = netip.MustParseAddr("0.0.0.0")
)

func peer(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(n >> 8), byte(n)}), 443)
}

func listener(port uint16) sockdiag.Socket {
	return sockdiag.Socket{
		State: sockdiag.StateListen, Source: netip.AddrPortFrom(anywhere, port),
		Destination: netip.AddrPortFrom(anywhere, 0), Inode: uint32(port), BacklogKnown: true, SendQueue: 128,
	}
}

// outgoing is a socket with a port that connect() chose.
func outgoing(state sockdiag.State, port uint16, to netip.AddrPort) sockdiag.Socket {
	s := sockdiag.Socket{State: state, Source: netip.AddrPortFrom(here, port), Destination: to, UID: 1000, Inode: 7}
	if state == sockdiag.StateTimeWait {
		s.Timer, s.Expires, s.UID, s.Inode = sockdiag.TimerTimeWait, 30*time.Second, 0, 0
	}
	return s
}

// drawPorts draws a small range, reserved ports and listeners in and around it.
func drawPorts(t *rapid.T) (ports PortRange, reserved PortSet, listeners []uint16) {
	low := rapid.IntRange(1024, 60000).Draw(t, "low")
	size := rapid.IntRange(1, 120).Draw(t, "size")
	ports = PortRange{Low: uint16(low), High: uint16(low + size - 1), Known: true}
	near := rapid.IntRange(low-5, low+size+5)
	for _, p := range rapid.SliceOfN(near, 0, 10).Draw(t, "reserved") {
		if reserved.Add(uint16(p)) && ports.Contains(uint16(p)) {
			ports.Reserved++
		}
	}
	for _, p := range rapid.SliceOfN(near, 0, 10).Draw(t, "listeners") {
		listeners = append(listeners, uint16(p))
	}
	return ports, reserved, listeners
}

// TestTiersVerdict: on random tables the tiers come to the verdict of a dump of
// everything.
func TestTiersVerdict(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ports, reserved, listeners := drawPorts(t)
		table := &fakeTable{method: sockdiag.MethodSockDiag}
		for _, p := range listeners {
			table.sockets = append(table.sockets, listener(p), listener(p)) // SO_REUSEPORT
		}
		states := rapid.SampledFrom([]sockdiag.State{
			sockdiag.StateEstablished, sockdiag.StateEstablished, sockdiag.StateTimeWait, sockdiag.StateTimeWait,
			sockdiag.StateSynSent, sockdiag.StateCloseWait, sockdiag.StateFinWait1, sockdiag.StateFinWait2,
			sockdiag.StateLastAck, sockdiag.StateClosing,
		})
		span := int(ports.High) - int(ports.Low) + 11
		for d := range rapid.IntRange(0, 5).Draw(t, "destinations") {
			// Distinct local ports, as the four-tuple demands.
			order := rapid.Permutation(seq(int(ports.Low)-5, span)).Draw(t, "order")
			for _, p := range order[:rapid.IntRange(0, span).Draw(t, "ports")] {
				s := outgoing(states.Draw(t, "state"), uint16(p), peer(d))
				if s.State == sockdiag.StateFinWait2 && rapid.Bool().Draw(t, "orphan") {
					s.Timer, s.Inode = sockdiag.TimerTimeWait, 0
				}
				table.sockets = append(table.sockets, s)
			}
		}
		for i := range rapid.IntRange(0, 30).Draw(t, "half-open") {
			s := outgoing(sockdiag.StateSynRecv, 80, peer(i))
			s.Inode = 0
			table.sockets = append(table.sockets, s)
		}
		if ports.Size() == 0 {
			return
		}
		table.check(t, table.collect(t, ports, reserved), ports, reserved)
	})
}

// tester is what testing.T and rapid.T share.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func seq(first, n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = first + i
	}
	return list
}

// TestTiersSample: a sample may end the dump of a large table early, and never
// hides a destination that has half of the range.
func TestTiersSample(t *testing.T) {
	ports := PortRange{Low: 20000, High: 23999, Known: true}
	tests := []struct {
		name    string
		bulk    int // destinations that share the rest of the sockets
		each    int // sockets to each of them
		largest int // sockets to one more
		held    int // listeners in the range
		sampled bool
	}{
		{"many small ones", 400, 125, 0, 0, true},
		{"few larger ones", 60, 800, 0, 0, true},
		{"just below half", 400, 120, 1999, 0, false},
		{"exactly half", 400, 120, 2000, 0, false},
		{"exactly half with the listeners", 400, 120, 1990, 10, false},
		{"80 percent", 400, 120, 3200, 0, false},
		{"95 percent of a very large table", 1200, 100, 3800, 0, false},
		{"all of it", 400, 120, 4000, 0, false},
		{"too small a table for a sample", 240, 125, 100, 0, false},
		{"listeners hold nearly half", 400, 125, 0, 1900, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(2) {
				random := rand.New(rand.NewPCG(seed, 1))
				table := &fakeTable{method: sockdiag.MethodSockDiag}
				for i := range tt.held {
					table.sockets = append(table.sockets, listener(ports.High-uint16(i)))
				}
				// As connect() would, from a random port on: destinations share ports.
				add := func(to netip.AddrPort, n int) {
					start, free := random.IntN(4000), 4000-tt.held
					for i := range n {
						table.sockets = append(table.sockets, outgoing(sockdiag.StateEstablished, ports.Low+uint16((start+i)%free), to))
					}
				}
				for d := range tt.bulk {
					add(peer(d), tt.each)
				}
				add(peer(60000), tt.largest)
				random.Shuffle(len(table.sockets), func(i, j int) {
					table.sockets[i], table.sockets[j] = table.sockets[j], table.sockets[i]
				})
				got := table.collect(t, ports, PortSet{})
				table.check(t, got, ports, PortSet{})
				if sampled := got.Closer.Sampled == sampleSize; sampled != tt.sampled || sampled == got.Closer.Looked {
					t.Errorf("closer %+v, want sampled %v", got.Closer, tt.sampled)
				}
			}
		})
	}
}

// TestTiersSampleClient: a client that binds before it connects uses each port
// once; a sample that settles the destinations must not settle such a client.
func TestTiersSampleClient(t *testing.T) {
	ports := PortRange{Low: 1024, High: 65535, Known: true}
	for _, tt := range []struct {
		name  string
		early bool // bind() before connect()
	}{
		{"ports shared", false},
		{"ports never shared", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table := &fakeTable{method: sockdiag.MethodSockDiag}
			for i := range 50000 {
				port := ports.Low + uint16(i)
				if !tt.early {
					port = ports.Low + uint16(i/50)
				}
				table.sockets = append(table.sockets, outgoing(sockdiag.StateEstablished, port, peer(i%50)))
			}
			rand.New(rand.NewPCG(1, 1)).Shuffle(len(table.sockets), func(i, j int) {
				table.sockets[i], table.sockets[j] = table.sockets[j], table.sockets[i]
			})
			got := table.collect(t, ports, PortSet{})
			if got.Closer.Looked != tt.early || len(got.Clients) != 1 {
				t.Fatalf("closer %+v, clients %+v", got.Closer, got.Clients)
			}
			if c := got.Clients[0]; tt.early && (c.Ports != 50000 || c.Sockets != 50000 || c.Destinations != 50) {
				t.Errorf("client %+v", c)
			}
		})
	}
}

// TestTiersRequests: what is asked of the kernel, and that cheap tables are not
// walked twice.
func TestTiersRequests(t *testing.T) {
	ports := PortRange{Low: 20000, High: 20099, Known: true}
	listen := sockdiag.Request{States: sockdiag.StatesOf(sockdiag.StateListen), Extensions: sockdiag.WithMemory}
	open := sockdiag.Request{
		States:     sockdiag.AllStates &^ sockdiag.StatesOf(sockdiag.StateListen, sockdiag.StateEstablished, sockdiag.StateTimeWait),
		Extensions: sockdiag.WithInfo,
	}
	inRange := sockdiag.Filter{SourcePorts: sockdiag.PortRange{First: 20000, Last: 20099}}
	timeWait := sockdiag.Request{States: sockdiag.StatesOf(sockdiag.StateTimeWait)}
	established := sockdiag.Request{States: sockdiag.StatesOf(sockdiag.StateEstablished), Filter: inRange}
	rest := sockdiag.Request{States: sockdiag.AllStates &^ sockdiag.StatesOf(sockdiag.StateListen)}
	filtered := timeWait
	filtered.Filter = inRange
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
			want: []sockdiag.Request{listen, open}, tiers: []int{0, 1},
			closer: Closer{AtMost: ptr[int64](49), Why: "too few sockets to use half of the ephemeral port range"},
		},
		{
			name: "half", sockets: map[sockdiag.State]int{sockdiag.StateEstablished: 30, sockdiag.StateTimeWait: 20}, ports: ports,
			want: []sockdiag.Request{listen, open, filtered, established}, tiers: []int{0, 1, 2}, closer: Closer{Looked: true},
		},
		{
			name: "half by other states", sockets: map[sockdiag.State]int{sockdiag.StateCloseWait: 50}, ports: ports,
			want: []sockdiag.Request{listen, open, filtered, established}, tiers: []int{0, 1, 2}, closer: Closer{Looked: true},
		},
		{
			name: "much TIME_WAIT on a wide range", sockets: map[sockdiag.State]int{sockdiag.StateTimeWait: 1000},
			ports: PortRange{Low: 1024, High: 65535, Known: true},
			want:  []sockdiag.Request{listen, open, timeWait}, tiers: []int{0, 1, 2},
			closer: Closer{AtMost: ptr[int64](1000), Why: "too few sockets to use half of the ephemeral port range"},
		},
		{
			name: "range unknown", sockets: map[sockdiag.State]int{sockdiag.StateEstablished: 100},
			want: []sockdiag.Request{listen, open}, tiers: []int{0, 1},
			closer: Closer{Why: "the ephemeral port range is not known, or empty"},
		},
		{
			name: "range unknown, much TIME_WAIT", sockets: map[sockdiag.State]int{sockdiag.StateTimeWait: 1000},
			want: []sockdiag.Request{listen, open, timeWait}, tiers: []int{0, 1, 2},
			closer: Closer{Why: "the ephemeral port range is not known, or empty"},
		},
		{
			name: "start of a window", sockets: map[sockdiag.State]int{sockdiag.StateEstablished: 100}, ports: ports, openOnly: true,
			want: []sockdiag.Request{listen, open}, tiers: []int{0, 1},
		},
		{
			name: "without sockstat", sockets: map[sockdiag.State]int{sockdiag.StateEstablished: 3}, ports: ports, noCounts: true,
			want:  []sockdiag.Request{listen, open, {States: sockdiag.StatesOf(sockdiag.StateEstablished, sockdiag.StateTimeWait)}},
			tiers: []int{1, 2}, closer: Closer{Looked: true},
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
			if known := len(tt.want) > 2 && tt.want[2].Filter == (sockdiag.Filter{}) || tt.method == sockdiag.MethodProc; known != (got.TimeWait != nil) {
				t.Errorf("TimeWait %+v", got.TimeWait)
			}
		})
	}
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

// TestTiersTooManyDestinations: sockets that fit into no group make the answer
// unknown where together they could matter.
func TestTiersTooManyDestinations(t *testing.T) {
	for _, tt := range []struct {
		name  string
		high  uint16
		known bool
	}{
		{"could not matter", 61023, true},
		{"could matter", 1033, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ports := PortRange{Low: 1024, High: tt.high, Known: true}
			table := &fakeTable{method: sockdiag.MethodProc}
			for i := range maxDestinations + 10 {
				to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}), uint16(443+i>>16))
				table.sockets = append(table.sockets, outgoing(sockdiag.StateEstablished, 1024, to))
			}
			got := table.collect(t, ports, PortSet{})
			if got.Closer.Looked != tt.known || got.Complete || len(got.Destinations) != maxKept {
				t.Errorf("closer %+v, complete %v, %d destinations", got.Closer, got.Complete, len(got.Destinations))
			}
			if !tt.known && got.Closer.Why == "" {
				t.Error("no reason")
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }
