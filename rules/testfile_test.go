// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/facts"
)

// tester knows the built-in rule "builtin-rule", and a window w.json with 200
// sockets in TIME_WAIT.
func tester(t testing.TB) *Tester {
	t.Helper()
	builtin := parseRule(t, "builtin-rule")
	builtin.File = ""
	window := decodeFacts(t, "sockets: {time_wait: 200}")
	return &Tester{Environment: testEnvironment(t), Builtin: newSet(t, builtin), Window: func(path string) (*facts.Facts, error) {
		if filepath.Base(path) != "w.json" {
			return nil, fmt.Errorf("open %s: no such file", path)
		}
		return window, nil
	}}
}

// queueRule fires for each listener whose queue is not empty.
func queueRule() string {
	return ruleText("queue", "for_each: listeners", "when: it.queue > 0 && it.backlog > 0", "subject: it.address",
		`severity: 'it.queue > it.backlog ? "critical" : "warning"'`,
		"title: queue of ${it.address}",
		"evidence: [{name: queue, value: it.queue, limit: it.backlog, unit: connections}, {name: share, value: 'percent(it.queue, it.backlog)'}, {name: drops, value: it.drops}]",
		`recommend:
  - {sysctl: net.core.somaxconn, value: 4096, risk: low, effect: soon}
  - {action: 'look at ${it.process}', command: ss -ltn}
  - {file: '${it.address}', action: delete}`)
}

const listener = `{address: a, process: p, queue: 3, backlog: 2}`

func readTests(t testing.TB, text string) (*TestFile, string, error) {
	t.Helper()
	dir := writeFiles(t, map[string]string{"queue.yaml": queueRule(), "q_test.yaml": text, "w.json": ""})
	file, err := tester(t).Read(filepath.Join(dir, "q_test.yaml"))
	return file, dir, err
}

func differenceText(list []Difference) string {
	var lines []string
	for _, d := range list {
		lines = append(lines, fmt.Sprintf("%s[%s] %s: %s | %s", d.Rule, d.Subject, d.Field, d.Want, d.Got))
	}
	return strings.Join(lines, "\n")
}

