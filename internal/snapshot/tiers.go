// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// The collection tiers, cheapest first. A dump that asks for anything but
// listeners walks the established hash of the whole machine; copying a socket
// to user space costs about seven times that walk.
const (
	tierText    = 0 // /proc text: how many ESTABLISHED and TIME_WAIT there are
	tierOpen    = 1 // listeners, and every state but ESTABLISHED and TIME_WAIT
	tierCloser  = 2 // ESTABLISHED and TIME_WAIT with a port of the ephemeral range
	tierSample  = 3 // a sample of ESTABLISHED with all that the kernel measures of them
	tierHolders = 4 // processes, through /proc/PID/fd
)

// closerShare is the share of the ephemeral range from which on rules care
// about a destination: below it connect() finds a port at once.
const closerShare = 0.5

// timeWaitMatters is the number of TIME_WAIT sockets from which on rules say
// where they belong.
const timeWaitMatters = 100

// closerBudget bounds how long each of the tiers 2 and 3 may take.
const closerBudget = 10 * time.Second

// dumper walks the TCP socket table; sockdiag.Client and sockdiag.ProcTable do.
type dumper interface {
	Dump(context.Context, sockdiag.Request, func(*sockdiag.Socket) error) (sockdiag.Summary, error)
}

// tiers collects the sockets of one network namespace tier by tier.
type tiers struct {
	dumper dumper
	fold   *fold
	// counts returns how many sockets sockstat has now: full sockets (IPv4
	// and IPv6) and mini-sockets. It is not ok without sockstat.
	counts func() (full, mini int64, ok bool)
	// openOnly leaves tier 2 out, for the start of a window.
	openOnly bool
	depth    depth         // how far to look, of several namespaces
	before   *Sample       // of the start of the window, nil when there is none
	budget   time.Duration // of the tiers 2 and 3; 0 is closerBudget
}

// collect enters the tiers that are needed.
func (t *tiers) collect(ctx context.Context) error {
	out := t.fold.out
	listen := sockdiag.StatesOf(sockdiag.StateListen)
	if err := t.dump(ctx, sockdiag.Request{States: listen, Extensions: sockdiag.WithMemory}); err != nil {
		return fmt.Errorf("list listeners: %w", err)
	}
	if t.depth == depthListeners {
		t.onlyListeners()
		return nil
	}
	if out.Method == sockdiag.MethodProc {
		// Text tables are read whole in any case.
		t.fold.sample = t.newSample(0)
		err := t.collectRest(ctx, sockdiag.AllStates&^listen)
		t.fold.sample.Established = out.States[sockdiag.StateEstablished.String()]
		return err
	}
	closer := sockdiag.StatesOf(sockdiag.StateEstablished, sockdiag.StateTimeWait)
	open := sockdiag.AllStates &^ listen &^ closer
	out.Tiers = []int{tierText}
	if t.depth != depthCounts {
		if err := t.dumpOpen(ctx, open); err != nil {
			return fmt.Errorf("list sockets: %w", err)
		}
	}
	var err error
	switch counted := t.countFromSockstat(); {
	case t.openOnly && !counted:
		return nil
	case t.openOnly:
	case !counted:
		err = t.collectRest(ctx, closer)
	default:
		err = t.lookCloser(ctx)
	}
	if err != nil {
		return err
	}
	return t.lookAtEstablished(ctx)
}

// timeWaitCost is more than one TIME_WAIT socket costs to copy and group.
const timeWaitCost = 5 * time.Microsecond

// dumpOpen dumps the given states, and with the same walk TIME_WAIT where those
// matter and there is time for them.
func (t *tiers) dumpOpen(ctx context.Context, states sockdiag.States) error {
	t.entered(tierOpen)
	_, mini, ok := t.counts()
	if ok && !t.openOnly && mini >= timeWaitMatters && time.Duration(mini)*timeWaitCost < t.allow(ctx) {
		t.entered(tierCloser)
		t.fold.timeWait = newTimeWaitFold()
		states |= sockdiag.StatesOf(sockdiag.StateTimeWait)
	}
	return t.dump(ctx, sockdiag.Request{States: states, Extensions: sockdiag.WithInfo})
}

// collectRest dumps the given states whole.
func (t *tiers) collectRest(ctx context.Context, states sockdiag.States) error {
	t.fold.timeWait = newTimeWaitFold()
	if err := t.dump(ctx, sockdiag.Request{States: states}); err != nil {
		return fmt.Errorf("list sockets: %w", err)
	}
	out := t.fold.out
	out.Tiers = []int{tierOpen, tierCloser}
	out.Counted = "dump"
	if _, mini, ok := t.counts(); ok {
		out.Mini = &mini
	}
	if limit, ok := t.limit(); ok {
		t.looked(limit)
	}
	return nil
}

