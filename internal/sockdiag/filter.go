// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"encoding/binary"
	"fmt"
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
}

// Match reports whether s passes, as the kernel would decide.
func (f Filter) Match(s *Socket) bool {
	return f.SourcePorts.Contains(s.Source.Port()) &&
		f.DestinationPorts.Contains(s.Destination.Port())
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
	return nil
}

// Operations of the kernel's filter language, INET_DIAG_BC_* of
// include/uapi/linux/inet_diag.h.
const (
	bcSourceGE      = 2 // INET_DIAG_BC_S_GE
	bcSourceLE      = 3 // INET_DIAG_BC_S_LE
	bcDestinationGE = 4 // INET_DIAG_BC_D_GE
	bcDestinationLE = 5 // INET_DIAG_BC_D_LE
)

const (
	bcOpLen      = 4           // struct inet_diag_bc_op
	bcCompareLen = 2 * bcOpLen // the comparison, and an operation that carries the port
)

// appendBytecode appends f in the kernel's filter language: a chain of
// comparisons, each of which goes on to the next one or, when it fails, jumps
// four bytes past the end, which means "leave the socket out"
// (inet_diag_bc_run in net/ipv4/inet_diag.c). It appends nothing for a filter
// that passes all.
func (f Filter) appendBytecode(b []byte) []byte {
	type comparison struct {
		code uint8
		port uint16
	}
	var chain []comparison
	if r := f.SourcePorts; r != (PortRange{}) {
		chain = append(chain, comparison{bcSourceGE, r.First}, comparison{bcSourceLE, r.Last})
	}
	if r := f.DestinationPorts; r != (PortRange{}) {
		chain = append(chain, comparison{bcDestinationGE, r.First}, comparison{bcDestinationLE, r.Last})
	}
	for i, c := range chain {
		remaining := (len(chain) - i) * bcCompareLen
		b = append(b, c.code, bcCompareLen)
		b = binary.NativeEndian.AppendUint16(b, uint16(remaining+bcOpLen))
		b = append(b, 0, 0)
		b = binary.NativeEndian.AppendUint16(b, c.port)
	}
	return b
}
