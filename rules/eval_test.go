// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// brief writes results in one line each: what fired, passed and was skipped.
func brief(r Results) string {
	var lines []string
	for _, f := range r.Findings {
		line := fmt.Sprintf("%s %s", f.Severity, f.Rule)
		if f.Subject != "" {
			line += " " + f.Subject
		}
		if f.More > 0 {
			line += fmt.Sprintf(" +%d", f.More)
		}
		lines = append(lines, line)
	}
	for _, id := range r.Passed {
		lines = append(lines, "passed "+id)
	}
	for _, s := range r.Skipped {
		line := fmt.Sprintf("skipped %s %v", s.Rule, s.Missing)
		if s.Elements > 0 {
			line += fmt.Sprintf(" for %d", s.Elements)
		}
		if s.Fault != "" {
			line += " fault: " + s.Fault
		}
		lines = append(lines, line)
	}
	return strings.Join(append(lines, fmt.Sprintf("judged %d of %d", r.Judged, r.Rules)), "\n")
}

func TestEvaluate(t *testing.T) {
	listeners := []string{"for_each: listeners", "when: it.queue > it.backlog", "subject: it.address"}
	tests := []struct {
		name  string
		rules []*Rule
		facts string
		want  string
	}{
		{"fires", []*Rule{parseRule(t, "a")}, `sockets: {time_wait: 101}`, "warning a\njudged 1 of 1"},
		{"passes", []*Rule{parseRule(t, "a")}, `sockets: {time_wait: 100}`, "passed a\njudged 1 of 1"},
		{"unknown", []*Rule{parseRule(t, "a")}, `sockets: {}`, "skipped a [sockets.time_wait]\njudged 0 of 1"},
		{"unknown group", []*Rule{parseRule(t, "a")}, `{}`, "skipped a [sockets.time_wait]\njudged 0 of 1"},
		{"false and unknown", []*Rule{parseRule(t, "a", "when: sockets.time_wait > 100 && sockets.mini > 1")}, `sockets: {time_wait: 1}`, "passed a\njudged 1 of 1"},
		{"true or unknown", []*Rule{parseRule(t, "a", "when: sockets.mini > 1 || sockets.time_wait > 100")}, `sockets: {time_wait: 101}`, "warning a\njudged 1 of 1"},
		{"fault", []*Rule{parseRule(t, "a", "when: 1 / sockets.time_wait > 1")}, `sockets: {time_wait: 0}`, "skipped a [] fault: evaluate 1 / sockets.time_wait > 1: division by zero\njudged 0 of 1"},
		{"element", []*Rule{parseRule(t, "a", listeners...)}, `listeners: [{address: x, queue: 2, backlog: 1}, {address: y, queue: 1, backlog: 1}]`, "warning a x\njudged 1 of 1"},
		{"no element", []*Rule{parseRule(t, "a", listeners...)}, `listeners: []`, "passed a\njudged 1 of 1"},
		{"unknown list", []*Rule{parseRule(t, "a", listeners...)}, `{}`, "skipped a [listeners]\njudged 0 of 1"},
		{"unknown element", []*Rule{parseRule(t, "a", listeners...)}, `listeners: [{queue: 2}, {queue: 3}]`, "skipped a [listeners.backlog] for 2\njudged 0 of 1"},
		{"some elements", []*Rule{parseRule(t, "a", listeners...)}, `listeners: [{queue: 2}, {address: x, queue: 2, backlog: 1}]`, "warning a x\nskipped a [listeners.backlog] for 1\njudged 1 of 1"},
		{"guard true", []*Rule{parseRule(t, "a", `unless: [{text: words only}, {text: not here, when: netns.initial}]`)}, "sockets: {time_wait: 101}\nnetns: {initial: true}", "passed a\njudged 1 of 1"},
		{"guard unknown", []*Rule{parseRule(t, "a", `unless: [{text: not here, when: netns.initial}]`)}, "sockets: {time_wait: 101}", "warning a\njudged 1 of 1"},
		{"excludes", []*Rule{
			parseRule(t, "a", "excludes: [b, c-*]"), parseRule(t, "b"), parseRule(t, "c-one"), parseRule(t, "c-two", "severity: info"), parseRule(t, "d"),
		}, `sockets: {time_wait: 101}`, "warning a\nwarning d\njudged 5 of 5"},
		{"excludes when silent", []*Rule{
			parseRule(t, "a", "excludes: [b]", "when: false"), parseRule(t, "b"),
		}, `sockets: {time_wait: 101}`, "warning b\npassed a\njudged 2 of 2"},
		{"excludes itself not", []*Rule{parseRule(t, "a", "excludes: [\"*\"]"), parseRule(t, "b")}, `sockets: {time_wait: 101}`, "warning a\njudged 2 of 2"},
		{"silenced rules silence", []*Rule{
			parseRule(t, "a", "excludes: [b]"), parseRule(t, "b", "excludes: [c]"), parseRule(t, "c"),
		}, `sockets: {time_wait: 101}`, "warning a\njudged 3 of 3"},
		{"order", []*Rule{
			parseRule(t, "d"), parseRule(t, "c", "severity: critical"), parseRule(t, "b", "severity: info"),
			parseRule(t, "a", "for_each: units", "when: true", "subject: it.address"),
		}, "sockets: {time_wait: 101}\nunits: [{address: z}, {address: y}]", "critical c\nwarning a y\nwarning a z\nwarning d\ninfo b\njudged 4 of 4"},
		{"severity by expression", []*Rule{parseRule(t, "a", `severity: 'sockets.time_wait > 1000 ? "critical" : "notice"'`)}, `sockets: {time_wait: 1001}`, "critical a\njudged 1 of 1"},
		{"severity unknown", []*Rule{parseRule(t, "a", `severity: 'sockets.mini > 1 ? "critical" : "warning"'`)}, `sockets: {time_wait: 1001}`, "notice a\njudged 1 of 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := newSet(t, tt.rules...).Evaluate(decodeFacts(t, tt.facts), Options{})
			if diff := cmp.Diff(tt.want, brief(got)); diff != "" {
				t.Errorf("results (-want +got)\n%s", diff)
			}
		})
	}
}

