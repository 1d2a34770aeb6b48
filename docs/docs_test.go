// SPDX-License-Identifier: Apache-2.0

// Package docs tests the pages that people write: links lead somewhere, and
// examples do what the text beside them says.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/rules"
	"github.com/tcptune/tcptune/sysctl"
)

// pages are the pages of the repository's root and of this folder.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"../*.md", "*.md", "rules/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		t.Fatal("no page found")
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// link is an inline link of Markdown, without a title.
var link = regexp.MustCompile(`\]\(([^()\s]+)\)`)

// fence is a block of code: its words and its text.
var fence = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")

func TestLinks(t *testing.T) {
	known := make(map[string][]string) // anchors by file
	for _, page := range pages(t) {
		text := fence.ReplaceAllString(read(t, page), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: link to %s: %v", page, m[1], err)
				continue
			}
			if anchor == "" {
				continue
			}
			if known[file] == nil {
				known[file] = anchors(read(t, file))
			}
			if !slices.Contains(known[file], anchor) {
				t.Errorf("%s: link to %s: no such heading", page, m[1])
			}
		}
	}
}

// TestSessions: a command behind a prompt stands in a block that a test runs, which
// cmd/tcptune does with those fenced as console.
func TestSessions(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range fence.FindAllStringSubmatch(read(t, page), -1) {
			if strings.HasPrefix(m[2], "$ ") && m[1] != "console" {
				t.Errorf("%s: %.60q is fenced as %q: fence it as console, or leave the prompt and the output out", page, m[2], m[1])
			}
		}
	}
}

// TestIndex: the index names every page of this folder.
func TestIndex(t *testing.T) {
	index := read(t, "README.md")
	for _, page := range pages(t) {
		if filepath.Dir(page) == "." && page != "README.md" && !strings.Contains(index, "]("+page+")") {
			t.Errorf("docs/README.md does not name %s", page)
		}
	}
}

// TestTranslation: the README says the same in Chinese: the same headings by level, the
// same commands and sessions, the same links. Neither is longer than a reader stands.
func TestTranslation(t *testing.T) {
	const longest = 150
	outline := func(text string) (all []string) {
		for _, m := range headingMark.FindAllString(fence.ReplaceAllString(text, ""), -1) {
			all = append(all, strings.TrimSpace(m))
		}
		return all
	}
	commands := func(text string) (all []string) {
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			all = append(all, m[1]+"\n"+comment.ReplaceAllString(m[2], ""))
		}
		return all
	}
	links := func(text string) (all []string) {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			if !strings.HasPrefix(m[1], "README") {
				all = append(all, m[1])
			}
		}
		return all
	}
	code := func(text string) (all []string) {
		all = inlineCode.FindAllString(fence.ReplaceAllString(text, ""), -1)
		slices.Sort(all)
		return all
	}
	english, chinese := read(t, "../README.md"), read(t, "../README.zh-CN.md")
	for name, of := range map[string]func(string) []string{"headings": outline, "commands": commands, "links": links, "code": code} {
		if diff := cmp.Diff(of(english), of(chinese)); diff != "" {
			t.Errorf("%s of README.md (-) and README.zh-CN.md (+):\n%s", name, diff)
		}
	}
	for name, text := range map[string]string{"README.md": english, "README.zh-CN.md": chinese} {
		if n := strings.Count(text, "\n"); n >= longest {
			t.Errorf("%s has %d lines, want less than %d", name, n, longest)
		}
	}
}

// headingMark tells the level of a heading, comment is what a command says about itself.
var (
	headingMark = regexp.MustCompile(`(?m)^#+ `)
	comment     = regexp.MustCompile(`(?m) +# .*$`)
	inlineCode  = regexp.MustCompile("`[^`\n]+`")
)

var (
	heading     = regexp.MustCompile(`(?m)^#+ (.*)$`)
	unspeakable = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// anchors are the headings of a page as GitHub makes anchors of them.
func anchors(page string) []string {
	var all []string
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		a := unspeakable.ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(a, " ", "-"))
	}
	return all
}

// environment compiles rules.
func environment(t *testing.T) *expr.Environment {
	t.Helper()
	var keys []string
	for _, p := range sysctl.LoadCatalogue().Parameters() {
		keys = append(keys, p.Key.String())
	}
	env, err := expr.New(keys)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// TestRuleFormat loads the example of rule-format.md and runs the fixtures
// that the page shows.
func TestRuleFormat(t *testing.T) {
	blocks := make(map[string]string)
	for _, m := range fence.FindAllStringSubmatch(read(t, "rule-format.md"), -1) {
		blocks[m[1]] = m[2]
	}
	rule, err := rules.Parse(environment(t), "accept-queue-filling.yaml", []byte(blocks["yaml"]))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"hit", "miss", "unknown"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name+".yaml")
			if err := os.WriteFile(path, []byte(blocks["yaml "+name]), 0o600); err != nil {
				t.Fatal(err)
			}
			fixture, err := rules.ReadFixture(path)
			if err != nil {
				t.Fatal(err)
			}
			outcome, err := fixture.Run(rule)
			if err != nil {
				t.Fatal(err)
			}
			if name == "unknown" && !slices.Equal(outcome.Skipped[0].Missing, []string{"listeners.backlog"}) {
				t.Errorf("missing facts: want listeners.backlog, got %v", outcome.Skipped[0].Missing)
			}
		})
	}
}

// TestRuleTests runs the tests that rule-format.md shows.
func TestRuleTests(t *testing.T) {
	blocks := make(map[string]string)
	for _, m := range fence.FindAllStringSubmatch(read(t, "rule-format.md"), -1) {
		blocks[m[1]] = m[2]
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"accept-queue-filling.yaml": blocks["yaml"], "accept-queue-filling_test.yaml": blocks["yaml test"]} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := environment(t)
	builtin, err := rules.Builtin(env)
	if err != nil {
		t.Fatal(err)
	}
	file, err := (&rules.Tester{Environment: env, Builtin: builtin}).Read(filepath.Join(dir, "accept-queue-filling_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		if differences := c.Run(); len(differences) > 0 {
			t.Errorf("%s: %+v", c.Name, differences)
		}
	}
}

// TestWritingRules: the files that writing-rules.md shows are those of examples.
func TestWritingRules(t *testing.T) {
	for _, m := range fence.FindAllStringSubmatch(read(t, "writing-rules.md"), -1) {
		if name, ok := strings.CutPrefix(m[1], "yaml "); ok && read(t, filepath.Join("examples", "rules", name)) != m[2] {
			t.Errorf("%s is not what writing-rules.md shows", name)
		}
	}
}

// status is a row of the table of exit-status.md, or a constant of exit.go.
var (
	statusRow      = regexp.MustCompile(`(?m)^\| (\d+) \|`)
	statusConstant = regexp.MustCompile(`(?m)^\texit\w+ += (\d+)`)
)

func TestExitStatus(t *testing.T) {
	numbers := func(re *regexp.Regexp, text string) []string {
		var all []string
		for _, m := range re.FindAllStringSubmatch(text, -1) {
			all = append(all, m[1])
		}
		return all
	}
	got := numbers(statusRow, read(t, "exit-status.md"))
	want := numbers(statusConstant, read(t, "../cmd/tcptune/exit.go"))
	if len(want) == 0 || !slices.Equal(want, got) {
		t.Errorf("statuses: want %v of exit.go, got %v", want, got)
	}
}
