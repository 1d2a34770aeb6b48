// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// console is a block of a page that shows commands and what they print.
var console = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")

// TestConsole runs every block of the pages of the repository that is fenced as
// console, and compares what it prints. -update writes it into the pages. What
// cannot be the same everywhere is fenced as sh, and shows commands only.
func TestConsole(t *testing.T) {
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, page := range consolePages(t, repository) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if console.Match(text) {
			shown++
			t.Run(strings.TrimPrefix(page, repository+"/"), func(t *testing.T) { runPage(t, repository, page, text) })
		}
	}
	if shown == 0 {
		t.Error("no page shows a command")
	}
}

// consolePages are the pages at the root of the repository, and all below docs.
func consolePages(t *testing.T, repository string) []string {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(repository, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(repository, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".md" {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// runPage runs the blocks of a page with the text old.
func runPage(t *testing.T, repository, page string, old []byte) {
	t.Helper()
	text := console.ReplaceAllFunc(old, func(block []byte) []byte {
		session := console.FindSubmatch(block)[1]
		if !bytes.HasPrefix(session, []byte("$ ")) {
			t.Errorf("a console block begins with %.40q, want a command behind \"$ \"", session)
			return block
		}
		return []byte("```console\n" + runSession(t, repository, string(session)) + "```")
	})
	if *update {
		if err := os.WriteFile(page, text, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(strings.Split(string(old), "\n"), strings.Split(string(text), "\n")); diff != "" {
		t.Errorf("make golden writes what the commands print now (-want +got):\n%s", diff)
	}
}

// runSession runs the commands of a block in one shell, as at a terminal of 80
// columns: standard error is among the output, variables, files and $? last until
// the next command. It returns the block with what they print. The directory is
// empty but for links to those of the repository that pages refer to.
func runSession(t *testing.T, repository, session string) string {
	t.Helper()
	const end = "\x01end of the output\n"
	commands := sessionCommands(session)
	var script strings.Builder
	for _, c := range commands {
		script.WriteString(c + "\nstatus=$?\nprintf '" + strings.TrimSuffix(end, "\n") + "\\n'\n(exit $status)\n")
	}
	home := t.TempDir()
	for _, dir := range []string{"docs", "internal"} {
		if err := os.Symlink(filepath.Join(repository, dir), filepath.Join(home, dir)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "/bin/sh", "-c", script.String())
	shell.Dir = home
	shell.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "COLUMNS=80", "TZ=UTC", "LC_ALL=C.UTF-8"}
	out, err := shell.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s: %v", session, ctx.Err())
	}
	outputs := strings.Split(string(out), end)
	if len(outputs) != len(commands)+1 {
		t.Fatalf("%s: %v: %s", session, err, out)
	}
	var got strings.Builder
	for i, c := range commands {
		got.WriteString("$ " + c + "\n" + outputs[i])
	}
	return got.String()
}

// sessionCommands are the commands of a block. A line that ends in a backslash goes
// on in the next one.
func sessionCommands(session string) []string {
	var commands []string
	continued := false
	for line := range strings.Lines(session) {
		line = strings.TrimSuffix(line, "\n")
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case isCommand && !continued:
			commands = append(commands, command)
		case continued:
			commands[len(commands)-1] += "\n" + line
		default:
			continue
		}
		continued = strings.HasSuffix(line, `\`)
	}
	return commands
}
