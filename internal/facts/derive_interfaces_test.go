// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/snapshot"
)

// addInterfaces fills the facts of the interfaces.
func addInterfaces(before, now *snapshot.Snapshot) {
	before.Interfaces = []snapshot.Interface{{Name: "eth0.100", Received: ptr[uint64](10), Missed: ptr[uint64](1)}}
	now.Interfaces = []snapshot.Interface{
		{Name: "eth0.100", Up: ptr(true), Addresses: ptr[int64](2), Received: ptr[uint64](15), Missed: ptr[uint64](4)},
		{Name: "lo"},
	}
	now.Uplink = &snapshot.Uplink{Name: "eth0.100", Qdisc: "fq"}
	maps.Copy(now.Sysctls, confValues("all", "1 0 1 1 0"))
	maps.Copy(now.Sysctls, confValues("eth0/100", "2 1 0 1 0"))
}

// confValues are rp_filter, accept_redirects, send_redirects,
// accept_source_route and forwarding of an interface.
func confValues(component, values string) map[string]string {
	m := make(map[string]string)
	var v [5]int
	if _, err := fmt.Sscan(values, &v[0], &v[1], &v[2], &v[3], &v[4]); err != nil {
		panic(err)
	}
	for i, leaf := range []string{"rp_filter", "accept_redirects", "send_redirects", "accept_source_route", "forwarding"} {
		m["net.ipv4.conf."+component+"."+leaf] = fmt.Sprint(v[i])
	}
	return m
}

func TestInterfaces(t *testing.T) {
	got := derive(fullWindow())
	want := []*Interface{
		{
			Name: "eth0.100", Key: "eth0/100", Up: ptr(true), Addresses: ptr[int64](2), Received: ptr[int64](5), Missed: ptr[int64](3),
			RPFilter: ptr[int64](2), Forwarding: ptr(false),
			AcceptRedirects: ptr(true), SendRedirects: ptr(true), AcceptSourceRoute: ptr(true),
		},
		{Name: "lo", Key: "lo", Loopback: true},
	}
	if diff := cmp.Diff(want, got.Interfaces); diff != "" {
		t.Errorf("interfaces (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(&Uplink{Interface: ptr("eth0.100"), Qdisc: ptr("fq")}, got.Uplink); diff != "" {
		t.Errorf("uplink (-want +got)\n%s", diff)
	}
}

// TestInterfaceEffective: which of the two settings wins, see
// include/linux/inetdevice.h.
func TestInterfaceEffective(t *testing.T) {
	tests := []struct {
		all, own string // as confValues has them
		want     string // rp_filter and the three others
	}{
		{"0 0 0 0 0", "0 0 0 0 0", "0 false false false"},
		{"2 1 1 1 0", "1 0 0 0 0", "2 true true false"}, // all alone: redirects are taken and sent
		{"0 0 0 0 0", "1 1 1 1 0", "1 true true false"}, // its own alone: the same
		{"0 1 0 1 1", "0 0 0 1 1", "0 false false true"},
		{"0 0 0 0 1", "0 1 0 1 1", "0 false false false"}, // a router needs both for redirects
		{"0 1 0 0 1", "0 1 0 1 1", "0 true false false"},
		{"0 0 0 0 1", "0 1 0 0 0", "0 true false false"}, // forwarding is the interface's own
	}
	for _, tt := range tests {
		s := &snapshot.Snapshot{Interfaces: []snapshot.Interface{{Name: "eth0"}}, Sysctls: confValues("all", tt.all)}
		maps.Copy(s.Sysctls, confValues("eth0", tt.own))
		i := derive(one(s)).Interfaces[0]
		got := fmt.Sprint(*i.RPFilter, *i.AcceptRedirects, *i.SendRedirects, *i.AcceptSourceRoute)
		if got != tt.want {
			t.Errorf("all %s, own %s: %s, want %s", tt.all, tt.own, got, tt.want)
		}
	}
}

func TestInterfacesUnknown(t *testing.T) {
	s := &snapshot.Snapshot{Interfaces: []snapshot.Interface{{Name: "eth0"}}, Sysctls: confValues("all", "1 1 1 1 1"), Uplink: &snapshot.Uplink{}}
	got := derive(one(s))
	if diff := cmp.Diff([]*Interface{{Name: "eth0", Key: "eth0"}}, got.Interfaces); diff != "" {
		t.Errorf("without its own settings (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(&Uplink{Interface: ptr("")}, got.Uplink); diff != "" {
		t.Errorf("without a default route (-want +got)\n%s", diff)
	}
	s.Sysctls = confValues("eth0", "1 1 1 1 1")
	if i := derive(one(s)).Interfaces[0]; i.RPFilter != nil || i.AcceptRedirects != nil || i.Forwarding == nil {
		t.Errorf("without the settings of all: %+v", i)
	}
	// A counter that fell is that of a new interface of the same name.
	w := fullWindow()
	w.From.Interfaces[0].Received = ptr[uint64](16)
	if i := derive(w).Interfaces[0]; i.Received != nil || i.Missed == nil {
		t.Errorf("received %v after the counter fell", i.Received)
	}
}
