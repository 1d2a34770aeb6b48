// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/rules"
)

// capturesDir holds windows of real symptoms; its README.md says how they were made.
const capturesDir = "../../internal/snapshot/testdata/captures"

// captured is what check must find in one capture: these rules and no others.
type captured struct {
	name     string
	findings []capturedFinding
	silenced map[string]string // rules whose condition is true too, and the rule that speaks instead
	unknown  []string          // rules whose condition is true of the experiment, but needs what was not saved
}

type capturedFinding struct {
	rule     string
	severity rules.Severity
	evidence map[string]any // some values
}

// allCaptured was worked out from the saved files and the catalogue of rules, not
// from what check prints.
func allCaptured() []captured {
	type values = map[string]any
	const critical, warning, notice, info = rules.Critical, rules.Warning, rules.Notice, rules.Info
	small := map[string]string{"ephemeral-range-small": "ephemeral-port-exhaustion"}
	return []captured{
		{name: "accept-queue-overflow/1-before-app64-somax4096", findings: []capturedFinding{
			{"accept-queue-overflow", critical, values{"accept queue": 65.0, "connection requests dropped by it since it was made": 535.0}},
		}},
		{name: "accept-queue-overflow/3-app1024-somax128", findings: []capturedFinding{
			{"accept-queue-overflow", critical, values{"accept queue": 129.0, "connection requests dropped by it since it was made": 471.0}},
		}},
		{name: "accept-queue-overflow/6-after-app1024-somax4096"},
		{name: "accept-queue-overflow/7-app64-abort_on_overflow1", findings: []capturedFinding{
			{"accept-queue-overflow", critical, values{"accept queue": 65.0, "connection requests dropped by it since it was made": 535.0}},
			{"abort-on-overflow", warning, values{"net.ipv4.tcp_abort_on_overflow": 1.0}},
		}},
		{name: "close-wait-leak/after-fixed"},
		{name: "close-wait-leak/before-200", findings: []capturedFinding{
			// ss listed 199 of the 200.
			{"close-wait-leak", critical, values{"CLOSE_WAIT": 199.0, "Recv-Q 1: end of file never read": 199.0, "open descriptors": 206.0}},
			{"fd-limit-near", warning, values{"open descriptors": 206.0}},
		}},
		{name: "close-wait-leak/before-emfile", findings: []capturedFinding{
			// ss listed 199 of the 270: 182 of the 250 with an owner, 17 of the 20 without.
			{"close-wait-leak", critical, values{"CLOSE_WAIT": 182.0, "Recv-Q 1: end of file never read": 182.0}},
			{"fd-limit-near", critical, values{"open descriptors": 256.0}},
			{"close-wait-in-accept-queue", warning, values{"CLOSE_WAIT sockets without an owner": 17.0, "accept queue": 20.0}},
		}},
		{name: "conntrack-table-full/1-before-max1000", silenced: map[string]string{"conntrack-near-full": "conntrack-drops"}, findings: []capturedFinding{
			{"conntrack-drops", critical, values{"packets dropped because the table was full": 9.0}},
			{"conntrack-established", info, nil},
		}, unknown: []string{"conntrack-time-wait"}},
		{name: "conntrack-table-full/2-after-max20000"},
		{name: "conntrack-table-full/3-max1000-time_wait-timeout5", findings: []capturedFinding{
			// The entries had expired when they were read: 1000 of 1000 in the run, 0 then.
			{"conntrack-drops", critical, values{"packets dropped because the table was full": 21.0}},
		}},
		{name: "ephemeral-port-exhaustion/1-before-reuse0", silenced: small, findings: []capturedFinding{
			{"ephemeral-port-exhaustion", critical, values{"local ports in use": 500.0, "share in use": 100.0}},
		}},
		// Saved 10 s after the load: every TIME_WAIT may be taken over by then.
		{name: "ephemeral-port-exhaustion/3-after-reuse1", findings: []capturedFinding{
			{"ephemeral-range-small", notice, values{"local ports to one destination": 500.0}},
		}},
		{name: "ephemeral-port-exhaustion/4-reuse1-delay100ms", findings: []capturedFinding{
			{"ephemeral-range-small", notice, values{"local ports to one destination": 500.0}},
			{"tw-reuse-delay-low", notice, values{"net.ipv4.tcp_tw_reuse_delay": 100.0}},
		}},
		{name: "ephemeral-port-exhaustion/5-reuse1-timestamps-off", silenced: small, findings: []capturedFinding{
			{"ephemeral-port-exhaustion", critical, values{"local ports in use": 500.0, "share in use": 100.0}},
			{"tw-reuse-timestamps-off", warning, values{"net.ipv4.tcp_timestamps": 0.0}},
			{"timestamps-off", warning, nil},
		}},
		{name: "ephemeral-port-exhaustion/6-after-wide-range", findings: []capturedFinding{
			{"ephemeral-scan-cost", warning, values{"local ports in use": 32330.0, "local ports of the range": 64512.0}},
		}},
		{name: "fin-timeout-myth/fin_timeout5-t10", findings: []capturedFinding{
			{"fin-timeout-myth", notice, values{"net.ipv4.tcp_fin_timeout": 5.0, "TIME_WAIT sockets (60 s each whatever the key says)": 300.0}},
		}},
		{name: "fin-timeout-myth/fin_timeout5-t64"},
		// 300 sockets; fin-wait2-pileup asks for 500: see TestCapturesFinWait2.
		{name: "fin-wait2-pileup/fa-fin_timeout60-t1"},
		{name: "fin-wait2-pileup/fa-fin_timeout60-t13"},
		{name: "fin-wait2-pileup/fb-fin_timeout10-t1"},
		{name: "fin-wait2-pileup/fb-fin_timeout10-t13"},
		{name: "fin-wait2-pileup/fc-fin_timeout10-t1", findings: []capturedFinding{{"fin-wait2-owned", notice, values{"FIN_WAIT2 sockets that it holds now": 200.0}}}},
		{name: "fin-wait2-pileup/fc-fin_timeout10-t13", findings: []capturedFinding{{"fin-wait2-owned", notice, values{"FIN_WAIT2 sockets that it holds now": 200.0}}}},
		{name: "syn-flood/1-before-cookies0-maxsyn256", findings: []capturedFinding{
			{"syn-flood-cookies-off", critical, values{"half-open connections (SYN_RECV)": 193.0}},
			{"syncookies-disabled", warning, nil},
		}},
		{name: "syn-flood/3-after-cookies1-backlog128", findings: []capturedFinding{
			{"syn-flood-cookies-on", critical, values{"half-open connections (SYN_RECV)": 129.0}},
		}},
		{name: "time-wait-bucket-overflow/after", findings: []capturedFinding{
			{"time-wait-high-harmless", info, values{"TIME_WAIT": 1000.0}},
			{"max-tw-buckets-lowered", notice, nil},
		}},
		{name: "time-wait-bucket-overflow/before", findings: []capturedFinding{
			{"time-wait-bucket-overflow", warning, values{"refused since the counter began": 800.0}},
			{"max-tw-buckets-lowered", notice, nil},
		}},
	}
}

