// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"strconv"
	"strings"
)

// PortSet is a set of ports. The zero value is empty.
type PortSet [65536 / 64]uint64

// Add adds a port and reports whether it was new.
func (p *PortSet) Add(port uint16) (added bool) {
	bit := uint64(1) << (port % 64)
	added = p[port/64]&bit == 0
	p[port/64] |= bit
	return added
}

// Has reports whether the port is in the set.
func (p *PortSet) Has(port uint16) bool { return p[port/64]&(1<<(port%64)) != 0 }

// String returns the set in the form of ip_local_reserved_ports, sorted and
// compressed: "80,8000-8010".
func (p *PortSet) String() string {
	var parts []string
	for first := 0; first < 65536; first++ {
		if !p.Has(uint16(first)) {
			continue
		}
		last := first
		for last < 65535 && p.Has(uint16(last+1)) {
			last++
		}
		part := strconv.Itoa(first)
		if last > first {
			part += "-" + strconv.Itoa(last)
		}
		parts = append(parts, part)
		first = last
	}
	return strings.Join(parts, ",")
}

// ParsePorts reads the list form of ip_local_reserved_ports. It returns the
// empty set on any error. Source: Documentation/networking/ip-sysctl.rst.
func ParsePorts(list string) (ports PortSet, err error) {
	if list == "" {
		return ports, nil
	}
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 16)
		b, errB := strconv.ParseUint(last, 10, 16)
		if errA != nil || errB != nil || a > b {
			return PortSet{}, fmt.Errorf("%q is not a port or a range of ports", part)
		}
		for port := a; port <= b; port++ {
			ports.Add(uint16(port))
		}
	}
	return ports, nil
}
