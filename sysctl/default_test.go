// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDefaultsOfCapture holds every default against the values of a kernel whose
// settings nobody had touched.
func TestDefaultsOfCapture(t *testing.T) {
	host := Host{Release: "6.18.44", Machine: "x86_64", MemoryBytes: 24683620 << 10, PageBytes: 4096}
	for name, buckets := range map[string]int64{"netns": -262144, "init": 262144} {
		t.Run(name, func(t *testing.T) {
			host.HashBuckets = buckets
			settled := 0
			for key, value := range readCapture(t, "testdata/defaults-"+name+".txt") {
				p, _ := LoadCatalogue().Lookup(MustKey(key))
				d, ok := p.DefaultOn(host)
				if !ok {
					t.Logf("%s: no default, the value is %q", key, value)
					continue
				}
				settled++
				if !d.Matches(value) {
					t.Errorf("%s: default %q, the kernel has %q", key, d.Value, value)
				}
			}
			if settled < 100 {
				t.Errorf("%d defaults were compared, want 100 or more", settled)
			}
		})
	}
}

func readCapture(t *testing.T, name string) map[string]Value {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]Value)
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, " ="); ok && !strings.HasPrefix(line, "#") {
			values[key] = NewValue(value)
		}
	}
	return values
}

func TestDefaultOn(t *testing.T) {
	const gib = 1 << 30
	big := Host{Release: "6.18.44", Machine: "x86_64", MemoryBytes: 24 * gib, PageBytes: 4096, HashBuckets: 262144}
	with := func(change func(*Host)) Host {
		h := big
		change(&h)
		return h
	}
	release := func(r string) Host { return with(func(h *Host) { h.Release = r }) }
	old := func(memory int64) Host {
		return Host{Release: "5.10.0-32-amd64", Machine: "x86_64", MemoryBytes: memory, PageBytes: 4096}
	}
	const unknown = "unknown"
	tests := []struct {
		name, key string
		host      Host
		want      string
	}{
		{"the same in every kernel", "net.ipv4.tcp_fin_timeout", Host{}, "60"},
		{"newest", "net.core.somaxconn", big, "4096"},
		{"first with it", "net.core.somaxconn", release("5.4.0"), "4096"},
		{"last before", "net.core.somaxconn", release("5.3.18-default"), "128"},
		{"no release", "net.core.somaxconn", release(""), unknown},
		{"backports", "net.core.somaxconn", release("4.18.0-553.el8_10.x86_64"), unknown},
		{"no backport needed", "net.core.somaxconn", release("5.14.0-427.el9.x86_64"), "4096"},
		{"not settled for older ones", "net.ipv4.tcp_syn_retries", release("3.2.0"), unknown},
		{"two numbers", "net.ipv4.ip_local_port_range", release("4.1"), "32768 61000"},
		{"empty", "net.ipv4.ip_local_reserved_ports", big, ""},
		{"choice of the build", "net.ipv4.tcp_congestion_control", big, unknown},
		{"of an interface", "net.ipv4.conf.*.rp_filter", big, unknown},

		{"half of the buckets", "net.ipv4.tcp_max_tw_buckets", big, "131072"},
		{"shared table", "net.ipv4.tcp_max_tw_buckets", with(func(h *Host) { h.HashBuckets = -262144 }), "131072"},
		{"table of its own", "net.ipv4.tcp_max_tw_buckets", with(func(h *Host) { h.HashBuckets = 1024 }), "512"},
		{"buckets unknown", "net.ipv4.tcp_max_tw_buckets", with(func(h *Host) { h.HashBuckets = 0 }), unknown},
		{"by memory before 6.1", "net.ipv4.tcp_max_tw_buckets", old(15700 << 20), "65536"},
		{"by memory, close to a power of two", "net.ipv4.tcp_max_tw_buckets", old(16300 << 20), unknown},
		{"by memory, just above", "net.ipv4.tcp_max_tw_buckets", old(16390 << 20), "131072"},
		{"by memory, at most", "net.ipv4.tcp_max_tw_buckets", old(900 * gib), "262144"},
		{"by memory, unknown", "net.ipv4.tcp_max_tw_buckets", old(0), unknown},
		{"by memory, 32-bit", "net.ipv4.tcp_max_tw_buckets", with(func(h *Host) { *h = old(gib); h.Machine = "armv7l" }), unknown},
		{"orphans", "net.ipv4.tcp_max_orphans", big, "131072"},
		{"SYN backlog", "net.ipv4.tcp_max_syn_backlog", big, "2048"},
		{"SYN backlog before 5.4", "net.ipv4.tcp_max_syn_backlog", with(func(h *Host) { *h = old(15700 << 20); h.Release = "4.19.0" }), "512"},
		{"smallest SYN backlog", "net.ipv4.tcp_max_syn_backlog", with(func(h *Host) { h.HashBuckets = 1024 }), "128"},

		{"tcp_mem", "net.ipv4.tcp_mem", big, "about 294912 393216 589824"},
		{"tcp_mem before 4.2", "net.ipv4.tcp_mem", release("4.1"), unknown},
		{"tcp_rmem", "net.ipv4.tcp_rmem", big, "4096 131072 33554432"},
		{"tcp_rmem of a small host", "net.ipv4.tcp_rmem", with(func(h *Host) { h.MemoryBytes = gib }), "about 4096 131072 8388608"},
		{"tcp_rmem at the limit", "net.ipv4.tcp_rmem", with(func(h *Host) { h.MemoryBytes = 4 * gib }), "about 4096 131072 33554432"},
		{"tcp_rmem of a tiny host", "net.ipv4.tcp_rmem", with(func(h *Host) { h.MemoryBytes = 8 << 20 }), "4096 131072 131072"},
		{"tcp_rmem before 6.16", "net.ipv4.tcp_rmem", release("6.15.9"), "4096 131072 6291456"},
		{"tcp_rmem before 4.20", "net.ipv4.tcp_rmem", release("4.19.300"), "4096 87380 6291456"},
		{"tcp_rmem with backports", "net.ipv4.tcp_rmem", release("4.18.0-553.el8_10.x86_64"), unknown},
		{"tcp_rmem with large pages", "net.ipv4.tcp_rmem", with(func(h *Host) { h.PageBytes = 65536 }), unknown},
		{"tcp_wmem", "net.ipv4.tcp_wmem", old(24 * gib), "4096 16384 4194304"},
		{"rmem_max", "net.core.rmem_max", big, "4194304"},
		{"wmem_max before 6.18", "net.core.wmem_max", release("6.17.1"), "212992"},
		{"wmem_max, cache lines of 128 bytes", "net.core.wmem_max", with(func(h *Host) { h.Release, h.Machine = "6.17.1", "ppc64le" }), unknown},
		{"rmem_default", "net.core.rmem_default", big, "212992"},
		{"rmem_default, machine unknown", "net.core.rmem_default", with(func(h *Host) { h.Machine = "" }), unknown},
		{"optmem_max", "net.core.optmem_max", release("6.7"), "20480"},
		{"mem_pcpu_rsv", "net.core.mem_pcpu_rsv", with(func(h *Host) { h.PageBytes = 65536 }), "16"},
		{"conntrack", "net.netfilter.nf_conntrack_max", big, "262144"},
		{"conntrack of a small host", "net.netfilter.nf_conntrack_max", with(func(h *Host) { h.MemoryBytes = 2 * gib }), "65536"},
		{"conntrack before 5.15", "net.netfilter.nf_conntrack_max", release("5.10"), unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, ok := LoadCatalogue().Lookup(MustKey(tt.key))
			if !ok {
				t.Fatalf("no parameter %s", tt.key)
			}
			got := unknown
			if d, ok := p.DefaultOn(tt.host); ok {
				got = string(d.Value)
				if d.About {
					got = "about " + got
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tt.key, diff)
			}
		})
	}
}

