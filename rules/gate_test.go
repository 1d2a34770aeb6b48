// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tcptune/tcptune/internal/expr"
)

// gate is what a built-in rule must have: it loads, which takes keys that the
// catalogue knows; a hit, a miss and an unknown fixture with their outcomes; a
// reference; and a page.
func gate(env *expr.Environment, file, fixtures, pages string, update bool) Problems {
	data, err := os.ReadFile(file)
	if err != nil {
		return asProblems(file, err)
	}
	rule, err := Parse(env, file, data)
	if err != nil {
		return asProblems(file, err)
	}
	problems := CheckFixtures(&Set{Rules: []*Rule{rule}}, fixtures, update)
	if len(rule.References) == 0 {
		problems = append(problems, Problem{File: file, Text: "the rule has no reference"})
	}
	if _, err := os.Stat(filepath.Join(pages, rule.ID+".md")); err != nil {
		problems = append(problems, Problem{File: file, Text: "the rule has no page; run go generate ./rules"})
	}
	return problems
}

// TestGate breaks a sound rule in each way that gate must see.
func TestGate(t *testing.T) {
	const nothing = "{\n  \"findings\": [],\n  \"skipped\": []\n}\n"
	sound := func() map[string]string {
		return map[string]string{
			"builtin/a.yaml":          ruleText("a"),
			"pages/a.md":              "# a\n",
			"fixtures/a/hit.yaml":     fixtureText("{sockets: {time_wait: 101}}"),
			"fixtures/a/miss.yaml":    fixtureText("{sockets: {time_wait: 100}}"),
			"fixtures/a/miss.out":     nothing,
			"fixtures/a/unknown.yaml": fixtureText("{}"),
		}
	}
	tests := []struct{ name, file, text, want string }{ // without a text the file is missing
		{"sound", "", "", ""},
		{"no hit", "fixtures/a/hit.yaml", "", "rule a has no hit fixture"},
		{"no miss", "fixtures/a/miss.yaml", "", "rule a has no miss fixture"},
		{"no unknown", "fixtures/a/unknown.yaml", "", "rule a has no unknown fixture"},
		{"no outcome", "fixtures/a/miss.out", "", "miss.out is missing"},
		{"other outcome", "fixtures/a/miss.out", "{}\n", "the outcome is not that of miss.out"},
		{"no page", "pages/a.md", "", "the rule has no page; run go generate ./rules"},
		{"no reference", "builtin/a.yaml", ruleText("a", "references:"), "the rule has no reference"},
		{"unknown reference", "builtin/a.yaml", ruleText("a", "references: [KDOK]"), `unknown reference "KDOK"; did you mean "KDOC"?`},
		{"unknown key in a condition", "builtin/a.yaml", ruleText("a", `when: sysctl("net.ipv4.tcp_tw_resue") == 1`), `unknown sysctl key "net.ipv4.tcp_tw_resue"; did you mean`},
		{"unknown key to set", "builtin/a.yaml", ruleText("a", "recommend: [{sysctl: net.ipv4.tcp_tw_resue, value: 1, risk: low, effect: soon}]"), `unknown sysctl key "net.ipv4.tcp_tw_resue"; did you mean`},
		{"no rule", "builtin/a.yaml", "", "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := writeFiles(t, sound())
			run := func(update bool) Problems {
				return gate(testEnvironment(t), filepath.Join(dir, "builtin/a.yaml"), filepath.Join(dir, "fixtures"), filepath.Join(dir, "pages"), update)
			}
			if problems := run(true); len(problems) > 0 { // writes the outcomes
				t.Fatalf("the sound rule: %v", problems)
			}
			switch path := filepath.Join(dir, tt.file); {
			case tt.file == "":
			case tt.text == "":
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			default:
				if err := os.WriteFile(path, []byte(tt.text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if problems := run(false); tt.want == "" && len(problems) > 0 || !strings.Contains(problems.Error(), tt.want) {
				t.Errorf("problems %v, want %q", problems, tt.want)
			}
		})
	}
}
