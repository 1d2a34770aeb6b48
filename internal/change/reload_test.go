// SPDX-License-Identifier: Apache-2.0

package change

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/sysctl"
)

// writeProgram puts a script in place of a loader. It is run by its first line, as the
// kernel runs any script: tcptune itself runs no shell.
func writeProgram(t *testing.T, root, name, script string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
}

// record prints the arguments and the environment.
const record = "printf '%s\\n' \"$#\" \"$@\"; env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD= | sort\n"

func TestReloadArguments(t *testing.T) {
	const (
		dropIn  = "/etc/sysctl.d/90-tcptune.conf"
		systemd = "/usr/lib/systemd/systemd-sysctl"
		environ = "\nLC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin"
	)
	tests := []struct {
		name     string
		programs []string
		kind     ReloadKind
		command  []string
		output   string
	}{
		{"systemd, file", []string{systemd, "/usr/sbin/sysctl"}, ReloadFile, []string{systemd, dropIn}, "1\n" + dropIn},
		{"systemd, system", []string{systemd, "/usr/sbin/sysctl"}, ReloadSystem, []string{systemd}, "0"},
		{"systemd in /lib", []string{"/lib/systemd/systemd-sysctl"}, ReloadFile, []string{"/lib/systemd/systemd-sysctl", dropIn}, "1\n" + dropIn},
		{"procps, file", []string{"/usr/sbin/sysctl", "/sbin/sysctl"}, ReloadFile, []string{"/usr/sbin/sysctl", "-p", dropIn}, "2\n-p\n" + dropIn},
		{"procps, system", []string{"/sbin/sysctl"}, ReloadSystem, []string{"/sbin/sysctl", "--system"}, "1\n--system"},
		{"none", []string{systemd}, ReloadNone, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TCPTUNE_SECRET", "must not be inherited")
			root := t.TempDir()
			for _, program := range tt.programs {
				writeProgram(t, root, program, record)
			}
			got, err := Reloader{Root: root}.Run(t.Context(), tt.kind, dropIn)
			if err != nil {
				t.Fatal(err)
			}
			var want *Reload
			if tt.command != nil {
				want = &Reload{Command: tt.command, Output: tt.output + environ}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReloadTellsStatusAndBoundsOutput(t *testing.T) {
	root := t.TempDir()
	writeProgram(t, root, "/sbin/sysctl", "i=0; while [ $i -lt 4000 ]; do echo 0123456789; i=$((i+1)); done; exit 3\n")
	got, err := Reloader{Root: root}.Run(t.Context(), ReloadSystem, "")
	if err != nil {
		t.Fatal(err)
	}
	if got.ExitStatus != 3 || len(got.Output) > maxReloadOutput || !strings.HasPrefix(got.Output, "0123456789\n0") {
		t.Errorf("status %d, %d bytes of output", got.ExitStatus, len(got.Output))
	}
}

func TestReloadRefuses(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "sbin/sysctl"), 0o755); err != nil { // a directory is no program
		t.Fatal(err)
	}
	if _, err := (Reloader{Root: root}).Run(t.Context(), ReloadFile, "/x.conf"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no loader: %v", err)
	}
	for _, file := range []string{"", "x.conf", "--system"} {
		if _, err := (Reloader{Root: root}).Command(ReloadFile, file); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("file %q: %v", file, err)
		}
	}
	if _, err := (Reloader{Root: root}).Command("all", "/x.conf"); err == nil {
		t.Error("kind all: no error")
	}
	writeProgram(t, root, "/usr/sbin/sysctl", "exec sleep 60\n")
	start := time.Now()
	_, err := Reloader{Root: root, Timeout: 50 * time.Millisecond}.Run(t.Context(), ReloadSystem, "")
	if err == nil || !strings.Contains(err.Error(), "deadline exceeded") || time.Since(start) > 30*time.Second {
		t.Errorf("a loader that hangs: %v after %v", err, time.Since(start))
	}
}

func TestSystemPreviewAndBystander(t *testing.T) {
	root := writeTree(t, map[string]string{
		"proc/sys/net/ipv4/ip_forward":          "1\n",
		"proc/sys/net/ipv4/tcp_fin_timeout":     "60\n",
		"proc/sys/net/ipv4/tcp_rmem":            "4096\t131072\t6291456\n",
		"proc/sys/net/ipv4/conf/eth0/rp_filter": "0\n",
		"proc/sys/net/ipv4/conf/lo/rp_filter":   "2\n",
		"proc/sys/net/core/somaxconn":           "4096\n",
		"etc/sysctl.d/10-a.conf":                "net.ipv4.ip_forward = 0\nnet.ipv4.tcp_rmem = 4096 131072 6291456\nnet.ipv4.conf.*.rp_filter = 2\nnet.no.such = 1\n",
		"etc/sysctl.d/90-tcptune.conf":          "net.core.somaxconn = 8192\n",
		"etc/sysctl.conf":                       "net.ipv4.tcp_fin_timeout = 20\n",
		"usr/lib/sysctl.d/90-tcptune.conf":      "net.core.somaxconn = 1\n", // masked
	})
	files, err := sysctl.FindLines(root)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := sysctl.NewTree(filepath.Join(root, "proc/sys"))
	if err != nil {
		t.Fatal(err)
	}
	text := func(results []KeyResult) []string {
		var lines []string
		for _, r := range results {
			to := r.After
			if to == nil {
				to = r.Wanted
			}
			lines = append(lines, strings.TrimSpace(r.Key.String()+" "+string(*r.Before)+" -> "+string(*to)+" "+r.Detail))
		}
		return lines
	}
	for loader, want := range map[sysctl.Loader][]string{
		sysctl.Systemd: {
			"net.core.somaxconn 4096 -> 8192 /etc/sysctl.d/90-tcptune.conf:1",
			"net.ipv4.conf.eth0.rp_filter 0 -> 2 /etc/sysctl.d/10-a.conf:3",
			"net.ipv4.ip_forward 1 -> 0 /etc/sysctl.d/10-a.conf:1",
		},
		sysctl.Procps: {
			"net.core.somaxconn 4096 -> 8192 /etc/sysctl.d/90-tcptune.conf:1",
			"net.ipv4.conf.eth0.rp_filter 0 -> 2 /etc/sysctl.d/10-a.conf:3",
			"net.ipv4.ip_forward 1 -> 0 /etc/sysctl.d/10-a.conf:1",
			"net.ipv4.tcp_fin_timeout 60 -> 20 /etc/sysctl.conf:1",
		},
	} {
		got := text(SystemPreview(files, loader, tree, sysctl.LoadCatalogue()))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", loader, diff)
		}
	}
	bystander := NewBystander(files, tree, patterns("net.core.somaxconn"))
	for _, name := range []string{"net/ipv4/ip_forward", "net/core/somaxconn"} {
		if err := os.WriteFile(filepath.Join(root, "proc/sys", name), []byte("7\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"net.ipv4.ip_forward 1 -> 7"}, text(bystander.Changed(tree))); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
}