// limit is the number of ports from which on a destination matters. It is not
// ok, and the result says so, where the range is not known.
func (t *tiers) limit() (ports int64, ok bool) {
	out := t.fold.out
	if out.Ports.Size() <= 0 {
		out.Closer.Why = "the ephemeral port range is not known, or empty"
		return 0, false
	}
	return int64(closerShare * float64(out.Ports.Size())), true
}

// looked notes that every socket of the range was seen, unless a destination
// that was not kept could matter.
func (t *tiers) looked(limit int64) {
	out := t.fold.out
	if missed := t.fold.destinations.missed(); missed > 0 && missed+int64(out.Ports.Held) >= limit {
		out.Closer.Why = fmt.Sprintf("there are more than %d destinations, and one that was not counted may have %d sockets", maxExactGroups, missed)
		return
	}
	out.Closer.Looked = true
}

// countFromSockstat derives how many sockets are ESTABLISHED and TIME_WAIT:
// sockstat counts full sockets and mini-sockets of this namespace, and all of
// the others were just dumped. It reports false when sockstat is missing.
func (t *tiers) countFromSockstat() bool {
	full, mini, ok := t.counts()
	if !ok {
		return false
	}
	out := t.fold.out
	out.Counted = "sockstat"
	out.Mini = &mini
	others := -t.fold.mini - out.States[sockdiag.StateSynRecv.String()] // half-open requests are no full sockets
	for state, n := range out.States {
		if state != sockdiag.StateTimeWait.String() {
			others += n
		}
	}
	// Sockets move between the dump and the reading of sockstat.
	out.States[sockdiag.StateEstablished.String()] = max(0, full-others)
	out.States[sockdiag.StateTimeWait.String()] = max(0, mini-t.fold.mini)
	return true
}

// lookCloser dumps ESTABLISHED and TIME_WAIT sockets of the ephemeral range
// unless no destination can have half of the range in use.
func (t *tiers) lookCloser(ctx context.Context) error {
	out := t.fold.out
	established := out.States[sockdiag.StateEstablished.String()]
	timeWait := out.States[sockdiag.StateTimeWait.String()]
	others := timeWait // those that are in no group yet
	if t.fold.timeWait != nil {
		others = 0
	}
	limit, known := t.limit()
	atMost := t.fold.destinations.most() + established + others + int64(out.Ports.Held)
	needed := known && atMost >= limit
	if known && !needed {
		out.Closer.AtMost = &atMost
		out.Closer.Why = "too few sockets to use half of the ephemeral port range"
	}
	allowed := t.allow(ctx)
	budget, cancel := context.WithTimeout(ctx, allowed)
	defer cancel()
	var err error
	if others >= timeWaitMatters {
		others = 0
		err = t.dumpTimeWait(budget)
	}
	if needed && err == nil && others == 0 && established == 0 {
		t.looked(limit) // there is no other socket: save the walk
		needed = false
	}
	if needed && err == nil && established >= estimateFrom {
		needed, err = t.estimateEstablished(budget, others, limit)
	}
	if needed && err == nil {
		err = t.dumpRange(budget, others > 0, limit)
	}
	if err != nil && budget.Err() != nil && ctx.Err() == nil {
		t.fold.partial, t.fold.timeWait, t.fold.sample = true, nil, nil
		out.Closer = Closer{Why: fmt.Sprintf("walking the socket table took longer than %s", allowed.Round(time.Millisecond))}
		return nil
	}
	return err
}

// allow is how long the tier that is entered now may take: less than what is
// left of the whole budget, so that what the tiers before it read is kept.
func (t *tiers) allow(ctx context.Context) time.Duration {
	allowed := cmp.Or(t.budget, closerBudget)
	if end, ok := ctx.Deadline(); ok {
		allowed = min(allowed, time.Until(end)*3/4)
	}
	return allowed
}

// dumpTimeWait groups TIME_WAIT sockets, those outside the range too: the
// report says where they belong.
func (t *tiers) dumpTimeWait(ctx context.Context) error {
	t.entered(tierCloser)
	t.fold.timeWait = newTimeWaitFold()
	if err := t.dumpKeepingCount(ctx, sockdiag.Request{States: sockdiag.StatesOf(sockdiag.StateTimeWait)}); err != nil {
		return fmt.Errorf("list TIME_WAIT sockets: %w", err)
	}
	return nil
}

// dumpRange groups ESTABLISHED sockets of the range, and TIME_WAIT ones if
// they were not dumped before.
//
// The first sockets of the walk would be no random sample: on Linux 6.18 the
// sockets to one destination lie in neighbouring buckets (measured: of five
// destinations with 9,900 sockets each the first 16,384 sockets showed two),
// so a part of the walk may miss a destination altogether.
func (t *tiers) dumpRange(ctx context.Context, timeWait bool, limit int64) error {
	t.entered(tierCloser)
	r := sockdiag.Request{States: sockdiag.StatesOf(sockdiag.StateEstablished), Filter: t.rangeFilter()}
	if timeWait {
		r.States |= sockdiag.StatesOf(sockdiag.StateTimeWait)
	}
	sample := t.fold.sample
	t.fold.sample = nil // of the estimate, or none: this dump adds nothing to it
	err := t.dumpKeepingCount(ctx, r)
	t.fold.sample = sample
	if err != nil {
		return fmt.Errorf("list established sockets: %w", err)
	}
	t.looked(limit)
	return nil
}

