// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/snapshot"
)

func TestDefaults(t *testing.T) {
	s := &snapshot.Snapshot{
		Host: &snapshot.Host{
			Kernel: "6.18.44", Machine: "x86_64", MemoryBytes: ptr[int64](24683620 << 10), PageBytes: ptr[int64](4096),
		},
		Sysctls: map[string]string{
			"net.ipv4.tcp_ehash_entries": "-262144", "net.ipv4.tcp_max_tw_buckets": "5000", "net.ipv4.tcp_sack": "1",
			"net.ipv4.tcp_mem": "287898 383867 575796", "net.ipv4.tcp_rmem": "4096 131072 6291456",
			"net.ipv4.tcp_congestion_control": "bbr", "net.ipv4.tcp_tw_reuse": "1", "net.example": "1",
		},
		Absent: []string{"net.ipv4.tcp_max_orphans"},
	}
	f := derive(one(s))
	want := []*Changed{
		{"net.ipv4.tcp_max_tw_buckets", "5000", "131072"},
		{"net.ipv4.tcp_rmem", "4096 131072 6291456", "4096 131072 33554432"},
		{"net.ipv4.tcp_tw_reuse", "1", "2"},
	}
	if diff := cmp.Diff(want, f.Changed); diff != "" {
		t.Errorf("changed keys (-want +got)\n%s", diff)
	}
	if n, ok := f.SysctlDefault("net.ipv4.tcp_rmem", 2); n != 33554432 || !ok {
		t.Errorf("default of tcp_rmem[2] = %d, %v", n, ok)
	}
	for _, key := range []string{"net.ipv4.tcp_congestion_control", "net.ipv4.tcp_max_orphans", "net.ipv4.tcp_sack_", "net.ipv4.tcp_syncookies"} {
		if n, ok := f.SysctlDefault(key, 0); ok {
			t.Errorf("default of %s is known: %d", key, n)
		}
	}

	s.Host = nil
	f = derive(one(s))
	if diff := cmp.Diff([]*Changed{}, f.Changed); diff != "" {
		t.Errorf("changed keys of an unknown kernel (-want +got)\n%s", diff)
	}
	if n, ok := f.SysctlDefault("net.ipv4.tcp_sack", 0); n != 1 || !ok {
		t.Errorf("default of a key that never changed = %d, %v", n, ok)
	}
	s.Sysctls = nil
	if f = derive(one(s)); f.Changed != nil {
		t.Error("without live values the list of changed keys is known")
	}
}
