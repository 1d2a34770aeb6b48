// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/sysctl"
)

// A host is a directory tree: files by name, "-> TARGET" for a link, a name with a final
// slash for a directory. Live values are added to it.
type host map[string]string

// debian12 is a host on which systemd loads the files and /etc/sysctl.conf is linked.
func debian12(files host) host {
	h := host{"run/systemd/system/": "", "etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf"}
	for name, text := range files {
		h[name] = text
	}
	return h
}

// debian13 is one without the link.
func debian13(files host) host {
	h := debian12(files)
	delete(h, "etc/sysctl.d/99-sysctl.conf")
	return h
}

// collect makes the tree and derives its facts.
func (h host) collect(t *testing.T, live map[string]string) *Facts {
	t.Helper()
	root := t.TempDir()
	for _, files := range []host{h, {"proc/sys/net/ipv4/tcp_mem": "1 2 3", "proc/sys/net/ipv4/ip_forward": "0", "proc/sys/kernel/osrelease": "6.18.44", "etc/": ""}} {
		for name, text := range files {
			write(t, filepath.Join(root, name), text, strings.HasSuffix(name, "/"))
		}
	}
	for key, value := range live {
		write(t, filepath.Join(root, "proc/sys", sysctl.MustKey(key).Path()), value+"\n", false)
	}
	catalogue := sysctl.LoadCatalogue()
	var keys []sysctl.Key
	for _, p := range catalogue.Parameters() {
		if !p.Key.Glob() {
			keys = append(keys, p.Key)
		}
	}
	c, err := snapshot.NewCollector(snapshot.Options{Root: root, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Window(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return Derive(w, catalogue)
}

func write(t *testing.T, name, text string, directory bool) {
	t.Helper()
	dir := filepath.Dir(name)
	if directory {
		dir = name
	}
	err := os.MkdirAll(dir, 0o755)
	target, link := strings.CutPrefix(text, "-> ")
	switch {
	case err != nil || directory:
	case link:
		err = os.Symlink(target, name)
	default:
		err = os.WriteFile(name, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// text writes a setting as "KEY boot V@ADDRESS system V@ADDRESS" and the words that are
// true of it.
func (s *Setting) text() string {
	value := func(v *string, address string) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprintf("%s@%s", *v, address)
	}
	words := []string{s.Key}
	if s.BootAddress == nil {
		words = append(words, "boot ?")
	} else {
		words = append(words, "boot", value(s.Boot, *s.BootAddress))
	}
	words = append(words, "system", value(s.System, s.SystemAddress))
	known := func(name string, b *bool) {
		switch {
		case b == nil:
			words = append(words, name+"?")
		case *b:
			words = append(words, name)
		}
	}
	known("agree", s.Agree)
	known("drift", s.Drift)
	known("own-loses", s.OwnLoses)
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"admin", s.Admin}, {"ignored", s.Ignored}, {"invalid", !s.Valid}, {"conf", s.SystemConf}, {"live-system", s.LiveSystem}, {"live-ufw", s.LiveUFW}, {"conflict:" + s.Loser, s.Conflict},
	} {
		if flag.set {
			words = append(words, flag.name)
		}
	}
	return strings.Join(words, " ")
}

func TestSettings(t *testing.T) {
	const key = "net.ipv4.tcp_fin_timeout"
	live := map[string]string{key: "60"}
	for _, tt := range []struct {
		name  string
		files host
		live  map[string]string
		want  []string
	}{
		{"nothing", debian12(nil), live, nil},
		{"keys of others", debian12(host{"etc/sysctl.d/60-a.conf": "vm.swappiness = 1\nkernel.pid_max = 2\nfs.file-max = 3\n"}), nil,
			[]string{"fs.file-max boot 3@/etc/sysctl.d/60-a.conf:3 system 3@/etc/sysctl.d/60-a.conf:3 agree drift? admin"}},
		{"in sync", debian13(host{"etc/sysctl.d/60-a.conf": key + "=60"}), live,
			[]string{key + " boot 60@/etc/sysctl.d/60-a.conf:1 system 60@/etc/sysctl.d/60-a.conf:1 agree admin live-system"}},
		{"the capture", debian13(host{
			"usr/lib/sysctl.d/50-vendor.conf": key + " = 20", "usr/lib/sysctl.d/60-masked.conf": key + " = 21\nnet.ipv4.tcp_keepalive_time = 21",
			"etc/sysctl.d/60-masked.conf": key + " = 22", "etc/sysctl.d/60-tcptune.conf": "net/ipv4/tcp_fin_timeout = 30",
			"etc/sysctl.d/99-zz-other.conf": key + "=40", "etc/sysctl.conf": key + " = 50",
		}), map[string]string{key: "40"},
			[]string{key + " boot 40@/etc/sysctl.d/99-zz-other.conf:1 system 50@/etc/sysctl.conf:1 own-loses admin conf conflict:/etc/sysctl.d/60-masked.conf:1"}},
		{"the administrator overrides defaults", debian13(host{
			"usr/lib/sysctl.d/50-default.conf": key + "=20", "etc/sysctl.d/10-distribution.conf": key + "=30", "etc/sysctl.d/60-a.conf": key + "=60",
		}), live, []string{key + " boot 60@/etc/sysctl.d/60-a.conf:1 system 60@/etc/sysctl.d/60-a.conf:1 agree admin live-system"}},
		{"a default overrides the administrator", debian13(host{
			"usr/lib/sysctl.d/70-vendor.conf": key + "=60", "etc/sysctl.d/60-a.conf": key + "=30",
		}), live, []string{key + " boot 60@/usr/lib/sysctl.d/70-vendor.conf:1 system 60@/usr/lib/sysctl.d/70-vendor.conf:1 agree live-system conflict:/etc/sysctl.d/60-a.conf:1"}},
		{"two lines of one file", debian13(host{"etc/sysctl.d/60-a.conf": key + "=30\n" + key + "=60"}), live,
			[]string{key + " boot 60@/etc/sysctl.d/60-a.conf:2 system 60@/etc/sysctl.d/60-a.conf:2 agree admin live-system conflict:/etc/sysctl.d/60-a.conf:1"}},
		{"sysctl.conf through the link is one line", debian12(host{"etc/sysctl.conf": key + "=60"}), live,
			[]string{key + " boot 60@/etc/sysctl.conf:1 system 60@/etc/sysctl.conf:1 agree admin conf live-system"}},
		{"sysctl.conf without the link", debian13(host{"etc/sysctl.conf": key + "=50"}), live,
			[]string{key + " boot - system 50@/etc/sysctl.conf:1 admin conf"}},
		{"drift", debian13(host{"etc/sysctl.d/60-a.conf": "-" + key + "=30"}), live,
			[]string{key + " boot 30@/etc/sysctl.d/60-a.conf:1 system 30@/etc/sysctl.d/60-a.conf:1 agree drift admin ignored"}},
		{"numbers are compared, not texts", debian13(host{"etc/sysctl.d/60-a.conf": "net.ipv4.tcp_rmem = 4096  131072\t6291456\nnet.ipv4.ip_local_reserved_ports = 8081,8080"}),
			map[string]string{"net.ipv4.tcp_rmem": "4096\t131072\t6291456", "net.ipv4.ip_local_reserved_ports": "8080-8081"},
			[]string{
				"net.ipv4.ip_local_reserved_ports boot 8081,8080@/etc/sysctl.d/60-a.conf:2 system 8081,8080@/etc/sysctl.d/60-a.conf:2 agree admin live-system",
				"net.ipv4.tcp_rmem boot 4096 131072 6291456@/etc/sysctl.d/60-a.conf:1 system 4096 131072 6291456@/etc/sysctl.d/60-a.conf:1 agree admin live-system",
			}},
		{"a hidden file, an exclusion", debian13(host{"etc/sysctl.d/.zz.conf": key + "=30", "etc/sysctl.d/70-a.conf": "net.core.somaxconn=1\n-net.core.somaxconn"}),
			map[string]string{key: "60", "net.core.somaxconn": "4096"},
			[]string{
				"net.core.somaxconn boot - system 1@/etc/sysctl.d/70-a.conf:1 admin",
				key + " boot - system 30@/etc/sysctl.d/.zz.conf:1 admin",
			}},
		{"a blank after the dash", debian13(host{"etc/sysctl.d/60-a.conf": "- " + key + " = 30"}), live,
			[]string{key + " boot 30@/etc/sysctl.d/60-a.conf:1 system - drift admin ignored"}},
		{"a value that no kernel takes", debian13(host{"etc/sysctl.d/60-a.conf": "net.ipv4.tcp_tw_reuse=9"}), map[string]string{"net.ipv4.tcp_tw_reuse": "2"},
			[]string{"net.ipv4.tcp_tw_reuse boot 9@/etc/sysctl.d/60-a.conf:1 system 9@/etc/sysctl.d/60-a.conf:1 agree drift admin invalid"}},
		{"ufw", debian13(host{"etc/sysctl.d/60-a.conf": key + "=30", "etc/ufw/sysctl.conf": "net/ipv4/tcp_fin_timeout=60"}), live,
			[]string{key + " boot 30@/etc/sysctl.d/60-a.conf:1 system 30@/etc/sysctl.d/60-a.conf:1 agree drift admin live-ufw"}},
		{"a pattern for keys of the catalogue, not for interfaces", debian13(host{"etc/sysctl.d/60-a.conf": "net.ipv4.tcp_fin_* = 30\nnet.ipv4.conf.*.rp_filter = 1"}),
			map[string]string{key: "60", "net.ipv4.conf.eth0.rp_filter": "0"},
			[]string{key + " boot 30@/etc/sysctl.d/60-a.conf:1 system 30@/etc/sysctl.d/60-a.conf:1 agree drift admin"}},
		{"no modelled loader", host{"etc/alpine-release": "3", "etc/sysctl.d/60-tcptune.conf": key + "=30", "etc/sysctl.d/70-b.conf": key + "=40"}, live,
			[]string{key + " boot ? system 40@/etc/sysctl.d/70-b.conf:1 agree? drift? own-loses? admin conflict:/etc/sysctl.d/60-tcptune.conf:1"}},
		{"procps loads", host{"sbin/sysctl": "", "etc/sysctl.d/60-a.conf": key + "=30", "etc/sysctl.conf": key + "=60"}, live,
			[]string{key + " boot 60@/etc/sysctl.conf:1 system 60@/etc/sysctl.conf:1 admin conf live-system conflict:/etc/sysctl.d/60-a.conf:1"}},
		{"secrets, and names for a shell", debian13(host{"etc/sysctl.d/60-a.conf": "net.ipv4.tcp_fastopen_key = 1-2-3-4\nnet.ipv4.$(reboot) = 1\n"}),
			map[string]string{"net.ipv4.tcp_fastopen_key": "5-6-7-8"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.files.collect(t, tt.live)
			if f.Settings == nil {
				t.Fatal("settings are unknown")
			}
			var got []string
			for _, s := range f.Settings {
				got = append(got, s.text())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("settings (-want +got)\n%s", diff)
			}
		})
	}
}

func TestBoot(t *testing.T) {
	const a, b = "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_time"
	for _, tt := range []struct {
		name   string
		files  host
		loader string // "" for unknown
		lost   string // "N KEYS FIRST"
	}{
		{"link", debian12(host{"etc/sysctl.conf": a + "=30"}), "systemd", "0  "},
		{"link of another name", debian13(host{"etc/sysctl.conf": a + "=30", "usr/lib/sysctl.d/x.conf": "-> /etc/sysctl.conf"}), "systemd", "0  "},
		{"link that procps alone reads", debian13(host{"etc/sysctl.conf": a + "=30", "etc/sysctl.d/.x.conf": "-> /etc/sysctl.conf"}), "systemd",
			"1 " + a + " (line 1) /etc/sysctl.conf:1"},
		{"no file", debian13(nil), "systemd", "0  "},
		{"comments only", debian13(host{"etc/sysctl.conf": "# " + a + "=30\n"}), "systemd", "0  "},
		{"two keys, one of them twice", debian13(host{"etc/sysctl.conf": b + "=1\n" + a + "=20\n" + a + "=30\nvm.swappiness=1"}), "systemd",
			"3 " + b + " (line 1), " + a + " (line 3), vm.swappiness (line 4) /etc/sysctl.conf:1"},
		{"set elsewhere", debian13(host{"etc/sysctl.conf": a + "=30\n" + b + "=5\n", "etc/sysctl.d/60-a.conf": a + "=30\n" + b + "=6\n"}), "systemd",
			"1 " + b + " (line 2) /etc/sysctl.conf:2"},
		{"a link to another file", debian13(host{"etc/local": a + "=30\n", "etc/sysctl.conf": "-> local"}), "systemd", "1 " + a + " (line 1) /etc/local:1"},
		{"procps", host{"sbin/sysctl": "", "etc/sysctl.conf": a + "=30"}, "procps", "0  "},
		{"Alpine", host{"etc/alpine-release": "", "etc/sysctl.conf": a + "=30"}, "", ""},
		{"Alpine without the file", host{"etc/alpine-release": ""}, "", "0  "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.files.collect(t, nil)
			loader, lost := "", ""
			if f.Boot.Loader != nil {
				loader = *f.Boot.Loader
			}
			if f.Boot.ConfLost != nil {
				lost = fmt.Sprintf("%d %s %s", *f.Boot.ConfLost, f.Boot.ConfKeys, f.Boot.ConfFirst)
			}
			if loader != tt.loader || lost != tt.lost {
				t.Errorf("loader %q, lost %q, want %q, %q", loader, lost, tt.loader, tt.lost)
			}
			if f.Boot.Here == nil || !*f.Boot.Here || f.Boot.Name == "" || f.Boot.Reason == "" {
				t.Errorf("boot %+v", f.Boot)
			}
		})
	}
}

// TestBootHere: the files are for the initial network namespace, and for that of process 1.
func TestBootHere(t *testing.T) {
	yes, no := ptr(true), ptr(false)
	for _, tt := range []struct{ initial, pid1, want *bool }{
		{yes, yes, yes}, {yes, nil, yes}, {no, yes, yes}, {no, no, no}, {no, nil, nil}, {nil, nil, nil},
	} {
		f := derive(one(&snapshot.Snapshot{Host: &snapshot.Host{Initial: tt.initial, Pid1: tt.pid1}, LinesRead: true, Config: &snapshot.Config{}}))
		if diff := cmp.Diff(tt.want, f.Boot.Here); diff != "" {
			t.Errorf("%+v (-want +got)\n%s", tt, diff)
		}
	}
}

// TestSettingsUnknown: a window from before the names were saved, files that were not
// read, and more than is worked out.
func TestSettingsUnknown(t *testing.T) {
	many := func(n int, key func(int) string) []snapshot.Line {
		var lines []snapshot.Line
		for i := range n {
			lines = append(lines, snapshot.Line{File: "/etc/sysctl.d/a.conf", Number: i + 1, Key: key(i), Value: "1", Glob: strings.Contains(key(i), "*")})
		}
		return lines
	}
	config := &snapshot.Config{Boot: snapshot.Boot{Loader: "systemd"}, Names: []snapshot.ConfigName{{Path: "/etc/sysctl.d/a.conf"}}}
	for name, s := range map[string]*snapshot.Snapshot{
		"old window":    {LinesRead: true, Lines: many(1, func(int) string { return "net.core.somaxconn" })},
		"not read":      {Config: config},
		"many lines":    {LinesRead: true, Config: config, Lines: many(maxModelLines+1, func(int) string { return "net.core.somaxconn" })},
		"many keys":     {LinesRead: true, Config: config, Lines: many(maxModelKeys+1, func(i int) string { return fmt.Sprintf("net.core.k%d", i) })},
		"many patterns": {LinesRead: true, Config: config, Lines: many(maxModelPatterns+1, func(i int) string { return fmt.Sprintf("net.core.k%d*", i) })},
	} {
		if f := derive(one(s)); f.Settings != nil {
			t.Errorf("%s: %d settings", name, len(f.Settings))
		}
	}
	s := &snapshot.Snapshot{LinesRead: true, Config: config, Lines: many(maxModelKeys, func(i int) string { return fmt.Sprintf("net.core.k%d", i) })}
	if f := derive(one(s)); len(f.Settings) != maxModelKeys {
		t.Errorf("%d settings of %d keys", len(f.Settings), maxModelKeys)
	}
}

func TestApplyCommand(t *testing.T) {
	for _, tt := range []struct{ key, value, want string }{
		{"net.core.somaxconn", "1", "sysctl -w net.core.somaxconn=1"},
		{"net.ipv4.tcp_rmem", "1 2 3", `sysctl -w net.ipv4.tcp_rmem="1 2 3"`},
		{"net.core.a", "$(reboot)", ""}, {"net.core.a", `1" ; reboot`, ""}, {"net.core.a", "", "sysctl -w net.core.a="},
	} {
		if got := applyCommand(tt.key, tt.value); got != tt.want {
			t.Errorf("applyCommand(%q, %q) = %q, want %q", tt.key, tt.value, got, tt.want)
		}
	}
}

// configWindow fills every fact about the sysctl files.
func configWindow() *snapshot.Window {
	const key = "net.ipv4.tcp_window_scaling"
	line := func(file string, number int, value string) snapshot.Line {
		return snapshot.Line{File: file, Number: number, Key: key, Value: value, Ignored: value == "0", Exists: ptr(true)}
	}
	return one(&snapshot.Snapshot{
		Host: &snapshot.Host{Initial: ptr(true)}, Sysctls: map[string]string{key: "2"}, LinesRead: true,
		Lines: []snapshot.Line{
			line("/etc/sysctl.d/60-tcptune.conf", 1, "1"), line("/etc/sysctl.d/70-a.conf", 1, "0"),
			line("/etc/sysctl.conf", 4, "2"), line("/etc/ufw/sysctl.conf", 1, "2"),
		},
		Config: &snapshot.Config{
			Boot:  snapshot.Boot{Loader: "systemd", Name: "systemd-sysctl", Reason: "it runs"},
			Names: []snapshot.ConfigName{{Path: "/etc/sysctl.d/60-tcptune.conf"}, {Path: "/etc/sysctl.d/70-a.conf"}, {Path: "/etc/sysctl.conf"}, {Path: "/etc/ufw/sysctl.conf"}},
		},
	})
}
