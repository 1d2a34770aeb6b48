// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/tcptune/tcptune/internal/explain"
	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/rules"
	"github.com/tcptune/tcptune/sysctl"
)

// TestTopicWidth lays out every page for narrow and for usual terminals. Commands to
// copy stay on one line.
func TestTopicWidth(t *testing.T) {
	env, err := expr.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Builtin(env)
	if err != nil {
		t.Fatal(err)
	}
	library := explain.New(sysctl.LoadCatalogue(), procnet.CounterInfos(), set)
	for _, width := range []int{40, 80} {
		for _, s := range library.Index() {
			topic, err := library.Find(s.Name)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			if err := NewTopic(topic).WriteText(&b, Style{Width: width}); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				if line = strings.TrimRight(line, "\n"); ansi.StringWidth(line) > width && !strings.HasPrefix(line, "  $ ") {
					t.Errorf("%s: line of %d columns, want at most %d: %q", s.Name, ansi.StringWidth(line), width, line)
				}
			}
		}
	}
}
