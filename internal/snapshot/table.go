// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// A Grouping says what the rows of a Table stand for.
type Grouping string

// The groupings.
const (
	ByState       Grouping = "state"
	ByListener    Grouping = "listener"
	ByDestination Grouping = "destination"
	ByProcess     Grouping = "process"
)

// Groupings are all groupings.
func Groupings() []Grouping {
	return []Grouping{ByState, ByListener, ByDestination, ByProcess}
}

// Table is the distribution of sockets over states, in rows.
type Table struct {
	By      Grouping         `json:"by"`
	Method  string           `json:"method"`
	States  map[string]int64 `json:"states"`           // of all sockets
	Rows    []TableRow       `json:"rows"`             // most sockets first; one row for each state with ByState
	Other   int64            `json:"other"`            // sockets that belong to no row: outgoing ones in a table of listeners, and so on
	Missed  int64            `json:"missed,omitempty"` // where not every row was kept: one that is not here has at most so many sockets
	Partial bool             `json:"partial,omitempty"`
	Gaps    []Gap            `json:"gaps"`
}

// TableRow counts the sockets of one listener, destination or process.
type TableRow struct {
	Name    string           `json:"name"`
	Process string           `json:"process,omitempty"` // of a listener
	Queue   *uint32          `json:"queue,omitempty"`   // of a listener: connections waiting for accept()
	Backlog *uint32          `json:"backlog,omitempty"` // of a listener
	States  map[string]int64 `json:"states"`
	Total   int64            `json:"total"`
	Missed  int64            `json:"missed,omitempty"` // at most so many more; 0 where every row was kept
}

// Table counts every socket once and groups them.
func (c *Collector) Table(ctx context.Context, by Grouping) (*Table, error) {
	s := &Snapshot{Taken: time.Now()}
	var h *holders
	if by == ByListener {
		w := make(wanted)
		if c.wantListeners(ctx, w) == nil { // else the table meets the same error
			h = c.tableHolders(ctx, s, w)
		}
	}
	t, err := c.tabulate(ctx, s, by, h, nil)
	if err != nil {
		return nil, err
	}
	if by == ByProcess {
		t.holders = c.tableHolders(ctx, s, t.wanted())
	}
	return c.finishTable(t, s), ctx.Err()
}

// tabulate counts the sockets of the network namespace of the calling thread;
// alone tells when there is nothing to count but the listeners.
func (c *Collector) tabulate(ctx context.Context, s *Snapshot, by Grouping, h *holders, alone func(listeners int64) bool) (*tabulation, error) {
	var t *tabulation
	err := c.withDumper(ctx, s, func(ctx context.Context, d dumper) error {
		t = newTabulation(by, h, c.processNamer(h)) // text tables begin anew where sock_diag broke off
		t.alone = alone
		return t.count(ctx, d)
	})
	if err != nil {
		return nil, fmt.Errorf("list sockets: %w", err)
	}
	return t, nil
}

// finishTable names the holders, once they were searched, and says what of s
// was not read.
func (c *Collector) finishTable(t *tabulation, s *Snapshot) *Table {
	t.name = c.processNamer(t.holders)
	t.finish()
	t.noteHolders(s)
	t.table.Gaps = append(t.table.Gaps, s.Gaps...)
	return t.table
}

// wantListeners adds the listeners to the sockets whose holders are wanted.
func (c *Collector) wantListeners(ctx context.Context, w wanted) error {
	return c.withDumper(ctx, &Snapshot{Taken: time.Now()}, func(ctx context.Context, d dumper) error {
		_, err := d.Dump(ctx, sockdiag.Request{States: sockdiag.StatesOf(sockdiag.StateListen)}, func(s *sockdiag.Socket) error {
			w[s.Inode] = false
			return nil
		})
		return err
	})
}

// tableHolders searches the holders of sockets, nil when that cannot be done.
func (c *Collector) tableHolders(ctx context.Context, s *Snapshot, w wanted) *holders {
	h, err := findHolders(ctx, c.root, w, c.allow(s, holderBudget))
	if err != nil {
		s.gap("/proc/PID/fd", err, "")
	}
	return h
}