// estimateEstablished looks at some of the outgoing sockets, and with the same
// walk at the sample of tier 3. It reports whether all must be looked at; others
// are sockets that could belong to any destination.
func (t *tiers) estimateEstablished(ctx context.Context, others, limit int64) (needed bool, err error) {
	f, out := t.fold, t.fold.out
	e := newEstimate(out.Ports, &f.reserved, rand.IntN)
	if err := t.dumpSample(ctx, e); err != nil {
		return false, err
	}
	atMost, ok := e.atMost(out.Ports.Size(), f.destinations.count, f.destinations.most())
	atMost += int64(out.Ports.Held) + others
	if !ok || atMost >= limit {
		return true, nil
	}
	out.Closer.AtMost = &atMost
	out.Closer.Why = fmt.Sprintf("a sample of the local ports shows that no destination uses half of the ephemeral port range (error at most %.0f %% of the range)", 100*e.margin())
	return false, nil
}

// newSample is an empty sample of so many connections; 0 stands for any
// number.
func (t *tiers) newSample(established int64) *Sample {
	return &Sample{Established: established, Slices: chooseSlices(established, t.before, &t.fold.listening, rand.IntN)}
}

// lookAtEstablished dumps a sample of the ESTABLISHED sockets with everything
// that the kernel measures of them, unless an estimate did so.
func (t *tiers) lookAtEstablished(ctx context.Context) error {
	if t.fold.sample != nil || t.fold.partial {
		return nil
	}
	budget, cancel := context.WithTimeout(ctx, t.allow(ctx))
	defer cancel()
	err := t.dumpSample(budget, nil)
	if err != nil && budget.Err() != nil && ctx.Err() == nil {
		t.fold.partial, t.fold.sample = true, nil
		return nil
	}
	return err
}

// dumpSample dumps the sample, and what the estimate asks for, if there is one.
func (t *tiers) dumpSample(ctx context.Context, e *estimate) error {
	f, out := t.fold, t.fold.out
	f.sample = t.newSample(out.States[sockdiag.StateEstablished.String()])
	if f.sample.Established == 0 {
		return nil
	}
	t.entered(tierSample)
	ranges := f.sample.Slices.ranges()
	filter := sockdiag.Filter{AnySource: ranges, AnyDestination: ranges}
	if e != nil && len(ranges) > 0 {
		filter.AnySource = joinRanges(ranges, e.slices)
	}
	summary, err := t.dumper.Dump(ctx, sockdiag.Request{
		States:     sockdiag.StatesOf(sockdiag.StateEstablished),
		Extensions: sockdiag.WithInfo | sockdiag.WithMemory | sockdiag.WithCongestion,
		Filter:     filter,
	}, func(s *sockdiag.Socket) error {
		f.addConnection(s)
		if e != nil && e.has(s.Source.Port()) && f.outgoing(s) {
			e.add(s)
		}
		return nil
	})
	t.received(summary)
	if err != nil {
		return fmt.Errorf("look at established sockets: %w", err)
	}
	return nil
}

func (t *tiers) rangeFilter() sockdiag.Filter {
	p := t.fold.out.Ports
	return sockdiag.Filter{SourcePorts: sockdiag.PortRange{First: p.Low, Last: p.High}}
}

// dump folds one dump and its summary, and counts its sockets by state.
func (t *tiers) dump(ctx context.Context, r sockdiag.Request) error {
	err := t.dumpKeepingCount(ctx, r)
	t.fold.count()
	return err
}

// dumpKeepingCount dumps without touching the number of sockets by state that
// sockstat gave: a filtered dump does not see them all.
func (t *tiers) dumpKeepingCount(ctx context.Context, r sockdiag.Request) error {
	summary, err := t.dumper.Dump(ctx, r, func(s *sockdiag.Socket) error {
		t.fold.add(s)
		return nil
	})
	t.received(summary)
	return err
}

// entered notes that a tier was entered.
func (t *tiers) entered(tier int) {
	out := t.fold.out
	if i, found := slices.BinarySearch(out.Tiers, tier); !found {
		out.Tiers = slices.Insert(out.Tiers, i, tier)
	}
}

func (t *tiers) received(summary sockdiag.Summary) {
	out := t.fold.out
	out.Method = summary.Method
	out.Received += summary.Sockets
	out.Interrupted = out.Interrupted || summary.Interrupted
}

func newTimeWaitFold() *timeWaitFold {
	return &timeWaitFold{ports: make(map[uint16]int64), peers: newGroups[netip.AddrPort, struct{}](maxExactGroups, maxCounters)}
}

func portString(p uint16) string { return strconv.Itoa(int(p)) }
