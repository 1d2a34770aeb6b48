// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"slices"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// maxSample bounds how many ESTABLISHED sockets are looked at one by one.
const maxSample = 4096

// Sample is ESTABLISHED sockets one by one: all of them, or, where there are
// more than maxSample, those in some slices of the port space.
type Sample struct {
	Established int64  // how many there were
	Slices      Slices // which were looked at
	// Cut reports that too many lay in the narrowest slices: which ones were
	// kept then is not left to chance.
	Cut         bool
	Connections []Connection
}

// The port space is cut into equal strides, and one slice of each is looked at.
const (
	sliceCount  = 16
	sliceStride = 1 << 16 / sliceCount
	minSlice    = 2 // connect() may use the ports of one parity only
)

// Slices choose connections by the port of the end that was chosen when they
// were opened: the local one of outgoing connections, the peer's of accepted
// ones. Those ports are spread over all destinations and clients, while the
// order of the kernel's table is not random at all (see dumpRange).
type Slices struct {
	Offset uint16 // first port of the slice of the first stride
	Width  uint16 // ports of each slice; sliceStride stands for all ports
}

// Whole reports whether every port is in a slice.
func (s Slices) Whole() bool { return s.Width >= sliceStride }

// Has reports whether a port is in one of the slices.
func (s Slices) Has(port uint16) bool { return (port-s.Offset)%sliceStride < s.Width }

// Share is the part of all ports that is in a slice.
func (s Slices) Share() float64 { return float64(min(s.Width, sliceStride)) / sliceStride }

// ranges lists the ports in ascending order, none when every port is in. The
// slice that wraps is two ranges; port 0, which nothing uses, is in none.
func (s Slices) ranges() (list []sockdiag.PortRange) {
	if s.Whole() {
		return nil
	}
	for i := range uint16(sliceCount) {
		first := s.Offset + i*sliceStride
		last := first + s.Width - 1
		if first > last {
			list = append(list, sockdiag.PortRange{First: first, Last: 1<<16 - 1})
			first = 0
		}
		if last > 0 {
			list = append(list, sockdiag.PortRange{First: first, Last: last})
		}
	}
	slices.SortFunc(list, func(a, b sockdiag.PortRange) int { return cmp.Compare(a.First, b.First) })
	return list
}

// chooseSlices chooses slices that hold about three quarters of maxSample of
// the established connections, or all of them. The slices of the start of the
// window are kept, or narrowed, so that the same sockets are seen again. A
// listening port in a slice would have the kernel copy all its connections, so
// others are preferred.
func chooseSlices(established int64, before *Sample, listening *PortSet, random func(n int) int) Slices {
	s := Slices{Width: sliceWidth(established)}
	if before != nil {
		return Slices{Offset: before.Slices.Offset, Width: min(s.Width, before.Slices.Width)}
	}
	const attempts = 16
	for range attempts {
		s.Offset = uint16(random(1 << 16))
		if !s.hits(listening) {
			break
		}
	}
	return s
}

// sliceWidth is the width of slices that hold about three quarters of maxSample
// of the established connections, or all of them.
func sliceWidth(established int64) uint16 {
	if established <= maxSample {
		return sliceStride
	}
	return uint16(max(minSlice, maxSample*3/4*sliceStride/established))
}

// worn reports whether the slices are much narrower than they have to be. Where
// the end of a window is the start of the next one, they only ever narrow.
func (s *Sample) worn() bool { return 4*s.Slices.Width < sliceWidth(s.Established) }

// hits reports whether a port of the set is in a slice.
func (s Slices) hits(ports *PortSet) bool {
	return slices.ContainsFunc(s.ranges(), func(r sockdiag.PortRange) bool {
		for port := int(r.First); port <= int(r.Last); port++ {
			if ports.Has(uint16(port)) {
				return true
			}
		}
		return false
	})
}

// addConnection keeps an ESTABLISHED socket that lies in the slices. Where
// there are too many the slices become narrower, and what is outside goes.
func (f *fold) addConnection(s *sockdiag.Socket) {
	sample := f.sample
	if !sample.Slices.Has(f.chosenPort(s)) || sample.Cut {
		return
	}
	sample.Connections = append(sample.Connections, newConnection(s))
	for len(sample.Connections) > maxSample {
		if sample.Slices.Width <= minSlice {
			sample.Cut = true
			sample.Connections = sample.Connections[:maxSample]
			return
		}
		sample.Slices.Width = max(minSlice, min(sample.Slices.Width, sliceStride)/2)
		sample.Connections = slices.DeleteFunc(sample.Connections, func(c Connection) bool {
			return !sample.Slices.Has(f.chosen(c.Local.Port(), c.Peer.Port()))
		})
	}
}

func (f *fold) chosenPort(s *sockdiag.Socket) uint16 {
	return f.chosen(s.Source.Port(), s.Destination.Port())
}

// chosen is the port of the end that opened the connection.
func (f *fold) chosen(local, peer uint16) uint16 {
	if f.listening.Has(local) {
		return peer
	}
	return local
}
