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
		{"for_each", map[string]string{"a.yaml": ruleText("a", "for_each: units")}, "",
			"DIR/a.yaml:4:11: a rule with for_each needs a subject, to tell its findings apart\n" +
				"DIR/a.yaml:5:7: the condition does not look at `it`: every element of units gets the same answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := writeFiles(t, tt.files)
			problems, err := Lint(testEnvironment(t), filepath.Join(dir, tt.path), []string{"builtin-rule"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(problems.Error(), dir, "DIR")); diff != "" {
				t.Errorf("problems (-want +got)\n%s", diff)
			}
			for _, p := range problems {
				if p.Warning == strings.Contains(p.Text, "did you mean \"true\"") {
					t.Errorf("%v: warning = %v", p, p.Warning)
				}
			}
		})
	}
}

func TestLintErrors(t *testing.T) {
	env := testEnvironment(t)
	if _, err := Lint(env, filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Lint of nothing: %v, want not exist", err)
	}
	if _, err := Lint(env, t.TempDir(), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Lint of an empty directory: %v, want not exist", err)
	}
	if _, err := Lint(env, writeFiles(t, map[string]string{"a.yaml/x": ""}), nil); err == nil {
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