func TestTestCase(t *testing.T) {
	const full = "{rule: queue, severity: critical, confidence: high, verdict: operator, scope: netns, subject: a, title: queue of a, " +
		"evidence: {queue: {value: 3, limit: 2, unit: connections}, share: 150, drops: null}, " +
		"recommendations: [{sysctl: net.core.somaxconn, value: 4096, risk: low, effect: soon}, {action: look at p, command: ss -ltn}, {file: a, action: delete}]}"
	tests := []struct{ name, facts, expect, want string }{
		{"all", "{listeners: [" + listener + "]}", "findings: [" + full + "]", ""},
		{"little", "{listeners: [" + listener + "]}", "findings: [{}]", ""},
		{"nothing", "{listeners: []}", "findings: []", ""},
		{"skipped", "{}", "skipped: [{missing: [listeners]}]", ""},
		{"skipped in part", "{listeners: [" + listener + ", {queue: 1}]}", "findings: [{}]\n    skipped: [{rule: queue, missing: [listeners.backlog]}]", ""},

		{"values", "{listeners: [" + listener + "]}", "findings: [{severity: warning, subject: b, evidence: {queue: 4, share: 150.1, drops: 0}}]",
			"queue[a] severity: warning | critical\nqueue[a] subject: b | a\nqueue[a] evidence \"queue\": 4 | 3\n" +
				"queue[a] evidence \"share\": 150.1 | 150\nqueue[a] evidence \"drops\": 0 | unknown"},
		{"limit and unit", "{listeners: [" + listener + "]}", "findings: [{evidence: {queue: {limit: 1, unit: x}, share: {limit: 1, unit: x}}}]",
			"queue[a] evidence \"queue\", limit: 1 | 2\nqueue[a] evidence \"queue\", unit: x | connections\n" +
				"queue[a] evidence \"share\", limit: 1 | unknown\nqueue[a] evidence \"share\", unit: x | none"},
		{"recommendations", "{listeners: [" + listener + "]}", "findings: [{recommendations: [{action: x}, {sysctl: y, value: 1}, {file: b}, {action: z}]}]",
			"queue[a] recommendations: 4 | 3\nqueue[a] recommendation 1, action: x | none, but sysctl net.core.somaxconn = 4096\n" +
				"queue[a] recommendation 2, sysctl: y | none, but action look at p\nqueue[a] recommendation 2, value: 1 | none\n" +
				"queue[a] recommendation 3, file: b | a\nqueue[a] recommendation 4, action: z | none"},
		{"no recommendation", "{listeners: [" + listener + "]}", "findings: [{recommendations: []}]", "queue[a] recommendations: 0 | 3"},
		{"unexpected", "{listeners: [" + listener + "]}", "findings: []",
			"queue[a] finding: none | critical: queue of a, because it.queue = 3, it.backlog = 2"},
		{"missing", "{listeners: []}", "findings: [{subject: a}]", "queue[] finding: subject a | none: its condition is false, or a guard is true"},
		{"missing, any", "{listeners: []}", "findings: [{}]", "queue[] finding: any | none: its condition is false, or a guard is true"},
		{"skipped instead", "{}", "findings: [{}]",
			"queue[] finding: any | none: it is skipped, because listeners is unknown\nqueue[] skipped: no | yes, because listeners is unknown"},
		{"other fact missing", "{}", "skipped: [{missing: [ports.held, listeners]}]",
			"queue[] skipped: yes, because listeners, ports.held are unknown | yes, because listeners is unknown"},
		{"not skipped", "{listeners: []}", "skipped: [{missing: [listeners]}]", "queue[] skipped: yes, because listeners is unknown | no"},
		{"fault", "{listeners: [{queue: 1, backlog: 1}], sockets: {time_wait: 1}}", "only: [faulty]\n    findings: []",
			"[] evaluation: no fault | faulty: condition: evaluate 1 / 0 > 1: division by zero"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			only := "\n    only: [queue]"
			if strings.Contains(tt.expect, "only:") {
				only = ""
			}
			dir := writeFiles(t, map[string]string{"queue.yaml": queueRule(), "faulty.yaml": ruleText("faulty", "when: 1 / 0 > 1"),
				"q_test.yaml": "rules: [.]\ncases:\n  - name: n\n    facts: " + tt.facts + only + "\n    " + tt.expect + "\n"})
			file, err := tester(t).Read(filepath.Join(dir, "q_test.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if c := file.Cases[0]; c.Name != "n" || c.Line != 3 {
				t.Errorf("case %q at line %d, want n at 3", c.Name, c.Line)
			}
			if diff := cmp.Diff(tt.want, differenceText(file.Cases[0].Run())); diff != "" {
				t.Errorf("differences (-want +got)\n%s", diff)
			}
		})
	}
}

// TestTestCasePairs: each wanted finding finds a partner where there is one,
// whatever the order.
func TestTestCasePairs(t *testing.T) {
	const three = "{listeners: [{address: a, queue: 1, backlog: 9}, {address: b, queue: 9, backlog: 1}, {address: c, queue: 2, backlog: 9}]}"
	tests := []struct{ name, findings, want string }{
		{"vague first", "[{}, {severity: warning}, {severity: critical}]", ""},
		{"vague last", "[{subject: c}, {severity: critical}, {}]", ""},
		{"vague twice", "[{}, {}, {subject: b}]", ""},
		{"nearest", "[{subject: c, severity: critical}, {subject: a}, {subject: b}]", "queue[c] severity: critical | warning"},
		{"one too few", "[{severity: warning}, {severity: warning}]", "queue[b] finding: none | critical: queue of b, because it.queue = 9, it.backlog = 1"},
		{"one too many", "[{}, {}, {}, {}]", "queue[] finding: any | none, or silenced by another rule's finding"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file, _, err := readTests(t, "rules: [queue.yaml]\ncases: [{name: n, facts: "+three+", findings: "+tt.findings+"}]\n")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, differenceText(file.Cases[0].Run())); diff != "" {
				t.Errorf("differences (-want +got)\n%s", diff)
			}
		})
	}
}

