// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the goldens inside testdata/script")

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  scriptExits,
			"width":  scriptWidth,
			"schema": scriptSchema,
			"plain":  scriptPlain,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			return nil
		},
	})
}

// scriptExits runs a program and checks its exit status: exits 64 tcptune check -x.
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if want != got {
		ts.Fatalf("exit status: want %d, got %d", want, got)
	}
}

// scriptWidth checks that no line of the last output is wider than n columns.
// Lines that hold a command to copy may be longer.
func scriptWidth(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: width COLUMNS")
	}
	columns, err := strconv.Atoi(args[0])
	ts.Check(err)
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		line = strings.TrimRight(line, "\n")
		if ansi.StringWidth(line) > columns && !strings.Contains(line, "$ ") {
			ts.Fatalf("line of %d columns: %q", ansi.StringWidth(line), line)
		}
	}
}

// scriptPlain checks that a file, stdout or stderr holds no control character
// but line ends.
func scriptPlain(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: plain FILE")
	}
	for _, r := range ts.ReadFile(args[0]) {
		if r != '\n' && (r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x202e) {
			ts.Fatalf("%s holds the control character %U", args[0], r)
		}
	}
}

// scriptSchema validates a JSON file against docs/schema/NAME.schema.json.
func scriptSchema(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: schema NAME FILE")
	}
	if err := validateSchema(args[0], []byte(ts.ReadFile(args[1]))); err != nil {
		ts.Fatalf("%s does not match the schema %s: %v", args[1], args[0], err)
	}
}
