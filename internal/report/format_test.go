// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/netns"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/rules"
)

// nasty is what a process, a file or a host may be called. It tries to be
// HTML, an attribute, a style, Markdown, a code span, a cell, performance data, XML, a
// metric, a terminal's command and text that runs backwards.
const nasty = "<script>alert(1)</script><img src=x onerror=y>\"' onload=z </style></svg> [a](javascript:x) ``` `` | 'l'=1;2 ]]> &amp; {x=\"1\"} \\\n# x\r\t\x1b[2J\u009b1m\u202ed\u2066\x00\xff@root"

// nastyCheck has it wherever a text can come from the examined host.
func nastyCheck() *Check {
	n := int64(3)
	perSecond := 2.5
	f := rules.Finding{
		Rule: "a-rule", Category: nasty, Severity: rules.Critical, Confidence: nasty, Verdict: nasty, Scope: "netns", Subject: nasty, Title: nasty, Why: nasty,
		Evidence: []rules.Evidence{{Name: nasty, Value: nasty, Unit: nasty, Limit: nasty}, {Name: "n", Value: n, Limit: 2.0}, {Name: "f", Value: nil}},
		Recommendations: []rules.Recommendation{
			{Kind: "sysctl", Key: nasty, Current: new(nasty), Proposed: nasty, Risk: nasty, Effect: nasty, Because: nasty, Action: nasty},
			{Kind: "file", File: "/etc/" + nasty + ":3", Action: nasty, Command: nasty}, {Kind: "action", Action: nasty, Command: nasty},
		},
		Unless: []string{nasty}, References: []string{nasty, "https://x/" + nasty}, Because: []rules.Operand{{Text: nasty, Value: nasty}}, More: 3,
		Status: rules.Status(nasty), Was: nasty,
	}
	return &Check{
		Tool: "tcptune " + nasty, Ruleset: Ruleset{Version: nasty, SHA256: nasty}, Host: Host{Hostname: nasty, Kernel: nasty, BootID: nasty, Netns: nasty, Privilege: nasty},
		Collection: Collection{Method: "proc", Closer: nasty, Gaps: []snapshot.Gap{{Source: nasty, Reason: nasty, Remedy: nasty}}},
		States:     map[string]*int64{"established": &n, "listen": nil}, Findings: []rules.Finding{f}, Passed: []string{"passed"},
		Skipped: []rules.Skipped{{Rule: "skipped", Missing: []string{nasty}}, {Rule: "fault", Fault: nasty}},
		Waived:  []rules.Waived{{Finding: f, Waiver: rules.Waiver{Reason: nasty, Expires: nasty, Address: nasty}}},
		Summary: Summary{Critical: 1, Judged: 2}, ExitStatus: 1,
		details: details{
			taken: time.Unix(1e9, 0), rates: []rate{{"InSegs", perSecond}},
			listeners:    []facts.Listener{{Address: nasty, Process: nasty, Queue: 5, Backlog: &n, DropsPerSecond: &perSecond}},
			destinations: []facts.Destination{{Address: nasty, Source: nasty, Process: nasty, Used: 5, Size: 7}},
			settings:     []setting{{key: nasty, live: new("1 2 " + nasty), standard: new(nasty), address: nasty, set: nasty, drift: new(true)}},
		},
	}
}

// nastyDocuments are a report of one network namespace, and of several.
func nastyDocuments() map[string]interface {
	Write(io.Writer, string) error
} {
	named := nastyCheck()
	named.Host.Namespace = &netns.Label{Name: nasty}
	quiet := nastyCheck()
	quiet.Findings, quiet.Waived, quiet.Summary = nil, nil, Summary{Judged: 1}
	return map[string]interface {
		Write(io.Writer, string) error
	}{
		"one":     nastyCheck(),
		"several": NewChecks([]*Check{named, quiet}, []NotExamined{{netns.Label{Name: nasty}, nasty}}, 2, func(string) bool { return false }),
	}
}

