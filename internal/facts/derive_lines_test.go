// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/snapshot"
)

func TestLineStatus(t *testing.T) {
	yes, no := ptr(true), ptr(false)
	loaded := &snapshot.Conntrack{Loaded: true}
	tests := []struct {
		kernel, key string
		exists      *bool
		initial     *bool
		conntrack   *snapshot.Conntrack
		glob        bool
		status      string
		note        string
		nearest     string
	}{
		{kernel: "6.18.44", key: "net.ipv4.tcp_fin_timeout", exists: yes, status: "exists"},
		{kernel: "6.18.44", key: "net.ipv4.conf.*.rp_filter", glob: true, status: "pattern"},

		// tcp_tw_recycle went in 4.12; whether it is there decides first.
		{kernel: "6.18.44", key: "net.ipv4.tcp_tw_recycle", exists: no, initial: yes, status: "removed", note: "removed in Linux 4.12"},
		{kernel: "4.19.0-27-amd64", key: "net.ipv4.tcp_tw_recycle", exists: no, initial: yes, status: "removed", note: "removed in Linux 4.12"},
		{kernel: "4.19.0-27-amd64", key: "net.ipv4.tcp_tw_recycle", status: "removed", note: "removed in Linux 4.12"},
		{kernel: "4.9.0-19-amd64", key: "net.ipv4.tcp_tw_recycle", exists: yes, initial: yes, status: "exists"},
		{kernel: "4.9.0-19-amd64", key: "net.ipv4.tcp_tw_recycle", status: "unread", note: "no live /proc/sys to look in"},
		{kernel: "", key: "net.ipv4.tcp_tw_recycle", status: "unread", note: "no live /proc/sys to look in"},
		{kernel: "weird", key: "net.ipv4.tcp_tw_recycle", exists: no, initial: yes, status: "unknown", note: "this kernel has no such key"},

		// Keys that the catalogue does not list.
		{kernel: "4.19", key: "net.ipv4.tcp_thin_dupack", exists: no, status: "removed", note: "removed in Linux 4.11"},
		{kernel: "4.9", key: "net.ipv4.tcp_thin_dupack", status: "unread", note: "no live /proc/sys to look in"},
		{kernel: "6.18", key: "net.ipv4.tcp_vegas_cong_avoid", exists: no, status: "removed", note: "it never was in the mainline kernel since 2.6.13"},
		{kernel: "6.18", key: "net.ipv4.ip_conntrack_max", exists: no, status: "removed", note: "renamed: net.netfilter.nf_conntrack_max"},
		{kernel: "", key: "net.ipv4.ip_conntrack_max", status: "removed", note: "renamed: net.netfilter.nf_conntrack_max"},

		// tcp_tw_reuse_delay came in 6.14.
		{kernel: "4.9.0", key: "net.ipv4.tcp_tw_reuse_delay", exists: no, initial: yes, status: "too-new", note: "needs Linux 6.14, this is 4.9.0"},
		{kernel: "4.19.0", key: "net.ipv4.tcp_tw_reuse_delay", exists: no, initial: no, status: "too-new", note: "needs Linux 6.14, this is 4.19.0"},
		{kernel: "6.18.44", key: "net.ipv4.tcp_tw_reuse_delay", exists: no, initial: yes, status: "unknown", note: "this kernel has no such key"},
		{kernel: "weird", key: "net.ipv4.tcp_tw_reuse_delay", exists: no, initial: yes, status: "unknown", note: "this kernel has no such key"},
		{kernel: "", key: "net.ipv4.tcp_tw_reuse_delay", exists: no, initial: yes, status: "unknown", note: "this kernel has no such key"},
		{kernel: "4.9", key: "net.ipv4.tcp_tw_reuse_delay", status: "unread", note: "no live /proc/sys to look in"},

		{kernel: "6.18", key: "net.ipv4.tcp_mem", exists: no, initial: no, status: "host-only", note: "exists in the initial network namespace only"},
		{kernel: "6.18", key: "net.ipv4.tcp_mem", exists: no, initial: yes, status: "unknown", note: "this kernel has no such key"},
		{kernel: "6.18", key: "net.core.some_key_of_the_host", exists: no, initial: no, status: "unread", note: "the key may exist in the initial network namespace only"},
		{kernel: "6.18", key: "vm.swapiness", exists: no, initial: no, status: "unknown", note: "this kernel has no such key"},

		{kernel: "6.18", key: "net.netfilter.nf_conntrack_max", exists: no, initial: yes, status: "module", note: "the kernel module behind it is not loaded"},
		{kernel: "6.18", key: "net.netfilter.nf_conntrack_odd", exists: no, initial: yes, status: "module", note: "the kernel module behind it is not loaded"},
		{kernel: "6.18", key: "net.netfilter.nf_conntrack_odd", exists: no, initial: yes, conntrack: loaded, status: "unknown", note: "this kernel has no such key"},
		{kernel: "6.18", key: "net.netfilter.nf_conntrack_maxx", exists: no, initial: yes, conntrack: loaded, status: "typo", note: "did you mean net.netfilter.nf_conntrack_max?", nearest: "net.netfilter.nf_conntrack_max"},
		{kernel: "6.18", key: "net.bridge.bridge-nf-call-iptables", exists: no, initial: yes, status: "module", note: "the kernel module behind it is not loaded"},
		{kernel: "6.18", key: "net.netfilter.nf_log.2", exists: no, initial: yes, conntrack: loaded, status: "module", note: "the kernel module behind it is not loaded"},

		{kernel: "6.18", key: "net.ipv4.conf.eth9.rp_filter", exists: no, initial: yes, status: "no-interface", note: "there is no such interface now"},

		{kernel: "6.18", key: "net.ipv4.tcp_fin_timeuot", exists: no, initial: yes, status: "typo", note: "did you mean net.ipv4.tcp_fin_timeout?", nearest: "net.ipv4.tcp_fin_timeout"},
		{kernel: "4.9", key: "net.core.somaxcon", exists: no, initial: yes, status: "typo", note: "did you mean net.core.somaxconn?", nearest: "net.core.somaxconn"},
		{kernel: "6.18", key: "net.core.tcp_fin_timeout", exists: no, initial: yes, status: "unknown", note: "this kernel has no such key"},
		{kernel: "6.18", key: "net.odd", exists: no, initial: yes, status: "unknown", note: "this kernel has no such key"},
		{kernel: "6.18", key: "net.odd", status: "unread", note: "no live /proc/sys to look in"},
		{kernel: "6.18", key: "", exists: no, status: "unknown", note: `parse key "": it is empty`},
	}
	for _, tt := range tests {
		t.Run(tt.kernel+" "+tt.key, func(t *testing.T) {
			f := derive(one(&snapshot.Snapshot{
				Host: &snapshot.Host{Kernel: tt.kernel, Initial: tt.initial}, Conntrack: tt.conntrack, LinesRead: true,
				Lines: []snapshot.Line{{File: "f", Number: 1, Key: tt.key, Value: "1", Glob: tt.glob, Exists: tt.exists}},
			}))
			want := &Line{File: "f", Number: 1, Address: "f:1", Key: tt.key, Value: "1", Status: tt.status, Note: tt.note, Nearest: tt.nearest}
			if diff := cmp.Diff(want, f.Lines[0]); diff != "" {
				t.Errorf("line (-want +got)\n%s", diff)
			}
		})
	}
}

