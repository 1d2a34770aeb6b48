// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/report"
)

// formatsDir has a window of a host with many troubles and names that are
// markup, and what the forms of its report are validated with.
const formatsDir = "testdata/formats"

// TestFormats renders one window in every format at once, and gives each to who
// reads it in earnest.
func TestFormats(t *testing.T) {
	dir := t.TempDir()
	args := []string{"check", "--from", filepath.Join(formatsDir, "rich.window.json"), "--waivers", writeWaiver(t), "--format", "text"}
	files := map[string]string{"json": filepath.Join(dir, "json")}
	for _, format := range report.Formats() {
		files[format] = filepath.Join(dir, format)
	}
	files[report.HTML] += ".html"
	files[report.Prometheus] += ".prom"
	for format, file := range files {
		args = append(args, "--format", format+"="+file)
	}
	var out, talk bytes.Buffer
	if status := run(context.Background(), args, streams{in: strings.NewReader(""), out: &out, err: &talk}); status != exitNo {
		t.Fatalf("status %d, want %d: %s", status, exitNo, talk.String())
	}
	if talk.Len() > 0 || !strings.Contains(out.String(), "A listener's accept queue overflows") {
		t.Errorf("text: %s%s", talk.String(), out.String())
	}
	document := readFile(t, files["json"])
	if err := validateSchema("check", document); err != nil {
		t.Error(err)
	}
	check := &report.Check{}
	if err := json.Unmarshal(document, check); err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(*testing.T, string, *report.Check){
		report.HTML:     func(t *testing.T, file string, _ *report.Check) { testPage(t, file) },
		report.Markdown: testMarkdown, report.SARIF: testSARIF, report.JUnit: testJUnit, report.Nagios: testNagios, report.Prometheus: testPrometheus,
	}
	for format, test := range tests {
		t.Run(format, func(t *testing.T) { test(t, files[format], check) })
	}
}

// writeWaiver waives one finding of the window.
func writeWaiver(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "waivers.yaml")
	text := "waivers:\n  - {rule: sack-off, reason: 'old <middlebox> | path', expires: 2099-12-31}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func readFile(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// findTool finds a program that reads one of the formats. .ci/run requires all.
func findTool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		lab.Unavailable(t, "readers", errors.New(name+" is not installed"))
	}
	return path
}

// testJUnit validates the XML and counts its cases.
func testJUnit(t *testing.T, file string, check *report.Check) {
	if out, err := exec.Command(findTool(t, "xmllint"), "--noout", "--schema", filepath.Join(formatsDir, "junit.xsd"), file).CombinedOutput(); err != nil {
		t.Errorf("xmllint: %v\n%s", err, out)
	}
	failed := check.Summary.Critical + check.Summary.Warning + check.Summary.Notice // of a rule each, in this window
	for xpath, want := range map[string]int{
		"count(//testcase)": len(check.Passed) + len(check.Skipped) + len(check.Findings) + len(check.Waived),
		"count(//failure)":  failed, "sum(/testsuites/@failures)": failed, "sum(/testsuites/testsuite/@failures)": failed,
		"count(//failure[@type='critical'])":               check.Summary.Critical,
		"count(//skipped[starts-with(@message,'waived')])": check.Summary.Waived,
		"sum(//@skipped) div 2":                            len(check.Skipped) + check.Summary.Waived,
		"count(//system-out)":                              check.Summary.Info,
	} {
		out, err := exec.Command("xmllint", "--xpath", xpath, file).Output()
		var got int
		if err == nil {
			err = json.Unmarshal(out, &got)
		}
		if err != nil || got != want {
			t.Errorf("%s is %s, %v; want %d", xpath, out, err, want)
		}
	}
}

// testSARIF validates the log with the schema of OASIS, and looks at what a
// schema cannot say.
func testSARIF(t *testing.T, file string, check *report.Check) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(filepath.Join(formatsDir, "sarif-2.1.0.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	data := readFile(t, file)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Error(err)
	}
	log := decodeSARIF(t, data)
	run := log.Runs[0]
	if len(run.Results) != len(check.Findings)+len(check.Waived) {
		t.Errorf("%d results of %d findings", len(run.Results), len(check.Findings)+len(check.Waived))
	}
	prints := make(map[string]bool)
	got := make(map[string]string)
	for _, r := range run.Results {
		if id := run.Tool.Driver.Rules[r.RuleIndex].ID; id != r.RuleID {
			t.Errorf("%s has the index of %s", r.RuleID, id)
		}
		if print := r.PartialFingerprints["primaryLocationLineHash"]; print == "" || prints[print] {
			t.Errorf("%s has the fingerprint %q, which is none or another's", r.RuleID, print)
		} else {
			prints[print] = true
		}
		got[r.RuleID] = r.where()
	}
	want := map[string]string{
		"accept-queue-overflow": "error web1/10.9.0.1:8080", "ephemeral-port-exhaustion": "error etc/sysctl.d/60-article.conf:9",
		"tw-recycle-in-config": "warning etc/sysctl.d/60-article.conf:4", "config-unknown-key": "note etc/sysctl.d/99%20local%7C%3Cb%3E.conf:2",
		"sack-off": "warning etc/sysctl.d/60-article.conf:8 external", "copied-block": "note etc/sysctl.d/60-article.conf:3",
	}
	for rule, where := range want {
		if got[rule] != where {
			t.Errorf("%s is at %q, want %q", rule, got[rule], where)
		}
	}
}

// testMarkdown looks for what escaping must prevent: a cell more, a tag.
func testMarkdown(t *testing.T, file string, check *report.Check) {
	titles, columns := 0, 0
	for line := range strings.Lines(string(readFile(t, file))) {
		if strings.HasPrefix(line, "## ") && strings.Contains(line, ": ") {
			titles++
		}
		if !strings.HasPrefix(line, "| ") {
			columns = 0
			if bare := withoutCode(line); strings.ContainsAny(bare, "<>") && !strings.HasPrefix(line, "   ") {
				t.Errorf("a tag: %s", line)
			}
			continue
		}
		cells := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if columns != 0 && cells != columns {
			t.Errorf("%d cells after rows of %d: %s", cells, columns, line)
		}
		columns = cells
	}
	if titles != len(check.Findings) {
		t.Errorf("%d headings of %d findings", titles, len(check.Findings))
	}
	if diff := cmp.Diff(true, strings.Contains(string(readFile(t, file)), "`/etc/sysctl.d/99 local\\|<b>.conf:2`")); diff != "" {
		t.Error("the name with markup is not in a code span")
	}
}

// withoutCode takes code spans and escaped characters out of a line.
func withoutCode(line string) string {
	parts := strings.Split(line, "`")
	var b strings.Builder
	for i := 0; i < len(parts); i += 2 {
		b.WriteString(parts[i])
	}
	return strings.NewReplacer(`\<`, "", `\>`, "").Replace(b.String())
}
