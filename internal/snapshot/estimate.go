// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"math"
	"slices"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// estimateFrom is the number of ESTABLISHED sockets from which on an estimate
// is made before all of them are copied.
const estimateFrom = 16384

// The range of local ports is cut into strata, and one slice of each, at a
// random place in it, is looked at.
const (
	maxStrata     = 256
	sliceShare    = 64   // a slice is this part of its stratum, or minSlice
	estimateFails = 1e-4 // chance that a destination uses more than the bound
)

// An estimate tells from the outgoing ESTABLISHED sockets with some local
// ports how many ports any destination can have in use. The ports that
// connect() chooses for one destination lie next to each other, so many small
// slices see each destination, whereas a part of the walk may miss one.
type estimate struct {
	slices  []sockdiag.PortRange // ascending
	looked  int64                // ports in the slices that connect() may take
	strata  int
	span    int64 // ports from the first to the last of the range
	groups  *groups[destinationKey, struct{}]
	clients map[uint32]*portUse // by user
	lost    bool                // there were more users than are kept
}

// portUse is the local ports of one user's sockets.
type portUse struct {
	sockets, ports int64
	seen           PortSet
}

// newEstimate chooses the slices.
func newEstimate(ports PortRange, reserved *PortSet, random func(n int) int) *estimate {
	e := &estimate{groups: newGroups[destinationKey, struct{}](maxExactGroups, maxCounters), clients: make(map[uint32]*portUse)}
	size := int(ports.High) - int(ports.Low) + 1
	e.strata, e.span = min(maxStrata, size), int64(size)
	for i := range e.strata {
		first, end := int(ports.Low)+i*size/e.strata, int(ports.Low)+(i+1)*size/e.strata
		width := min(end-first, max(minSlice, (end-first)/sliceShare))
		first += random(end - first - width + 1)
		e.slices = append(e.slices, sockdiag.PortRange{First: uint16(first), Last: uint16(first + width - 1)})
		for port := first; port < first+width; port++ {
			if !reserved.Has(uint16(port)) {
				e.looked++
			}
		}
	}
	return e
}

// has reports whether a port is in a slice.
func (e *estimate) has(port uint16) bool {
	_, found := slices.BinarySearchFunc(e.slices, port, func(r sockdiag.PortRange, port uint16) int {
		switch {
		case r.Last < port:
			return -1
		case r.First > port:
			return 1
		}
		return 0
	})
	return found
}

// add counts an outgoing socket whose local port is in a slice.
func (e *estimate) add(s *sockdiag.Socket) {
	e.groups.add(destinationKey{source: s.Source.Addr(), peer: s.Destination})
	c := e.clients[s.UID]
	if c == nil {
		if len(e.clients) >= maxClients {
			e.lost = true
			return
		}
		c = &portUse{}
		e.clients[s.UID] = c
	}
	c.sockets++
	if c.seen.Add(s.Source.Port()) {
		c.ports++
	}
}

// margin is how far the share of a destination's ports that is used in the
// slices may lie below the share of all, but for estimateFails of cases.
// Source: Hoeffding, Probability Inequalities for Sums of Bounded Random
// Variables, 1963.
func (e *estimate) margin() float64 {
	return math.Sqrt(math.Log(1/estimateFails) / float64(2*e.strata))
}

// atMost is how many of size ports a destination uses at most, or a user whose
// sockets share no port: those whose sockets do are nobody's concern. The
// sockets that others counted are added. It is not ok where the slices do not
// tell.
func (e *estimate) atMost(size int64, others func(destinationKey) int64, mostOthers int64) (ports int64, ok bool) {
	// With many ports reserved the strata count for less than the margin says.
	if e.looked == 0 || e.lost || 4*size < 3*e.span {
		return 0, false
	}
	scale := float64(size) / float64(e.looked)
	margin := int64(math.Ceil(e.margin() * float64(size)))
	most := mostOthers + int64(math.Ceil(float64(e.groups.missed())*scale))
	for _, g := range e.groups.list() {
		most = max(most, others(g.key)+int64(math.Ceil(float64(g.most())*scale)))
	}
	for _, c := range e.clients {
		if c.sockets == c.ports {
			most = max(most, int64(math.Ceil(float64(c.ports)*scale)))
		}
	}
	return most + margin, true
}

// joinRanges merges ranges of ports into ascending ones that do not touch.
func joinRanges(lists ...[]sockdiag.PortRange) []sockdiag.PortRange {
	all := slices.Concat(lists...)
	slices.SortFunc(all, func(a, b sockdiag.PortRange) int { return cmp.Compare(a.First, b.First) })
	var joined []sockdiag.PortRange
	for _, r := range all {
		if last := len(joined) - 1; last >= 0 && int(r.First) <= int(joined[last].Last)+1 {
			joined[last].Last = max(joined[last].Last, r.Last)
			continue
		}
		joined = append(joined, r)
	}
	return joined
}
