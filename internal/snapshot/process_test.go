// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// TestCollectTreeHolders: owners are found in a saved /proc, too, and links in
// it do not lead out.
func TestCollectTreeHolders(t *testing.T) {
	d := captureTree(t, "close-wait")
	const status = "Name:\t%s\nUid:\t0\t33\t0\t0\nGid:\t0\t0\t0\t0\n"
	process := func(pid, name string, sockets ...string) {
		d.write("proc/"+pid+"/status", fmt.Sprintf(status, name))
		for i, inode := range sockets {
			d.link(fmt.Sprintf("proc/%s/fd/%d", pid, i), "socket:["+inode+"]")
		}
	}
	process("100", "nginx", "2769383", "2769514", "2769514", "1")
	process("101", "worker", "2769383")
	process("102", "idle", "1", "x", "99999999999")
	d.link("proc/100/fd/9", "/dev/null")
	d.link("proc/100/exe", "/usr/sbin/nginx")
	d.write("proc/100/limits", "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            256                  unlimited            files     \n")
	outside := newTree(t, nil)
	outside.link("3", "socket:[2769515]")
	d.write("proc/103/status", fmt.Sprintf(status, "outside"))
	d.link("proc/103/fd", string(outside))
	d.write("proc/104/status", fmt.Sprintf(status, "pipe"))
	if err := unix.Mkfifo(string(d)+"/proc/104/fd", 0o600); err != nil { // a search of it must not wait
		t.Fatal(err)
	}
	s := snapshotOf(t, d)
	want := map[int]Process{
		100: {Name: "nginx", Exe: ptr("/usr/sbin/nginx"), UID: 33, FDs: 5, FDSoft: ptr[int64](256), FDHard: ptr[int64](1<<63 - 1)},
		101: {Name: "worker", UID: 33, FDs: 1},
	}
	if diff := cmp.Diff(want, s.Processes); diff != "" {
		t.Errorf("processes (-want +got)\n%s", diff)
	}
	owners := slices.Sorted(slices.Values(s.Sockets.Listeners[0].Owners))
	if diff := cmp.Diff([]int{100, 101}, owners); diff != "" {
		t.Errorf("owners of the listener (-want +got)\n%s", diff)
	}
	for _, o := range s.Sockets.Open {
		if got := o.Inode == 2769514; got != slices.Equal(o.Owners, []int{100}) || !got && o.Owners != nil {
			t.Errorf("socket %+v", o)
		}
	}
	if !slices.Contains(s.Sockets.Tiers, tierHolders) {
		t.Errorf("tiers %v", s.Sockets.Tiers)
	}
	if i := slices.IndexFunc(s.Gaps, func(g Gap) bool { return g.Source == "/proc/PID/fd" }); i < 0 || !strings.HasPrefix(s.Gaps[i].Reason, "no holder found for 57 sockets") {
		t.Errorf("gaps %+v", s.Gaps)
	}
}

func TestSocketInode(t *testing.T) {
	for link, want := range map[string]uint32{
		"socket:[12345]": 12345, "socket:[4294967295]": 1<<32 - 1, "socket:[4294967296]": 0, "pipe:[1]": 0, "socket:[]": 0, "/dev/null": 0, "": 0,
	} {
		if got, ok := socketInode(link); ok != (want != 0) || ok && got != want {
			t.Errorf("socketInode(%q) = %d, %v, want %d", link, got, ok, want)
		}
	}
}

// TestWantedInodes: holders are searched for what reports name, not for every
// connection.
func TestWantedInodes(t *testing.T) {
	s := &Sockets{
		Listeners: []Listener{{Inode: 1}},
		Open:      []Socket{{Inode: 2}, {Inode: 0}},
		Ports:     PortRange{Low: 1, High: 100, Held: 10, Known: true},
		Clients: []Client{
			{Sockets: 39, Ports: 39, Inodes: []uint32{30}}, {Sockets: 40, Ports: 40, Inodes: []uint32{31}},
			{Sockets: 41, Ports: 40, Inodes: []uint32{32}}, // shares a port
		},
	}
	for i := range uint32(8) {
		d := Destination{Established: 10, Inodes: []uint32{10 + i}}
		if i == 7 {
			d.Established = 40
		}
		s.Destinations = append(s.Destinations, d)
	}
	want := wanted{1: false, 2: false, 17: true, 31: true}
	if diff := cmp.Diff(want, s.wantedInodes(nil)); diff != "" {
		t.Errorf("inodes (-want +got)\n%s", diff)
	}
	// What a rule fires on is worth looking at every descriptor.
	s.Listeners[0].Queue = 1
	s.Open[0].State, s.States = sockdiag.StateCloseWait, map[string]int64{"close_wait": manyCloseWait}
	want = wanted{1: true, 2: true, 17: true, 31: true}
	if diff := cmp.Diff(want, s.wantedInodes(nil)); diff != "" {
		t.Errorf("inodes of a troubled host (-want +got)\n%s", diff)
	}
	// So is the listener of a connection that is: its holders are searched first.
	s.Listeners[0] = Listener{Inode: 1, Local: netip.MustParseAddrPort("0.0.0.0:80")}
	if w := s.wantedInodes(nil); w[1] {
		t.Error("a listener with nothing to say is searched for everywhere")
	}
	for _, local := range []string{"0.0.0.0:80", "[::]:80", "192.0.2.1:80"} {
		s.Listeners[0].Local = netip.MustParseAddrPort(local)
		s.Open[0].Local = netip.MustParseAddrPort("192.0.2.1:80")
		if w := s.wantedInodes(nil); !w[1] {
			t.Errorf("the listener on %s of a troubled connection is not searched for everywhere", local)
		}
	}
	empty := &Snapshot{Sockets: &Sockets{}}
	empty.nameHolders(t.Context(), root(t.TempDir()), nil, holderBudget)
	if empty.Processes != nil || empty.Gaps != nil || empty.Sockets.Tiers != nil {
		t.Errorf("searched for nothing: %+v", empty)
	}
}

