// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTableIsFresh fails when counters.yaml was edited without
// go generate ./internal/procnet.
func TestTableIsFresh(t *testing.T) {
	source, err := os.ReadFile("../../counters.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := generate(source)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../counters_table.go")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("counters_table.go is stale, run go generate ./internal/procnet (-want +got)\n%s", diff)
	}
}

const good = `- {counter: a, names: [a, b], file: /proc/net/f, format: f, scope: netns, since: "6.1",
   incremented_by: f, meaning: m, tuning: t, columns: [1, 2]}
`

func TestGenerateRefuses(t *testing.T) {
	if _, err := generate([]byte(good)); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, in, want string }{
		{"empty", "", "EOF"},
		{"unknown field", "- {kounter: a}", "field kounter not found"},
		{"two documents", good + "---\n" + good, "more than one document"},
		{"twice", good + good, "a: f.a appears twice"},
		{"no meaning", strings.Replace(good, "meaning: m, ", "", 1), "a: meaning is empty"},
		{"scope", strings.Replace(good, "netns", "net", 1), `scope "net" is none of`},
		{"columns", strings.Replace(good, "[1, 2]", "[1]", 1), "1 columns for 2 names"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table, err := generate([]byte(tt.in))
			if err == nil || !strings.Contains(err.Error(), tt.want) || table != nil {
				t.Errorf("%d bytes, error %v; want one with %q", len(table), err, tt.want)
			}
		})
	}
}
