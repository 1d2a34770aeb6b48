// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/rules"
)

// sinceLast runs check --since-last in the host once the last run is old enough
// for rates, and checks its exit status.
func sinceLast(t *testing.T, h *lab.Host, want int, args ...string) *diagnosis {
	t.Helper()
	args = append([]string{"check", "--since-last", "--format", "json", "--only", "close-wait-leak,listen-drops-other"}, args...)
	var out output
	var d *diagnosis
	lab.Eventually(t, settleTime, func() (done bool, state string) {
		out = runCommand(t, h.Command("tcptune", args...))
		if out.status != want && out.stdout == "" {
			t.Fatalf("status %d, want %d: %s", out.status, want, out.stderr)
		}
		d = decodeDiagnosis(t, out)
		return d.Baseline == nil || d.Baseline.Rates, fmt.Sprintf("the last run stays too young: %+v", d.Baseline)
	})
	if out.status != want {
		t.Errorf("%v: status %d, want %d: %s%s", args, out.status, want, out.stdout, out.stderr)
	}
	return d
}

// TestScenarioSinceLast follows a symptom that comes, stays and goes.
func TestScenarioSinceLast(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		pair := lab.NewPair(t)
		first := runCommand(t, pair.Server.Command("tcptune", "check", "--since-last", "--window", "1s", "--only", "close-wait-leak", "--fail-on", "new-warning"))
		if first.status != exitOK || !strings.HasPrefix(first.stderr, "tcptune: this is the first run with --since-last: nothing to compare with yet") ||
			strings.Contains(first.stdout, "compared with") {
			t.Fatalf("first run: %+v", first)
		}
		d := sinceLast(t, pair.Server, exitOK, "--fail-on", "new-warning")
		d.hasStatus(t, "", 0, 0, 0)
		if d.Window.Seconds == nil || *d.Window.Seconds != d.Baseline.AgeSeconds || *d.Window.Seconds < 1 {
			t.Errorf("window %v, baseline %+v", d.Window.Seconds, d.Baseline)
		}

		target := pair.Target(8080)
		server := lab.Serve(t, pair.Server, lab.Server{Name: "leaky", Behaviour: lab.Hold, Address: target})
		if r := lab.Connect(t, pair.Client, lab.Client{Targets: oneTarget(target), Count: 200}); r.OK != 200 {
			t.Fatalf("%d connections, errors %v", r.OK, r.Errors)
		}
		lab.WaitState(t, pair.Server, lab.CloseWait, 200, settleTime)
		// What was not in CLOSE_WAIT at both ends of the window may just be closing.
		d = sinceLast(t, pair.Server, exitOK, "--fail-on", "new-warning")
		d.hasStatus(t, "", 0, 0, 0)
		d = sinceLast(t, pair.Server, exitNo, "--fail-on", "new-warning")
		d.hasStatus(t, rules.StatusNew, 1, 0, 0)
		d = sinceLast(t, pair.Server, exitOK, "--fail-on", "new-warning")
		d.hasStatus(t, rules.StatusStill, 0, 1, 0)
		d = sinceLast(t, pair.Server, exitNo, "--fail-on", "warning")
		d.hasStatus(t, rules.StatusStill, 0, 1, 0)

		server.Stop()
		lab.WaitState(t, pair.Server, lab.CloseWait, 0, settleTime)
		d = sinceLast(t, pair.Server, exitOK, "--fail-on", "new-warning")
		d.hasStatus(t, "", 0, 0, 1)
		if len(d.Gone) != 1 || d.Gone[0].Rule != "close-wait-leak" || d.Gone[0].Status != rules.StatusGone || d.Gone[0].Subject != processName(server) {
			t.Errorf("gone: %+v", d.Gone)
		}
		// A machine that was put back to an earlier state, a last run that is no more one.
		kept := filepath.Join(pair.Server.Tree.Path(lastRunsOfRoot), lastRunName(t, pair.Server))
		whole, err := os.ReadFile(kept)
		if err != nil {
			t.Fatal(err)
		}
		for content, want := range map[string]string{
			strings.ReplaceAll(string(whole), `"uptime_seconds":`, `"uptime_seconds":1`): "it was taken later than what is examined",
			string(whole[:len(whole)/2]): "unexpected end of JSON",
		} {
			if err := os.WriteFile(kept, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			out := runCommand(t, pair.Server.Command("tcptune", "check", "--since-last"))
			if out.status != exitFailed || out.stdout != "" || !strings.Contains(out.stderr, want) || !strings.Contains(out.stderr, "hint: remove that file, and the next --since-last begins anew") {
				t.Errorf("%s: %+v", want, out)
			}
			if got, err := os.ReadFile(kept); err != nil || string(got) != content {
				t.Errorf("%s: it was written over, %v", want, err)
			}
		}
		// Another network namespace has a last run of its own.
		other := runCommand(t, pair.Client.Command("tcptune", "check", "--since-last", "--window", "0", "--only", "close-wait-leak"))
		if !strings.Contains(other.stderr, "this is the first run") {
			t.Errorf("client: %+v", other)
		}
		for _, h := range []*lab.Host{pair.Server, pair.Client} {
			lastRunName(t, h)
		}
		plain := runCommand(t, pair.Server.Command("tcptune", "check", "--window", "0", "--only", "close-wait-leak", "--format", "json"))
		if decodeDiagnosis(t, plain).Baseline != nil || strings.Contains(plain.stdout, `"status"`) {
			t.Errorf("without the flag: %s", plain.stdout)
		}
	})
}

