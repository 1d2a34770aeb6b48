// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLint(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		path  string
		want  string
	}{
		{"sound", map[string]string{"a.yaml": ruleText("a", "excludes: [b, builtin-rule, builtin-*]"), "b.yaml": ruleText("b")}, "", ""},
		{"one file", map[string]string{"a.yaml": ruleText("a"), "b.yaml": "x"}, "a.yaml", ""},
		{"error and warnings", map[string]string{
			"a.yaml": ruleText("a", "references:", "proof:"),
			"b.yaml": ruleText("b", "when: tru"),
		}, "", "DIR/a.yaml:1:1: the rule has no references: what does it rest on?\n" +
			"DIR/a.yaml:1:1: the rule has no proof: how was its claim measured?\n" +
			"DIR/b.yaml:4:7: unknown name \"tru\"; did you mean \"true\"?"},
		{"excludes", map[string]string{"a.yaml": ruleText("a", "excludes: [a, bilt-*, builtin-rul]")}, "",
			"DIR/a.yaml:12:12: excludes names no other rule: \"a\"\n" +
				"DIR/a.yaml:12:15: excludes names no other rule: \"bilt-*\"\n" +
				"DIR/a.yaml:12:23: excludes names no other rule: \"builtin-rul\"; did you mean \"builtin-rule\"?"},
		{"each other", map[string]string{"a.yaml": ruleText("a", "excludes: [b]"), "b.yaml": ruleText("b", "excludes: [a]")}, "",
			"DIR/b.yaml:12:11: b and a exclude each other: where both fire neither is reported"},
		{"each other, built in", map[string]string{"others-x.yaml": ruleText("others-x", "excludes: [builtin-*]")}, "",
			"DIR/others-x.yaml:12:11: others-x and builtin-rule exclude each other: where both fire neither is reported"},
		{"built-in id", map[string]string{"builtin-rule.yaml": ruleText("builtin-rule")}, "",
			"DIR/builtin-rule.yaml:1:5: id \"builtin-rule\" is that of a built-in rule; a rule cannot replace another one"},
		{"for_each", map[string]string{"a.yaml": ruleText("a", "for_each: units")}, "",
			"DIR/a.yaml:4:11: a rule with for_each needs a subject, to tell its findings apart\n" +
				"DIR/a.yaml:5:7: the condition does not look at `it`: every element of units gets the same answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := writeFiles(t, tt.files)
			problems, err := Lint(testEnvironment(t), []string{filepath.Join(dir, tt.path)}, beside(t))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(problems.Error(), dir, "DIR")); diff != "" {
				t.Errorf("problems (-want +got)\n%s", diff)
			}
			for _, p := range problems {
				if fatal := strings.Contains(p.Text, "did you mean \"true\"") || strings.Contains(p.Text, "cannot replace"); p.Warning == fatal {
					t.Errorf("%v: warning = %v", p, p.Warning)
				}
			}
		})
	}
}

// beside is a built-in rule that silences others-*.
func beside(t *testing.T) *Set {
	t.Helper()
	r := parseRule(t, "builtin-rule", "excludes: [others-*]")
	r.File = ""
	return newSet(t, r)
}

