// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestConfig: the window holds what decides which line wins, the live values that lines
// are about, and no secret.
func TestConfig(t *testing.T) {
	d := newTree(t, map[string]string{
		"proc/sys/kernel/osrelease":                          "6.18.44\n",
		"proc/sys/net/ipv4/tcp_fin_timeout":                  "60\n",
		"proc/sys/net/ipv4/tcp_odd":                          "1\t2\n",
		"proc/sys/net/ipv4/tcp_fastopen_key":                 "5-6-7-8\n",
		"proc/sys/net/ipv4/tcp_congestion_control":           "cubic\n",
		"proc/sys/vm/swappiness":                             "60\n",
		"run/systemd/system/x":                               "",
		"usr/lib/modules/6.18.44/modules.dep":                "kernel/net/ipv4/tcp_bbr.ko.zst:\n",
		"usr/lib/sysctl.d/50-a.conf":                         "net.ipv4.tcp_fin_timeout = 1\n",
		"usr/lib/sysctl.d/60-b.conf":                         "net.ipv4.tcp_fin_timeout = 2\n",
		"etc/sysctl.d/60-b.conf":                             "- net/ipv4/tcp_odd = 3  4\n-net.ipv4.tcp_none\n",
		"etc/sysctl.d/.h.conf":                               "net.ipv4.tcp_fastopen_key = 1-2-3-4\nnet.ipv4.tcp_congestion_control = bbr\n",
		"etc/sysctl.conf":                                    "vm.swappiness = 1\nnet.ipv4.tcp_congestion_control = vegas\n",
		"proc/sys/net/ipv4/tcp_available_congestion_control": "reno cubic\n",
		"proc/sys/net/ipv4/conf/all/accept_redirects":        "0\n",
	})
	d.link("etc/sysctl.d/99-sysctl.conf", "../sysctl.conf")
	s := snapshotWith(t, d, "net.ipv4.tcp_available_congestion_control")
	want := &Config{
		Boot: Boot{"systemd", "systemd-sysctl", "/run/systemd/system exists: systemd runs"},
		Names: []ConfigName{
			{Path: "/etc/sysctl.d/.h.conf", Hidden: true},
			{Path: "/usr/lib/sysctl.d/50-a.conf"},
			{Path: "/etc/sysctl.d/60-b.conf"},
			{Path: "/usr/lib/sysctl.d/60-b.conf", MaskedBy: "/etc/sysctl.d/60-b.conf"},
			{Path: "/etc/sysctl.d/99-sysctl.conf", Target: "/etc/sysctl.conf"},
			{Path: "/etc/sysctl.conf"},
		},
		Modules: map[string]bool{"tcp_bbr": true, "tcp_vegas": false},
	}
	if diff := cmp.Diff(want, s.Config); diff != "" {
		t.Errorf("config (-want +got)\n%s", diff)
	}
	wantValues := map[string]string{
		"net.ipv4.tcp_fin_timeout": "60", "net.ipv4.tcp_odd": "1 2", "net.ipv4.tcp_congestion_control": "cubic",
		"net.ipv4.tcp_available_congestion_control": "reno cubic", "net.ipv4.conf.all.accept_redirects": "0",
	}
	if diff := cmp.Diff(wantValues, s.Sysctls); diff != "" {
		t.Errorf("live values (-want +got)\n%s", diff)
	}
	odd := Line{File: "/etc/sysctl.d/60-b.conf", Number: 1, Key: "net.ipv4.tcp_odd", RawKey: "- net/ipv4/tcp_odd", Value: "3 4", Ignored: true, Exists: ptr(true)}
	secret := Line{File: "/etc/sysctl.d/.h.conf", Number: 1, Key: "net.ipv4.tcp_fastopen_key", Exists: ptr(true)}
	for _, want := range []Line{odd, secret} {
		found := false
		for _, l := range s.Lines {
			found = found || cmp.Equal(l, want)
		}
		if !found {
			t.Errorf("no line %+v in %+v", want, s.Lines)
		}
	}
}

// TestConfigBound: files with lines about very many keys do not make a check read all of
// their values.
func TestConfigBound(t *testing.T) {
	files := map[string]string{}
	var lines strings.Builder
	for i := range maxLineValues + 2 {
		name := fmt.Sprintf("net/ipv4/odd%d", i)
		files["proc/sys/"+name] = "1\n"
		fmt.Fprintf(&lines, "%s = 1\n", name)
	}
	files["etc/sysctl.conf"] = lines.String()
	s := snapshotOf(t, newTree(t, files))
	if len(s.Sysctls) != maxLineValues || len(s.Lines) != maxLineValues+2 {
		t.Errorf("%d values of %d lines", len(s.Sysctls), len(s.Lines))
	}
	gaps := 0
	for _, g := range s.Gaps {
		if strings.Contains(g.Reason, "values of the rest were not read") {
			gaps++
		}
	}
	if gaps != 1 {
		t.Errorf("%d gaps about them: %+v", gaps, s.Gaps)
	}
}

// TestPid1 compares with the links that it is about.
func TestPid1(t *testing.T) {
	own, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Skip(err)
	}
	first, err := os.Readlink("/proc/1/ns/net")
	s := &Snapshot{}
	s.readHost("/")
	switch {
	case err != nil && s.Host.Pid1 != nil:
		t.Errorf("process 1 is hidden, and yet known: %v", *s.Host.Pid1)
	case err == nil && (s.Host.Pid1 == nil || *s.Host.Pid1 != (own == first)):
		t.Errorf("process 1 in %s, this one in %s: %v", first, own, s.Host.Pid1)
	}
}
