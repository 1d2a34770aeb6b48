// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// TestSlicesRanges: the kernel's filter and Has mean the same ports.
func TestSlicesRanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Slices{Offset: rapid.Uint16().Draw(t, "offset"), Width: rapid.Uint16Range(minSlice, sliceStride).Draw(t, "width")}
		var in PortSet
		n := 0
		for _, r := range s.ranges() {
			for port := int(r.First); port <= int(r.Last); port++ {
				if !in.Add(uint16(port)) {
					t.Fatalf("port %d twice", port)
				}
				n++
			}
		}
		if s.Whole() != (n == 0) {
			t.Fatalf("%d ports in the ranges of %+v", n, s)
		}
		for port := 1; port < 1<<16; port++ {
			if !s.Whole() && in.Has(uint16(port)) != s.Has(uint16(port)) || s.Whole() && !s.Has(uint16(port)) {
				t.Fatalf("port %d: ranges %v, slices %v", port, in.Has(uint16(port)), s.Has(uint16(port)))
			}
		}
		if narrow := (Slices{Offset: s.Offset, Width: s.Width / 2}); narrow.Width > 0 {
			for _, r := range narrow.ranges() {
				if !s.Has(r.First) || !s.Has(r.Last) {
					t.Fatalf("%+v reaches beyond %+v", narrow, s)
				}
			}
		}
	})
}

func TestChooseSlices(t *testing.T) {
	var none, all PortSet
	for port := range 1 << 16 {
		all.Add(uint16(port))
	}
	tests := []struct {
		established int64
		before      *Sample
		width       uint16
	}{
		{0, nil, sliceStride},
		{maxSample, nil, sliceStride},
		{maxSample + 1, nil, sliceStride*3/4 - 1},
		{1_000_000, nil, 12},
		{1 << 40, nil, minSlice},
		{1_000_000, &Sample{Slices: Slices{77, sliceStride}}, 12},
		{10, &Sample{Slices: Slices{77, 25}}, 25},
	}
	for _, tt := range tests {
		got := chooseSlices(tt.established, tt.before, &none, rand.IntN)
		if got.Width != tt.width || tt.before != nil && got.Offset != tt.before.Slices.Offset {
			t.Errorf("%d established, before %+v: %+v, want a width of %d", tt.established, tt.before, got, tt.width)
		}
	}
	if got := chooseSlices(1<<20, nil, &all, rand.IntN); got.Width == 0 {
		t.Errorf("listeners everywhere: %+v", got)
	}
	var listening PortSet
	listening.Add(40000)
	draws := []int{39999, 40000, 39990 - 4096, 100}
	got := chooseSlices(1_000_000, nil, &listening, func(int) int {
		n := draws[0]
		draws = draws[1:]
		return n
	})
	if got.Offset != 100 {
		t.Errorf("a listening port is in %+v", got)
	}
}

// crowd is a table as the hash of Linux 6.18 has it: the sockets of one peer
// lie together.
type crowd struct {
	peers, each int
	inbound     bool // clients of a listener instead of outgoing connections
}

func (c crowd) table(random *rand.Rand) *fakeTable {
	table := &fakeTable{method: sockdiag.MethodSockDiag, sockets: []sockdiag.Socket{listener(443)}}
	const low, span = 32768, 28232
	for p := range c.peers {
		at := random.IntN(span)
		for range c.each {
			// A chosen port is followed by one that lies a little further (inet_hash_connect).
			at = (at + 2*(1+random.IntN(8))) % span
			s := outgoing(sockdiag.StateEstablished, uint16(low+at), peer(p))
			if c.inbound {
				s.Source, s.Destination = netip.AddrPortFrom(s.Source.Addr(), 443), netip.AddrPortFrom(s.Destination.Addr(), s.Source.Port())
			}
			s.Cookie = uint64(len(table.sockets))
			table.sockets = append(table.sockets, s)
		}
	}
	return table
}

