// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tcptune/tcptune/internal/netns"
	"github.com/tcptune/tcptune/sysctl"
)

// ErrTimeUp is the reason why a network namespace was not examined that was
// reached too late.
var ErrTimeUp = errors.New("the time was up before its turn came")

var errNotLive = errors.New("network namespaces are those of the live host")

// A Visit is what a survey has of one network namespace.
type Visit struct {
	Label  netns.Label
	Window *Window // nil where it was not examined
	Err    error   // why it was not
}

// Survey says how several network namespaces are examined.
type Survey struct {
	Namespaces []*netns.Namespace
	Budget     time.Duration               // of each of the two rounds; 0: only the context bounds them
	Wait       func(context.Context) error // between the rounds, as that of Collector.Window; nil: there is one
	Since      *Snapshot                   // instead of the first round, where there is one namespace: taken earlier, see Collector.Since
}

// bound gives one round its time.
func (o Survey) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.Budget <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, o.Budget)
}

// Survey takes windows of several network namespaces of the live host: the
// first snapshots of all, one wait, the second snapshots of all. What is the
// same for the whole machine is read once in each round, and holders of sockets
// are searched once. Sockets are walked where the cheap facts call for it, in
// the order in which they do.
//
// Where the time is up, or a namespace cannot be entered, its Visit says so. The
// error is that of the context, of the wait, or of the options.
func (c *Collector) Survey(ctx context.Context, o Survey) ([]Visit, error) {
	if !c.Live() {
		return nil, errNotLive
	}
	s := newSurvey(c, o.Namespaces)
	defer s.close()
	if o.Since != nil {
		s.visits[0].from = o.Since
	}
	if o.Wait != nil {
		s.round(ctx, o, false)
		for _, v := range s.visits {
			v.from, v.now, v.guess = v.now, nil, v.depth == depthListeners
		}
		err := ctx.Err()
		if err == nil {
			err = s.window.cutShort(o.Wait(ctx))
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		}
	}
	s.round(ctx, o, true)
	if err := ctx.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	return s.results(), nil
}

// survey is a Survey while it is made.
type survey struct {
	*Collector
	visits      []*visit
	window      Window       // what the windows of all have in common
	first       string       // the network namespace of process 1
	ownKeys     []sysctl.Key // that a network namespace has of its own
	machineKeys []sysctl.Key
}

// visit is a Visit while it is made.
type visit struct {
	place
	from, now *Snapshot
	glance    glance
	depth     depth
	guess     bool // the sockets of from are the listeners only
}

// A place is an open network namespace, so that it is the same one in every
// round.
type place struct {
	namespace *netns.Namespace
	handle    *netns.Handle // nil where it cannot be opened
	err       error         // why it is not examined
}

func newPlace(n *netns.Namespace) place {
	handle, err := n.Open()
	return place{namespace: n, handle: handle, err: err}
}

func (p *place) close() {
	if p.handle != nil {
		_ = p.handle.Close()
	}
}

// newSurvey opens the namespaces.
func newSurvey(c *Collector, list []*netns.Namespace) *survey {
	s := &survey{Collector: c, first: namespaceOfFirst(), window: Window{SchemaVersion: SchemaVersion, Tool: c.tool}}
	for _, n := range list {
		s.visits = append(s.visits, &visit{place: newPlace(n)})
	}
	for _, key := range c.keys {
		if strings.HasPrefix(key.Path(), "net/") {
			s.ownKeys = append(s.ownKeys, key)
		} else {
			s.machineKeys = append(s.machineKeys, key)
		}
	}
	return s
}

func (s *survey) close() {
	for _, v := range s.visits {
		v.close()
	}
}

// round takes a snapshot of each namespace: first what is cheap, of all, then
// the sockets where they are worth it.
func (s *survey) round(ctx context.Context, o Survey, last bool) {
	ctx, cancel := o.bound(ctx)
	defer cancel()
	machine := s.start()
	s.readMachine(machine)
	if last {
		s.readSysctls(machine, s.machineKeys)
	}
	for _, v := range s.visits {
		if v.err == nil && ctx.Err() == nil {
			v.err = v.do(func() { s.look(ctx, v, machine, last) })
		}
		if v.err == nil && (v.now == nil || v.now.Sockets == nil && ctx.Err() != nil) && last {
			v.err = ErrTimeUp
		}
	}
	for _, v := range s.order() {
		s.walk(ctx, v, last)
	}
	if last {
		s.nameHolders(ctx, machine)
	}
}

// do calls fn in the namespace and adds the time that it took to the cost.
func (v *visit) do(fn func()) error {
	begin := time.Now()
	err := v.handle.Do(func() error {
		fn()
		return nil
	})
	if v.now != nil {
		v.now.Cost += time.Since(begin)
	}
	return err
}