func TestLines(t *testing.T) {
	f := derive(one(&snapshot.Snapshot{LinesRead: true, Lines: []snapshot.Line{
		{File: "a", Number: 1, Key: "net.core.somaxconn", Value: "1", Exists: ptr(true)},
		{File: "a", Number: 2, Key: "net.core.somaxconn", Exclude: true},
		{File: "b", Number: 1, Key: "net.core.somaxconn", Value: "2", Ignored: true, Exists: ptr(true)},
	}}))
	got := f.Files.Lines("net.core.somaxconn")
	if len(got) != 2 || got[0].Address != "a:1" || got[1].Address != "b:1" || !got[1].Ignored || len(f.Lines) != 2 {
		t.Errorf("lines %+v", got)
	}
	if list := f.Files.Lines("net.core.rmem_max"); len(list) != 0 {
		t.Errorf("lines of a key that no file sets: %v", list)
	}
}

func TestKernelAtLeast(t *testing.T) {
	tests := []struct {
		release, version string
		atLeast, known   bool
	}{
		{"6.18.44", "6.18", true, true},
		{"6.18.44", "6.18.44", true, true},
		{"6.18.44", "6.18.45", false, true},
		{"6.18", "6.18.1", false, true},
		{"6.9.12", "6.10", false, true},
		{"6.10.0", "6.9.12", true, true},
		{"7.0.0-rc1", "6.18", true, true},
		{"6.18-rc1", "6.18", true, true},
		{"4.18.0-553.el8.x86_64", "4.18", true, true},
		{"4.18.0-553.el8.x86_64", "4.19", false, true},
		{"3.10.0-1160.el7.x86_64", "4.4", false, true},
		{"5.14.0-427.13.1.el9_4.x86_64", "5.14", true, true},
		{"5.15.0-1066-azure", "5.15", true, true},
		{"5.15.167.4-microsoft-standard-WSL2", "5.15.167", true, true},
		{"6.1.0-18-amd64", "6.1", true, true},
		{"6.1.94-99.176.amzn2023.x86_64", "6.1.95", false, true},
		{"5.10.198+", "5.10.198", true, true},
		{"6.18.44-fc-v657", "6.18.44", true, true},
		{"6.6.30-android15-8", "6", true, true},
		{"5", "5.0.0", true, true},
		{"", "5.4", false, false},
		{"weird", "5.4", false, false},
		{"v5.4", "5.4", false, false},
		{"6.18.44", "", false, false},
		{"6.18.44", "new", false, false},
		{"99999999999999999999.1", "5.4", false, false},
		{"6.99999999999999999999", "6.1", false, true},
	}
	for _, tt := range tests {
		k := &Kernel{Release: tt.release}
		if atLeast, known := k.AtLeast(tt.version); atLeast != tt.atLeast || known != tt.known {
			t.Errorf("%q at least %q = %v, %v, want %v, %v", tt.release, tt.version, atLeast, known, tt.atLeast, tt.known)
		}
	}
}