// TestSampleFair: every peer with many sockets is in the sample, in about its
// proportion, wherever its sockets lie in the table.
func TestSampleFair(t *testing.T) {
	for _, c := range []crowd{{5, 9900, false}, {5, 9900, true}, {20, 1000, false}, {100, 1000, true}, {20, 10000, false}} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			table := c.table(rand.New(rand.NewPCG(1, 2)))
			got := table.collect(t, PortRange{Low: 32768, High: 60999, Known: true}, PortSet{}).Sample
			total := c.peers * c.each
			if got.Cut || got.Established != int64(total) || len(got.Connections) > maxSample || len(got.Connections) < maxSample/4 {
				t.Fatalf("%d connections of %d, cut %v", len(got.Connections), got.Established, got.Cut)
			}
			seen := make(map[string]int)
			for i := range got.Connections {
				seen[got.Connections[i].Peer.Addr().String()]++
			}
			if len(seen) != c.peers {
				t.Errorf("%d of %d peers in the sample", len(seen), c.peers)
			}
			// The ports of one peer lie together, so that its share varies more
			// than that of independent draws.
			want := len(got.Connections) / c.peers
			for p, n := range seen {
				if c.each >= 9900 && (n < want/2 || n > want*2) {
					t.Errorf("%s has %d connections, want about %d", p, n, want)
				}
			}
			if estimate := float64(len(got.Connections)) / got.Slices.Share(); estimate < 0.7*float64(total) || estimate > 1.4*float64(total) {
				t.Errorf("%v estimated of %d", estimate, total)
			}
		})
	}
}

// TestSampleOnce: the sockets of the first sample are found again in the second
// one, also when the table grew, and no service port brings more than its part.
func TestSampleOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, grow := range []int{0, 30000} {
		table := crowd{5, 4000, true}.table(random)
		ports := PortRange{Low: 32768, High: 60999, Known: true}
		first := table.collect(t, ports, PortSet{}).Sample
		before := len(table.sockets)
		table.sockets = append(table.sockets, crowd{3, grow, false}.table(random).sockets[1:]...)
		tiers := &tiers{dumper: table, fold: newFold(ports, PortSet{}, 0), counts: table.sockstat, before: first}
		if err := tiers.collect(t.Context()); err != nil {
			t.Fatal(err)
		}
		second := tiers.fold.finish().Sample
		index := first.ByID()
		old := 0
		for i := range second.Connections {
			if c := &second.Connections[i]; c.Cookie < uint64(before) && c.Local.Port() == 443 {
				if old++; index[c.ID()] == nil {
					t.Fatalf("%+v was not in the first sample", c)
				}
			}
		}
		if old < 100 || grow == 0 && old != len(first.Connections) {
			t.Errorf("%d of %d found again", old, len(first.Connections))
		}
	}
}

// TestSampleNarrows: more sockets than expected make the slices narrower, and
// the rest is what a narrower slice would have brought.
func TestSampleNarrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFold(PortRange{}, PortSet{}, 0)
		f.sample = &Sample{Slices: Slices{Offset: rapid.Uint16().Draw(t, "offset"), Width: sliceStride}}
		ports := rapid.SliceOfNDistinct(rapid.Uint16Min(1), 0, 300, rapid.ID[uint16]).Draw(t, "ports")
		each := rapid.IntRange(1, 100).Draw(t, "sockets to each")
		var want []uint16
		for i := range each {
			for _, p := range ports {
				s := outgoing(sockdiag.StateEstablished, p, peer(i))
				f.addConnection(&s)
				want = append(want, p)
			}
		}
		got := f.sample
		if got.Cut {
			if len(got.Connections) != maxSample || got.Slices.Width != minSlice {
				t.Fatalf("cut at %d connections, %+v", len(got.Connections), got.Slices)
			}
			return
		}
		want = slices.DeleteFunc(want, func(p uint16) bool { return !got.Slices.Has(p) })
		var have []uint16
		for i := range got.Connections {
			have = append(have, got.Connections[i].Local.Port())
		}
		if !slices.Equal(want, have) {
			t.Fatalf("%d connections, want %d", len(have), len(want))
		}
		if len(ports)*each <= maxSample && !got.Slices.Whole() {
			t.Fatalf("%d sockets, but %+v", len(ports)*each, got.Slices)
		}
	})
}

// TestSampleCut: sockets that no slice can tell apart end the sample, and it
// says so.
func TestSampleCut(t *testing.T) {
	f := newFold(PortRange{}, PortSet{}, 0)
	f.sample = &Sample{Slices: Slices{Offset: 40000, Width: sliceStride}}
	for i := range maxSample + 10 {
		s := outgoing(sockdiag.StateEstablished, 40000, peer(i))
		f.addConnection(&s)
	}
	if !f.sample.Cut || len(f.sample.Connections) != maxSample {
		t.Errorf("%d connections, cut %v", len(f.sample.Connections), f.sample.Cut)
	}
}
