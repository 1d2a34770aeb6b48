// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCatalogueParameters(t *testing.T) {
	parameters := LoadCatalogue().Parameters()
	if len(parameters) < 130 {
		t.Fatalf("%d parameters, want 130 or more", len(parameters))
	}
	if !slices.IsSortedFunc(parameters, func(a, b *Parameter) int { return a.Key.Compare(b.Key) }) {
		t.Error("the parameters are not sorted")
	}
	for _, p := range parameters {
		if parsed, err := ParseKey(p.Key.String()); err != nil || parsed != p.Key {
			t.Errorf("%s is parsed as %v, %v", p.Key, parsed, err)
		}
		if strings.Contains(p.Type, "string") && (p.Min != nil || p.Max != nil) {
			t.Errorf("%s: a text has bounds", p.Key)
		}
	}
}

func TestCatalogueLookup(t *testing.T) {
	c := LoadCatalogue()
	rmem, ok := c.Lookup(MustKey("net.ipv4.tcp_rmem"))
	if !ok || rmem.Fields != 3 || rmem.Scope != ScopeNetns || rmem.Unit != "bytes" {
		t.Errorf("tcp_rmem: %+v, %t", rmem, ok)
	}
	reuse, ok := c.Lookup(MustKey("net/ipv4/tcp_tw_reuse"))
	if !ok || reuse.Min == nil || *reuse.Min != 0 || reuse.Max == nil || *reuse.Max != 2 || reuse.Values[0] != "never" {
		t.Errorf("tcp_tw_reuse: %+v, %t", reuse, ok)
	}
	if p, ok := c.Lookup(MustKey("net.ipv4.tcp_tw_recycle")); !ok || p.Removed != "4.12" {
		t.Errorf("tcp_tw_recycle: %+v, %t", p, ok)
	}
	if p, ok := c.Lookup(MustKey("net.core.rmem_max")); !ok || p.Scope != ScopeVisible || p.ChildView != "read-only" {
		t.Errorf("rmem_max: %+v, %t", p, ok)
	}
	if p, ok := c.Lookup(MustKey("net.ipv4.ip_local_reserved_ports")); !ok || p.Fields != 0 {
		t.Errorf("ip_local_reserved_ports: %+v, %t", p, ok)
	}
	pattern := MustKey("net.ipv4.conf.*.rp_filter")
	for _, s := range []string{"net.ipv4.conf.*.rp_filter", "net.ipv4.conf.all.rp_filter", "net.ipv4.conf.eth0/100.rp_filter"} {
		if p, ok := c.Lookup(MustKey(s)); !ok || p.Key != pattern {
			t.Errorf("%s: %+v, %t; want the entry %s", s, p, ok, pattern)
		}
	}
	for _, key := range []Key{{}, MustKey("tcp_rmem"), MustKey("net.ipv4.conf.eth0.mtu"), MustKey("net.ipv6.conf.all.rp_filter")} {
		if p, ok := c.Lookup(key); ok || p != nil {
			t.Errorf("%s: %+v, want none", key, p)
		}
	}
}

func TestCatalogueResolve(t *testing.T) {
	c := LoadCatalogue()
	for name, want := range map[string][]string{
		"tcp_fin_timeout":                    {"net.ipv4.tcp_fin_timeout"},
		"somaxconn":                          {"net.core.somaxconn"},
		"rp_filter":                          {"net.ipv4.conf.*.rp_filter"},
		"net.ipv4.tcp_fin_timeout":           {"net.ipv4.tcp_fin_timeout"},
		"net/ipv4/tcp_fin_timeout":           {"net.ipv4.tcp_fin_timeout"},
		"/proc/sys/net/ipv4/tcp_fin_timeout": {"net.ipv4.tcp_fin_timeout"},
		"net.ipv4.conf.eth0.rp_filter":       {"net.ipv4.conf.eth0.rp_filter"},
		"ipv4.tcp_fin_timeout":               nil,
		"net.ipv4.somaxconn":                 nil,
		"tcp_fin":                            nil,
		"":                                   nil,
		"..":                                 nil,
		"a b":                                nil,
	} {
		var got []string
		for _, key := range c.Resolve(name) {
			got = append(got, key.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", name, diff)
		}
	}
}

func TestCatalogueSuggest(t *testing.T) {
	c := LoadCatalogue()
	for name, want := range map[string]string{ // the best one
		"tcp_tw_recyle":                 "net.ipv4.tcp_tw_recycle",
		"tcp_tw_resue":                  "net.ipv4.tcp_tw_reuse",
		"TCP_FIN_TIMEOUT":               "net.ipv4.tcp_fin_timeout",
		"somaxcon":                      "net.core.somaxconn",
		"net.ipv4.somaxconn":            "net.core.somaxconn",
		"net.ipv4.tcp_fin_timout":       "net.ipv4.tcp_fin_timeout",
		"net/ipv4/tcp_fin_timout":       "net.ipv4.tcp_fin_timeout",
		"/proc/sys/net/ipv4/tcp_rmen":   "net.ipv4.tcp_rmem",
		"net.ipv4.conf.eth0.rp_fliter":  "net.ipv4.conf.*.rp_filter",
		"net.ipv4.tcp_keepalive_probe":  "net.ipv4.tcp_keepalive_probes",
		"completely_unlike_anything":    "",
		"":                              "",
		"net.ipv4.":                     "",
		strings.Repeat("x", 1<<20):      "",
		"\xff\x00tcp_tw_recycle\u202e.": "",
	} {
		got := c.Suggest(name)
		if len(got) > 3 || (len(got) == 0) != (want == "") || want != "" && got[0] != want {
			t.Errorf("%.40q: %q, want %q first", name, got, want)
		}
	}
}

// TestCatalogueIsCheap bounds the work of loading by what does not depend on the
// machine: BenchmarkLoadCatalogue has the time, which must stay under a millisecond.
func TestCatalogueIsCheap(t *testing.T) {
	if allocs := testing.AllocsPerRun(5, func() { LoadCatalogue() }); allocs > 2000 {
		t.Errorf("%v allocations to load the catalogue, want 2000 or fewer", allocs)
	}
}

func BenchmarkLoadCatalogue(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		LoadCatalogue()
	}
}
