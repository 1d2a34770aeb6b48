// SPDX-License-Identifier: Apache-2.0

package profiles

import (
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/sysctl"
)

func testEnvironment(t testing.TB) *expr.Environment {
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

func builtinSet(t testing.TB) *Set {
	t.Helper()
	s, err := Builtin(testEnvironment(t))
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
	f, err := facts.Decode("facts.yaml", doc.Content[0])
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func pointer(x float64) *float64 { return &x }
