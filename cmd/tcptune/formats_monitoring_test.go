// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/report"
)

// sarifLog is what the tests read of a SARIF file.
type sarifLog struct {
	Runs []struct {
		Tool struct {
			Driver struct{ Rules []struct{ ID string } }
		}
		Results []sarifResult
	}
}

type sarifResult struct {
	RuleID, Level       string
	RuleIndex           int
	PartialFingerprints map[string]string
	BaselineState       string
	Suppressions        []struct{ Kind string }
	Locations           []struct {
		PhysicalLocation *struct {
			ArtifactLocation struct{ URI string }
			Region           struct{ StartLine int }
		}
		LogicalLocations []struct{ FullyQualifiedName string }
	}
}

func decodeSARIF(t *testing.T, data []byte) (log sarifLog) {
	t.Helper()
	if err := json.Unmarshal(data, &log); err != nil {
		t.Fatal(err)
	}
	return log
}

// where says level, place and suppression in a line.
func (r *sarifResult) where() string {
	text := r.Level + " " + r.Locations[0].LogicalLocations[0].FullyQualifiedName
	if p := r.Locations[0].PhysicalLocation; p != nil {
		text = fmt.Sprintf("%s %s:%d", r.Level, p.ArtifactLocation.URI, p.Region.StartLine)
	}
	for _, s := range r.Suppressions {
		text += " " + s.Kind
	}
	return text
}

// perfdatum is one value of a plugin, as the Monitoring Plugins Development
// Guidelines define it: 'label'=value[UOM];[warn];[crit];[min];[max].
var perfdatum = regexp.MustCompile(`^'([^'=]+)'=(-?[0-9]+(?:\.[0-9]+)?)(s|us|ms|%|B|KB|MB|TB|c)?((?:;[-0-9.:~@]*){0,4})$`)

// parsePerfdata reads the first line of a plugin.
func parsePerfdata(line string) (text string, values map[string]float64, err error) {
	text, data, ok := strings.Cut(line, " | ")
	if !ok || strings.Contains(data, "|") {
		return "", nil, fmt.Errorf("not one | in %q", line)
	}
	values = make(map[string]float64)
	for _, datum := range strings.Fields(data) {
		m := perfdatum.FindStringSubmatch(datum)
		if m == nil {
			return "", nil, fmt.Errorf("no performance datum: %q", datum)
		}
		if _, twice := values[m[1]]; twice {
			return "", nil, fmt.Errorf("label %s is there twice", m[1])
		}
		if values[m[1]], err = strconv.ParseFloat(m[2], 64); err != nil {
			return "", nil, err
		}
	}
	return text, values, nil
}

// testNagios reads the plugin's output as a monitoring system does.
func testNagios(t *testing.T, file string, check *report.Check) {
	data := string(readFile(t, file))
	first, long, _ := strings.Cut(data, "\n")
	text, values, err := parsePerfdata(first)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, "TCPTUNE CRITICAL - 2 critical, ") {
		t.Errorf("it says %q", text)
	}
	if len(data) > 4096 || strings.Contains(long, "|") || strings.Count(long, "\n") != len(check.Findings) {
		t.Errorf("long output of %d bytes:\n%s", len(data), long)
	}
	for label, want := range map[string]float64{"critical": float64(check.Summary.Critical), "warning": float64(check.Summary.Warning),
		"time_wait": 1000, "close_wait": 240, "fullest_accept_queue": 106.25, "most_local_ports": 100} {
		if got, ok := values[label]; !ok || got != want {
			t.Errorf("%s is %v, %v; want %v", label, got, ok, want)
		}
	}
}

