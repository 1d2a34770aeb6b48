// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/sysctl"
)

var update = flag.Bool("update", false, "write the .out files of testdata")

func catalogueKeys() []string {
	var keys []string
	for _, p := range sysctl.LoadCatalogue().Parameters() {
		keys = append(keys, p.Key.String())
	}
	return keys
}

// builtinEnvironment knows the keys of the catalogue, as the tool's does.
func builtinEnvironment(t testing.TB) *expr.Environment {
	t.Helper()
	env, err := expr.New(catalogueKeys())
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func builtin(t testing.TB) *Set {
	t.Helper()
	s, err := Builtin(builtinEnvironment(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestBuiltinCurrent compiles the YAML again: a stale blob must not be committed.
func TestBuiltinCurrent(t *testing.T) {
	_, want, err := CompileBuiltin(builtinEnvironment(t), "builtin")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, builtinBlob) {
		t.Error("builtin.blob is stale; run go generate ./rules")
	}
}

// TestBuiltin holds each rule to what gate asks, from its file, so that one can
// be worked on while another is broken: go test ./rules -run TestBuiltin/ID
// -update writes the outcomes of its fixtures.
func TestBuiltin(t *testing.T) {
	env := builtinEnvironment(t)
	for _, file := range builtinFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			for _, problem := range gate(env, file, "testdata", filepath.Join("..", "docs", "rules"), *update) {
				t.Error(problem)
			}
		})
	}
}

func builtinFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("builtin/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rules in builtin: %v", err)
	}
	return files
}

// TestBuiltinFixturesNamed finds fixtures of rules that do not exist.
func TestBuiltinFixturesNamed(t *testing.T) {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join("builtin", e.Name()+".yaml")); err != nil && e.Name() != "fuzz" {
			t.Errorf("testdata/%s: no rule has that id", e.Name())
		}
	}
	outs, err := filepath.Glob("testdata/*/*.out")
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range outs {
		if _, err := os.Stat(out[:len(out)-len(".out")] + ".yaml"); err != nil {
			t.Errorf("%s: no fixture makes this outcome", out)
		}
	}
}

// TestBuiltinLint wants built-in rules without warnings.
func TestBuiltinLint(t *testing.T) {
	problems, err := Lint(builtinEnvironment(t), []string{"builtin"}, &Set{})
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Error(problem)
	}
}

// TestBuiltinUnknown: of a host of which nothing is known nothing is said.
func TestBuiltinUnknown(t *testing.T) {
	results := builtin(t).Evaluate(nil, Options{})
	for _, f := range results.Findings {
		t.Errorf("%s fires without any fact", f.Rule)
	}
	for _, id := range results.Passed {
		t.Errorf("%s passes without any fact", id)
	}
	for _, s := range results.Skipped {
		if s.Fault != "" {
			t.Errorf("%s: %s", s.Rule, s.Fault)
		}
	}
}