// noteHolders says why sockets were not attributed to a process.
func (t *tabulation) noteHolders(s *Snapshot) {
	switch h := t.holders; {
	case h == nil || t.nameless == 0:
	case h.partial:
		t.table.Partial = true
		s.gap("/proc/PID/fd", fmt.Errorf("not every process was searched in %s: %s not attributed", h.within.Round(time.Millisecond), countSockets(t.nameless)), "")
	case h.hidden > 0:
		s.gap("/proc/PID/fd", fmt.Errorf("%d processes of other users are hidden: %s not attributed", h.hidden, countSockets(t.nameless)), "run as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH")
	}
}

// processNamer returns a function that names a process, and reads each name once.
func (c *Collector) processNamer(h *holders) func(pid int) string {
	names := make(map[int]string)
	return func(pid int) string {
		if _, ok := names[pid]; !ok {
			p, _ := h.describe(c.root, pid)
			names[pid] = fmt.Sprintf("%s[%d]", p.Name, pid)
		}
		return names[pid]
	}
}

// tabulation is a Table while it is counted. A million sockets go through add,
// so it counts in arrays and writes texts at the end.
type tabulation struct {
	table     *Table
	states    stateCounts
	rows      *groups[rowKey, rowCount]
	listeners map[uint16][]Listener
	holders   *holders // nil when unknown
	held      []heldSocket
	nameless  int // sockets that no holder was found for
	name      func(pid int) string
	alone     func(listeners int64) bool // tells when there is nothing else to count; nil: never
}

// A heldSocket is what a table by process needs of a socket: who holds it is
// searched when all are known.
type heldSocket struct {
	inode, uid uint32
	state      sockdiag.State
}

// stateCounts counts sockets by state, which is the index.
type stateCounts [sockdiag.StateClosing + 1]int64

// A rowKey tells rows apart: an address, or a holder.
type rowKey struct {
	address netip.AddrPort
	holder  holder
}

// A holder is the first process of those that hold a socket, or why there is none.
type holder struct {
	kind holderKind
	pid  int
	more int // further processes
	uid  uint32
}

type holderKind uint8

const (
	byAddress holderKind = iota // no holder: the row is of an address
	heldBy
	heldByNobody
	holderHidden
	holderNotFound
)

// A rowCount is a TableRow while it is counted.
type rowCount struct {
	states         stateCounts
	process        string
	queue, backlog *uint32
}

func newTabulation(by Grouping, h *holders, name func(pid int) string) *tabulation {
	return &tabulation{
		table: &Table{
			By: by, States: make(map[string]int64), Rows: []TableRow{}, Gaps: []Gap{},
		},
		rows:      newGroups[rowKey, rowCount](maxExactGroups, maxCounters),
		listeners: make(map[uint16][]Listener),
		holders:   h,
		name:      name,
	}
}

// count walks all sockets, listeners first: they tell inbound from outgoing.
func (t *tabulation) count(ctx context.Context, d dumper) error {
	listen := sockdiag.StatesOf(sockdiag.StateListen)
	for _, states := range []sockdiag.States{listen, sockdiag.AllStates &^ listen} {
		summary, err := d.Dump(ctx, sockdiag.Request{States: states}, func(s *sockdiag.Socket) error {
			t.add(s)
			return nil
		})
		t.table.Method = summary.Method
		if err != nil {
			return err
		}
		if states == listen && t.alone != nil && t.alone(t.states[sockdiag.StateListen]) {
			return nil
		}
	}
	return nil
}

func (t *tabulation) add(s *sockdiag.Socket) {
	t.states[s.State]++
	if s.State == sockdiag.StateListen {
		port := s.Source.Port()
		t.listeners[port] = append(t.listeners[port], Listener{Local: s.Source})
	}
	switch t.table.By {
	case ByState:
		return
	case ByProcess:
		t.held = append(t.held, heldSocket{s.Inode, s.UID, s.State})
		return
	}
	key, ok := t.key(s)
	if !ok {
		t.table.Other++
		return
	}
	r := t.rows.add(key)
	r.states[s.State]++
	if t.table.By == ByListener && s.State == sockdiag.StateListen {
		r.addListener(s, t.text(t.holder(s.Inode, s.UID)))
	}
}

