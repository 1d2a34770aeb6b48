// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vishvananda/netlink"

	"github.com/tcptune/tcptune/internal/lab"
)

// TestInterfacesLive compares what is collected with what the test set up on
// the kernel: a name with a dot, one interface that is down, a default route,
// settings of one interface.
func TestInterfacesLive(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		self := lab.Self(t)
		addVeth(t, "eth0.100", "peer")
		self.AddAddress(t, "eth0.100", netip.MustParsePrefix("198.18.5.1/24"))
		self.AddAddress(t, "eth0.100", netip.MustParsePrefix("198.18.6.1/24"))
		self.Sysctl(t, "/net/ipv4/conf/eth0.100/rp_filter", "1")
		c := live(t, Options{})

		s := snapshotNow(t, c)
		if s.Uplink == nil || *s.Uplink != (Uplink{}) {
			t.Errorf("uplink without a default route: %+v", s.Uplink)
		}
		up(t, "eth0.100")
		up(t, "peer")
		self.Route(t, netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("198.18.5.254"))
		s = snapshotNow(t, c)
		if diff := cmp.Diff(&Uplink{Name: "eth0.100", Qdisc: "noqueue"}, s.Uplink); diff != "" {
			t.Errorf("uplink (-want +got)\n%s", diff)
		}
		want := []Interface{
			{Name: "eth0.100", Up: ptr(true), Addresses: ptr[int64](2)},
			{Name: "lo", Up: ptr(true), Addresses: ptr[int64](1)},
			{Name: "peer", Up: ptr(true), Addresses: ptr[int64](0)},
		}
		got := slices.DeleteFunc(s.Interfaces, func(i Interface) bool { return !*i.Up && *i.Addresses == 0 }) // ifb, sit0 and the like
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Interface{}, "Received", "Missed")); diff != "" {
			t.Errorf("interfaces (-want +got)\n%s", diff)
		}
		for key, want := range map[string]string{
			"net.ipv4.conf.eth0/100.rp_filter": "1", "net.ipv4.conf.peer.rp_filter": "0", "net.ipv4.conf.lo.forwarding": "0",
		} {
			if s.Sysctls[key] != want {
				t.Errorf("%s is %q, want %q", key, s.Sysctls[key], want)
			}
		}
		if s.Sysctls["net.ipv4.conf.all.rp_filter"] == "" || s.Sysctls["net.ipv4.conf.default.accept_redirects"] == "" {
			t.Error("the settings of all and default are lost")
		}
	})
}

func addVeth(t *testing.T, name, peer string) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: peer}); err != nil {
		t.Fatalf("add %s: %v", name, err)
	}
}

func up(t *testing.T, name string) {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err != nil {
		t.Fatalf("bring up %s: %v", name, err)
	}
}

// TestInterfacesTree: a saved tree has names and settings, not what the kernel
// counts.
func TestInterfacesTree(t *testing.T) {
	d := newTree(t, map[string]string{
		"proc/sys/net/ipv4/conf/all/rp_filter":       "0\n",
		"proc/sys/net/ipv4/conf/default/rp_filter":   "2\n",
		"proc/sys/net/ipv4/conf/eth0.7/rp_filter":    "1\n",
		"proc/sys/net/ipv4/conf/ bad /rp_filter":     "1\n",
		"proc/sys/net/ipv4/conf/eth1/send_redirects": "1\n",
		"proc/net/route": "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
			"eth0.7\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n",
	})
	s := snapshotOf(t, d)
	if diff := cmp.Diff([]Interface{{Name: " bad "}, {Name: "eth0.7"}, {Name: "eth1"}}, s.Interfaces); diff != "" {
		t.Errorf("interfaces (-want +got)\n%s", diff)
	}
	want := map[string]string{
		"net.ipv4.conf.all.rp_filter": "0", "net.ipv4.conf.default.rp_filter": "2", "net.ipv4.conf.eth0/7.rp_filter": "1",
		"net.ipv4.conf.eth1.send_redirects": "1",
	}
	if diff := cmp.Diff(want, s.Sysctls); diff != "" {
		t.Errorf("sysctls (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(&Uplink{Name: "eth0.7"}, s.Uplink); diff != "" {
		t.Errorf("uplink (-want +got)\n%s", diff)
	}
	d.remove("proc/net/route")
	d.pipe("proc/net/route")
	s = snapshotOf(t, d)
	if s.Uplink != nil || !slices.Contains(s.Gaps, Gap{Source: "/proc/net/route", Reason: "not a regular file"}) {
		t.Errorf("uplink %+v, gaps %+v", s.Uplink, s.Gaps)
	}
}