// TestHoldersOfMany: beyond the first descriptors of a process only sockets
// that a rule fires on are searched for.
func TestHoldersOfMany(t *testing.T) {
	d := newTree(t, map[string]string{"proc/100/status": "Name:\ta\nUid:\t0\t0\t0\t0\n"})
	for fd := range firstFDs + 44 {
		d.link(fmt.Sprintf("proc/100/fd/%d", fd), fmt.Sprintf("socket:[%d]", 1000+fd))
	}
	d.link("proc/101/fd/3", "socket:[1]")
	// A directory of a tree is in no order: what is listed last lies beyond
	// the first descriptors.
	order := listed(t, string(d)+"/proc/100/fd")
	last := inodeOf(t, order[len(order)-1])
	for _, tt := range []struct {
		name string
		w    wanted
		want map[uint32][]int
	}{
		{"healthy", wanted{1: false, last: false}, map[uint32][]int{1: {101}}},
		{"found already", wanted{1: true, last: false}, map[uint32][]int{1: {101}}},
		{"troubled", wanted{1: false, last: true}, map[uint32][]int{1: {101}, last: {100}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := findHolders(t.Context(), root(d), tt.w, holderBudget)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, h.byInode); diff != "" {
				t.Errorf("holders (-want +got)\n%s", diff)
			}
			if n, ok := h.found[100]; ok && n != firstFDs+44 {
				t.Errorf("descriptors of 100: want %d, got %d", firstFDs+44, n)
			}
		})
	}
}

// TestHoldersInherited: the process that holds other troubled sockets is
// searched first, and processes that need no search then are looked into for
// what they have inherited.
func TestHoldersInherited(t *testing.T) {
	const deep = firstFDs + 44
	process := map[string]string{}
	for _, pid := range []string{"100", "101", "102"} {
		process["proc/"+pid+"/status"] = "Name:\ta\nUid:\t0\t0\t0\t0\n"
	}
	d := newTree(t, process)
	for fd := range deep {
		d.link(fmt.Sprintf("proc/100/fd/%d", fd), "/dev/null")
		d.link(fmt.Sprintf("proc/101/fd/%d", fd), fmt.Sprintf("socket:[%d]", 1000+fd))
		d.link(fmt.Sprintf("proc/102/fd/%d", fd), fmt.Sprintf("socket:[%d]", 1000+fd))
	}
	order := listed(t, string(d)+"/proc/101/fd")
	first, last := order[0], order[len(order)-1]
	d.remove("proc/102/fd/" + first) // not its child's
	w := wanted{inodeOf(t, first): true, inodeOf(t, last): true}
	h, err := findHolders(t.Context(), root(d), w, holderBudget)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(h.byInode[inodeOf(t, last)])
	want := map[uint32][]int{inodeOf(t, first): {101}, inodeOf(t, last): {101, 102}}
	if diff := cmp.Diff(want, h.byInode); diff != "" {
		t.Errorf("holders (-want +got)\n%s", diff)
	}
	if want := map[int]int64{101: deep, 102: deep - 1}; !cmp.Equal(want, h.found) {
		t.Errorf("descriptors: want %v, got %v", want, h.found)
	}
}

// listed returns the names in a directory in the kernel's order.
func listed(t *testing.T, path string) []string {
	t.Helper()
	dir, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// inodeOf is the socket behind a descriptor of a test's process.
func inodeOf(t *testing.T, fd string) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(fd, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(1000 + n)
}

// TestHoldersBudget: what was not searched in time is told.
func TestHoldersBudget(t *testing.T) {
	d := newTree(t, map[string]string{"proc/100/status": "Name:\ta\nUid:\t0\t0\t0\t0\n"})
	d.link("proc/100/fd/0", "socket:[1]")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &Snapshot{Sockets: &Sockets{Listeners: []Listener{{Inode: 1}}}}
	s.nameHolders(ctx, root(d), nil, holderBudget)
	if len(s.Gaps) != 1 || s.Gaps[0].Reason != "no holder found for 1 socket in 5s" {
		t.Errorf("gaps %+v", s.Gaps)
	}
	d.remove("proc")
	if s.nameHolders(t.Context(), root(d), nil, holderBudget); len(s.Gaps) != 2 || s.Gaps[1].Reason != "not there" {
		t.Errorf("gaps %+v", s.Gaps)
	}
}
