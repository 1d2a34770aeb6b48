// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

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

// maxTableRows bounds the rows that are kept while counting.
const maxTableRows = 1 << 18

// Table is the distribution of sockets over states, in rows.
type Table struct {
	By      Grouping         `json:"by"`
	Method  string           `json:"method"`
	States  map[string]int64 `json:"states"` // of all sockets
	Rows    []TableRow       `json:"rows"`   // most sockets first; one row for each state with ByState
	Other   int64            `json:"other"`  // sockets that belong to no row: outgoing ones in a table of listeners, and so on
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
}

// Table counts every socket once and groups them.
func (c *Collector) Table(ctx context.Context, by Grouping) (*Table, error) {
	s := &Snapshot{}
	var h *holders
	if by == ByProcess || by == ByListener {
		h = c.allHolders(ctx, s)
	}
	var t *tabulation
	err := c.withDumper(ctx, s, func(ctx context.Context, d dumper) error {
		t = newTabulation(by, h, c.processNamer(h)) // text tables begin anew where sock_diag broke off
		return t.count(ctx, d)
	})
	if err != nil {
		return nil, fmt.Errorf("list sockets: %w", err)
	}
	t.finish()
	t.table.Gaps = append(t.table.Gaps, s.Gaps...)
	return t.table, ctx.Err()
}

// allHolders searches the holders of every socket, nil when that cannot be
// done.
func (c *Collector) allHolders(ctx context.Context, s *Snapshot) *holders {
	h, err := findHolders(ctx, c.root, nil)
	switch {
	case err != nil:
		s.gap("/proc/PID/fd", err, "")
	case h.partial:
		s.gap("/proc/PID/fd", fmt.Errorf("not every process was searched in %s", holderBudget), "")
	case h.hidden > 0:
		s.gap("/proc/PID/fd", fmt.Errorf("%d processes of other users are hidden", h.hidden), "run as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH")
	}
	return h
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

// tabulation is a Table while it is counted.
type tabulation struct {
	table     *Table
	rows      map[string]*TableRow
	listeners map[uint16][]Listener
	most      int      // rows
	holders   *holders // nil when unknown
	name      func(pid int) string
}

func newTabulation(by Grouping, h *holders, name func(pid int) string) *tabulation {
	return &tabulation{
		table: &Table{
			By: by, States: make(map[string]int64), Rows: []TableRow{}, Gaps: []Gap{}, Partial: h != nil && h.partial,
		},
		rows:      make(map[string]*TableRow),
		listeners: make(map[uint16][]Listener),
		most:      maxTableRows,
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
	}
	return nil
}

func (t *tabulation) add(s *sockdiag.Socket) {
	state := s.State.String()
	t.table.States[state]++
	if s.State == sockdiag.StateListen {
		port := s.Source.Port()
		t.listeners[port] = append(t.listeners[port], Listener{Local: s.Source})
	}
	if t.table.By == ByState {
		return
	}
	row := t.row(s)
	if row == nil {
		t.table.Other++
		return
	}
	row.States[state]++
	row.Total++
}

// row is the row that a socket belongs to, nil for none.
func (t *tabulation) row(s *sockdiag.Socket) *TableRow {
	switch t.table.By {
	case ByProcess:
		return t.named(t.holder(s))
	case ByDestination:
		if s.State == sockdiag.StateListen || t.listener(s.Source) != nil {
			return nil
		}
		return t.named(s.Destination.String())
	}
	if s.State == sockdiag.StateListen {
		return t.addListener(s)
	}
	if l := t.listener(s.Source); l != nil {
		return t.named(l.Local.String())
	}
	return nil
}

// named finds or makes a row, nil when there are too many.
func (t *tabulation) named(name string) *TableRow {
	row := t.rows[name]
	if row == nil {
		if len(t.rows) >= t.most {
			t.table.Partial = true
			return nil
		}
		row = &TableRow{Name: name, States: make(map[string]int64)}
		t.rows[name] = row
	}
	return row
}

// addListener makes a row for a listener. Sockets that share an address
// (SO_REUSEPORT) share a row: their queues and backlogs are added.
func (t *tabulation) addListener(s *sockdiag.Socket) *TableRow {
	row := t.named(s.Source.String())
	if row == nil {
		return nil
	}
	queue := s.ReceiveQueue
	if row.Queue != nil {
		queue += *row.Queue
	}
	row.Queue = &queue
	if backlog, ok := s.Backlog(); ok {
		if row.Backlog != nil {
			backlog += *row.Backlog
		}
		row.Backlog = &backlog
	}
	row.addProcess(t.holder(s))
	return row
}

// addProcess names one more process, up to maxTop of them.
func (r *TableRow) addProcess(name string) {
	const more = ", ..."
	switch {
	case r.Process == "":
		r.Process = name
	case strings.Contains(r.Process, name) || strings.HasSuffix(r.Process, more):
	case strings.Count(r.Process, ", ") >= maxTop-1:
		r.Process += more
	default:
		r.Process += ", " + name
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

// holder names the processes that hold a socket.
func (t *tabulation) holder(s *sockdiag.Socket) string {
	if s.Inode == 0 {
		return "(no process)"
	}
	if t.holders == nil || t.holders.hidden > 0 && len(t.holders.byInode[s.Inode]) == 0 {
		return fmt.Sprintf("(hidden, uid %d)", s.UID)
	}
	pids := t.holders.byInode[s.Inode]
	if len(pids) == 0 {
		return fmt.Sprintf("(not found, uid %d)", s.UID)
	}
	name := t.name(pids[0])
	if more := len(pids) - 1; more > 0 {
		name += fmt.Sprintf(" and %d more", more)
	}
	return name
}

func (t *tabulation) finish() {
	for _, row := range t.rows {
		t.table.Rows = append(t.table.Rows, *row)
	}
	slices.SortFunc(t.table.Rows, func(a, b TableRow) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Name, b.Name))
	})
}