// TestDefaultsAsText finds data that the text of the catalogue does not say.
func TestDefaultsAsText(t *testing.T) {
	for _, p := range LoadCatalogue().Parameters() {
		for _, d := range p.Defaults {
			for _, field := range d.Value.Fields() {
				if !strings.Contains(p.Default, field) && field != "-1" {
					t.Errorf("%s: %s is not in %q", p.Key, field, p.Default)
				}
			}
			if _, ok := ParseRelease(d.Since); !ok && d.Since != "" {
				t.Errorf("%s: %q is no release", p.Key, d.Since)
			}
		}
	}
}

func TestHostDefaultMatches(t *testing.T) {
	about := HostDefault{Value: "287898 383867 575796", About: true}
	tests := []struct {
		d    HostDefault
		live Value
		want bool
	}{
		{HostDefault{Value: "60"}, "60", true},
		{HostDefault{Value: "60"}, "61", false},
		{HostDefault{Value: "4096 131072 6291456"}, "4096\t131072\t6291456", true},
		{about, "290000 386000 580000", true},
		{about, "287898 383867 700000", false},
		{about, "287898 383867", false},
		{about, "a b c", false},
	}
	for _, tt := range tests {
		if got := tt.d.Matches(tt.live); got != tt.want {
			t.Errorf("%q matches %q: %v, want %v", tt.d.Value, tt.live, got, tt.want)
		}
	}
}

func TestParseRelease(t *testing.T) {
	tests := []struct {
		in   string
		want Release
		ok   bool
	}{
		{"6.18.44-fc-v782", Release{6, 18, 44}, true},
		{"5.4", Release{5, 4}, true},
		{"6.1.0-18-amd64", Release{6, 1, 0}, true},
		{"4", Release{4}, true},
		{"", Release{}, false},
		{"generic", Release{}, false},
	}
	for _, tt := range tests {
		got, ok := ParseRelease(tt.in)
		if diff := cmp.Diff(tt.want, got); diff != "" || ok != tt.ok {
			t.Errorf("ParseRelease(%q) ok %v, want %v (-want +got)\n%s", tt.in, ok, tt.ok, diff)
		}
	}
}
