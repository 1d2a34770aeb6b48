// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/report"
)

// liveNet reads every key of the host's own network namespace that can be read.
func liveNet(t *testing.T, h *lab.Host) map[string]string {
	t.Helper()
	values := map[string]string{}
	err := h.Do(func() error {
		return filepath.WalkDir("/proc/sys/net", func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || noise(path) {
				return err
			}
			if text, err := os.ReadFile(path); err == nil {
				values[path] = string(text)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(values) < 100 {
		t.Fatalf("%d keys below /proc/sys/net", len(values))
	}
	return values
}

// noise are keys that others change: of the whole machine, or moving by
// themselves.
func noise(path string) bool {
	return slices.ContainsFunc([]string{"/proc/sys/net/netfilter", "nf_conntrack", "fastopen_key", "/route/", "stable_secret"}, func(part string) bool {
		return strings.Contains(path, part)
	})
}

// applied runs a command that changes settings and reads its report.
func applied(t *testing.T, h *lab.Host, want int, args ...string) *report.Applied {
	t.Helper()
	out := runCommand(t, h.Command("tcptune", append(args, "--format", "json")...))
	if out.status != want {
		t.Fatalf("tcptune %s: status %d, want %d\n%s%s", strings.Join(args, " "), out.status, want, out.stdout, out.stderr)
	}
	if err := validateSchema("applied", []byte(out.stdout)); err != nil {
		t.Fatalf("tcptune %s: %v\n%s", strings.Join(args, " "), err, out.stdout)
	}
	a := &report.Applied{}
	if err := json.Unmarshal([]byte(out.stdout), a); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestScenarioApply applies a profile twice on the kernel and takes it back.
func TestScenarioApply(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		before := liveNet(t, host)

		plan := runCommand(t, host.Command("tcptune", "plan", "--profile", "server", "--runtime-only", "--detailed-exitcode"))
		t.Logf("plan:\n%s%s", plan.stdout, plan.stderr)
		if plan.status != exitChanged {
			t.Errorf("plan: status %d, want %d", plan.status, exitChanged)
		}
		if diff := cmp.Diff(before, liveNet(t, host)); diff != "" {
			t.Errorf("plan changed values (-before +after):\n%s", diff)
		}
		for _, place := range []string{"/run/tcptune", "/var/lib/tcptune"} {
			if _, err := os.Lstat(host.Tree.Path(place)); err == nil {
				t.Errorf("plan made %s", place)
			}
		}

		first := applied(t, host, exitChanged, "apply", "--profile", "server", "--runtime-only", "--detailed-exitcode")
		if !first.Changed || first.Entry != 1 || first.Persisted {
			t.Errorf("first run: %+v", first)
		}
		after := liveNet(t, host)
		for _, k := range first.Keys {
			name := "/proc/sys/" + k.Key.Path()
			if k.Status == "changed" && (k.After == nil || strings.Join(strings.Fields(after[name]), " ") != string(*k.After)) {
				t.Errorf("%s: the kernel has %q, the report says %v", k.Key, after[name], k.After)
			}
		}
		second := applied(t, host, exitOK, "apply", "--profile", "server", "--runtime-only", "--detailed-exitcode")
		if second.Changed || second.Entry != 0 {
			t.Errorf("second run: %+v", second)
		}
		if diff := cmp.Diff(after, liveNet(t, host)); diff != "" {
			t.Errorf("the second run changed values (-before +after):\n%s", diff)
		}

		back := applied(t, host, exitOK, "rollback")
		if !back.Changed {
			t.Errorf("rollback: %+v", back)
		}
		if diff := cmp.Diff(before, liveNet(t, host)); diff != "" {
			t.Errorf("after rollback (-before +after):\n%s", diff)
		}
		if entries, err := os.ReadDir(host.Tree.Path("/etc/sysctl.d")); err != nil || len(entries) > 0 {
			t.Errorf("/etc/sysctl.d has %v, %v: a network namespace must not touch it", entries, err)
		}
	})
}

// TestScenarioApplyNamespace refuses to write the host's files on behalf of a
// network namespace of its own.
func TestScenarioApplyNamespace(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		before := liveNet(t, host)
		out := runCommand(t, host.Command("tcptune", "apply", "--set", "tcp_fin_timeout=30"))
		if out.status != exitFailed || !strings.Contains(fold(out.stdout+out.stderr), "--runtime-only") {
			t.Errorf("status %d\n%s%s", out.status, out.stdout, out.stderr)
		}
		if diff := cmp.Diff(before, liveNet(t, host)); diff != "" {
			t.Errorf("values (-before +after):\n%s", diff)
		}
	})
}

// TestScenarioApplyTogether starts two runs at once: nothing interleaves.
func TestScenarioApplyTogether(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		const runs = 4
		outputs := make([]output, runs)
		var commands [runs]*exec.Cmd
		for i := range commands {
			commands[i] = host.Command("tcptune", "apply", "--profile", "server", "--runtime-only", "--detailed-exitcode")
		}
		var all sync.WaitGroup
		for i := range runs {
			all.Go(func() { outputs[i] = runCommand(t, commands[i]) })
		}
		all.Wait()
		changed := 0
		for _, out := range outputs {
			switch out.status {
			case exitChanged:
				changed++
			case exitOK, exitBusy:
			default:
				t.Errorf("status %d\n%s%s", out.status, out.stdout, out.stderr)
			}
		}
		if changed != 1 {
			t.Errorf("%d of %d runs changed something, want 1", changed, runs)
		}
		again := applied(t, host, exitOK, "apply", "--profile", "server", "--runtime-only", "--detailed-exitcode")
		if again.Changed {
			t.Errorf("a later run: %+v", again)
		}
	})
}

// TestScenarioConfirm tries a profile: without confirm it goes back by itself,
// with it it stays.
func TestScenarioConfirm(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		before := liveNet(t, host)
		try := []string{"apply", "--profile", "server", "--runtime-only", "--confirm-within", lab.Patience(5 * time.Second).String()}
		if a := applied(t, host, exitOK, try...); a.Trial == nil || !a.Changed {
			t.Errorf("trial: %+v", a)
		}
		if out := runCommand(t, host.Command("tcptune", "apply", "--profile", "web", "--runtime-only")); out.status != exitBusy {
			t.Errorf("another run: status %d, want %d\n%s", out.status, exitBusy, out.stderr)
		}
		lab.Eventually(t, settleTime, func() (bool, string) {
			diff := cmp.Diff(before, liveNet(t, host))
			return diff == "", "values (-before +now):\n" + diff
		})
		if out := runCommand(t, host.Command("tcptune", "confirm")); out.status != exitFailed || !strings.Contains(out.stderr, "no trial is pending") {
			t.Errorf("confirm: status %d\n%s", out.status, out.stderr)
		}

		try[len(try)-1] = "60s"
		applied(t, host, exitOK, try...)
		tried := liveNet(t, host)
		if a := applied(t, host, exitOK, "confirm"); !a.Changed {
			t.Errorf("confirm: %+v", a)
		}
		if diff := cmp.Diff(tried, liveNet(t, host)); diff != "" {
			t.Errorf("after confirm (-tried +now):\n%s", diff)
		}
		applied(t, host, exitOK, "rollback")
		if diff := cmp.Diff(before, liveNet(t, host)); diff != "" {
			t.Errorf("after rollback (-before +after):\n%s", diff)
		}
	})
}
