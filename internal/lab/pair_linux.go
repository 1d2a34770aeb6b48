// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
)

// nobody is a locally administered hardware address that no interface has:
// frames to it are carried and thrown away, and no error comes back.
func nobody() net.HardwareAddr { return net.HardwareAddr{0x02, 0, 0, 0, 0, 0xfe} }

// A Pair is a client and a server, joined by a link.
type Pair struct {
	Client, Server *Host
	ClientAddress  netip.Addr // 198.18.1.1, on eth0
	ServerAddress  netip.Addr // 198.18.1.2, on eth0

	line *Process // nil with a veth pair
}

// NewPair makes two hosts and joins them by a veth pair. Pairs made in one test
// are separate networks with the same addresses.
func NewPair(t testing.TB) *Pair {
	t.Helper()
	p := newHosts(t)
	Join(t, p.Client, netip.PrefixFrom(p.ClientAddress, 24), p.Server, netip.PrefixFrom(p.ServerAddress, 24))
	return p
}

// newHosts makes a pair without a link.
func newHosts(t testing.TB) *Pair {
	t.Helper()
	return &Pair{
		Client:        NewHost(t, "client"),
		Server:        NewHost(t, "server"),
		ClientAddress: netip.AddrFrom4([4]byte{198, 18, 1, 1}),
		ServerAddress: netip.AddrFrom4([4]byte{198, 18, 1, 2}),
	}
}

// NewDetour makes two hosts between which the answers come back by another link
// than the requests went: the client's address, to be used with [BindNoPort] or
// [BindPort], is that of its second interface. Both hosts know the hardware
// addresses, because a host with a strict reverse-path filter does not even
// answer ARP.
func NewDetour(t testing.TB) *Pair {
	t.Helper()
	p := NewPair(t)
	p.ClientAddress = netip.AddrFrom4([4]byte{198, 18, 2, 1})
	second := netip.AddrFrom4([4]byte{198, 18, 2, 2})
	Join(t, p.Client, netip.PrefixFrom(p.ClientAddress, 24), p.Server, netip.PrefixFrom(second, 24))
	p.Client.neighbour(t, "eth0", p.ServerAddress, p.Server.hardwareAddress(t, "eth0"))
	p.Server.neighbour(t, "eth1", p.ClientAddress, p.Client.hardwareAddress(t, "eth1"))
	return p
}

// Target is a port of the server's address.
func (p *Pair) Target(port uint16) netip.AddrPort { return netip.AddrPortFrom(p.ServerAddress, port) }

// Cut makes both hosts unreachable for each other without any error: what a
// peer that lost power looks like.
func (p *Pair) Cut(t testing.TB) {
	t.Helper()
	if p.line != nil {
		p.line.order(t, order{Cut: true})
		return
	}
	p.Client.lose(t, "eth0", p.ServerAddress)
	p.Server.lose(t, "eth0", p.ClientAddress)
}

// Mend undoes [Pair.Cut]: the end of an outage.
func (p *Pair) Mend(t testing.TB) {
	t.Helper()
	if p.line != nil {
		p.line.order(t, order{Mend: true})
		return
	}
	p.Client.neighbour(t, "eth0", p.ServerAddress, p.Server.hardwareAddress(t, "eth0"))
	p.Server.neighbour(t, "eth0", p.ClientAddress, p.Client.hardwareAddress(t, "eth0"))
}

// Join connects two hosts by a veth pair, with an address for each end. The
// interface is the next of eth0, eth1, ... on each side.
func Join(t testing.TB, a *Host, aAddress netip.Prefix, b *Host, bAddress netip.Prefix) {
	t.Helper()
	aName, bName := fmt.Sprintf("eth%d", a.interfaces), fmt.Sprintf("eth%d", b.interfaces)
	err := a.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = aName
		return netlink.LinkAdd(&netlink.Veth{
			LinkAttrs: attrs, PeerName: bName, PeerNamespace: netlink.NsFd(b.netns.Fd()),
		})
	})
	if err != nil {
		t.Fatalf("join %s and %s: %v", a.Name, b.Name, err)
	}
	a.interfaces++
	b.interfaces++
	a.attach(t, aName, aAddress)
	b.attach(t, bName, bAddress)
}

