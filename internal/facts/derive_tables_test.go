// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/snapshot"
)

// addTables fills the facts of connection tracking and of the neighbour
// tables.
func addTables(before, now *snapshot.Snapshot) {
	now.Host.HZ = ptr[int64](250)
	before.Conntrack.InsertFailed, now.Conntrack.InsertFailed = ptr[uint64](2), ptr[uint64](5)
	now.Conntrack.Table = &snapshot.ConntrackTable{
		Entries: 10, States: map[string]int64{"TIME_WAIT": 5, "CLOSE": 1, "ESTABLISHED": 2, "SYN_SENT": 1}, Translated: 4, Complete: true,
	}
	before.Neighbours = []snapshot.NeighbourTable{{Name: "arp_cache", Entries: 1, Fulls: ptr[uint64](3)}}
	now.Neighbours = []snapshot.NeighbourTable{
		{Name: "arp_cache", Entries: 900, Limit: ptr[int64](1024), Fulls: ptr[uint64](7)},
		{Name: "ndisc_cache", Entries: 4},
	}
}

func TestConntrack(t *testing.T) {
	want := &Conntrack{
		Loaded: ptr(true), Count: ptr[int64](1), Max: ptr[int64](2), Buckets: ptr[int64](3),
		Drops: ptr[int64](3), DropsTotal: ptr[int64](4), EarlyDrops: ptr[int64](4), InsertFailed: ptr[int64](3),
		Sampled: ptr(false), States: ptr("TIME_WAIT (5), ESTABLISHED (2), CLOSE (1), 1 more"),
		EndedShare: ptr(0.6), EstablishedShare: ptr(0.2), TranslatedShare: ptr(0.4),
	}
	if diff := cmp.Diff(want, derive(fullWindow()).Conntrack); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	w := fullWindow()
	w.To.Conntrack.Table.Complete = false
	if got := derive(w).Conntrack; !*got.Sampled {
		t.Error("a part of the table passes for the whole")
	}
	// A walk that ended before the first entry, and a table that was not looked at.
	for _, table := range []*snapshot.ConntrackTable{{}, nil} {
		w.To.Conntrack.Table = table
		if got := derive(w).Conntrack; got.EndedShare != nil || got.States != nil || got.Sampled != nil || got.Count == nil {
			t.Errorf("table %+v: %+v", table, got)
		}
	}
}

func TestNeighbours(t *testing.T) {
	want := []*NeighbourTable{
		{Family: "ipv4", Name: "arp_cache", Entries: 900, Limit: ptr[int64](1024), Fulls: ptr[int64](4), FullsTotal: ptr[int64](7)},
		{Family: "ipv6", Name: "ndisc_cache", Entries: 4},
	}
	if diff := cmp.Diff(want, derive(fullWindow()).Neighbours); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestSqueezed: a CPU that came online in the window is left out, counters wrap
// at 32 bits.
func TestSqueezed(t *testing.T) {
	got := derive(two(
		&snapshot.Snapshot{Softnet: []snapshot.Softnet{{CPU: 0, Squeezed: 1<<32 - 5}, {CPU: 1, Squeezed: 7, Dropped: 3}}},
		&snapshot.Snapshot{Softnet: []snapshot.Softnet{{CPU: 0, Squeezed: 95}, {CPU: 1, Squeezed: 27, Dropped: 3}, {CPU: 2, Squeezed: 1000}}},
	)).Machine
	if *got.SoftnetSqueezed != 120 || *got.SoftnetSqueezedPerSecond != 12 || *got.SoftnetSqueezedCPUs != "CPU 0 (100), CPU 1 (20)" {
		t.Errorf("squeezed %d, %v per second, %s", *got.SoftnetSqueezed, *got.SoftnetSqueezedPerSecond, *got.SoftnetSqueezedCPUs)
	}
	if *got.SoftnetDropped != 0 || *got.SoftnetDroppedCPUs != "" {
		t.Errorf("dropped %d on %q", *got.SoftnetDropped, *got.SoftnetDroppedCPUs)
	}
}
