// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A PortRange is the ports from First to Last, both included. The zero value
// stands for every port.
type PortRange struct {
	First, Last uint16
}

// Contains reports whether p lies in the range.
func (r PortRange) Contains(p uint16) bool {
	return r == PortRange{} || r.First <= p && p <= r.Last
}

// String returns the range as "first-last", and "any" for the zero value.
func (r PortRange) String() string {
	if r == (PortRange{}) {
		return "any"
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// A Filter chooses sockets by their ports. A socket must pass every part; the
// zero value passes all.
//
// A Client has the kernel apply it before anything is copied; that saves the
// cost of copying a socket, but not of walking to it.
type Filter struct {
	SourcePorts      PortRange
	DestinationPorts PortRange // of listeners the destination port is 0
	// AnySource and AnyDestination are ranges, each list ascending and apart
	// from each other: the source port must lie in one of the first, or the
	// destination port in one of the second. Two empty lists pass all.
	AnySource, AnyDestination []PortRange
}

// maxAny bounds AnySource and AnyDestination: the kernel checks the program in a time
// that grows with the square of its length, and the program must fit into one
// attribute.
const maxAny = 512

// Match reports whether s passes, as the kernel would decide.
func (f Filter) Match(s *Socket) bool {
	source, destination := s.Source.Port(), s.Destination.Port()
	return f.SourcePorts.Contains(source) && f.DestinationPorts.Contains(destination) &&
		(len(f.AnySource)+len(f.AnyDestination) == 0 || anyContains(f.AnySource, source) || anyContains(f.AnyDestination, destination))
}

func anyContains(ranges []PortRange, port uint16) bool {
	return slices.ContainsFunc(ranges, func(r PortRange) bool { return r.Contains(port) })
}

func (f Filter) validate() error {
	for _, p := range []struct {
		name string
		r    PortRange
	}{
		{"source", f.SourcePorts},
		{"destination", f.DestinationPorts},
	} {
		if p.r.First > p.r.Last {
			return fmt.Errorf("filter by %s ports %s: the first is above the last", p.name, p.r)
		}
	}
	for _, ranges := range [][]PortRange{f.AnySource, f.AnyDestination} {
		if n := len(ranges); n > maxAny {
			return fmt.Errorf("filter by %d ranges of ports: want at most %d", n, maxAny)
		}
		for i, r := range ranges {
			if r.First > r.Last || r == (PortRange{}) || i > 0 && r.First <= ranges[i-1].Last {
				return fmt.Errorf("filter by ports %v: want ranges that ascend and do not touch", ranges)
			}
		}
	}
	return nil
}

// Operations of the kernel's filter language, INET_DIAG_BC_* of
// include/uapi/linux/inet_diag.h.
const (
	bcJump          = 1 // INET_DIAG_BC_JMP
	bcSourceGE      = 2 // INET_DIAG_BC_S_GE
	bcSourceLE      = 3 // INET_DIAG_BC_S_LE
	bcDestinationGE = 4 // INET_DIAG_BC_D_GE
	bcDestinationLE = 5 // INET_DIAG_BC_D_LE
)

const (
	bcOpLen      = 4           // struct inet_diag_bc_op
	bcCompareLen = 2 * bcOpLen // the comparison, and an operation that carries the port
)

// A comparison is one step of a filter program: it goes on to the next step,
// or, when it fails, to the step with the number otherwise. A bcJump always
// does the latter.
type comparison struct {
	code      uint8
	port      uint16
	otherwise int
}

func (c comparison) length() int {
	if c.code == bcJump {
		return bcOpLen
	}
	return bcCompareLen
}

// leaveOut as the number of a step means "leave the socket out".
const leaveOut = -1

// program returns f as steps; behind the last one a socket has passed.
func (f Filter) program() (steps []comparison) {
	if r := f.SourcePorts; r != (PortRange{}) {
		steps = append(steps, comparison{bcSourceGE, r.First, leaveOut}, comparison{bcSourceLE, r.Last, leaveOut})
	}
	if r := f.DestinationPorts; r != (PortRange{}) {
		steps = append(steps, comparison{bcDestinationGE, r.First, leaveOut}, comparison{bcDestinationLE, r.Last, leaveOut})
	}
	sources, destinations := len(f.AnySource), len(f.AnyDestination)
	if sources+destinations == 0 {
		return steps
	}
	next := len(steps) + searchLen(sources)
	passed, otherwise := next+searchLen(destinations), next
	if destinations == 0 {
		otherwise = leaveOut
	}
	if sources > 0 {
		steps = appendSearch(steps, f.AnySource, search{bcSourceLE, bcSourceGE, passed, otherwise})
	}
	if destinations > 0 {
		steps = appendSearch(steps, f.AnyDestination, search{bcDestinationLE, bcDestinationGE, passed, leaveOut})
	}
	return steps
}

// A search looks a port up in ascending ranges and goes on to the step found,
// or to the step otherwise.
type search struct {
	le, ge           uint8
	found, otherwise int
}

// searchLen is how many steps a search among n ranges has: three for each, and
// one for each place where they are split.
func searchLen(n int) int { return max(0, 4*n-1) }

// appendSearch appends a binary search: the kernel runs it for every socket.
func appendSearch(steps []comparison, ranges []PortRange, s search) []comparison {
	if len(ranges) == 1 {
		return append(steps, comparison{s.le, ranges[0].Last, s.otherwise}, comparison{s.ge, ranges[0].First, s.otherwise},
			comparison{code: bcJump, otherwise: s.found})
	}
	half := len(ranges) / 2
	steps = append(steps, comparison{s.le, ranges[half-1].Last, len(steps) + 1 + searchLen(half)})
	steps = appendSearch(steps, ranges[:half], s)
	return appendSearch(steps, ranges[half:], s)
}

// appendBytecode appends f in the kernel's filter language, in which a jump
// four bytes past the end means "leave the socket out" (inet_diag_bc_run in
// net/ipv4/inet_diag.c). It appends nothing for a filter that passes all.
func (f Filter) appendBytecode(b []byte) []byte {
	steps := f.program()
	starts := make([]int, len(steps)+1)
	for i, s := range steps {
		starts[i+1] = starts[i] + s.length()
	}
	for i, s := range steps {
		jump := starts[len(steps)] - starts[i] + bcOpLen
		if s.otherwise != leaveOut {
			jump = starts[s.otherwise] - starts[i]
		}
		b = append(b, s.code, uint8(s.length()))
		b = binary.NativeEndian.AppendUint16(b, uint16(jump))
		if s.code != bcJump {
			b = append(b, 0, 0)
			b = binary.NativeEndian.AppendUint16(b, s.port)
		}
	}
	return b
}
