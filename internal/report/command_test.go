// SPDX-License-Identifier: Apache-2.0

package report

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCommand(t *testing.T) {
	for _, test := range []struct {
		width int
		text  string
		want  string
	}{
		{80, "tcptune apply --recommended --only timestamps-off", "  run  $ tcptune apply --recommended --only timestamps-off\n"},
		{60, "tcptune apply --recommended --only timestamps-off", "  run  $ tcptune apply --recommended --only timestamps-off\n"},
		{50, "tcptune apply --recommended --only timestamps-off", "  run  $ tcptune apply --recommended \\\n         --only timestamps-off\n"},
		{40, "tcptune apply --recommended --runtime-only --only timestamps-off", "  run  $ tcptune apply --recommended \\\n         --runtime-only \\\n         --only timestamps-off\n"},
		{40, "ss -ltnp 'sport = :8080 or sport = :8081'", "  run  $ ss -ltnp \\\n         'sport = :8080 or sport = :8081'\n"},
	} {
		var b strings.Builder
		p := &page{out: &b, style: Style{Width: test.width}}
		p.command("run", test.text)
		if diff := cmp.Diff(test.want, b.String()); diff != "" {
			t.Errorf("%d columns (-want +got):\n%s", test.width, diff)
		}
	}
}

// TestCommandMeansTheSame: a shell reads the lines of a command as it reads the
// command.
func TestCommandMeansTheSame(t *testing.T) {
	if _, err := exec.LookPath("/bin/sh"); err != nil {
		t.Skip(err)
	}
	words := func(command string) string {
		out, err := exec.Command("/bin/sh", "-c", `for w in "$@"; do printf '<%s>' "$w"; done`+"\nset -- "+command+"\n"+`for w in "$@"; do printf '<%s>' "$w"; done`).CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", command, err, out)
		}
		return string(out)
	}
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom([]string{"--only", "--netns", "-v", "a"}), rapid.StringMatching(`[ -~]{0,50}`)), 1, 8).Draw(t, "words")
		for i, w := range list {
			list[i] = shellQuote(w)
		}
		command := strings.Join(list, " ")
		var b strings.Builder
		p := &page{out: &b, style: Style{Width: rapid.IntRange(40, 100).Draw(t, "width")}}
		p.command("run", command)
		printed := strings.Replace(b.String(), "  run  $ ", "", 1)
		if want, got := words(command), words(printed); want != got {
			t.Fatalf("%s\nwant %s\ngot  %s", b.String(), want, got)
		}
	})
}
