// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// eachCommand calls do for every command that help shows, parents first.
func eachCommand(cmd *cobra.Command, do func(*cobra.Command)) {
	if cmd.Hidden {
		return
	}
	do(cmd)
	for _, sub := range cmd.Commands() {
		eachCommand(sub, do)
	}
}

func newTestRoot() *cobra.Command {
	return newRootCommand(streams{in: strings.NewReader(""), out: &bytes.Buffer{}, err: &bytes.Buffer{}})
}

// operator joins two commands of a line.
var operator = regexp.MustCompile(`\s*(?:&&|\|\||\||;|>)\s*`)

// remark is what an example says about itself, after a gap.
var remark = regexp.MustCompile(` {2,}\S.*$`)

// TestExamples: each command shows an example, and each example is one that it takes.
func TestExamples(t *testing.T) {
	eachCommand(newTestRoot(), func(cmd *cobra.Command) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			if cmd.Example == "" {
				t.Fatal("no example")
			}
			for line := range strings.Lines(cmd.Example) {
				line = strings.TrimRight(line, "\n")
				if !strings.HasPrefix(line, "  ") || len(line) > 80 {
					t.Errorf("example %q: want two blanks in front, and at most 80 columns", line)
				}
				for _, part := range operator.Split(remark.ReplaceAllString(line[2:], ""), -1) {
					if args := strings.Fields(part); len(args) > 0 && args[0] == "tcptune" {
						checkExample(t, args[1:])
					}
				}
			}
			if !strings.Contains(cmd.Example, cmd.CommandPath()) {
				t.Errorf("no example of %s:\n%s", cmd.CommandPath(), cmd.Example)
			}
		})
	})
}

// checkExample parses the words behind "tcptune" as the program would.
func checkExample(t *testing.T, args []string) {
	t.Helper()
	root := newTestRoot()
	cmd, rest, err := root.Find(args)
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil || cmd == root && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		t.Errorf("tcptune %s: %v", strings.Join(args, " "), err)
	}
}

// TestFlagUsage: each flag says what it is for.
func TestFlagUsage(t *testing.T) {
	eachCommand(newTestRoot(), func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" && !f.Hidden {
				t.Errorf("%s --%s: no text", cmd.CommandPath(), f.Name)
			}
		})
	})
}
