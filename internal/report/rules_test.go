// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/rules"
)

func TestReadable(t *testing.T) {
	for title, want := range map[string]string{
		"TCP timestamps are off":                                                                   "TCP timestamps are off",
		"Files set ${it.key} to different values":                                                  "Files set <key> to different values",
		"Large packets to ${connections.big_stuck_network} seem to vanish":                         "Large packets to <big stuck network> seem to vanish",
		`It forgets them after ${sysctl("net.a.b")} s`:                                             "It forgets them after <net.a.b> s",
		`The table ${it.name} is ${has(it.fulls) && it.fulls > 0 ? "full" : "nearly full"} (${n})`: "The table <name> is full or nearly full (<n>)",
		"${": "${", "$5 ${}": "$5 <>",
	} {
		if got := readable(title); got != want {
			t.Errorf("%s: want %q, got %q", title, want, got)
		}
	}
}

// TestRuleListTitles: no title of a built-in rule is shown as a template.
func TestRuleListTitles(t *testing.T) {
	env, err := expr.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Builtin(env)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := NewRuleList(set).WriteText(&b, Style{Width: 80}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "${") || !strings.Contains(b.String(), "Files set <key> to different values") {
		t.Error(b.String())
	}
}
