// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/rules"
)

// articleBlock is what articles against TIME_WAIT tell to append to
// /etc/sysctl.conf.
const articleBlock = `net.ipv4.tcp_syncookies = 1
net.ipv4.tcp_tw_reuse = 1
net.ipv4.tcp_tw_recycle = 1
net.ipv4.tcp_fin_timeout = 30
`

func TestScenarioArticle(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		host.Tree.WriteFile(t, "/etc/sysctl.conf", articleBlock)
		d := diagnose(t, host)

		d.finds(t, map[string]rules.Severity{"tw-recycle-in-config": rules.Warning})
		wantAnswer(t, d.finding(t, "tw-recycle-in-config"), rules.VerdictConfigFile, "/etc/sysctl.conf:3")
		f := d.finding(t, "copied-block")
		wantAnswer(t, f, rules.VerdictConfigFile, "")
		if len(f.Recommendations) != 4 {
			t.Errorf("%d answers to the four lines", len(f.Recommendations))
		}
		for i, answer := range []string{
			"/etc/sysctl.conf:1: keep tcp_syncookies = 1",
			"/etc/sysctl.conf:2: tcp_tw_reuse = 1 does not help now",
			"/etc/sysctl.conf:3: delete tcp_tw_recycle = 1; it cannot help",
			"/etc/sysctl.conf:4: tcp_fin_timeout = 30 does not help now",
		} {
			if i < len(f.Recommendations) {
				if r := f.Recommendations[i]; !strings.HasPrefix(r.File+": "+r.Action, answer) {
					t.Errorf("answer %d is %q about %q, want %q", i+1, r.Action, r.File, answer)
				}
			}
			d.says(t, answer)
		}
		if list := proposals(d.Findings...); len(list) > 0 {
			t.Errorf("proposals %q: nothing is wrong with the live values", list)
		}
		d.says(t, "1 warning, 1 info; the cure: 2 in a file; judged")
	})
}

func TestScenarioIdle(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		d := diagnose(t, host)
		d.finds(t, map[string]rules.Severity{})
		d.says(t, "sockets: none", "no problem found, nothing to tune: judged")
		for _, skipped := range d.Skipped {
			// tcp_mem exists in the initial network namespace only.
			if !slices.Contains(machineWide(), skipped.Rule) {
				t.Errorf("%s was not judged: it lacks %v", skipped.Rule, skipped.Missing)
			}
		}

		// Without a window nobody knows about overflows.
		d = diagnose(t, host, "--window", "0")
		d.finds(t, map[string]rules.Severity{})
		d.saysNot(t, "no problem found", "nothing to tune")
		d.says(t, "nothing found, but", "core rules could not be judged, so this is no clean bill of health", "--window 10s on the live host judges them")
		if d.Window.Seconds != nil {
			t.Errorf("window of %v s", *d.Window.Seconds)
		}
	})
}

// TestScenarioSaved judges a saved window and finds what check finds live.
func TestScenarioSaved(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		pair, _ := leak(t, 200, lab.Server{Name: "leaky", Behaviour: lab.Hold, NoFile: 256})
		pair.Server.Tree.WriteFile(t, "/etc/sysctl.conf", articleBlock)
		saved := filepath.Join(t.TempDir(), "window.json")
		out := runCommand(t, pair.Server.Command("tcptune", "collect", "--window", "2s", "-o", saved))
		if out.status != exitOK || out.stdout != "" || out.stderr != "tcptune: wrote "+saved+"\n" {
			t.Fatalf("collect: %+v", out)
		}
		if info, err := os.Stat(saved); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("saved window: %v, %v", info, err)
		}
		document, err := os.ReadFile(saved)
		if err != nil {
			t.Fatal(err)
		}
		if err := validateSchema("window", document); err != nil {
			t.Error(err)
		}

		live := diagnose(t, pair.Server)
		// Judged elsewhere: in another namespace, with other files.
		elsewhere := lab.NewHost(t, "elsewhere")
		out = runCommand(t, elsewhere.Command("tcptune", "check", "--from", saved, "--format", "json"))
		later := decodeDiagnosis(t, out)
		if later.status != live.status || out.stderr != "" {
			t.Errorf("status %d, live %d, stderr %q", later.status, live.status, out.stderr)
		}
		ownFindings := func(f []rules.Finding) []rules.Finding {
			return slices.DeleteFunc(f, func(f rules.Finding) bool { return slices.Contains(machineWide(), f.Rule) })
		}
		ignoreAge := cmp.FilterValues(func(a, b rules.Evidence) bool { return a.Unit == "s" && b.Unit == "s" }, cmp.Ignore())
		if diff := cmp.Diff(ownFindings(live.Findings), ownFindings(later.Findings), ignoreAge); diff != "" {
			t.Errorf("findings (-live +saved):\n%s", diff)
		}
		live.Host.UptimeSeconds, later.Host.UptimeSeconds = nil, nil
		if diff := cmp.Diff(live.Host, later.Host); diff != "" {
			t.Errorf("host (-live +saved):\n%s", diff)
		}
	})
}

// TestScenarioUnprivileged is what an ordinary user sees of root's leak.
func TestScenarioUnprivileged(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		needUsers(t)
		pair, server := leak(t, 200, lab.Server{Name: "leaky", Behaviour: lab.Hold})
		out := runCommand(t, pair.Server.Command(unprivileged, "check", "--window", "2s", "--format", "json"))
		if out.stderr != "" {
			t.Errorf("check says on standard error: %s", out.stderr)
		}
		d := decodeDiagnosis(t, out)
		d.text = runCommand(t, pair.Server.Command(unprivileged, "check", "--window", "1s", "-v")).stdout
		t.Log(d.text)
		d.finds(t, map[string]rules.Severity{"close-wait-leak": rules.Warning})
		wantAnswer(t, d.finding(t, "close-wait-leak"), rules.VerdictApplication, "a process of uid 0")
		d.says(t, "a process of uid 0 (close-wait-leak", "not read:", "processes of other users are hidden",
			"run as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH")
		d.saysNot(t, server.Name)
		if !slices.ContainsFunc(d.Collection.Gaps, func(g snapshot.Gap) bool { return g.Source == "/proc/PID/fd" && g.Remedy != "" }) {
			t.Errorf("gaps: %+v", d.Collection.Gaps)
		}
		out = runCommand(t, pair.Server.Command(unprivileged, "states", "--by", "process"))
		if out.status != exitOK || !strings.Contains(out.stdout, "(hidden, uid 0)") || !strings.Contains(fold(out.stdout), "run as root") {
			t.Errorf("states: %+v", out)
		}
	})
}
