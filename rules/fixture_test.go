// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func fixtureText(facts string) string { return "comment: a test\nfacts: " + facts + "\n" }

func TestCheckFixtures(t *testing.T) {
	s := newSet(t, parseRule(t, "a"))
	hit, miss, unknown := fixtureText("{sockets: {time_wait: 101}}"), fixtureText("{sockets: {time_wait: 1}}"), fixtureText("{}")
	dir := writeFiles(t, map[string]string{"a/hit.yaml": hit, "a/miss.yaml": miss, "a/unknown.yaml": unknown, "a/hit-more.yaml": hit})
	if problems := CheckFixtures(s, dir, true); len(problems) > 0 {
		t.Fatalf("update: %v", problems)
	}
	if problems := CheckFixtures(s, dir, false); len(problems) > 0 {
		t.Fatalf("after update: %v", problems)
	}
	out, err := os.ReadFile(filepath.Join(dir, "a/unknown.out"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "findings": [],
  "skipped": [
    {
      "rule": "a",
      "category": "accept-queue",
      "missing": [
        "sockets.time_wait"
      ]
    }
  ]
}
`
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("unknown.out (-want +got)\n%s", diff)
	}
}

func TestCheckFixturesProblems(t *testing.T) {
	hit, miss, unknown := fixtureText("{sockets: {time_wait: 101}}"), fixtureText("{sockets: {time_wait: 1}}"), fixtureText("{}")
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"none", nil, "DIR/a: rule a has no hit fixture\nDIR/a: rule a has no miss fixture\nDIR/a: rule a has no unknown fixture"},
		{"does not fire", map[string]string{"hit.yaml": miss}, "DIR/a/hit.yaml: a does not fire"},
		{"hit is skipped", map[string]string{"hit.yaml": unknown}, "DIR/a/hit.yaml: a does not fire, because sockets.time_wait is unknown"},
		{"fires", map[string]string{"miss.yaml": hit}, "DIR/a/miss.yaml: a fires: a test"},
		{"miss is skipped", map[string]string{"miss-x.yaml": unknown}, "DIR/a/miss-x.yaml: a is skipped, because sockets.time_wait is unknown"},
		{"not skipped", map[string]string{"unknown.yaml": hit}, "DIR/a/unknown.yaml: a is not skipped: findings 1"},
		{"no golden", map[string]string{"hit.yaml": hit}, "DIR/a/hit.yaml: hit.out is missing"},
		{"wrong golden", map[string]string{"miss.yaml": miss, "miss.out": "{\n"}, "DIR/a/miss.yaml: the outcome is not that of miss.out: line 2: want , got \"findings\": [],"},
		{"long golden", map[string]string{"miss.yaml": miss, "miss.out": "{\n  \"findings\": [],\n  \"skipped\": []\n}\n\n"}, "DIR/a/miss.yaml: the outcome is not that of miss.out: want 6 lines, got 5"},
		{"name", map[string]string{"hits.yaml": hit}, "DIR/a/hits.yaml: the name of a fixture begins with one of hit, miss, unknown"},
		{"fields", map[string]string{"hit.yaml": "fact: {}"}, "DIR/a/hit.yaml:1:1: unknown field \"fact\" of a fixture; did you mean \"facts\"?"},
		{"facts", map[string]string{"hit.yaml": fixtureText("{sokets: {}}")}, "DIR/a/hit.yaml:2:9: unknown fact \"sokets\" of facts; did you mean \"sockets\"?"},
		{"directory", map[string]string{"hit.yaml/x": ""}, "read rule DIR/a/hit.yaml: not a regular file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := make(map[string]string)
			for name, text := range tt.files {
				files["a/"+name] = text
			}
			dir := writeFiles(t, files)
			problems := CheckFixtures(newSet(t, parseRule(t, "a")), dir, false)
			if got := strings.ReplaceAll(problems.Error(), dir, "DIR"); !strings.Contains(got, tt.want) {
				t.Errorf("problems:\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestFixtureFaults: a rule that divides by zero is broken, wherever it does.
func TestFixtureFaults(t *testing.T) {
	f := &Fixture{Name: "hit", Facts: decodeFacts(t, "sockets: {time_wait: 101}")}
	if _, err := f.Run(parseRule(t, "a", "when: 1 / 0 > 1")); err == nil || !strings.Contains(err.Error(), "a: condition: evaluate 1 / 0 > 1: division by zero") {
		t.Errorf("fault in the condition: %v", err)
	}
	if _, err := f.Run(parseRule(t, "a", "evidence: [{name: share, value: 'percent(1, 0)'}]")); err == nil || !strings.Contains(err.Error(), "a: share: evaluate percent(1, 0): division by zero") {
		t.Errorf("fault in evidence: %v", err)
	}
}
