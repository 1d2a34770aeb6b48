// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// tabulate counts a table with two known processes.
func tabulate(t *testing.T, f *fakeTable, by Grouping) *Table {
	t.Helper()
	h := &holders{byInode: map[uint32][]int{1: {10, 11}, 2: {11}}}
	tab := newTabulation(by, h, func(pid int) string { return fmt.Sprintf("p[%d]", pid) })
	if err := tab.count(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	tab.finish()
	return tab.table
}

func TestTable(t *testing.T) {
	client := addrPort("198.18.0.9:40000")
	table := &fakeTable{method: "fake", sockets: []sockdiag.Socket{
		{State: sockdiag.StateEstablished, Source: addrPort("198.18.0.1:80"), Destination: client, Inode: 2},
		{State: sockdiag.StateEstablished, Source: addrPort("127.0.0.1:80"), Destination: client, Inode: 9, UID: 33},
		{State: sockdiag.StateTimeWait, Source: addrPort("198.18.0.1:40000"), Destination: peer(1)},
		{State: sockdiag.StateListen, Source: addrPort("0.0.0.0:80"), Inode: 1, ReceiveQueue: 1, SendQueue: 100, BacklogKnown: true},
		{State: sockdiag.StateListen, Source: addrPort("0.0.0.0:80"), Inode: 2, ReceiveQueue: 2, SendQueue: 200, BacklogKnown: true},
		{State: sockdiag.StateListen, Source: addrPort("127.0.0.1:80"), Inode: 2},
	}}
	states := map[string]int64{"established": 2, "time_wait": 1, "listen": 3}
	tests := []struct {
		by    Grouping
		rows  []TableRow
		other int64
	}{
		{by: ByState, rows: []TableRow{}},
		{
			by: ByListener, other: 1, rows: []TableRow{
				// SO_REUSEPORT: one row, the process named once.
				{Name: "0.0.0.0:80", Process: "p[10] and 1 more, p[11]", Queue: ptr[uint32](3), Backlog: ptr[uint32](300), States: map[string]int64{"listen": 2, "established": 1}, Total: 3},
				// The more special listener gets the connection.
				{Name: "127.0.0.1:80", Process: "p[11]", Queue: ptr[uint32](0), States: map[string]int64{"listen": 1, "established": 1}, Total: 2},
			},
		},
		{by: ByDestination, other: 5, rows: []TableRow{{Name: peer(1).String(), States: map[string]int64{"time_wait": 1}, Total: 1}}},
		{
			by: ByProcess, rows: []TableRow{
				{Name: "p[11]", States: map[string]int64{"listen": 2, "established": 1}, Total: 3},
				{Name: "(no process)", States: map[string]int64{"time_wait": 1}, Total: 1},
				{Name: "(not found, uid 33)", States: map[string]int64{"established": 1}, Total: 1},
				{Name: "p[10] and 1 more", States: map[string]int64{"listen": 1}, Total: 1},
			},
		},
	}
	for _, tt := range tests {
		t.Run(string(tt.by), func(t *testing.T) {
			want := &Table{By: tt.by, Method: "fake", States: states, Rows: tt.rows, Other: tt.other, Gaps: []Gap{}}
			if diff := cmp.Diff(want, tabulate(t, table, tt.by)); diff != "" {
				t.Errorf("table (-want +got)\n%s", diff)
			}
		})
	}
}

// TestTableBounds: of more groups than are kept the large ones are there, with
// how much is missed at most.
func TestTableBounds(t *testing.T) {
	const most, counters, large = 10, 4, 50
	table := &fakeTable{}
	for i := range most + 5 {
		table.sockets = append(table.sockets, outgoing(sockdiag.StateTimeWait, 40000, peer(i)))
	}
	for range large {
		table.sockets = append(table.sockets, outgoing(sockdiag.StateTimeWait, 40000, peer(1000)))
	}
	for _, by := range []Grouping{ByDestination, ByListener} {
		tab := newTabulation(by, nil, nil)
		tab.rows = newGroups[rowKey, rowCount](most, counters)
		if err := tab.count(t.Context(), table); err != nil {
			t.Fatal(err)
		}
		tab.finish()
		got := tab.table
		if len(got.Rows) != counters || got.Other != 0 || got.Partial || got.Missed < 1 || got.Missed > (most+5)/counters {
			t.Errorf("by %s: %+v", by, got)
		}
		if row := got.Rows[0]; row.Name != peer(1000).String() || row.Total != large || row.Missed > got.Missed {
			t.Errorf("by %s: the largest row is %+v", by, row)
		}
		for i := range table.sockets {
			table.sockets[i].State, table.sockets[i].Source = sockdiag.StateListen, table.sockets[i].Destination
		}
	}
}

func TestTableProcesses(t *testing.T) {
	var r rowCount
	for i := range 1000 {
		r.addProcess(fmt.Sprintf("worker[%d]", i))
		r.addProcess(fmt.Sprintf("worker[%d]", i))
	}
	if want := "worker[0], worker[1], worker[2], worker[3], worker[4], ..."; r.process != want {
		t.Errorf("process = %q, want %q", r.process, want)
	}
}

func TestTableTree(t *testing.T) {
	d := captureTree(t, "close-wait")
	c, err := NewCollector(Options{Root: string(d)})
	if err != nil {
		t.Fatal(err)
	}
	d.write("proc/100/status", "Name:\tnginx\nUid:\t0\t0\t0\t0\n")
	d.link("proc/100/fd/0", "socket:[2769383]")
	got, err := c.Table(t.Context(), ByListener)
	if err != nil {
		t.Fatal(err)
	}
	want := []TableRow{{Name: "0.0.0.0:8080", Process: "nginx[100]", Queue: ptr[uint32](0), States: map[string]int64{"listen": 1, "close_wait": 58}, Total: 59}}
	if diff := cmp.Diff(want, got.Rows); diff != "" || got.Method != sockdiag.MethodProc {
		t.Errorf("method %s, rows (-want +got)\n%s", got.Method, diff)
	}
	d.remove("proc")
	if table, err := c.Table(t.Context(), ByProcess); table != nil || err == nil || !strings.HasPrefix(err.Error(), "list sockets: ") {
		t.Errorf("Table = %v, %v", table, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d.write("proc/100/status", "Name:\tnginx\nUid:\t0\t0\t0\t0\n")
	gaps := &Snapshot{Taken: time.Now()}
	tab := newTabulation(ByProcess, nil, nil)
	for range 3 {
		tab.add(&sockdiag.Socket{State: sockdiag.StateEstablished, Inode: 7})
	}
	tab.holders = c.tableHolders(ctx, gaps, tab.wanted())
	tab.finish()
	tab.noteHolders(gaps)
	if want := "not every process was searched in 5s: 3 sockets not attributed"; !tab.table.Partial || len(gaps.Gaps) != 1 || gaps.Gaps[0].Reason != want {
		t.Errorf("partial %v, gaps %v", tab.table.Partial, gaps.Gaps)
	}
	broken := errors.New("broken")
	tab = newTabulation(ByState, nil, nil)
	if err := tab.count(t.Context(), &fakeTable{fail: func(sockdiag.Request) error { return broken }}); !errors.Is(err, broken) {
		t.Error(err)
	}
}