// TestHostileFormats writes texts that try to break out of each format.
func TestHostileFormats(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	sarif, err := compiler.Compile("../../cmd/tcptune/testdata/formats/sarif-2.1.0.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	readers := map[string]func(*testing.T, string){
		HTML: inertHTML, Markdown: inertMarkdown, Nagios: inertNagios,
		SARIF: func(t *testing.T, text string) {
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err == nil {
				err = sarif.Validate(value)
			}
			if err != nil {
				t.Error(err)
			}
		},
		JUnit: func(t *testing.T, text string) {
			for d := xml.NewDecoder(strings.NewReader(text)); ; {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					return
				} else if err != nil {
					t.Fatal(err)
				}
			}
		},
		Prometheus: func(t *testing.T, text string) {
			parser := expfmt.NewTextParser(model.LegacyValidation)
			if _, err := parser.TextToMetricFamilies(strings.NewReader(text)); err != nil {
				t.Error(err)
			}
		},
	}
	for name, document := range nastyDocuments() {
		for _, format := range Formats() {
			t.Run(name+"/"+format, func(t *testing.T) {
				var b strings.Builder
				if err := document.Write(&b, format); err != nil {
					t.Fatal(err)
				}
				if i := strings.IndexFunc(b.String(), func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' }); i >= 0 {
					t.Errorf("an unprintable character: %q", b.String()[max(0, i-40):i+10])
				}
				readers[format](t, b.String())
			})
		}
	}
}

// inertHTML looks for a tag or an attribute of the nasty text.
func inertHTML(t *testing.T, page string) {
	_, body, _ := strings.Cut(page, "</style>")
	for _, bad := range []string{"<script", "<img", "onerror=y>", "</svg> [", "</style>", `href="javascript`, "&amp; {"} {
		if strings.Contains(body, bad) {
			t.Errorf("%s is in the page", bad)
		}
	}
	if strings.Contains(page, "ZgotmplZ") {
		t.Error("the template has a text where none is safe")
	}
}

func inertMarkdown(t *testing.T, text string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "   `") || strings.HasPrefix(line, "   <") {
			continue // a command in its fence
		}
		bare := outsideCode(line)
		for _, bad := range []string{"<s", "<i", "](", "\x60"} {
			if i := strings.Index(bare, bad); i >= 0 && !strings.HasSuffix(bare[:i], `\`) {
				t.Errorf("%q is markup in %q", bad, line)
			}
		}
	}
}

// outsideCode drops code spans by the rule of CommonMark: a span ends at a run
// of as many backticks as began it.
func outsideCode(line string) string {
	var out strings.Builder
	for i := 0; i < len(line); {
		switch {
		case line[i] == '\\' && i+1 < len(line):
			out.WriteString(line[i : i+2])
			i += 2
		case line[i] != '`':
			out.WriteByte(line[i])
			i++
		default:
			run := 1
			for i+run < len(line) && line[i+run] == '`' {
				run++
			}
			i += run
			for i < len(line) {
				n := 0
				for i+n < len(line) && line[i+n] == '`' {
					n++
				}
				i += max(n, 1)
				if n == run {
					break
				}
			}
		}
	}
	return out.String()
}

func inertNagios(t *testing.T, text string) {
	first, long, _ := strings.Cut(text, "\n")
	if strings.Count(first, "|") != 1 || strings.Contains(long, "|") {
		t.Errorf("the mark of performance data is in a text:\n%s", text)
	}
	if len(text) > maxPluginBytes {
		t.Errorf("%d bytes", len(text))
	}
}

// TestPluginStatus maps a report to what monitoring systems know.
func TestPluginStatus(t *testing.T) {
	zero := int64(0)
	states := map[string]*int64{"established": &zero}
	tests := []struct {
		name  string
		check Check
		want  int
	}{
		{"nothing", Check{States: states, Summary: Summary{Judged: 5}}, PluginOK},
		{"critical", Check{States: states, Summary: Summary{Judged: 5, Critical: 1, Warning: 2}, ExitStatus: 1}, PluginCritical},
		{"warning", Check{States: states, Summary: Summary{Judged: 5, Warning: 2}, ExitStatus: 1}, PluginWarning},
		{"notice with --fail-on notice", Check{States: states, Summary: Summary{Judged: 5, Notice: 2}, ExitStatus: 1}, PluginWarning},
		{"critical with --fail-on never", Check{States: states, Summary: Summary{Judged: 5, Critical: 1}}, PluginOK},
		{"nothing judged", Check{States: states}, PluginUnknown},
		{"incomplete with --require-complete", Check{States: states, Summary: Summary{Judged: 5}, ExitStatus: 3}, PluginUnknown},
		{"interrupted", Check{States: states, Summary: Summary{Judged: 5}, ExitStatus: 130}, PluginUnknown},
		{"no sockets read", Check{States: map[string]*int64{"established": nil}, Summary: Summary{Judged: 5}}, PluginUnknown},
		{"no sockets read, something found", Check{States: map[string]*int64{"established": nil}, Summary: Summary{Judged: 5, Critical: 1}, ExitStatus: 1}, PluginCritical},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.check.PluginStatus()
			if got != tt.want {
				t.Errorf("status %d, want %d", got, tt.want)
			}
			tt.check.ExitStatus = got // as check ends with it
			if again := tt.check.PluginStatus(); again != got {
				t.Errorf("the status of %d is %d", got, again)
			}
		})
	}
}

