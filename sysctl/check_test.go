// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	c := LoadCatalogue()
	for _, test := range []struct {
		key, value string
		want       string // part of the error; "" for a good value
	}{
		// Numbers.
		{"net.core.somaxconn", "4096", ""},
		{"net.core.somaxconn", "0", "0 is out of range, 1 to 2147483647 is allowed: 0 leaves no accept queue"},
		{"net.core.somaxconn", "2147483648", "out of range"},
		{"net.core.somaxconn", "010", "only decimal"},
		{"net.core.somaxconn", "0x10", "only decimal"},
		{"net.core.somaxconn", "+16", "only decimal"},
		{"net.core.somaxconn", "-0", "only decimal"},
		{"net.core.somaxconn", "1e3", "only decimal"},
		{"net.core.somaxconn", "99999999999999999999", "64 bits"},
		{"net.core.somaxconn", "50 # comment", "it has 3 fields, one is needed"},
		{"net.core.somaxconn", "", "it has 0 fields, one is needed"},
		{"net.ipv4.tcp_notsent_lowat", "4294967295", ""},
		{"net.ipv4.tcp_notsent_lowat", "4294967296", "out of range"},
		{"fs.file-max", "9223372036854775807", ""},

		// What the kernel takes and cannot use.
		{"net.ipv4.tcp_keepalive_time", "600", ""},
		{"net.ipv4.tcp_keepalive_time", "-5", "without a pause"},
		{"net.ipv4.tcp_keepalive_time", "0", "without a pause"},
		{"net.ipv4.tcp_keepalive_time", "2147484", "1 to 2147483"}, // EINVAL at HZ=1000
		{"net.ipv4.tcp_keepalive_intvl", "-1", "out of range"},
		{"net.ipv4.tcp_keepalive_probes", "0", "without asking"},
		{"net.ipv4.tcp_fin_timeout", "30", ""},
		{"net.ipv4.tcp_fin_timeout", "60", ""},
		{"net.ipv4.tcp_fin_timeout", "61", "2*(value-60)"},
		{"net.ipv4.tcp_fin_timeout", "120", "2*(value-60)"},
		{"net.ipv4.tcp_fin_timeout", "-1", "0 to 60"},
		{"net.ipv4.tcp_max_syn_backlog", "-1", "out of range"},
		{"net.ipv4.tcp_max_orphans", "0", "out of range"},
		{"net.ipv4.tcp_max_tw_buckets", "-1", "out of range"},
		{"net.core.netdev_max_backlog", "-1", "out of range"},
		{"net.ipv4.tcp_limit_output_bytes", "-1", "out of range"},
		{"net.ipv4.tcp_challenge_ack_limit", "-1", "0 to 2147483647"},
		{"net.netfilter.nf_conntrack_tcp_timeout_established", "86400", ""},
		{"net.netfilter.nf_conntrack_tcp_timeout_established", "-1", "drops live"},
		{"net.ipv4.tcp_probe_interval", "4294968", "jiffies"},

		// Meanings.
		{"net.ipv4.tcp_sack", "1", ""},
		{"net.ipv4.tcp_sack", "2", "0 to 1"},
		{"net.ipv4.tcp_frto", "2", ""}, // the kernel's default
		{"net.ipv4.conf.eth0/100.accept_redirects", "2", "0 to 1"},
		{"net.ipv4.conf.all.rp_filter", "2", ""},
		{"net.ipv4.conf.all.rp_filter", "99", "0 is off, 1 strict, 2 loose"},
		{"net.ipv4.tcp_tw_reuse", "2", ""},
		{"net.ipv4.tcp_tw_reuse", "3", "0 to 2"},
		{"net.ipv4.tcp_syncookies", "3", "3 is not one of 0, 1, 2"},
		{"net.ipv4.tcp_early_retrans", "1", "not one of 0, 3, 4"},
		{"net.ipv4.tcp_fastopen", "1027", ""},
		{"net.ipv4.tcp_fastopen", "8", "the bits 0x8 of 8 mean nothing"},
		{"net.ipv4.tcp_fastopen", "-1", "out of range"},
		{"net.ipv4.tcp_orphan_retries", "3", ""},

		// Vectors.
		{"net.ipv4.tcp_rmem", "4096 131072 33554432", ""},
		{"net.ipv4.tcp_rmem", "4096\t131072\t33554432", ""},
		{"net.ipv4.tcp_rmem", "8192", "it has 1 of 3 fields; all are needed: minimum, default and maximum"},
		{"net.ipv4.tcp_rmem", "1 2 3 4", "it has 4 of 3 fields"},
		{"net.ipv4.tcp_rmem", "9000 500 100", "minimum, default and maximum must not decrease"},
		{"net.ipv4.tcp_rmem", "4096 131072 2147483648", "out of range"},
		{"net.ipv4.tcp_wmem", "4096 16384 100", "must not decrease"},
		{"net.ipv4.tcp_mem", "30000 20000 10000", "low, pressure and high mark must not decrease"},
		{"net.ipv4.tcp_mem", "0 1 2", "memory pressure"},
		{"net.ipv4.tcp_mem", "10000 20000 30000", ""},
		{"net.ipv4.ip_local_port_range", "10240 65535", ""},
		{"net.ipv4.ip_local_port_range", "32768 61000", ""}, // equal parity is worse, not wrong
		{"net.ipv4.ip_local_port_range", "60000 50000", "first and last port must not decrease"},
		{"net.ipv4.ip_local_port_range", "1024 65536", "they are port numbers"},
		{"net.ipv4.ip_local_port_range", "0 100", "1 to 65535"},
		{"net.ipv4.ip_local_port_range", "1024-65535", "1 of 2 fields"},
		{"net.ipv4.ip_unprivileged_port_start", "80", ""},
		{"net.ipv4.ip_unprivileged_port_start", "65536", "it is a port number"},

		// Lists and names.
		{"net.ipv4.ip_local_reserved_ports", "", ""},
		{"net.ipv4.ip_local_reserved_ports", "8080,9000-9010,0,65535", ""},
		{"net.ipv4.ip_local_reserved_ports", "80 81", "separated by commas"},
		{"net.ipv4.ip_local_reserved_ports", "9000-8000", "ends before it begins"},
		{"net.ipv4.ip_local_reserved_ports", "70000", "is not a port"},
		{"net.ipv4.ip_local_reserved_ports", "80,", "is not a port"},
		{"net.ipv4.ip_local_reserved_ports", "-1", "is not a port"},
		{"net.ipv4.ip_local_reserved_ports", "080", "is not a port"},
		{"net.ipv4.ip_local_reserved_ports", "1-2-3", "is not a port"},
		{"net.ipv4.tcp_congestion_control", "bbr", ""},
		{"net.ipv4.tcp_congestion_control", "bbr # fast", "3 names, one is needed"},
		{"net.ipv4.tcp_congestion_control", "", "it is empty"},
		{"net.ipv4.tcp_congestion_control", "bbr;reboot", `contains ';'`},
		{"net.ipv4.tcp_congestion_control", "abcdefghijklmnop", "16 bytes, at most 15"},
		{"net.ipv4.tcp_allowed_congestion_control", "reno cubic bbr", ""},
		{"net.core.default_qdisc", "fq_codel", ""},
		{"net.core.default_qdisc", "fq/codel", "contains '/'"},
		{"net.ipv4.tcp_fastopen_key", "1-2-3-4", ""},
		{"net.ipv4.tcp_fastopen_key", "00000001-00000002-00000003-00000004,a-b-c-d", ""},
		{"net.ipv4.tcp_fastopen_key", "1-2-3", "hexadecimal"},
		{"net.ipv4.tcp_fastopen_key", "1-2-3-123456789", "hexadecimal"},
		{"net.ipv4.tcp_fastopen_key", "1-2-3-0000000000", "hexadecimal"},
		{"net.ipv4.tcp_fastopen_key", "1-2-3-4,1-2-3-4,1-2-3-4", "hexadecimal"},

		// Keys.
		{"net.ipv4.tcp_tw_recycle", "0", "it was removed in Linux 4.12"},
		{"net.ipv4.tcp_tw_recycle", "1", "behind a NAT"},
		{"vm.swappiness", "999", ""},
		{"net.ipv4.tcp_made_up", "010", ""},
	} {
		err := c.Check(MustKey(test.key), Value(test.value))
		switch {
		case (err == nil) != (test.want == ""):
			t.Errorf("%s = %q: %v, want %q", test.key, test.value, err, test.want)
		case err != nil && (!strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "set "+test.key)):
			t.Errorf("%s = %q: %v, want %q", test.key, test.value, err, test.want)
		}
	}
}