func TestEvaluateNil(t *testing.T) {
	got := newSet(t, parseRule(t, "a")).Evaluate(nil, Options{})
	if diff := cmp.Diff("skipped a [sockets.time_wait]\njudged 0 of 1", brief(got)); diff != "" {
		t.Errorf("results (-want +got)\n%s", diff)
	}
	data, err := json.Marshal(newSet(t).Evaluate(nil, Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"findings":[],"passed":[],"skipped":[],"judged":0,"rules":0}`, string(data)); diff != "" {
		t.Errorf("no rules (-want +got)\n%s", diff)
	}
}

// TestEvaluateCap has 25 elements of which the last 3 are critical: those come
// first, and the others keep their order up to the cap.
func TestEvaluateCap(t *testing.T) {
	rule := parseRule(t, "a", "for_each: units", "when: true", "subject: it.address", `severity: 'it.nofile > 1 ? "critical" : "info"'`)
	var units []string
	for i := range 25 {
		units = append(units, fmt.Sprintf("{address: u%02d, nofile: %d}", i, i/11))
	}
	results := newSet(t, rule, parseRule(t, "b", "when: true", "severity: info")).Evaluate(decodeFacts(t, "units: ["+strings.Join(units, ", ")+"]"), Options{})
	var a []Finding
	for _, f := range results.Findings {
		if f.Rule == "a" {
			a = append(a, f)
		}
	}
	if len(a) != MaxFindings {
		t.Fatalf("%d findings, want %d", len(a), MaxFindings)
	}
	for i, f := range a {
		want, more := fmt.Sprintf("u%02d", i-3), 0
		if i < 3 {
			want = fmt.Sprintf("u%02d", 22+i)
		}
		if i == MaxFindings-1 {
			more = 5
		}
		if f.Subject != want || f.More != more {
			t.Errorf("finding %d is of %s with %d more, want %s with %d", i, f.Subject, f.More, want, more)
		}
	}
}

// TestFinding holds everything that a finding shows against its rule file.
func TestFinding(t *testing.T) {
	rule := parseRule(t, "a",
		"title: '${it.process} overflows'",
		"for_each: listeners",
		"when: it.queue > it.backlog && it.drops_per_second > 0",
		`verdict: 'it.backlog < sysctl("net.core.somaxconn") ? "application" : "sysctl"'`,
		"subject: it.address",
		`evidence:
  - {name: accept queue, value: it.queue, limit: it.backlog, unit: connections}
  - {name: drops, value: it.drops, unit: per window}
  - {name: left out, value: 1, when: it.loopback}
  - {name: left out too, value: 1, when: it.in_range}
  - {name: share, value: 'percent(it.queue, it.backlog)'}`,
		`recommend:
  - {action: 'restart ${it.process}', command: "ss -ltn 'sport = :${it.port}'", when: it.port == 80}
  - {action: not this one, when: it.in_range}
  - {sysctl: net.core.somaxconn, value: 'clamp(pow2ceil(2 * it.backlog), 4096, 65535)', risk: low, effect: at the next listen(), because: 'the backlog is ${it.backlog}'}
  - {sysctl: net.ipv4.tcp_rmem, value: '"4096 131072 " + string(2 * it.queue)', risk: none, effect: at once}
  - {sysctl: net.ipv4.tcp_tw_reuse, value: it.drops, risk: low, effect: at once}
  - {sysctl: net.ipv4.tcp_tw_recycle, value: 0, risk: none, effect: at once}
  - {file: '${it.address}', action: delete the line, risk: none}`,
	)
	f := decodeFacts(t, `
listeners: [{address: "[::]:80", port: 80, process: "server[42]", queue: 128, backlog: 64, drops_per_second: 2}]
sysctl: {net.core.somaxconn: "4096", net.ipv4.tcp_rmem: "4096 131072	6291456"}
absent: [net.ipv4.tcp_tw_recycle]
`)
	got := newSet(t, rule).Evaluate(f, Options{Why: true})
	rmem := "4096 131072 6291456"
	want := []Finding{{
		Rule: "a", Category: "accept-queue", Severity: Warning, Confidence: "high", Verdict: VerdictApplication, Scope: "netns",
		Subject: "[::]:80", Title: "server[42] overflows", Why: "a socket that is left open waits for somebody to close it", References: []string{"KDOC"},
		Evidence: []Evidence{
			{Name: "accept queue", Value: int64(128), Limit: int64(64), Unit: "connections"},
			{Name: "drops", Unit: "per window"},
			{Name: "share", Value: 200.0},
		},
		Recommendations: []Recommendation{
			{Kind: "action", Action: "restart server[42]", Command: "ss -ltn 'sport = :80'"},
			{Kind: "sysctl", Key: "net.ipv4.tcp_rmem", Current: &rmem, Proposed: "4096 131072 256", Risk: "none", Effect: "at once"},
			{Kind: "action", Action: "look at net.ipv4.tcp_tw_reuse: no value can be proposed, because listeners.drops is unknown", Risk: "low", Effect: "at once"},
			{Kind: "file", File: "[::]:80", Action: "delete the line", Risk: "none"},
		},
		Because: []Operand{{"it.queue", "128"}, {"it.backlog", "64"}, {"it.drops_per_second", "2"}},
	}}
	if diff := cmp.Diff(want, got.Findings); diff != "" {
		t.Errorf("findings (-want +got)\n%s", diff)
	}
}

// TestFindingUnknown: what fires is shown although nothing about it is known.
func TestFindingUnknown(t *testing.T) {
	rule := parseRule(t, "a", "when: true",
		`severity: 'netns.initial ? "critical" : "warning"'`, `confidence: 'netns.initial ? "high" : "medium"'`,
		`verdict: 'netns.initial ? "sysctl" : "application"'`, "subject: kernel.release",
		"title: 'kernel ${kernel.release}, ${1 + 1} sockets'",
		"evidence: [{name: n, value: sockets.total, limit: 'percent(1, 0)'}]",
		"recommend: [{sysctl: net.core.somaxconn, value: 1 / 0, risk: low, effect: 'after ${1 / 0} s'}]")
	results, faults := newSet(t, rule).evaluate(nil, Options{})
	f := results.Findings[0]
	if f.Severity != Notice || f.Confidence != "low" || f.Verdict != VerdictOperator || f.Subject != "" {
		t.Errorf("severity %s, confidence %s, verdict %s, subject %q; want notice, low, operator, none", f.Severity, f.Confidence, f.Verdict, f.Subject)
	}
	if want := "kernel <kernel.release>, <1 + 1> sockets"; f.Title != want {
		t.Errorf("title %q, want %q", f.Title, want)
	}
	if diff := cmp.Diff([]Evidence{{Name: "n"}}, f.Evidence); diff != "" {
		t.Errorf("evidence (-want +got)\n%s", diff)
	}
	want := []Recommendation{{Kind: "action", Action: "look at net.core.somaxconn: no value can be proposed", Risk: "low", Effect: "after <1 / 0> s"}}
	if diff := cmp.Diff(want, f.Recommendations); diff != "" {
		t.Errorf("recommendations (-want +got)\n%s", diff)
	}
	if len(faults) != 3 {
		t.Errorf("faults %q, want the three divisions by zero", faults)
	}
}

func TestOperandText(t *testing.T) {
	tests := []struct {
		value any
		want  string
	}{
		{nil, "unknown"}, {true, "true"}, {int64(-1), "-1"}, {"x y", "x y"},
		{0.0, "0"}, {53.5, "53.5"}, {1.0 / 3, "0.3333"}, {6291456.0, "6291456"}, {0.00001234, "1.234e-05"},
	}
	for _, tt := range tests {
		if got := operandText(tt.value); got != tt.want {
			t.Errorf("operandText(%v) = %q, want %q", tt.value, got, tt.want)
		}
	}
}

func TestSettingText(t *testing.T) {
	tests := []struct {
		value any
		want  string
	}{
		{int64(-1), "-1"}, {4096.0, "4096"}, {1.5, "2"}, {true, "1"}, {false, "0"}, {" 10240  65535 ", "10240 65535"},
	}
	for _, tt := range tests {
		if got := settingText(tt.value); got != tt.want {
			t.Errorf("settingText(%v) = %q, want %q", tt.value, got, tt.want)
		}
	}
}

func TestSeverityAtLeast(t *testing.T) {
	tests := []struct {
		severity, min Severity
		want          bool
	}{
		{Critical, Warning, true}, {Warning, Warning, true}, {Notice, Warning, false}, {Info, Info, true}, {"strange", Info, false},
	}
	for _, tt := range tests {
		if got := tt.severity.AtLeast(tt.min); got != tt.want {
			t.Errorf("%s.AtLeast(%s) = %v, want %v", tt.severity, tt.min, got, tt.want)
		}
	}
}

func TestCore(t *testing.T) {
	for category, want := range map[string]bool{"syn": true, "accept-queue": true, "myth": false, "strange": false} {
		if got := Core(category); got != want {
			t.Errorf("Core(%q) = %v, want %v", category, got, want)
		}
	}
}

// TestKeyOfInterface: a recommended key names the interface of the finding, in
// the spelling of sysctl.d.
func TestKeyOfInterface(t *testing.T) {
	rule := parseRule(t, "a", "for_each: interfaces", "when: it.rp_filter == 1", "subject: it.name",
		"recommend: [{sysctl: 'net.ipv4.conf.${it.key}.rp_filter', value: 2, risk: low, effect: now}, {sysctl: 'net.ipv4.conf.${uplink.interface}.rp_filter', value: 2, risk: low, effect: now}]")
	f := decodeFacts(t, `
sysctl: {net.ipv4.conf.eth0/100.rp_filter: "1"}
interfaces: [{name: eth0.100, key: eth0/100, rp_filter: 1}]`)
	results, faults := newSet(t, rule).evaluate(f, Options{})
	if len(results.Findings) != 1 || len(faults) > 0 {
		t.Fatalf("findings %+v, faults %q", results.Findings, faults)
	}
	one := "1"
	want := []Recommendation{
		{Kind: "sysctl", Key: "net.ipv4.conf.eth0/100.rp_filter", Current: &one, Proposed: "2", Risk: "low", Effect: "now"},
		{Kind: "action", Action: "look at net.ipv4.conf.*.rp_filter: which one cannot be told, because uplink.interface is unknown", Risk: "low", Effect: "now"},
	}
	if diff := cmp.Diff(want, results.Findings[0].Recommendations); diff != "" {
		t.Errorf("recommendations (-want +got)\n%s", diff)
	}
}