// TestLintOneRule has each check of a rule of its own fail once. The condition
// of the rule is sockets.time_wait > 100.
func TestLintOneRule(t *testing.T) {
	tests := []struct{ name, field, want string }{
		{"long title", "title: " + strings.Repeat("x", 101), "2:8: the title has 101 characters; a list of findings has room for 100"},
		{"title with a stop", "title: a test.", "2:8: the title ends with a full stop: it is a heading"},
		{"short why", "why: because", "11:6: why explains nothing: say how it comes about, and why the recommendation is right"},
		{"why is the title", "title: A rule that says what its explanation says too\nwhy: a rule that says what its explanation says too.", "why explains nothing"},
		{"http", "references: ['http://example.com']", "12:14: unknown reference \"http://example.com\"; an address starts with https://"},
		{"key", `when: sysctl("net.core.somaxcon") > 1`, `4:14: unknown sysctl key "net.core.somaxcon"; did you mean "net.core.somaxconn"?`},

		{"never", "when: sockets.time_wait > 100 && sockets.time_wait < 50", "4:7: the condition can never be true: the rule never fires"},
		{"always", "when: sockets.time_wait > 100 || sockets.time_wait <= 100", "4:7: the condition is always true: the rule fires on every host"},
		{"constant", "when: 1 > 2", "4:7: the condition can never be true"},
		{"useless guard", "unless: [{text: x}, {text: y, when: sockets.time_wait < 100}]", "12:37: this guard can never hold where the condition does: it guards against nothing"},
		{"guard", "unless: [{text: x, when: sockets.time_wait > 50}]", "12:26: this guard always holds where the condition does: the rule never fires"},
		{"guards", "unless: [{text: x, when: sockets.time_wait < 200}, {text: y, when: sockets.time_wait >= 200}]",
			"12:68: this guard and those before it always hold where the condition does: the rule never fires"},
		{"severity", `severity: 'sockets.time_wait > 50 ? "critical" : "warning"'`, `5:11: severity can never be "warning" where the rule fires`},
		{"verdict", `verdict: 'sockets.time_wait < 50 ? "harmless" : "operator"'`, `7:10: verdict can never be "harmless" where the rule fires`},
		{"confidence", `confidence: 'has(sockets.listen) && !has(sockets.listen) ? "low" : "high"'`, `6:13: confidence can never be "low" where the rule fires`},
		{"severity and guard", `severity: 'sockets.time_wait > 200 ? "critical" : "warning"'` + "\nunless: [{text: x, when: sockets.time_wait > 150}]", `severity can never be "critical" where the rule fires`},
		{"evidence", "evidence: [{name: n, value: 1, when: sockets.time_wait < 50}]", "9:38: the condition of this evidence can never be true where the rule fires: it is never shown"},
		{"recommendation", "recommend: [{action: x, when: sockets.time_wait == 50}]", "10:31: the condition of this recommendation can never be true where the rule fires: it is never shown"},
		{"constant recommendation", "recommend: [{action: x, when: 1 > 2}]", "10:31: the condition of this recommendation can never be true"},
		{"certain recommendation", "recommend: [{action: x, when: 2 > 1}]", "10:31: the condition of this recommendation is always true: leave it out"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := writeFiles(t, map[string]string{"a.yaml": ruleText("a", strings.Split(tt.field, "\n")...)})
			problems, err := Lint(testEnvironment(t), []string{dir}, &Set{})
			if err != nil {
				t.Fatal(err)
			}
			if len(problems) != 1 || !strings.Contains(problems[0].Error(), tt.want) {
				t.Errorf("problems:\n%v\nwant one, %s", problems, tt.want)
			}
		})
	}
}

// TestLintPaths looks at all paths together.
func TestLintPaths(t *testing.T) {
	dir := writeFiles(t, map[string]string{"x/a.yaml": ruleText("a", "excludes: [b]"), "x/a_test.yaml": "not a rule", "y/b.yaml": ruleText("b"), "y/a.yaml": ruleText("a")})
	problems, err := Lint(testEnvironment(t), []string{filepath.Join(dir, "x"), filepath.Join(dir, "y")}, &Set{})
	if err != nil {
		t.Fatal(err)
	}
	if want := `DIR/y/a.yaml:1:5: id "a" is that of DIR/x/a.yaml; a rule cannot replace another one`; strings.ReplaceAll(problems.Error(), dir, "DIR") != want {
		t.Errorf("problems: %v, want %s", problems, want)
	}
}

func TestLintErrors(t *testing.T) {
	env := testEnvironment(t)
	if _, err := Lint(env, []string{filepath.Join(t.TempDir(), "none")}, &Set{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Lint of nothing: %v, want not exist", err)
	}
	if _, err := Lint(env, []string{t.TempDir()}, &Set{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Lint of an empty directory: %v, want not exist", err)
	}
	if _, err := Lint(env, []string{writeFiles(t, map[string]string{"a.yaml/x": ""})}, &Set{}); err == nil {
		t.Error("Lint of a directory as a rule: no error")
	}
}

func TestProblem(t *testing.T) {
	tests := []struct {
		problem Problem
		want    string
	}{
		{Problem{File: "f", Text: "x"}, "f: x"},
		{Problem{File: "f", Line: 3, Text: "x"}, "f:3: x"},
		{Problem{File: "f", Line: 3, Col: 4, Text: "x"}, "f:3:4: x"},
	}
	for _, tt := range tests {
		if got := tt.problem.Error(); got != tt.want {
			t.Errorf("Error() = %q, want %q", got, tt.want)
		}
	}
}