// lastRunName is the name of the only last run that a host keeps.
func lastRunName(t *testing.T, h *lab.Host) string {
	t.Helper()
	names, err := os.ReadDir(h.Tree.Path(lastRunsOfRoot))
	if err != nil || len(names) != 1 {
		t.Fatalf("%s keeps %v, %v", h.Name, names, err)
	}
	return names[0].Name()
}

// hasStatus checks how many findings are new, still there and gone.
func (d *diagnosis) hasStatus(t *testing.T, status rules.Status, fresh, still, gone int) {
	t.Helper()
	b := d.Baseline
	if b == nil || b.Kind != report.BaselineLast || b.New != fresh || b.Still != still || b.Gone != gone || b.Unknown != 0 {
		t.Errorf("baseline %+v, want %d new, %d still there, %d gone", b, fresh, still, gone)
	}
	for _, f := range d.Findings {
		if f.Status != status {
			t.Errorf("%s: status %q, want %q", f.Rule, f.Status, status)
		}
	}
}

// TestScenarioBaselineWindow takes rates since a saved window, also of a named
// namespace, and refuses the window of another.
func TestScenarioBaselineWindow(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		pair := lab.NewPair(t)
		saved := filepath.Join(t.TempDir(), "base.json")
		if out := runCommand(t, pair.Client.Command("tcptune", "collect", "--quiet", "--window", "0", "-o", saved)); out.status != exitOK {
			t.Fatalf("%+v", out)
		}
		closed := pair.Target(9999)
		lab.Connect(t, pair.Client, lab.Client{Targets: oneTarget(closed), Count: 2000})
		holder := lab.Serve(t, pair.Client, lab.Server{Name: "holder", Behaviour: lab.Hold, Address: netip.MustParseAddrPort("127.0.0.1:8080")})
		for _, host := range []struct {
			*lab.Host
			args []string
		}{{pair.Client, nil}, {lab.Self(t), []string{"--netns", fmt.Sprint(holder.PID)}}} {
			args := append([]string{"check", "--baseline", saved, "--format", "json", "--fail-on", "never"}, host.args...)
			var d *diagnosis
			lab.Eventually(t, settleTime, func() (done bool, state string) {
				d = decodeDiagnosis(t, runCommand(t, host.Command("tcptune", args...)))
				return d.Baseline.Rates, fmt.Sprintf("no rates: %+v", d.Baseline)
			})
			f := d.finding(t, "connect-refused-rate")
			if f.Status != rules.StatusUnknown || d.Baseline.Kind != report.BaselineWindow {
				t.Errorf("%+v, baseline %+v", f, d.Baseline)
			}
		}
		out := runCommand(t, pair.Server.Command("tcptune", "check", "--baseline", saved))
		if out.status != exitFailed || out.stdout != "" || !strings.Contains(out.stderr, "it is of another network namespace: net:[") {
			t.Errorf("of another namespace: %+v", out)
		}
	})
}

// TestScenarioSinceLastUser keeps the state of a user where XDG has it.
func TestScenarioSinceLastUser(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		needUsers(t)
		dir, err := os.MkdirTemp("/tmp", "tcptune-state-") // t.TempDir is below a directory of mode 0700
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		if err := errors.Join(os.Chown(dir, nobody, nobody), os.Chmod(dir, 0o755)); err != nil {
			t.Fatal(err)
		}
		run := func(args ...string) output {
			cmd := lab.Self(t).Command(unprivileged, args...)
			cmd.Env = append(cmd.Env, "XDG_STATE_HOME="+dir)
			return runCommand(t, cmd)
		}
		check := []string{"check", "--since-last", "--window", "0", "--fail-on", "never"}
		if out := run(check...); out.status != exitOK || !strings.Contains(out.stderr, "this is the first run") {
			t.Fatalf("first run: %+v", out)
		}
		files, err := filepath.Glob(filepath.Join(dir, "tcptune", "last", "*.json"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%v, %v", files, err)
		}
		for path, mode := range map[string]os.FileMode{files[0]: 0o600, filepath.Dir(files[0]): os.ModeDir | 0o700, filepath.Join(dir, "tcptune"): os.ModeDir | 0o700} {
			info, err := os.Stat(path)
			if err != nil || info.Mode() != mode || info.Sys().(*syscall.Stat_t).Uid != nobody {
				t.Errorf("%s: %v, %v", path, info, err)
			}
		}
		if out := run(check...); out.status != exitOK || !strings.Contains(out.stdout, "compared with the last run") || out.stderr != "" {
			t.Errorf("second run: %+v", out)
		}
		if err := os.Chown(files[0], 0, 0); err != nil {
			t.Fatal(err)
		}
		if out := run(check...); out.status != exitFailed || out.stdout != "" || !strings.Contains(out.stderr, "does not belong to the user 65534") {
			t.Errorf("a file of root: %+v", out)
		}
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chown(dir, 0, 0), os.RemoveAll(filepath.Join(dir, "tcptune"))); err != nil {
			t.Fatal(err)
		}
		if out := run(check...); out.status != exitPermission || !strings.Contains(out.stderr, "keep this run for the next --since-last: ") {
			t.Errorf("no place for the state: %+v", out)
		}
	})
}
