// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// TestEstimate: whatever ports a destination uses, the bound is not below
// their number, and a run of ports, as connect() makes, is measured well.
func TestEstimate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Uint16Range(1024, 60000).Draw(t, "low")
		ports := PortRange{Low: low, High: rapid.Uint16Range(low, 65535).Draw(t, "high"), Known: true}
		size := int(ports.Size())
		used := rapid.IntRange(0, size).Draw(t, "used")
		step := rapid.SampledFrom([]int{1, 2, 7, 16, 110}).Draw(t, "step")
		start := rapid.IntRange(0, size-1).Draw(t, "start")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		e := newEstimate(ports, &PortSet{}, random.IntN)
		seen, port := make(map[int]bool), start
		for len(seen) < used {
			for seen[port] {
				port = (port + 1) % size
			}
			seen[port] = true
			if s := outgoing(sockdiag.StateEstablished, low+uint16(port), peer(1)); e.has(s.Source.Port()) {
				e.add(&s)
			}
			port = (port + step) % size
		}
		if got, ok := e.atMost(int64(size), func(destinationKey) int64 { return 0 }, 0); !ok || got < int64(used) {
			t.Errorf("at most %d of %d ports, but %d are used", got, size, used)
		}
	})
}

func TestEstimateBounds(t *testing.T) {
	ports := PortRange{Low: 32768, High: 60999, Known: true}
	var reserved PortSet
	for port := 32768; port < 40000; port++ {
		reserved.Add(uint16(port))
	}
	e := newEstimate(ports, &reserved, func(int) int { return 0 })
	if !slices.IsSortedFunc(e.slices, func(a, b sockdiag.PortRange) int { return int(a.First) - int(b.First) }) || len(e.slices) != maxStrata {
		t.Errorf("slices %v", e.slices)
	}
	if share := float64(e.looked) / float64(60999-40000+1); share < 0.015 || share > 0.025 {
		t.Errorf("%.3f of the ports are looked at", share)
	}
	none := func(destinationKey) int64 { return 0 }
	size := ports.Size()
	if got, ok := e.atMost(size, none, 17); !ok || got != 17+int64(float64(size)*e.margin())+1 {
		t.Errorf("without a socket: at most %d, %v", got, ok)
	}
	for uid := range maxClients + 1 {
		s := outgoing(sockdiag.StateEstablished, e.slices[0].First, peer(1))
		s.UID = uint32(uid)
		e.add(&s)
	}
	if got, ok := e.atMost(size, none, 0); ok {
		t.Errorf("with more users than are kept: at most %d", got)
	}
}

func TestJoinRanges(t *testing.T) {
	ranges := func(ports ...uint16) (list []sockdiag.PortRange) {
		for i := 0; i < len(ports); i += 2 {
			list = append(list, sockdiag.PortRange{First: ports[i], Last: ports[i+1]})
		}
		return list
	}
	got := joinRanges(ranges(1, 5, 9, 9, 100, 65535), ranges(6, 7, 10, 12, 50, 60, 65535, 65535))
	if want := ranges(1, 7, 9, 12, 50, 60, 100, 65535); !slices.Equal(got, want) {
		t.Errorf("joined %v, want %v", got, want)
	}
}
