// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/tcptune/tcptune/internal/netdev"
	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/sysctl"
)

// maxInterfaces bounds how many interfaces are looked at: a container host has
// hundreds.
const maxInterfaces = 512

// Interface is one network interface of the namespace. Nil fields were not
// read: a saved tree has the names only.
type Interface struct {
	Name      string  `json:"name"`
	Up        *bool   `json:"up,omitempty"`
	Addresses *int64  `json:"ipv4_addresses,omitempty"`
	Received  *uint64 `json:"rx_packets,omitempty"`
	Missed    *uint64 `json:"rx_missed_errors,omitempty"`
}

// Uplink is the interface of the IPv4 default route.
type Uplink struct {
	Name  string `json:"name"`            // empty: there is no default route
	Qdisc string `json:"qdisc,omitempty"` // as netdev.Qdisc has it; empty where it was not read
}

// confDir has a directory for every interface with IPv4, and those of all and
// default.
const confDir = "proc/sys/net/ipv4/conf"

// confKeys are the settings of an interface that facts are derived from.
var confKeys = [...]string{"rp_filter", "accept_redirects", "send_redirects", "accept_source_route", "forwarding"}

// readInterfaces lists the interfaces with what the kernel counts for them.
func (c *Collector) readInterfaces(s *Snapshot) {
	_, names, err := c.root.directory(confDir, maxInterfaces+2)
	if err != nil {
		if procSys, known := c.root.exists("proc/sys/net"); procSys || !known { // else the gap of /proc/sys says it
			s.gap("/"+confDir, err, "")
		}
		return
	}
	if len(names) == maxInterfaces+2 {
		s.gap("/"+confDir, fmt.Errorf("%d interfaces or more: the rest was not read", maxInterfaces), "")
	}
	devices := make(map[string]netdev.Device)
	if c.Live() {
		list, err := netdev.List()
		if err != nil {
			s.gap("rtnetlink", err, "")
		}
		for _, d := range list {
			devices[d.Name] = d
		}
	}
	for _, name := range names {
		if name == "all" || name == "default" {
			continue
		}
		i := Interface{Name: name}
		if d, ok := devices[name]; ok {
			addresses := int64(d.Addresses)
			i.Up, i.Addresses, i.Received, i.Missed = &d.Up, &addresses, &d.Received, &d.Missed
		}
		s.Interfaces = append(s.Interfaces, i)
	}
	c.readUplink(s, devices)
}

// readUplink finds the interface of the default route.
func (c *Collector) readUplink(s *Snapshot, devices map[string]netdev.Device) {
	name, err := parse(c.root, "proc/net/route", procnet.ParseDefaultRoute)
	if err != nil {
		s.gap("/proc/net/route", err, "")
		return
	}
	s.Uplink = &Uplink{Name: name}
	d, ok := devices[name]
	if !ok {
		return
	}
	if s.Uplink.Qdisc, err = netdev.Qdisc(d.Index); err != nil {
		s.gap("rtnetlink", err, "")
	}
}

// readConf reads the settings of every interface, of all and of default into
// the live values.
func (c *Collector) readConf(s *Snapshot) {
	if s.Sysctls == nil {
		return // the gap of readSysctls says so
	}
	names := []string{"all", "default"}
	for _, i := range s.Interfaces {
		names = append(names, i.Name)
	}
	for _, name := range names {
		for _, leaf := range confKeys {
			file := confDir + "/" + name + "/" + leaf
			key, err := sysctl.ParseKey(strings.TrimPrefix(file, "proc/sys/"))
			if err != nil {
				break // a name that no key can have
			}
			value, err := c.root.text(file)
			switch {
			case err == nil:
				s.Sysctls[key.String()] = strings.Join(strings.Fields(value), " ")
			case !errors.Is(err, fs.ErrNotExist): // the interface is gone, or the tree was not saved whole
				s.gap(key.String(), err, "")
			}
		}
	}
}