// TestCheckSecret keeps the key of TCP Fast Open out of messages.
func TestCheckSecret(t *testing.T) {
	err := LoadCatalogue().Check(MustKey("net.ipv4.tcp_fastopen_key"), "deadbeef")
	if err == nil || strings.Contains(err.Error(), "deadbeef") {
		t.Errorf("%v", err)
	}
}

func lookup(values map[string]string) func(Key) (Value, bool) {
	return func(k Key) (Value, bool) {
		v, ok := values[k.Short()]
		return Value(v), ok
	}
}

func TestCheckTogether(t *testing.T) {
	c := LoadCatalogue()
	for _, test := range []struct {
		values map[string]string
		want   string
	}{
		{nil, ""},
		{map[string]string{"ip_unprivileged_port_start": "1024", "ip_local_port_range": "1024 65535"}, ""},
		{map[string]string{"ip_unprivileged_port_start": "1024"}, ""},
		{map[string]string{"ip_unprivileged_port_start": "x", "ip_local_port_range": "1 2"}, ""},
		{map[string]string{"ip_unprivileged_port_start": "2000", "ip_local_port_range": "1024 65535"}, "must not be privileged"},
		{map[string]string{"tcp_reordering": "301", "tcp_max_reordering": "300"}, "net.ipv4.tcp_reordering is 301 and net.ipv4.tcp_max_reordering 300"},
		{map[string]string{"gc_thresh1": "9", "gc_thresh2": "8", "gc_thresh3": "10"}, "neighbour table"},
		{map[string]string{"ip_local_port_range": "9000 9001", "ip_local_reserved_ports": "9000,9001-9100"}, "no program could connect"},
		{map[string]string{"ip_local_port_range": "9000 9200", "ip_local_reserved_ports": "9000,9001-9100"}, ""},
		{map[string]string{"ip_local_port_range": "9000", "ip_local_reserved_ports": "x"}, ""},
		{map[string]string{"ip_local_port_range": "9000", "ip_local_reserved_ports": "9000"}, ""},
	} {
		errs := c.CheckTogether(lookup(test.values))
		if test.want == "" && len(errs) == 0 {
			continue
		}
		var together *TogetherError
		if len(errs) != 1 || test.want == "" || !strings.Contains(errs[0].Error(), test.want) ||
			!errors.As(errs[0], &together) || len(together.Keys) != 2 {
			t.Errorf("%v: %v, want %q", test.values, errs, test.want)
		}
	}
}