// TestPluginStatusUnseen: what was not seen is never OK.
func TestPluginStatusUnseen(t *testing.T) {
	one := []*Check{{Summary: Summary{Judged: 5}}}
	for name, c := range map[string]*Checks{
		"hidden":       {Namespaces: one, Hidden: 3},
		"not examined": {Namespaces: one, NotExamined: []NotExamined{{Reason: "no time"}}},
	} {
		if got := c.PluginStatus(); got != PluginUnknown {
			t.Errorf("%s: status %d, want %d", name, got, PluginUnknown)
		}
	}
	if got := (&Checks{Namespaces: one}).PluginStatus(); got != PluginOK {
		t.Errorf("all seen: status %d, want %d", got, PluginOK)
	}
}

// TestVerdicts: neither a waiver nor an empty choice of rules makes what was not
// judged look healthy, in any form.
func TestVerdicts(t *testing.T) {
	core := []rules.Skipped{{Rule: "close-wait-leak", Category: "close-wait", Missing: []string{"sockets.close_wait"}}}
	for _, tt := range []struct {
		name        string
		check       Check
		text, short string
	}{
		{"nothing judged", Check{Summary: Summary{Skipped: 3}}, "no rule could be judged", "no rule could be judged"},
		{"waived", Check{Summary: Summary{Judged: 1, Waived: 1}}, "nothing found that is not waived: ", "nothing found that is not waived"},
		{"waived and core not judged", Check{Summary: Summary{Judged: 1, Waived: 1, Skipped: 1}, Skipped: core}, "nothing found that is not waived, but 1 core rule could not be judged", "nothing found that is not waived, but not everything that matters could be judged"},
		{"core not judged", Check{Summary: Summary{Judged: 1, Skipped: 1}, Skipped: core}, "nothing found, but 1 core rule could not be judged", "nothing found, but not everything that matters could be judged"},
		{"well", Check{Summary: Summary{Judged: 1}}, "no problem found, nothing to tune: ", "no problem found, nothing to tune"},
	} {
		if len(tt.check.Skipped) > 0 && len(tt.check.CoreSkipped()) == 0 {
			t.Fatalf("%s: no core rule", tt.name)
		}
		var out bytes.Buffer
		if err := tt.check.WriteText(&out, Style{Width: 400}); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(out.String(), tt.text) {
			t.Errorf("%s: text begins with %.80q, want %q", tt.name, out.String(), tt.text)
		}
		if got := tt.check.document().verdict(); got != tt.short {
			t.Errorf("%s: verdict %q, want %q", tt.name, got, tt.short)
		}
	}
}

// TestFingerprints compares two runs: another process id, another line.
func TestFingerprints(t *testing.T) {
	prints := func(subjects ...string) (list []string) {
		s := sarifWriter{seen: make(map[string]int)}
		for _, subject := range subjects {
			list = append(list, s.fingerprint("", &rules.Finding{Rule: "r", Subject: subject}))
		}
		return list
	}
	first := prints("nginx[12]", "/etc/sysctl.d/a.conf:3", "10.0.0.1:80", "nginx[13]")
	if diff := cmp.Diff(first, prints("nginx[99]", "/etc/sysctl.d/a.conf:7", "10.0.0.1:80", "nginx[100]")); diff != "" {
		t.Errorf("second run (-first +second):\n%s", diff)
	}
	slices.Sort(first)
	if len(slices.Compact(first)) != 4 || prints("10.0.0.1:80")[0] == prints("10.0.0.1:81")[0] {
		t.Errorf("findings share a fingerprint: %v", first)
	}
}