// TestPlugin runs check as a monitoring system does: the statuses are those of
// plugins, also when the command line or a file is wrong.
func TestPlugin(t *testing.T) {
	window := filepath.Join(formatsDir, "rich.window.json")
	dir := t.TempDir()
	for _, tt := range []struct {
		args   string
		status int
		first  string
	}{
		{"--from " + window + " --format nagios", report.PluginCritical, "TCPTUNE CRITICAL - 2 critical, "},
		{"--from " + window + " --format=nagios --only timestamps-off", report.PluginWarning, "TCPTUNE WARNING - 1 warning: TCP timestamps are off | "},
		{"--from " + window + " --format nagios --fail-on critical --only timestamps-off", report.PluginOK, "TCPTUNE OK - 1 warning: "},
		{"--from " + window + " --format nagios=- --only syn", report.PluginOK, "TCPTUNE OK - no problem found, nothing to tune | "},
		{"--from " + window + " --format nagios --require-complete --only softnet,conntrack,config-files", report.PluginUnknown, "TCPTUNE UNKNOWN - "},
		{"--from " + window + " --format nagios --only neigh-table-full", report.PluginUnknown, "TCPTUNE UNKNOWN - no rule could be judged | "},
		{"--from " + window + " --format nagios --format json=" + dir + "/json", report.PluginCritical, "TCPTUNE CRITICAL - "},
		{"--from nowhere --format nagios", report.PluginUnknown, "TCPTUNE UNKNOWN - open nowhere: no such file"},
		{"--no-such-flag --format nagios", report.PluginUnknown, "TCPTUNE UNKNOWN - unknown flag: --no-such-flag"},
		{"--format nagios --format yaml", report.PluginUnknown, "TCPTUNE UNKNOWN - --format \"yaml\" is not one of "},
		{"--from " + window + " --format text --format nagios=" + dir + "/nagios", exitNo, "2 critical, "},
	} {
		t.Run(tt.args, func(t *testing.T) {
			var out, talk bytes.Buffer
			status := run(context.Background(), append([]string{"check"}, strings.Fields(tt.args)...), streams{in: strings.NewReader(""), out: &out, err: &talk})
			if status != tt.status || !strings.HasPrefix(out.String(), tt.first) {
				t.Errorf("status %d, want %d; output %q, want %q first; %s", status, tt.status, out.String(), tt.first, talk.String())
			}
		})
	}
	for _, file := range []string{"/nonexistent/json", dir} {
		var out bytes.Buffer
		args := []string{"check", "--from", window, "--only", "syn", "--format", "nagios", "--format", "json=" + file}
		status := run(context.Background(), args, streams{in: strings.NewReader(""), out: &out, err: io.Discard})
		if status != report.PluginUnknown || !strings.HasPrefix(out.String(), "TCPTUNE UNKNOWN - write "+file+": ") || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("where %s cannot be written: status %d, %q", file, status, out.String())
		}
	}
	var saved struct {
		ExitStatus int `json:"exit_status"`
	}
	data := readFile(t, filepath.Join(dir, "json"))
	if err := validateSchema("check", data); err != nil {
		t.Error(err)
	}
	if err := json.Unmarshal(data, &saved); err != nil || saved.ExitStatus != report.PluginCritical {
		t.Errorf("JSON says status %d, %v", saved.ExitStatus, err)
	}
}

// testPrometheus has promtool judge the metrics, and the node exporter serve
// them from a directory.
func testPrometheus(t *testing.T, file string, check *report.Check) {
	promtool := exec.Command(findTool(t, "promtool"), "check", "metrics")
	promtool.Stdin = strings.NewReader(string(readFile(t, file)))
	if out, err := promtool.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v; the exporter is another user", info.Mode(), err)
	}
	served := scrapeTextfile(t, filepath.Dir(file))
	for _, want := range []string{
		"node_textfile_scrape_error 0",
		`node_textfile_mtime_seconds{file="` + file + `"}`,
		fmt.Sprintf(`tcptune_findings{severity="critical"} %d`, check.Summary.Critical),
		`tcptune_rule_state{rule="accept-queue-overflow",severity="critical",state="fired"} 1`,
		`tcptune_rule_state{rule="accept-queue-overflow",severity="critical",state="ok"} 0`,
		`tcptune_rule_state{rule="sack-off",severity="warning",state="waived"} 1`,
		`tcptune_sockets{state="time_wait"} 1000`,
		`tcptune_sysctl_value{index="0",sysctl="net.ipv4.tcp_fin_timeout"} 5`,
		"tcptune_last_run_success 1",
	} {
		if !strings.Contains(served, "\n"+want) {
			t.Errorf("the exporter does not serve %s", want)
		}
	}
}

// scrapeTextfile asks a real node exporter for what it reads of a directory.
func scrapeTextfile(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.Command(findTool(t, "prometheus-node-exporter"), "--collector.disable-defaults", "--collector.textfile",
		"--collector.textfile.directory="+dir, "--web.listen-address=127.0.0.1:0")
	talk, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(talk); lines.Scan(); {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
	}()
	select {
	case a := <-address:
		client := http.Client{Timeout: 30 * time.Second}
		answer, err := client.Get("http://" + a + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	case <-time.After(30 * time.Second):
		t.Fatal("the node exporter does not say where it listens")
	}
	return ""
}

// listening is the line in which the exporter names its address.
var listening = regexp.MustCompile(`address=(?:")?(127\.0\.0\.1:[1-9][0-9]*)`)