// key is the row that a socket belongs to; false for none.
func (t *tabulation) key(s *sockdiag.Socket) (rowKey, bool) {
	if t.table.By == ByDestination {
		outgoing := s.State != sockdiag.StateListen && t.listener(s.Source) == nil
		return rowKey{address: s.Destination}, outgoing
	}
	if s.State == sockdiag.StateListen {
		return rowKey{address: s.Source}, true
	}
	if l := t.listener(s.Source); l != nil {
		return rowKey{address: l.Local}, true
	}
	return rowKey{}, false
}

// addListener adds a listener to its row. Sockets that share an address
// (SO_REUSEPORT) share a row: their queues and backlogs are added.
func (r *rowCount) addListener(s *sockdiag.Socket, process string) {
	queue := s.ReceiveQueue
	if r.queue != nil {
		queue += *r.queue
	}
	r.queue = &queue
	if backlog, ok := s.Backlog(); ok {
		if r.backlog != nil {
			backlog += *r.backlog
		}
		r.backlog = &backlog
	}
	r.addProcess(process)
}

// addProcess names one more process, up to maxTop of them.
func (r *rowCount) addProcess(name string) {
	const more = ", ..."
	switch {
	case r.process == "":
		r.process = name
	case strings.Contains(r.process, name) || strings.HasSuffix(r.process, more):
	case strings.Count(r.process, ", ") >= maxTop-1:
		r.process += more
	default:
		r.process += ", " + name
	}
}

// listener is the listener that accepted, or will accept, a connection with
// this local end.
func (t *tabulation) listener(local netip.AddrPort) *Listener {
	list := t.listeners[local.Port()]
	for i := range list {
		if list[i].Local.Addr() == local.Addr() {
			return &list[i]
		}
	}
	for i := range list {
		if list[i].accepts(local.Addr()) {
			return &list[i]
		}
	}
	return nil
}

// wanted are the sockets of a table by process.
func (t *tabulation) wanted() wanted {
	w := make(wanted)
	for _, s := range t.held {
		if s.inode != 0 {
			w[s.inode] = true
		}
	}
	return w
}

// holder tells who holds a socket.
func (t *tabulation) holder(inode, uid uint32) holder {
	if inode == 0 {
		return holder{kind: heldByNobody}
	}
	if t.holders != nil {
		if pids := t.holders.byInode[inode]; len(pids) > 0 {
			return holder{kind: heldBy, pid: pids[0], more: len(pids) - 1}
		}
		t.nameless++
		if t.holders.hidden == 0 {
			return holder{kind: holderNotFound, uid: uid}
		}
	}
	return holder{kind: holderHidden, uid: uid}
}

// text names a holder.
func (t *tabulation) text(h holder) string {
	switch h.kind {
	case heldByNobody:
		return "(no process)"
	case holderHidden:
		return fmt.Sprintf("(hidden, uid %d)", h.uid)
	case holderNotFound:
		return fmt.Sprintf("(not found, uid %d)", h.uid)
	}
	name := t.name(h.pid)
	if h.more > 0 {
		name += fmt.Sprintf(" and %d more", h.more)
	}
	return name
}

func (t *tabulation) finish() {
	for _, s := range t.held {
		t.rows.add(rowKey{holder: t.holder(s.inode, s.uid)}).states[s.state]++
	}
	t.table.States = t.states.byName()
	t.table.Missed = t.rows.missed()
	for _, g := range t.rows.list() {
		name := g.key.address.String()
		if g.key.holder.kind != byAddress {
			name = t.text(g.key.holder)
		}
		t.table.Rows = append(t.table.Rows, TableRow{
			Name: name, Process: g.value.process, Queue: g.value.queue, Backlog: g.value.backlog,
			States: g.value.states.byName(), Total: g.seen, Missed: g.missed,
		})
	}
	slices.SortFunc(t.table.Rows, func(a, b TableRow) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Name, b.Name))
	})
}

// byName leaves out the states without a socket.
func (c *stateCounts) byName() map[string]int64 {
	names := make(map[string]int64)
	for state, n := range c {
		if n > 0 {
			names[sockdiag.State(state).String()] = n
		}
	}
	return names
}