// TestTestFileRules tests built-in rules, silencing, and a saved window.
func TestTestFileRules(t *testing.T) {
	file, _, err := readTests(t, `rules: [queue.yaml, builtin-rule]
cases:
  - {name: window, window: w.json, findings: [{rule: builtin-rule}], skipped: [{rule: queue, missing: [listeners]}]}
  - {name: one only, window: w.json, only: [builtin-rule], findings: [{}]}
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		if text := differenceText(c.Run()); text != "" {
			t.Errorf("%s: %s", c.Name, text)
		}
	}
}

func TestTestFileProblems(t *testing.T) {
	one := func(c string) string { return "rules: [queue.yaml]\ncases:\n  - " + c + "\n" }
	tests := []struct{ name, text, want string }{
		{"empty", "", "q_test.yaml: the file is empty"},
		{"nothing", "{}", "q_test.yaml:1:1: the test file lacks the field \"rules\"\nDIR/q_test.yaml:1:1: the test file lacks the field \"cases\""},
		{"no rule", "rules: []\ncases: [{name: n, facts: {}, findings: []}]", "q_test.yaml:1:8: rules is empty: name a rule file, a directory of them or a built-in rule"},
		{"no case", "rules: [queue.yaml]\ncases: []", "q_test.yaml:2:8: cases is empty: a file without a case tests nothing"},
		{"field", one("{name: n, fact: {}, findings: []}"), "q_test.yaml:3:15: unknown field \"fact\" of a case; did you mean \"facts\"?"},
		{"no facts", one("{name: n, findings: []}"), "q_test.yaml:3:5: a case lacks what it is about: facts, or a saved window"},
		{"no expectation", one("{name: n, facts: {}}"), "q_test.yaml:3:5: a case lacks what is expected: findings, skipped or both"},
		{"both", one("{name: n, facts: {}, window: w.json, findings: []}"), "q_test.yaml:3:34: a case has either facts or a window"},
		{"case", one("x"), "q_test.yaml:3:5: a case must be a mapping, it is \"x\""},
		{"no name", one("{facts: {}, findings: []}"), "q_test.yaml:3:5: a case lacks the field \"name\""},
		{"wrong fact", one("{name: n, facts: {listners: []}, findings: []}"), "q_test.yaml:3:23: unknown fact \"listners\" of facts; did you mean \"listeners\"?"},
		{"no window", one("{name: n, window: x.json, findings: []}"), "q_test.yaml:3:23: open DIR/x.json: no such file"},
		{"only", one("{name: n, facts: {}, only: [queu], findings: []}"), "q_test.yaml:3:32: no rule and no category is named \"queu\"; did you mean \"queue\"?"},
		{"rule", one("{name: n, facts: {}, findings: [{rule: queu}]}"), "q_test.yaml:3:44: rule \"queu\" is not one of queue; did you mean \"queue\"?"},
		{"which rule", "rules: [queue.yaml, builtin-rule]\ncases:\n  - {name: n, facts: {}, findings: [{}]}\n", "q_test.yaml:3:37: rule is missing: the case judges 2 rules"},
		{"word", one("{name: n, facts: {}, findings: [{severity: wrning}]}"), "q_test.yaml:3:48: severity \"wrning\" is not one of info, notice, warning, critical; did you mean \"warning\"?"},
		{"evidence", one("{name: n, facts: {}, findings: [{evidence: {queu: 1}}]}"), "q_test.yaml:3:49: evidence \"queu\" is not one of queue, share, drops; did you mean \"queue\"?"},
		{"evidence list", one("{name: n, facts: {}, findings: [{evidence: [1]}]}"), "q_test.yaml:3:48: evidence must be a mapping of names to values"},
		{"evidence value", one("{name: n, facts: {}, findings: [{evidence: {queue: [1]}}]}"), "q_test.yaml:3:56: evidence \"queue\" must be a number, a text, true, false, or null for an unknown value"},
		{"evidence part", one("{name: n, facts: {}, findings: [{evidence: {queue: {limt: 1}}}]}"), "q_test.yaml:3:57: unknown field \"limt\" of evidence; did you mean \"limit\"?"},
		{"recommendation", one("{name: n, facts: {}, findings: [{recommendations: [{sysctls: x}]}]}"), "q_test.yaml:3:57: unknown field \"sysctls\" of a recommendation; did you mean \"sysctl\"?"},
		{"skip", one("{name: n, facts: {}, skipped: [{missing: []}]}"), "q_test.yaml:3:46: missing is empty: a rule is skipped because facts are missing"},
		{"skip twice", one("{name: n, facts: {}, skipped: [{missing: [a]}, {missing: [b]}]}"), "q_test.yaml:3:52: skipped names \"queue\" twice"},
		{"finding", one("{name: n, facts: {}, findings: [7]}"), "q_test.yaml:3:37: a finding must be a mapping, it is \"7\""},
		{"unknown built-in rule", "rules: [builtin-rul]\ncases: [{name: n, facts: {}, findings: []}]", "q_test.yaml:1:9: no built-in rule is named \"builtin-rul\"; did you mean \"builtin-rule\"?; the name of a rule file ends in .yaml"},
		{"no such file", "rules: [x.yaml]\ncases: [{name: n, facts: {}, findings: []}]", "q_test.yaml:1:9: read rules: stat DIR/x.yaml: no such file or directory"},
		{"twice", "rules: [queue.yaml, .]\ncases: [{name: n, facts: {}, findings: []}]", "queue.yaml: id \"queue\" is that of DIR/queue.yaml; a rule cannot replace another one"},
		{"second document", one("{name: n, facts: {}, findings: []}") + "---\na: 1\n", "q_test.yaml:4:1: a second document starts here; one file holds one set of tests"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file, dir, err := readTests(t, tt.text)
			if file != nil {
				t.Error("a file with mistakes was read")
			}
			if _, ok := errors.AsType[Problems](err); !ok {
				t.Fatalf("error %v, want Problems", err)
			}
			if got := strings.ReplaceAll(err.Error(), dir, "DIR"); !strings.Contains(got, "DIR/"+tt.want) {
				t.Errorf("problems:\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestTestFileBrokenRule: mistakes in a rule are reported at their place.
func TestTestFileBrokenRule(t *testing.T) {
	dir := writeFiles(t, map[string]string{"queue.yaml": ruleText("queue", "when: tru"), "q_test.yaml": "rules: [queue.yaml]\ncases: [{name: n, facts: {}, findings: [{rule: any}]}]"})
	_, err := tester(t).Read(filepath.Join(dir, "q_test.yaml"))
	if want := filepath.Join(dir, "queue.yaml") + `:4:7: unknown name "tru"; did you mean "true"?`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestTestFiles(t *testing.T) {
	dir := writeFiles(t, map[string]string{"b_test.yaml": "", "a_test.yaml": "", "c.yaml": "", "sub/d_test.yaml": "", "none/x": ""})
	files, err := TestFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{filepath.Join(dir, "a_test.yaml"), filepath.Join(dir, "b_test.yaml")}, files); diff != "" {
		t.Errorf("files (-want +got)\n%s", diff)
	}
	if files, err := TestFiles(filepath.Join(dir, "c.yaml")); err != nil || len(files) != 1 {
		t.Errorf("a file that is named: %v, %v", files, err)
	}
	for _, name := range []string{"none", "nowhere"} {
		if files, err := TestFiles(filepath.Join(dir, name)); err == nil {
			t.Errorf("TestFiles(%s) = %v, want an error", name, files)
		}
	}
	if s, err := LoadDir(testEnvironment(t), writeFiles(t, map[string]string{"a.yaml": ruleText("a"), "a_test.yaml": "x"})); err != nil || len(s.Rules) != 1 {
		t.Errorf("a directory with tests: %v, %v, want its rules only", s, err)
	}
	if _, err := LoadDir(testEnvironment(t), writeFiles(t, map[string]string{"a_test.yaml": "x"})); err == nil {
		t.Error("a directory with tests only: no error")
	}
}

func FuzzTestFile(f *testing.F) {
	f.Add("rules: [builtin-rule]\ncases: [{name: n, facts: {sockets: {time_wait: 200}}, findings: [{severity: warning, evidence: {n: 1}, recommendations: []}]}]")
	f.Add("rules: [builtin-rule]\ncases: [{name: n, window: w.json, only: [builtin-rule], skipped: [{rule: builtin-rule, missing: [a]}]}]")
	f.Add("rules: [&a builtin-rule, *a]\ncases: [*a]")
	t := tester(f)
	f.Fuzz(func(tt *testing.T, text string) {
		if strings.Contains(text, "/") {
			return // no files of the machine
		}
		file, err := t.parse("x_test.yaml", []byte(text))
		if (file == nil) != (err != nil) {
			tt.Fatalf("parse = %v, %v: want either a file or an error", file, err)
		}
		if file != nil {
			for _, c := range file.Cases {
				c.Run()
			}
		}
	})
}
