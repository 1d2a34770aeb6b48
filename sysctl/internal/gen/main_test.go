// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTableIsFresh fails when catalogue.yaml was edited without go generate ./sysctl.
func TestTableIsFresh(t *testing.T) {
	source, err := os.ReadFile("../../catalogue.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := generate(source)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../catalogue_table.go")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("catalogue_table.go is stale, run go generate ./sysctl (-want +got)\n%s", diff)
	}
}

const good = `- {key: net.x, topic: t, type: int, unit: s, default: "0", since: "6.1", scope: netns, child_view: writable,
   applies_to: a, summary: s, risk: none, source: [f.c], min: 1, max: 2}
`

func TestGenerateRefuses(t *testing.T) {
	if _, err := generate([]byte(good)); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, in, want string }{
		{"empty", "", "EOF"},
		{"unknown field", "- {kex: net.x}", "field kex not found"},
		{"two documents", good + "---\n" + good, "more than one document"},
		{"twice", good + good, "net.x appears twice"},
		{"no summary", strings.Replace(good, "summary: s, ", "", 1), "net.x: summary is empty"},
		{"slash", strings.Replace(good, "net.x", "net/x", 1), "the key is not in dotted form"},
		{"scope", strings.Replace(good, "netns", "net", 1), `scope "net" is none of`},
		{"child view", strings.Replace(good, "writable", "yes", 1), `child_view "yes" is none of`},
		{"bounds", strings.Replace(good, "max: 2", "max: 0", 1), "min 1 is above max 0"},
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