func TestWriteOrder(t *testing.T) {
	const start, pool, reserved = "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"
	from := map[string]string{"ip_unprivileged_port_start": "1024", "ip_local_port_range": "2000 60000", "ip_local_reserved_ports": "8080"}
	for _, test := range []struct {
		name string
		keys []string
		to   map[string]string
		want []string
	}{
		{"down", []string{pool, start}, map[string]string{"ip_unprivileged_port_start": "80", "ip_local_port_range": "1000 60000"}, []string{start, pool}},
		{"up", []string{start, pool}, map[string]string{"ip_unprivileged_port_start": "3000", "ip_local_port_range": "4000 60000"}, []string{pool, start}},
		{"more reserved", []string{start, pool, reserved},
			map[string]string{"ip_unprivileged_port_start": "3000", "ip_local_port_range": "4000 60000", "ip_local_reserved_ports": "8080,9090"},
			[]string{reserved, pool, start}},
		{"fewer reserved", []string{reserved, pool, start},
			map[string]string{"ip_unprivileged_port_start": "1", "ip_local_port_range": "4000 60000", "ip_local_reserved_ports": ""},
			[]string{start, pool, reserved}},
		{"reach", []string{"net.ipv4.conf.eth0.rp_filter", "net.core.somaxconn", "net.ipv6.conf.default.forwarding", "net.ipv4.conf.all.rp_filter", "net.ipv4.ip_forward"}, nil,
			[]string{"net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter", "net.ipv6.conf.default.forwarding", "net.ipv4.conf.eth0.rp_filter", "net.core.somaxconn"}},
		{"congestion control", []string{"net.ipv4.tcp_allowed_congestion_control", "net.ipv4.tcp_congestion_control"}, nil,
			[]string{"net.ipv4.tcp_congestion_control", "net.ipv4.tcp_allowed_congestion_control"}},
		{"none", nil, nil, nil},
	} {
		keys := parseKeys(test.keys)
		before := slices.Clone(keys)
		var got []string
		for _, key := range WriteOrder(keys, lookup(from), lookup(test.to)) {
			got = append(got, key.String())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.name, diff)
		}
		if !slices.Equal(before, keys) {
			t.Errorf("%s: the argument was changed", test.name)
		}
	}
}

func parseKeys(names []string) []Key {
	var keys []Key
	for _, name := range names {
		keys = append(keys, MustKey(name))
	}
	return keys
}

// TestWriteOrderTakes plays every order on a model of the kernel's check: no write is
// refused on the way there, nor on the way back.
func TestWriteOrderTakes(t *testing.T) {
	keys := parseKeys([]string{"net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_port_range"})
	good := func(state map[string]string) bool {
		return LoadCatalogue().CheckTogether(lookup(state)) == nil
	}
	state := func(start, low string) map[string]string {
		return map[string]string{"ip_unprivileged_port_start": start, "ip_local_port_range": low + " 65535"}
	}
	ports := []string{"1", "80", "1024", "2000", "30000"}
	for _, a := range ports {
		for _, b := range ports {
			for _, c := range ports {
				for _, d := range ports {
					from, to := state(a, b), state(c, d)
					if !good(from) || !good(to) {
						continue
					}
					now := state(a, b)
					for _, key := range WriteOrder(keys, lookup(from), lookup(to)) {
						now[key.Short()] = to[key.Short()]
						if !good(now) {
							t.Fatalf("from %v to %v: %v is refused", from, to, now)
						}
					}
				}
			}
		}
	}
}