// TestCaptured judges each capture as a user would, with check --from.
func TestCaptured(t *testing.T) {
	built := ruleIDs()
	var names []string
	for _, c := range allCaptured() {
		names = append(names, filepath.Join(capturesDir, c.name+".window.json"))
		t.Run(c.name, func(t *testing.T) {
			got := checkFrom(t, c.name)
			want := make(map[string]rules.Severity)
			for _, f := range c.findings {
				if slices.Contains(built, f.rule) {
					want[f.rule] = f.severity
				}
			}
			if diff := cmp.Diff(want, severities(got)); diff != "" {
				t.Errorf("findings (-want +got)\n%s", diff)
			}
			for _, f := range c.findings {
				compareEvidence(t, got, f)
			}
			for rule, speaks := range c.silenced {
				if _, fires := severities(got)[speaks]; !fires {
					t.Errorf("%s does not fire, so it does not silence %s", speaks, rule)
				}
				if diff := cmp.Diff([]string{rule}, slices.Collect(maps.Keys(severities(checkFrom(t, c.name, "--only", rule))))); diff != "" {
					t.Errorf("alone (-want +got)\n%s", diff)
				}
			}
			for _, rule := range c.unknown {
				if skips := slices.ContainsFunc(got.Skipped, func(s rules.Skipped) bool { return s.Rule == rule }); !skips && slices.Contains(built, rule) {
					t.Errorf("%s is not skipped", rule)
				}
			}
		})
	}
	files, err := filepath.Glob(filepath.Join(capturesDir, "*", "*.window.json"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, files); diff != "" {
		t.Errorf("captures (-here +in %s)\n%s", capturesDir, diff)
	}
}

// checkFrom runs check on the window of a capture.
func checkFrom(t *testing.T, name string, args ...string) *report.Check {
	t.Helper()
	return runCheckJSON(t, append([]string{"--from", filepath.Join(capturesDir, name+".window.json")}, args...)...)
}

// runCheckJSON runs check in this process and reads its report.
func runCheckJSON(t *testing.T, args ...string) *report.Check {
	t.Helper()
	var out, talk bytes.Buffer
	status := run(context.Background(), append([]string{"check", "--format", "json", "--fail-on", "never"}, args...), streams{in: strings.NewReader(""), out: &out, err: &talk})
	if status != exitOK {
		t.Fatalf("check ended with %d: %s", status, talk.String())
	}
	if err := validateSchema("check", out.Bytes()); err != nil {
		t.Fatal(err)
	}
	c := &report.Check{}
	if err := json.Unmarshal(out.Bytes(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// severities are the rules that fired.
func severities(c *report.Check) map[string]rules.Severity {
	fired := make(map[string]rules.Severity)
	for _, f := range c.Findings {
		fired[f.Rule] = f.Severity
	}
	return fired
}

func compareEvidence(t *testing.T, c *report.Check, want capturedFinding) {
	t.Helper()
	for _, f := range c.Findings {
		if f.Rule != want.rule {
			continue
		}
		got := make(map[string]any)
		for _, e := range f.Evidence {
			if _, ok := want.evidence[e.Name]; ok {
				got[e.Name] = e.Value
			}
		}
		if diff := cmp.Diff(want.evidence, got); diff != "" && want.evidence != nil {
			t.Errorf("evidence of %s (-want +got)\n%s", f.Rule, diff)
		}
	}
}

// TestCapturesFinWait2 lowers the limit of fin-wait2-pileup from 500 to 200
// sockets: the captures have 300.
func TestCapturesFinWait2(t *testing.T) {
	const rule = "fin-wait2-pileup"
	text, err := os.ReadFile(filepath.Join("../../rules/builtin", rule+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	lowered := strings.ReplaceAll(strings.Replace(string(text), "id: "+rule, "id: "+rule+"-200", 1), "500", "200")
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil { // whatever the umask: rules that others can write are refused
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, rule+"-200.yaml"), []byte(lowered), 0o600); err != nil {
		t.Fatal(err)
	}
	for label, want := range map[string]bool{
		"fa-fin_timeout60-t1": true, "fa-fin_timeout60-t13": true, "fb-fin_timeout10-t1": true, // close(): orphans
		"fb-fin_timeout10-t13": false, "fc-fin_timeout10-t1": false, "fc-fin_timeout10-t13": false,
	} {
		_, fires := severities(checkFrom(t, rule+"/"+label, "--rules", dir, "--only", rule+"-200"))[rule+"-200"]
		if fires != want {
			t.Errorf("with a limit of 200 %s fires on %s: %v, want %v", rule, label, fires, want)
		}
	}
}
