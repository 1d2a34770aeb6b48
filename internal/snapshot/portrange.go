// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"time"
)

// PortRange is the range of local ports that connect() may take.
type PortRange struct {
	Low      uint16 `json:"low"`
	High     uint16 `json:"high"`
	Reserved int    `json:"reserved"` // reserved ports inside the range
	Held     int    `json:"held"`     // distinct ports of the range that listeners hold
	List     string `json:"reserved_list,omitempty"`
	Known    bool   `json:"known"`
}

// Contains reports whether port lies in the range.
func (r PortRange) Contains(port uint16) bool {
	return r.Known && port >= r.Low && port <= r.High
}

// Size is the number of ports that connect() may take: the range less the
// reserved ports.
func (r PortRange) Size() int64 {
	if !r.Known {
		return 0
	}
	return int64(r.High) - int64(r.Low) + 1 - int64(r.Reserved)
}

// portRange reads the ephemeral port range and the reserved ports. The range
// is known only together with the ports that are taken out of it.
func (c *Collector) portRange(s *Snapshot) (PortRange, PortSet) {
	const rangeKey, reservedKey = "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"
	value, err := c.value(rangeKey)
	if err != nil {
		s.gap(rangeKey, err, "")
		return PortRange{}, PortSet{}
	}
	numbers, err := value.Ints()
	if err != nil || len(numbers) != 2 || numbers[0] < 0 || numbers[1] > 65535 || numbers[0] > numbers[1] {
		s.gap(rangeKey, fmt.Errorf("%q is not a range of ports", value), "")
		return PortRange{}, PortSet{}
	}
	list, err := c.value(reservedKey)
	if err != nil {
		s.gap(reservedKey, err, "")
		return PortRange{}, PortSet{}
	}
	reserved, err := ParsePorts(string(list))
	if err != nil {
		s.gap(reservedKey, err, "")
		return PortRange{}, PortSet{}
	}
	p := PortRange{Low: uint16(numbers[0]), High: uint16(numbers[1]), List: string(list), Known: true}
	for port := int(p.Low); port <= int(p.High); port++ {
		if reserved.Has(uint16(port)) {
			p.Reserved++
		}
	}
	return p, reserved
}

// reuseDelay is tcp_tw_reuse_delay; before Linux 6.14 it was one second and no
// key. Source: proc_dointvec_minmax bounds of net/ipv4/sysctl_net_ipv4.c.
func (c *Collector) reuseDelay() time.Duration {
	value, err := c.value("net.ipv4.tcp_tw_reuse_delay")
	if ms, ok := parseInt(string(value)); err == nil && ok && ms >= 1 && ms <= 60000 {
		return time.Duration(ms) * time.Millisecond
	}
	return time.Second
}
