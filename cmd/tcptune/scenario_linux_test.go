// SPDX-License-Identifier: Apache-2.0

// The scenario tests make a symptom with real sockets in network namespaces of
// their own and ask check and states about it. This file has what they share;
// the scenarios stand in scenario_SUBJECT_linux_test.go.

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/rules"
)

// settleTime is the patience with what an idle machine reaches at once.
const settleTime = 20 * time.Second

// commandTime bounds one run of a command.
const commandTime = time.Minute

// oneTarget is a list of one.
func oneTarget(target netip.AddrPort) []netip.AddrPort { return []netip.AddrPort{target} }

// output is what a run of tcptune left behind.
type output struct {
	status         int
	stdout, stderr string
}

// runCommand runs a command of a host to its end. Text is 100 columns wide.
func runCommand(t *testing.T, cmd *exec.Cmd) output {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Env = append(cmd.Env, "NO_COLOR=1", "COLUMNS=100")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %v: %v", cmd.Args, err)
	}
	bound := time.AfterFunc(lab.Patience(commandTime), func() { _ = cmd.Process.Kill() })
	defer bound.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %v: %v", cmd.Args, err)
	}
	if strings.Contains(stderr.String(), "goroutine ") {
		t.Fatalf("%v panicked:\n%s", cmd.Args, stderr.String())
	}
	return output{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// A diagnosis is what one run of check said.
type diagnosis struct {
	report.Check
	status int
	json   string
	text   string
}

// diagnose runs check in the host with a window of 2 s, once for both forms of
// its report, and logs the text.
func diagnose(t *testing.T, h *lab.Host, args ...string) *diagnosis {
	t.Helper()
	text := filepath.Join(t.TempDir(), "report.txt")
	args = append([]string{"check", "--window", "2s", "--verbose", "--format", "json", "--format", "text=" + text}, args...)
	out := runCommand(t, h.Command("tcptune", args...))
	if out.stderr != "" {
		t.Errorf("check says on standard error: %s", out.stderr)
	}
	d := decodeDiagnosis(t, out)
	b, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	d.text = string(b)
	t.Logf("check on %s:\n%s", h.Name, d.text)
	return d
}

// decodeDiagnosis checks the JSON form of a report and reads it.
func decodeDiagnosis(t *testing.T, out output) *diagnosis {
	t.Helper()
	d := &diagnosis{status: out.status, json: out.stdout}
	if err := validateSchema("check", []byte(out.stdout)); err != nil {
		t.Fatalf("check, status %d, stderr %q: %v", out.status, out.stderr, err)
	}
	decoder := json.NewDecoder(strings.NewReader(out.stdout))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d.Check); err != nil {
		t.Fatal(err)
	}
	if d.ExitStatus != out.status {
		t.Errorf("exit_status %d, but check ended with %d", d.ExitStatus, out.status)
	}
	return d
}

// machineWide are rules about the whole machine, which other load may trip.
func machineWide() []string {
	return []string{
		"conntrack-buckets", "fd-file-max-near", "neigh-table-full", "nofile-above-nr-open", "orphan-limit-near",
		"softnet-dropped", "softnet-squeezed", "tcp-mem-pressure",
	}
}

// finds checks that the findings above info, those about the whole machine
// aside, are these, and that the exit status says so.
func (d *diagnosis) finds(t *testing.T, want map[string]rules.Severity) {
	t.Helper()
	got := map[string]rules.Severity{}
	status := exitOK
	for _, f := range d.Findings {
		if f.Severity.AtLeast(rules.Warning) {
			status = exitNo
		}
		if f.Severity.AtLeast(rules.Notice) && !slices.Contains(machineWide(), f.Rule) {
			got[f.Rule] = f.Severity
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings above info (-want +got):\n%s", diff)
	}
	if d.status != status {
		t.Errorf("exit status %d, want %d", d.status, status)
	}
}

// finding returns the only finding of a rule.
func (d *diagnosis) finding(t *testing.T, rule string) *rules.Finding {
	t.Helper()
	var found []*rules.Finding
	for i := range d.Findings {
		if d.Findings[i].Rule == rule {
			found = append(found, &d.Findings[i])
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d findings of %s, want 1", len(found), rule)
	}
	return found[0]
}

// lacks checks that rules were judged and found nothing.
func (d *diagnosis) lacks(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if !slices.Contains(d.Passed, id) {
			t.Errorf("%s did not pass", id)
		}
	}
}

// says checks that the text has all the words, however its lines are broken.
func (d *diagnosis) says(t *testing.T, words ...string) {
	t.Helper()
	text := fold(d.text)
	for _, w := range words {
		if !strings.Contains(text, fold(w)) {
			t.Errorf("the text lacks %q", w)
		}
	}
}

// saysNot checks that the text has none of the words.
func (d *diagnosis) saysNot(t *testing.T, words ...string) {
	t.Helper()
	text := fold(d.text)
	for _, w := range words {
		if strings.Contains(text, fold(w)) {
			t.Errorf("the text has %q", w)
		}
	}
}

// fold makes all white space one blank.
func fold(text string) string { return strings.Join(strings.Fields(text), " ") }

// proposals lists the settings that findings propose, as key = value.
func proposals(findings ...rules.Finding) []string {
	list := []string{}
	for _, f := range findings {
		for _, r := range f.Recommendations {
			if r.Kind == "sysctl" {
				list = append(list, r.Key+" = "+r.Proposed)
			}
		}
	}
	return list
}

// evidenceOf returns a value behind a finding; JSON numbers are float64.
func evidenceOf(t *testing.T, f *rules.Finding, name string) any {
	t.Helper()
	for _, e := range f.Evidence {
		if e.Name == name {
			return e.Value
		}
	}
	t.Fatalf("%s has no evidence %q: %+v", f.Rule, name, f.Evidence)
	return nil
}

// wantAnswer checks verdict and subject of a finding.
func wantAnswer(t *testing.T, f *rules.Finding, verdict rules.Verdict, subject string) {
	t.Helper()
	if f.Verdict != verdict || f.Subject != subject {
		t.Errorf("%s: verdict %s about %q, want %s about %q", f.Rule, f.Verdict, f.Subject, verdict, subject)
	}
}

// processName is how reports name a process.
func processName(p *lab.Process) string { return fmt.Sprintf("%s[%d]", p.Name, p.PID) }