// look reads everything of a namespace that costs no walk.
func (s *survey) look(ctx context.Context, v *visit, machine *Snapshot, last bool) {
	n := s.start()
	v.now = n
	n.share(machine)
	n.Host.Namespace = &v.namespace.Label
	s.readNamespace(n, s.first)
	if last {
		s.readConntrackTable(ctx, n)
		s.readSysctls(n, s.ownKeys)
		s.readConf(n)
		n.shareSysctls(machine)
		s.readFiles(n)
	}
	s.readSockets(ctx, n, &tiers{depth: depthListeners})
	v.glance = n.glance(v.from)
	if initial := n.Host.Initial; initial != nil && !*initial {
		// Negative where the table is the machine's.
		value, err := s.value("net.ipv4.tcp_ehash_entries")
		entries, ok := parseInt(string(value))
		v.glance.ownTable = err == nil && ok && entries > 0
	}
}

// share takes over what was read of the machine.
func (s *Snapshot) share(machine *Snapshot) {
	host := *machine.Host
	s.Host, s.Softnet, s.Files, s.Gaps = &host, machine.Softnet, machine.Files, slices.Clone(machine.Gaps)
}

func (s *Snapshot) shareSysctls(machine *Snapshot) {
	if s.Sysctls != nil {
		maps.Copy(s.Sysctls, machine.Sysctls)
		s.Absent = append(s.Absent, machine.Absent...)
		slices.Sort(s.Absent)
	}
}

// readFiles reads the sysctl files and units of the host for the namespace that
// they are for. Nobody loads them into another one: no line sets anything there.
func (c *Collector) readFiles(s *Snapshot) {
	if s.Host.files() {
		c.readConfig(s)
		s.readUnits(c.root)
		return
	}
	s.LinesRead, s.UnitsRead = true, true
	s.Config = &Config{Names: []ConfigName{}, Boot: Boot{Name: "none", Reason: "the files are loaded into the network namespace of process 1 only"}}
}

// order decides how far to look at the sockets of each namespace, and lists
// those where more than listeners are to be looked at, the neediest first.
func (s *survey) order() (list []*visit) {
	var sockets, namespaces, mini int64
	for _, v := range s.visits {
		if v.err == nil && v.now != nil {
			sockets = max(sockets, v.now.Sockstat["TCP.alloc"])
			mini += v.glance.mini
			namespaces++
		}
	}
	for _, v := range s.visits {
		if v.err != nil || v.now == nil {
			continue
		}
		if v.depth = v.glance.depth(sockets+mini, namespaces); v.depth == depthListeners {
			continue
		}
		if v.guess {
			from := *v.from    // somebody may be reading it
			from.Sockets = nil // sockets that were not looked at are not sockets that were not there
			v.from = &from
		}
		list = append(list, v)
	}
	slices.SortStableFunc(list, func(a, b *visit) int { return cmp.Compare(b.glance.need(), a.glance.need()) })
	return list
}

// walk looks at the sockets of a namespace as far as was decided.
func (s *survey) walk(ctx context.Context, v *visit, last bool) {
	err := ctx.Err()
	if err == nil {
		t := &tiers{openOnly: !last, depth: v.depth, before: v.from.sample()}
		if failed := v.do(func() { s.readSockets(ctx, v.now, t) }); failed != nil {
			v.now.gap("TCP sockets", failed, "")
		}
		err = ctx.Err()
	}
	if err != nil {
		v.now.gap("TCP sockets", fmt.Errorf("not walked: %w", ErrTimeUp), "")
		if !last {
			v.now.Sockets = nil
		} else if v.now.Sockets != nil {
			v.now.Sockets.Closer = Closer{Why: "not walked: " + ErrTimeUp.Error()}
		}
	}
}

// nameHolders searches the holders of the sockets of all namespaces at once, in
// what is left of the time since the round began.
func (s *survey) nameHolders(ctx context.Context, machine *Snapshot) {
	all := make(wanted)
	var quests []*quest
	for _, v := range s.visits {
		if v.err != nil {
			continue
		}
		q := newQuest(v.now, v.from.sample())
		if len(q.wanted) == 0 {
			continue
		}
		quests = append(quests, q)
		all.join(q.wanted)
	}
	if len(quests) == 0 {
		return
	}
	h, err := findHolders(ctx, s.root, all, s.allow(machine, holderBudget))
	for _, q := range quests {
		q.take(h, err, func(pid int) (Process, bool) { return h.describe(s.root, pid) })
	}
}

func (s *survey) results() []Visit {
	var list []Visit
	for _, v := range s.visits {
		r := Visit{Label: v.namespace.Label, Err: v.err}
		if v.err == nil {
			w := s.window
			w.From, w.To = v.from, v.now
			r.Window = &w
		}
		list = append(list, r)
	}
	return list
}
