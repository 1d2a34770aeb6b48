// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// verdict writes what a loader makes of a key: "FILE:LINE VALUE", or "-".
func verdict(o Outcome) string {
	if o.Winner == nil {
		return "-"
	}
	return strings.TrimSpace(fmt.Sprintf("%s:%d %s", o.Winner.File, o.Winner.Number, o.Winner.Value))
}

// TestOutcome holds the cases of the oracle test that have a name: where the loaders
// differ, and what was found with them.
func TestOutcome(t *testing.T) {
	const conf, tag = "/etc/sysctl.conf", "net.ipv4.conf.lo.tag"
	tests := []struct {
		name    string
		key     string
		files   map[string]string
		systemd string
		procps  string
	}{
		{"nothing", "k.a", nil, "-", "-"},
		{"the last name wins, not the best directory", "k.a", map[string]string{
			"etc/sysctl.d/50-a.conf": "k.a=1", "usr/lib/sysctl.d/60-b.conf": "k.a=2",
		}, "/usr/lib/sysctl.d/60-b.conf:1 2", "/usr/lib/sysctl.d/60-b.conf:1 2"},
		{"names sort as bytes: letters after digits", "k.a", map[string]string{
			"etc/sysctl.d/99-zz.conf": "k.a=1", "etc/sysctl.d/k8s.conf": "k.a=2",
		}, "/etc/sysctl.d/k8s.conf:1 2", "/etc/sysctl.d/k8s.conf:1 2"},
		{"a mask", "k.a", map[string]string{
			"etc/sysctl.d/50.conf": "-> /dev/null", "usr/lib/sysctl.d/50.conf": "k.a=1", "usr/lib/sysctl.d/10.conf": "k.a=2",
		}, "/usr/lib/sysctl.d/10.conf:1 2", "/usr/lib/sysctl.d/10.conf:1 2"},
		{"the last line of a file, in any spelling", "net.ipv4.conf.eth0/100.tag", map[string]string{
			"etc/sysctl.d/a.conf": "net/ipv4/conf/eth0.100/tag=1\r\nnet.ipv4.conf.eth0/100.tag=2\r\n/net//ipv4/conf/eth0.100/tag = 3",
		}, "/etc/sysctl.d/a.conf:3 3", "/etc/sysctl.d/a.conf:3 3"},
		{"sysctl.conf without a link", "k.a", map[string]string{
			"etc/sysctl.d/99-zz.conf": "k.a=1", "etc/sysctl.conf": "k.a=2",
		}, "/etc/sysctl.d/99-zz.conf:1 1", conf + ":1 2"},
		{"sysctl.conf through the link, and then again", "k.a", map[string]string{
			"etc/sysctl.d/99-zz.conf": "k.a=1", "etc/sysctl.conf": "k.a=2", "etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf",
		}, "/etc/sysctl.d/99-zz.conf:1 1", conf + ":1 2"},
		{"sysctl.conf through the link, last there too", "k.a", map[string]string{
			"etc/sysctl.d/99-a.conf": "k.a=1", "etc/sysctl.conf": "k.a=2", "etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf",
		}, conf + ":1 2", conf + ":1 2"},
		{"the file of ufw is nobody's", "k.a", map[string]string{"etc/ufw/sysctl.conf": "k.a=1"}, "-", "-"},
		{"a hidden file", "k.a", map[string]string{"etc/sysctl.d/.zz.conf": "k.a=1"}, "-", "/etc/sysctl.d/.zz.conf:1 1"},
		{"an exclusion cancels an assignment", "k.a", map[string]string{
			"etc/sysctl.d/10.conf": "k.a=1", "etc/sysctl.d/90.conf": "-k.a",
		}, "-", "/etc/sysctl.d/10.conf:1 1"},
		{"an assignment cancels an exclusion", "k.a", map[string]string{
			"etc/sysctl.d/a.conf": "-k.a\nk.a=1",
		}, "/etc/sysctl.d/a.conf:2 1", "/etc/sysctl.d/a.conf:2 1"},
		{"an exclusion from a pattern", tag, map[string]string{
			"etc/sysctl.d/a.conf": "net.ipv4.conf.*.tag=1\n-net.ipv4.conf.lo.tag",
		}, "-", "-"},
		{"an exclusion by a pattern excludes nothing", tag, map[string]string{
			"etc/sysctl.d/a.conf": "net.ipv4.conf.*.tag=1\n-net.ipv4.conf.l*.tag",
		}, "/etc/sysctl.d/a.conf:1 1", "/etc/sysctl.d/a.conf:1 1"},
		{"but cancels the same pattern", tag, map[string]string{
			"etc/sysctl.d/a.conf": "net.ipv4.conf.*.tag=1\n-net.ipv4.conf.*.tag",
		}, "-", "/etc/sysctl.d/a.conf:1 1"},
		{"an explicit key beats a later pattern", tag, map[string]string{
			"usr/lib/sysctl.d/10.conf": "net.ipv4.conf.lo.tag=1", "etc/sysctl.d/90.conf": "net.ipv4.conf.*.tag=2",
		}, "/usr/lib/sysctl.d/10.conf:1 1", "/usr/lib/sysctl.d/10.conf:1 1"},
		{"a pattern stated again keeps its place", tag, map[string]string{
			"etc/sysctl.d/10.conf": "net.ipv4.conf.*.tag=1", "etc/sysctl.d/20.conf": "net.ipv4.conf.l*.tag=2", "etc/sysctl.d/90.conf": "net.ipv4.conf.*.tag=1",
		}, "/etc/sysctl.d/20.conf:1 2", "/etc/sysctl.d/90.conf:1 1"},
		{"a pattern with another value moves to the end", tag, map[string]string{
			"etc/sysctl.d/10.conf": "net.ipv4.conf.*.tag=1", "etc/sysctl.d/20.conf": "net.ipv4.conf.l*.tag=2", "etc/sysctl.d/90.conf": "net.ipv4.conf.*.tag=3",
		}, "/etc/sysctl.d/90.conf:1 3", "/etc/sysctl.d/90.conf:1 3"},
		{"errors ignored", "k.a", map[string]string{"etc/sysctl.d/a.conf": "-k.a = 1"}, "/etc/sysctl.d/a.conf:1 1", "/etc/sysctl.d/a.conf:1 1"},
		{"a blank after the dash", "k.a", map[string]string{"etc/sysctl.d/a.conf": "- k.a = 1"}, "/etc/sysctl.d/a.conf:1 1", "-"},
		{"a blank after the dash of an exclusion", tag, map[string]string{
			"etc/sysctl.d/a.conf": "net.ipv4.conf.*.tag=1\n-\tnet.ipv4.conf.lo.tag",
		}, "-", "/etc/sysctl.d/a.conf:1 1"},
		{"an empty value", "k.a", map[string]string{"etc/sysctl.d/a.conf": "k.a=1\nk.a ="}, "/etc/sysctl.d/a.conf:2", "/etc/sysctl.d/a.conf:2"},
		{"a separator at the end", "k.a", map[string]string{"etc/sysctl.d/a.conf": "k.a. = 1"}, "/etc/sysctl.d/a.conf:1 1", "-"},
		{"a separator at the end of a pattern", tag, map[string]string{
			"etc/sysctl.d/a.conf": "net.ipv4.conf.*.tag. = 1",
		}, "/etc/sysctl.d/a.conf:1 1", "/etc/sysctl.d/a.conf:1 1"},
		{"a separator after a wildcard", tag, map[string]string{
			"etc/sysctl.d/a.conf": "net.ipv4.conf.lo.ta*. = 1",
		}, "/etc/sysctl.d/a.conf:1 1", "-"},
		{"an odd spelling does not stop a pattern of procps", tag, map[string]string{
			"etc/sysctl.d/a.conf": "net..ipv4.conf.lo.tag=1\nnet.ipv4.conf.*.tag=2",
		}, "/etc/sysctl.d/a.conf:1 1", "/etc/sysctl.d/a.conf:2 2"},
		{"braces in a pattern", tag, map[string]string{
			"etc/sysctl.d/a.conf": "net.ipv4.{conf,neigh}.{all,{lo,eth0}}.ta? = 1",
		}, "/etc/sysctl.d/a.conf:1 1", "-"},
		{"braces without a wildcard", tag, map[string]string{"etc/sysctl.d/a.conf": "net.ipv4.conf.{lo,all}.tag = 1"}, "-", "-"},
		{"a byte order mark takes the first line", "k.a", map[string]string{"etc/sysctl.d/a.conf": "\ufeffk.a=1"}, "-", "-"},
		{"no equals sign", "k.a", map[string]string{"etc/sysctl.d/a.conf": "k.a 1"}, "-", "-"},
		{"no comment behind a value", "k.a", map[string]string{
			"etc/sysctl.d/a.conf": "k.a = a=b # c",
		}, "/etc/sysctl.d/a.conf:1 a=b # c", "/etc/sysctl.d/a.conf:1 a=b # c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files, err := FindLines(makeTree(t, tt.files))
			if err != nil {
				t.Fatal(err)
			}
			key := MustKey(tt.key)
			if got := verdict(files.Outcome(Systemd, key)); got != tt.systemd {
				t.Errorf("systemd: want %s, got %s", tt.systemd, got)
			}
			if got := verdict(files.Outcome(Procps, key)); got != tt.procps {
				t.Errorf("procps: want %s, got %s", tt.procps, got)
			}
		})
	}
}

