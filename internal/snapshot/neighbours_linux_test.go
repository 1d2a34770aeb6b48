// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"net"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/procnet"
)

const statHeading = "entries  allocs table_fulls\n"

func TestNeighboursTree(t *testing.T) {
	d := newTree(t, map[string]string{
		"proc/sys/net/ipv4/tcp_mem":                  "1 2 3\n",
		"proc/net/stat/arp_cache":                    statHeading + "000003e8 00000001 00000002\n000003e8 00000001 00000001\n",
		"proc/sys/net/ipv4/neigh/default/gc_thresh3": "1024\n",
	})
	want := []NeighbourTable{{Name: "arp_cache", Entries: 1000, Limit: ptr[int64](1024), Fulls: ptr[uint64](3)}}
	s := snapshotOf(t, d)
	if diff := cmp.Diff(want, s.Neighbours); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// Linux before 4.3, and a limit that is no number.
	d.write("proc/net/stat/arp_cache", "entries  allocs\n00000001 00000001\n")
	d.write("proc/sys/net/ipv4/neigh/default/gc_thresh3", "x\n")
	d.write("proc/net/stat/ndisc_cache", "x\n")
	s = snapshotOf(t, d)
	if diff := cmp.Diff([]NeighbourTable{{Name: "arp_cache", Entries: 1}}, s.Neighbours); diff != "" {
		t.Errorf("an old kernel (-want +got)\n%s", diff)
	}
	if sources := gapSources(s); !slices.Contains(sources, "/proc/net/stat/ndisc_cache") {
		t.Errorf("gaps %v", sources)
	}
	d.remove("proc/net/stat")
	if sources := gapSources(snapshotOf(t, d)); !slices.Contains(sources, "/proc/net/stat/arp_cache") || slices.Contains(sources, "/proc/net/stat/ndisc_cache") {
		t.Errorf("gaps of the initial namespace %v, want one of arp_cache", sources)
	}
	d.remove("proc/sys/net/ipv4/tcp_mem")
	if sources := gapSources(snapshotOf(t, d)); slices.Contains(sources, "/proc/net/stat/arp_cache") {
		t.Errorf("gaps of a child namespace %v", sources)
	}
}

// TestNeighboursLive: the machine's table counts the entries of a child
// namespace, which does not show the table itself.
func TestNeighboursLive(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		if s := snapshotNow(t, live(t, Options{})); s.Neighbours != nil {
			t.Errorf("neighbour tables of a child namespace: %+v", s.Neighbours)
		}
		addVeth(t, "eth0", "peer")
		up(t, "eth0")
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			t.Fatal(err)
		}
		before, ok := machineEntries()
		const added = 50 // below gc_thresh1: no entry of another namespace is collected for them
		for i := range added {
			err := netlink.NeighAdd(&netlink.Neigh{
				LinkIndex: link.Attrs().Index, State: netlink.NUD_STALE, IP: net.IPv4(198, 18, 9, byte(i+1)),
				HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 9, byte(i)},
			})
			if err != nil {
				t.Fatalf("add neighbour %d: %v", i, err)
			}
		}
		if after, _ := machineEntries(); ok && after < before+added/2 { // other namespaces come and go meanwhile
			t.Errorf("%d entries after %d were added to %d", after, added, before)
		}
	})
}

// machineEntries is the number of IPv4 neighbours of the machine; false where
// the first process does not show it.
func machineEntries() (uint64, bool) {
	stat, err := parse(root("/"), "proc/1/net/stat/arp_cache", procnet.ParseTableStat)
	return stat.Entries, err == nil
}