func TestSysctl(t *testing.T) {
	f := derive(one(&snapshot.Snapshot{
		Sysctls: map[string]string{"net.ipv4.tcp_rmem": "4096 131072 6291456", "net.ipv4.tcp_congestion_control": "bbr", "empty": ""},
		Absent:  []string{"net.ipv4.tcp_tw_recycle"},
	}))
	for _, tt := range []struct {
		key   string
		index int
		want  int64
		ok    bool
	}{
		{"net.ipv4.tcp_rmem", 0, 4096, true},
		{"net.ipv4.tcp_rmem", 2, 6291456, true},
		{"net.ipv4.tcp_rmem", 3, 0, false},
		{"net.ipv4.tcp_rmem", -1, 0, false},
		{"net.ipv4.tcp_congestion_control", 0, 0, false},
		{"empty", 0, 0, false},
		{"net.ipv4.tcp_tw_recycle", 0, 0, false},
	} {
		if got, ok := f.Sysctl(tt.key, tt.index); ok != tt.ok || got != tt.want {
			t.Errorf("Sysctl(%q, %d) = %d, %v, want %d, %v", tt.key, tt.index, got, ok, tt.want, tt.ok)
		}
	}
	if text, ok := f.SysctlText("net.ipv4.tcp_rmem"); !ok || text != "4096 131072 6291456" {
		t.Errorf("SysctlText = %q, %v", text, ok)
	}
	for key, want := range map[string][2]bool{"net.ipv4.tcp_rmem": {true, true}, "net.ipv4.tcp_tw_recycle": {false, true}, "net.core.somaxconn": {false, false}} {
		if exists, known := f.SysctlExists(key); exists != want[0] || known != want[1] {
			t.Errorf("SysctlExists(%q) = %v, %v, want %v", key, exists, known, want)
		}
	}
}