func TestOutcomeLines(t *testing.T) {
	files, err := FindLines(makeTree(t, map[string]string{
		"etc/sysctl.conf": "k.a=2\nk.b=1", "etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf",
		"etc/sysctl.d/10.conf": "k.*=1\n-k.a", "usr/lib/sysctl.d/10.conf": "k.a=0",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := map[Loader][]string{
		Systemd: {"/etc/sysctl.d/10.conf:1", "/etc/sysctl.d/10.conf:2", "/etc/sysctl.conf:1"},
		Procps:  {"/etc/sysctl.d/10.conf:1", "/etc/sysctl.d/10.conf:2", "/etc/sysctl.conf:1", "/etc/sysctl.conf:1"},
	}
	got := map[Loader][]string{}
	for _, l := range Loaders() {
		for _, line := range files.Outcome(l, MustKey("k.a")).Lines {
			got[l] = append(got[l], fmt.Sprintf("%s:%d", line.File, line.Number))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]Key{MustKey("k.a"), MustKey("k.b")}, files.Keys(), cmp.Comparer(func(a, b Key) bool { return a == b })); diff != "" {
		t.Errorf("keys (-want +got)\n%s", diff)
	}
}

func TestReadings(t *testing.T) {
	files, err := FindLines(makeTree(t, map[string]string{
		"etc/sysctl.conf": "k.a=2", "etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf", "etc/ufw/sysctl.conf": "k/a=3",
		"etc/sysctl.d/10.conf": "- k.a=1", "usr/lib/sysctl.d/10.conf": "k.a=0", "etc/sysctl.d/.h.conf": "k.a=4",
	}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range files.Readings(MustKey("k.a")) {
		got = append(got, fmt.Sprintf("%s %s read %v wins %v masked %q ufw %v", r.Path, r.Value, r.Loaders, r.Wins, r.MaskedBy, r.UFW))
	}
	want := []string{
		`/etc/sysctl.d/.h.conf 4 read [procps] wins [] masked "" ufw false`,
		`/etc/sysctl.d/10.conf 1 read [systemd] wins [] masked "" ufw false`,
		`/usr/lib/sysctl.d/10.conf 0 read [] wins [] masked "/etc/sysctl.d/10.conf" ufw false`,
		`/etc/sysctl.d/99-sysctl.conf 2 read [systemd procps] wins [systemd] masked "" ufw false`,
		`/etc/sysctl.conf 2 read [procps] wins [procps] masked "" ufw false`,
		`/etc/ufw/sysctl.conf 3 read [] wins [] masked "" ufw true`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestWith holds a tree that With changes against one that is made so.
func TestWith(t *testing.T) {
	text := "k.a = 9\nwhat"
	tests := []struct {
		name    string
		path    string
		content *string
		files   map[string]string
	}{
		{"new", "/etc/sysctl.d/90-tcptune.conf", &text, map[string]string{"etc/sysctl.d/99.conf": "k.b=1", "etc/sysctl.conf": "k.a=2"}},
		{"changed", "/etc/sysctl.d/90-tcptune.conf", &text, map[string]string{"etc/sysctl.d/90-tcptune.conf": "k.b=1\nwhat"}},
		{"gone", "/etc/sysctl.d/90-tcptune.conf", nil, map[string]string{"etc/sysctl.d/90-tcptune.conf": "k.b=1\nwhat", "run/sysctl.d/a.conf": "k.a=1"}},
		{"never there", "/etc/sysctl.d/90-tcptune.conf", nil, map[string]string{"run/sysctl.d/a.conf": "k.a=1"}},
		{"masks now", "/etc/sysctl.d/50.conf", &text, map[string]string{"usr/lib/sysctl.d/50.conf": "k.b=1"}},
		{"masks no more", "/etc/sysctl.d/50.conf", nil, map[string]string{"etc/sysctl.d/50.conf": "k.a=2", "usr/lib/sysctl.d/50.conf": "k.b=1"}},
		{"is masked", "/usr/lib/sysctl.d/50.conf", &text, map[string]string{"etc/sysctl.d/50.conf": "k.a=2"}},
		{"in place of a link", "/etc/sysctl.d/50.conf", &text, map[string]string{"etc/sysctl.d/50.conf": "-> ../sysctl.conf", "etc/sysctl.conf": "k.a=2"}},
		{"in place of a mask", "/etc/sysctl.d/50.conf", &text, map[string]string{"etc/sysctl.d/50.conf": "-> /dev/null", "usr/lib/sysctl.d/50.conf": "k.b=1"}},
		{"with /lib a link", "/usr/lib/sysctl.d/50.conf", &text, map[string]string{"lib": "-> usr/lib", "usr/lib/sysctl.d/50.conf": "k.a=1", "usr/lib/sysctl.d/60.conf": "k.b=1"}},
		{"led to by a link", "/etc/sysctl.d/50.conf", &text, map[string]string{"etc/sysctl.d/50.conf": "k.a=1", "etc/sysctl.d/60.conf": "-> 50.conf"}},
		{"sysctl.conf", "/etc/sysctl.conf", &text, map[string]string{"etc/sysctl.d/50.conf": "k.a=1", "etc/ufw/sysctl.conf": "k.b=1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files, err := FindLines(makeTree(t, tt.files))
			if err != nil {
				t.Fatal(err)
			}
			before := brief(files)
			got := files.With(tt.path, tt.content)
			if diff := cmp.Diff(before, brief(files)); diff != "" {
				t.Errorf("With changes its receiver (-before +after)\n%s", diff)
			}
			delete(tt.files, strings.TrimPrefix(tt.path, "/"))
			if tt.content != nil {
				tt.files[strings.TrimPrefix(tt.path, "/")] = *tt.content
			}
			want, err := FindLines(makeTree(t, tt.files))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(brief(want), brief(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestBootLoader(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  Boot
	}{
		{"systemd runs", map[string]string{"run/systemd/system/": "", "etc/alpine-release": ""},
			Boot{Systemd, true, "systemd-sysctl", "/run/systemd/system exists: systemd runs"}},
		{"systemd is installed", map[string]string{"lib": "-> usr/lib", "usr/lib/systemd/systemd-sysctl": ""},
			Boot{Systemd, true, "systemd-sysctl", "/usr/lib/systemd/systemd-sysctl is installed"}},
		{"procps", map[string]string{"usr/sbin/sysctl": ""},
			Boot{Procps, true, "sysctl --system", "systemd does not run here and /usr/sbin/sysctl is installed"}},
		{"procps on a host", map[string]string{"usr/sbin/sysctl": "", "proc/sys/net/ipv4/ip_forward": "0", "proc/sys/net/ipv4/tcp_mem": "1 2 3"},
			Boot{Procps, true, "sysctl --system", "systemd does not run here and /usr/sbin/sysctl is installed"}},
		{"procps in a container", map[string]string{"usr/sbin/sysctl": "", "proc/sys/net/ipv4/ip_forward": "0"},
			Boot{"", false, "unknown", "systemd does not run here, and in the network namespace of a container nothing else is known to load the files"}},
		{"systemd in a container", map[string]string{"run/systemd/system/": "", "proc/sys/net/ipv4/ip_forward": "0"},
			Boot{Systemd, true, "systemd-sysctl", "/run/systemd/system exists: systemd runs"}},
		{"Alpine", map[string]string{"etc/alpine-release": "3.22", "sbin/openrc": "", "sbin/sysctl": "-> /bin/busybox", "bin/busybox": ""},
			Boot{"", false, "Alpine's /etc/init.d/sysctl", "/etc/alpine-release exists; its order is not modelled"}},
		{"OpenRC", map[string]string{"usr/sbin/sysctl": "", "usr/sbin/openrc": ""},
			Boot{"", false, "OpenRC's sysctl script", "/usr/sbin/openrc exists; its order is not modelled"}},
		{"Void", map[string]string{"etc/runit/core-services/": "", "usr/bin/sysctl": ""},
			Boot{"", false, "Void's runit script", "/etc/runit/core-services exists; its order is not modelled"}},
		{"busybox", map[string]string{"sbin/sysctl": "-> ../bin/busybox", "bin/busybox": ""},
			Boot{"", false, "busybox sysctl", "/sbin/sysctl is busybox, which does not read sysctl.d by itself: that is up to a script that is not modelled"}},
		{"nothing", nil, Boot{"", false, "unknown", "neither systemd nor a sysctl program was found"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, BootLoader(makeTree(t, tt.files))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
