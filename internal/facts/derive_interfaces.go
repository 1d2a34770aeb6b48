// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"strings"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/sysctl"
)

// Interface is one network interface. Its settings are the effective ones:
// what the kernel makes of conf.all and those of the interface
// (include/linux/inetdevice.h).
type Interface struct {
	Name              string `cel:"name" doc:"name"`
	Key               string `cel:"key" doc:"the name as a part of a dotted sysctl key: eth0/100 for eth0.100"`
	Loopback          bool   `cel:"loopback" doc:"it is lo"`
	Up                *bool  `cel:"up" doc:"it was set up by the administrator"`
	Addresses         *int64 `cel:"addresses" doc:"IPv4 addresses on it"`
	Received          *int64 `cel:"received" window:"yes" doc:"packets received in the window"`
	Missed            *int64 `cel:"missed" window:"yes" doc:"packets that the card dropped in the window for want of room in its ring (rx_missed_errors)"`
	RPFilter          *int64 `cel:"rp_filter" doc:"the larger of conf.all and its own: 0 off, 1 strict, 2 loose"`
	Forwarding        *bool  `cel:"forwarding" doc:"IPv4 packets that arrive on it are forwarded"`
	AcceptRedirects   *bool  `cel:"accept_redirects" doc:"ICMP redirects are taken: conf.all or its own where forwarding is off, conf.all and its own where it is on"`
	SendRedirects     *bool  `cel:"send_redirects" doc:"ICMP redirects are sent: conf.all or its own"`
	AcceptSourceRoute *bool  `cel:"accept_source_route" doc:"packets that prescribe their route are taken: conf.all and its own"`
}

// Uplink is the interface of the IPv4 default route.
type Uplink struct {
	Interface *string `cel:"interface" doc:"its name; empty where there is no IPv4 default route"`
	Qdisc     *string `cel:"qdisc" doc:"its root queueing discipline; one that only spreads packets over the queues of a card names theirs too: mq of fq"`
}

// interfaces lists the interfaces with their effective settings.
func (d *derivation) interfaces() {
	before := make(map[string]snapshot.Interface)
	if d.from != nil {
		for _, i := range d.from.Interfaces {
			before[i.Name] = i
		}
	}
	for _, in := range d.to.Interfaces {
		i := &Interface{
			Name: in.Name, Key: strings.ReplaceAll(in.Name, ".", "/"), Loopback: in.Name == "lo",
			Up: in.Up, Addresses: in.Addresses,
			Received: grown(before[in.Name].Received, in.Received),
			Missed:   grown(before[in.Name].Missed, in.Missed),
		}
		c := conf{d.facts, in.Name}
		i.RPFilter = c.larger("rp_filter")
		i.Forwarding = c.own("forwarding")
		i.SendRedirects = c.either("send_redirects")
		i.AcceptSourceRoute = c.both("accept_source_route")
		switch {
		case i.Forwarding == nil: // which of the two holds is unknown
		case *i.Forwarding:
			i.AcceptRedirects = c.both("accept_redirects")
		default:
			i.AcceptRedirects = c.either("accept_redirects")
		}
		d.facts.Interfaces = append(d.facts.Interfaces, i)
	}
}

func (d *derivation) uplink() {
	u := d.to.Uplink
	if u == nil {
		return
	}
	d.facts.Uplink = &Uplink{Interface: &u.Name}
	if u.Qdisc != "" {
		d.facts.Uplink.Qdisc = &u.Qdisc
	}
}

// conf reads the settings of one interface below net.ipv4.conf.
type conf struct {
	facts     *Facts
	component string
}

func (c conf) value(component, leaf string) (int64, bool) {
	key, err := sysctl.ParseKey("net/ipv4/conf/" + component + "/" + leaf)
	if err != nil {
		return 0, false
	}
	return c.facts.Sysctl(key.String(), 0)
}

func (c conf) own(leaf string) *bool {
	n, ok := c.value(c.component, leaf)
	if !ok {
		return nil
	}
	on := n != 0
	return &on
}

// pair returns the value of all and that of the interface.
func (c conf) pair(leaf string) (all, own int64, ok bool) {
	all, ok = c.value("all", leaf)
	if ok {
		own, ok = c.value(c.component, leaf)
	}
	return all, own, ok
}

// larger is IN_DEV_MAXCONF, either IN_DEV_ORCONF, both IN_DEV_ANDCONF.
func (c conf) larger(leaf string) *int64 {
	all, own, ok := c.pair(leaf)
	if !ok {
		return nil
	}
	n := max(all, own)
	return &n
}

func (c conf) either(leaf string) *bool {
	all, own, ok := c.pair(leaf)
	if !ok {
		return nil
	}
	on := all != 0 || own != 0
	return &on
}

func (c conf) both(leaf string) *bool {
	all, own, ok := c.pair(leaf)
	if !ok {
		return nil
	}
	on := all != 0 && own != 0
	return &on
}