func TestSameValue(t *testing.T) {
	c := LoadCatalogue()
	for _, test := range []struct {
		key, wrote, read string
		want             bool
	}{
		{"net.ipv4.tcp_rmem", "4096 87380 8000000", "4096\t87380\t8000000\n", true},
		{"net.ipv4.tcp_rmem", "4096 87380 8000000", "4096 87380 8000001", false},
		{"net.ipv4.tcp_syn_retries", "010", "8", false},
		{"net.core.rps_sock_flow_entries", "1000", "1024", true},
		{"net.core.rps_sock_flow_entries", "1000", "2048", false},
		{"net.core.rps_sock_flow_entries", "0", "1", false},
		{"net.netfilter.nf_conntrack_buckets", "1000", "1024", true},
		{"net.netfilter.nf_conntrack_buckets", "100", "512", true},
		{"net.netfilter.nf_conntrack_buckets", "100", "500", false},
		{"net.netfilter.nf_conntrack_buckets", "1000", "65536", false},
		{"net.netfilter.nf_conntrack_buckets", "1000", "1536", false},
		{"net.netfilter.nf_conntrack_buckets", "1000", "8192", true}, // pages of 64 KiB
		{"net.ipv4.neigh.eth0.base_reachable_time_ms", "33", "36", true},
		{"net.ipv6.neigh.default.retrans_time_ms", "1003", "1004", true},
		{"net.ipv6.neigh.default.retrans_time_ms", "1003", "1000", false},
		{"net.ipv6.neigh.default.retrans_time_ms", "1003", "1013", false},
		{"net.ipv4.tcp_invalid_ratelimit", "2147483647", "2147483648", true},
		{"net.ipv6.neigh.default.retrans_time_ms", "1003", "1010", true}, // HZ=100
		{"net.ipv6.neigh.default.retrans_time_ms", "1004", "1006", true}, // HZ=300
		{"net.ipv6.neigh.default.retrans_time_ms", "1003", "1008", false},
		{"net.ipv4.tcp_rto_max_ms", "1001", "1004", false}, // not stored in jiffies
		{"net.ipv4.ip_local_reserved_ports", "8082,8080,8081,9000-9002", "8080-8082,9000-9002", true},
		{"net.ipv4.ip_local_reserved_ports", "8000-8002,8001,9000", "8000-8002,9000", true},
		{"net.ipv4.ip_local_reserved_ports", "", "", true},
		{"net.ipv4.ip_local_reserved_ports", "80", "", false},
		{"net.ipv4.ip_local_reserved_ports", "80", "x", false},
		{"net.ipv4.ip_local_reserved_ports", "x", "80", false},
		{"net.ipv4.tcp_allowed_congestion_control", "cubic reno bbr", "reno bbr cubic", true},
		{"net.ipv4.tcp_allowed_congestion_control", "cubic reno", "reno bbr cubic", false},
		{"net.ipv4.tcp_fastopen_key", "1-2-3-4", "00000001-00000002-00000003-00000004", true},
		{"net.ipv4.tcp_fastopen_key", "1-2-3-4", "00000001-00000002-00000003-00000005", false},
		{"net.ipv4.tcp_congestion_control", "bbr", "cubic", false},
		{"vm.made_up", "1", "2", false},
		{"vm.made_up", "1 2", "1\t2", true},
	} {
		if got := c.SameValue(MustKey(test.key), Value(test.wrote), Value(test.read)); got != test.want {
			t.Errorf("%s: wrote %q, read %q: %t", test.key, test.wrote, test.read, got)
		}
	}
}

// FuzzCheck holds what Check lets through against what a write needs.
func FuzzCheck(f *testing.F) {
	c := LoadCatalogue()
	parameters := c.Parameters()
	for i, v := range []string{"1", "010", "4096 131072 33554432", "80,8000-8010", "bbr", "1-2-3-4", "", "-5", "9 8 7"} {
		f.Add(uint(i*17), v)
	}
	f.Fuzz(func(t *testing.T, i uint, s string) {
		p := parameters[i%uint(len(parameters))]
		v := NewValue(s)
		if c.Check(p.Key, v) != nil {
			return
		}
		if n := len(v.Fields()); p.Fields != 0 && n != p.Fields || p.Removed != "" {
			t.Errorf("%s takes %q", p.Key, v)
		}
		if strings.ContainsAny(string(v), "\n\x00+#;'\"") {
			t.Errorf("%s takes %q", p.Key, v)
		}
		if !c.SameValue(p.Key, v, v) {
			t.Errorf("%s: %q is not itself", p.Key, v)
		}
	})
}
