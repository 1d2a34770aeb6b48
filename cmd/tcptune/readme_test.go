// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// console is a block of a page that shows a command and what it prints.
var console = regexp.MustCompile("(?ms)^```console\n\\$ tcptune ([^\n]*)\n(.*?)^```$")

// TestReadme runs the commands that these pages show, in the repository's root,
// and compares what they print. -update writes it into the pages.
func TestReadme(t *testing.T) {
	t.Chdir("../..")
	t.Setenv("COLUMNS", "80")
	for _, page := range []string{"README.md", "docs/writing-rules.md"} {
		t.Run(page, func(t *testing.T) { runConsole(t, page) })
	}
}

func runConsole(t *testing.T, page string) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := console.FindAllStringSubmatch(string(text), -1)
	if len(blocks) == 0 {
		t.Fatalf("%s shows no command", page)
	}
	for _, b := range blocks {
		var out, talk bytes.Buffer
		run(context.Background(), strings.Fields(b[1]), streams{in: strings.NewReader(""), out: &out, err: &talk})
		if talk.Len() > 0 {
			t.Errorf("tcptune %s: standard error: %s", b[1], talk.String())
		}
		if *update {
			text = []byte(strings.Replace(string(text), b[1]+"\n"+b[2], b[1]+"\n"+out.String(), 1))
			continue
		}
		if diff := cmp.Diff(b[2], out.String()); diff != "" {
			t.Errorf("%s: tcptune %s (-want +got):\n%s", page, b[1], diff)
		}
	}
	if *update {
		if err := os.WriteFile(page, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
