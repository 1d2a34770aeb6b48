// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/facts"
)

// testKeys are the keys that the rules of these tests may name.
var testKeys = []string{"net.ipv4.conf.*.rp_filter", "net.core.somaxconn", "net.ipv4.tcp_rmem", "net.ipv4.tcp_tw_recycle", "net.ipv4.tcp_tw_reuse"}

func testEnvironment(t testing.TB) *expr.Environment {
	t.Helper()
	env, err := expr.New(testKeys)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// ruleText writes a rule file: sound defaults, with the fields given (such as
// "severity: info") in their place. A field without a value is left out.
func ruleText(id string, fields ...string) string {
	order := []string{"id", "title", "category", "for_each", "when", "severity", "confidence", "verdict", "scope", "subject", "evidence", "recommend", "why", "unless", "excludes", "references", "proof"}
	text := map[string]string{
		"id":         "id: " + id,
		"title":      "title: a test",
		"category":   "category: accept-queue",
		"when":       "when: sockets.time_wait > 100",
		"severity":   "severity: warning",
		"confidence": "confidence: high",
		"verdict":    "verdict: operator",
		"scope":      "scope: netns",
		"evidence":   "evidence: [{name: n, value: 1}]",
		"recommend":  "recommend: []",
		"why":        "why: a socket that is left open waits for somebody to close it",
		"references": "references: [KDOC]",
		"proof":      "proof: tried",
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ":")
		if text[name] = f; strings.TrimSpace(value) == "" {
			text[name] = ""
		}
	}
	var lines []string
	for _, name := range order {
		if text[name] != "" {
			lines = append(lines, text[name])
		}
		delete(text, name)
	}
	for _, unknown := range text {
		lines = append(lines, unknown)
	}
	return strings.Join(lines, "\n") + "\n"
}

func parseRule(t testing.TB, id string, fields ...string) *Rule {
	t.Helper()
	r, err := Parse(testEnvironment(t), id+".yaml", []byte(ruleText(id, fields...)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newSet(t testing.TB, list ...*Rule) *Set {
	t.Helper()
	s, err := NewSet(list)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func decodeFacts(t testing.TB, text string) *facts.Facts {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	f, err := facts.Decode("facts", doc.Content[0])
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// writeFiles makes a directory with these files, and parents, whatever the umask.
func writeFiles(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
