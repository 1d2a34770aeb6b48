// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

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

// tester is what testing.T and rapid.T share.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func ptr[T any](v T) *T { return &v }