// attach gives a new interface of the host its address and brings it up.
func (h *Host) attach(t testing.TB, name string, address netip.Prefix) {
	t.Helper()
	h.AddAddress(t, name, address)
	if err := h.Do(func() error { return linkUp(name) }); err != nil {
		t.Fatalf("%s: %v", h.Name, err)
	}
	if h.machine {
		t.Cleanup(func() { h.removeLink(t, name) })
	}
}

// AddAddress gives an interface of the host one more address.
func (h *Host) AddAddress(t testing.TB, name string, address netip.Prefix) {
	t.Helper()
	err := h.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return netlink.AddrAdd(link, &netlink.Addr{IPNet: ipNet(address)})
	})
	if err != nil {
		t.Fatalf("%s: add address %s to %s: %v", h.Name, address, name, err)
	}
}

// NoOffload makes TCP hand over single segments to an interface, as to a network
// card without segmentation offload.
func (h *Host) NoOffload(t testing.TB, name string) {
	t.Helper()
	err := h.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return netlink.LinkSetGSOMaxSegs(link, 1)
	})
	if err != nil {
		t.Fatalf("%s: switch segmentation offload of %s off: %v", h.Name, name, err)
	}
}

// Route sends packets of the host to prefix by way of a gateway.
func (h *Host) Route(t testing.TB, prefix netip.Prefix, gateway netip.Addr) {
	t.Helper()
	err := h.Do(func() error {
		return netlink.RouteAdd(&netlink.Route{Dst: ipNet(prefix), Gw: gateway.AsSlice()})
	})
	if err != nil {
		t.Fatalf("%s: route %s by %s: %v", h.Name, prefix, gateway, err)
	}
}

// BlackHole makes packets of the host to prefix disappear without an error, as
// with a dead backend or a firewall that drops. They leave by the interface for
// a gateway that does not exist, the host part 254 of its first address. (A
// route of type blackhole would answer connect with an error.)
func (h *Host) BlackHole(t testing.TB, name string, prefix netip.Prefix) {
	t.Helper()
	var gateway netip.Addr
	err := h.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		addresses, err := netlink.AddrList(link, netlink.FAMILY_V4)
		if err != nil {
			return err
		}
		if len(addresses) == 0 {
			return fmt.Errorf("%s has no IPv4 address", name)
		}
		octets := [4]byte(addresses[0].IP.To4())
		octets[3] = 254
		gateway = netip.AddrFrom4(octets)
		return nil
	})
	if err != nil {
		t.Fatalf("%s: route %s into nothing: %v", h.Name, prefix, err)
	}
	h.Route(t, prefix, gateway)
	h.lose(t, name, gateway)
}

// lose makes an address of the link unreachable without an error.
func (h *Host) lose(t testing.TB, name string, address netip.Addr) {
	t.Helper()
	h.neighbour(t, name, address, nobody())
}

// neighbour sets the hardware address of a neighbour for ever.
func (h *Host) neighbour(t testing.TB, name string, address netip.Addr, hardware net.HardwareAddr) {
	t.Helper()
	err := h.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return netlink.NeighSet(&netlink.Neigh{
			LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT,
			IP: address.AsSlice(), HardwareAddr: hardware,
		})
	})
	if err != nil {
		t.Fatalf("%s: set neighbour %s to %s: %v", h.Name, address, hardware, err)
	}
}

// hardwareAddress is that of an interface.
func (h *Host) hardwareAddress(t testing.TB, name string) (hardware net.HardwareAddr) {
	t.Helper()
	err := h.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		hardware = link.Attrs().HardwareAddr
		return nil
	})
	if err != nil {
		t.Fatalf("%s: read hardware address of %s: %v", h.Name, name, err)
	}
	return hardware
}

// ipNet is a prefix in the form of the net package.
func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
