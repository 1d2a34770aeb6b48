// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
)

// savedLeak is a command that judges a saved window, in an environment of its own.
func savedLeak(t *testing.T, h *lab.Host, env []string, args ...string) *exec.Cmd {
	t.Helper()
	window, err := filepath.Abs("../../docs/examples/close-wait-leak.json")
	if err != nil {
		t.Fatal(err)
	}
	cmd := h.Command("tcptune", append([]string{"check", "--from", window, "--only", "close-wait-leak"}, args...)...)
	cmd.Env = slices.DeleteFunc(cmd.Env, func(e string) bool {
		return strings.HasPrefix(e, "NO_COLOR=") || strings.HasPrefix(e, "COLUMNS=") || strings.HasPrefix(e, "LANG=") || strings.HasPrefix(e, "LC_") || strings.HasPrefix(e, "TERM=")
	})
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// onTerminal is what a command writes on a terminal of so many columns.
func onTerminal(t *testing.T, cmd *exec.Cmd, columns uint16) string {
	t.Helper()
	controller, terminal := openTerminal(t)
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = terminal
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	terminal.Close()
	said, _ := readTerminal(controller, "\x00")
	if status := waitBounded(cmd); status != exitNo {
		t.Errorf("status %d", status)
	}
	return strings.ReplaceAll(<-said, "\r\n", "\n")
}

func inPipe(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if status := waitBounded(cmd); status != exitNo {
		t.Errorf("status %d", status)
	}
	return stdout.String()
}

// TestScenarioColour: --color decides, then NO_COLOR, then whether it is a
// terminal. Without colour a terminal is written what a pipe gets, to the byte.
func TestScenarioColour(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		plain := inPipe(t, savedLeak(t, host, nil))
		wantPlain(t, "in a pipe", plain)
		for _, test := range []struct {
			name     string
			env      []string
			args     []string
			terminal bool // whether there is colour on a terminal
			pipe     bool // the same in a pipe
		}{
			{"auto", nil, nil, true, false},
			{"a dark or a light terminal", []string{"COLORFGBG=0;15", "TERM=xterm-256color", "COLORTERM=truecolor"}, nil, true, false},
			{"NO_COLOR", []string{"NO_COLOR=1"}, nil, false, false},
			{"NO_COLOR beside CLICOLOR_FORCE", []string{"NO_COLOR=1", "CLICOLOR_FORCE=1"}, nil, false, false},
			{"CLICOLOR_FORCE", []string{"CLICOLOR_FORCE=1"}, nil, true, false},
			{"a terminal without colours", []string{"TERM=dumb"}, nil, false, false},
			{"always", []string{"NO_COLOR=1"}, []string{"--color", "always"}, true, true},
			{"never", nil, []string{"--color", "never"}, false, false},
		} {
			for where, text := range map[string]string{
				"on a terminal": onTerminal(t, savedLeak(t, host, test.env, test.args...), 80),
				"in a pipe":     inPipe(t, savedLeak(t, host, test.env, test.args...)),
			} {
				want := test.pipe
				if where == "on a terminal" {
					want = test.terminal
				}
				if got := strings.Contains(text, "\x1b["); got != want {
					t.Errorf("%s, %s: colour %t, want %t", test.name, where, got, want)
				}
				if diff := cmp.Diff(plain, ansi.Strip(text)); diff != "" {
					t.Errorf("%s, %s: other text than in a pipe (-pipe +got):\n%s", test.name, where, diff)
				}
				if strings.Contains(ansi.Strip(text), "\x1b") || strings.Contains(text, "\x1b]") {
					t.Errorf("%s, %s: the terminal is asked something: %q", test.name, where, text)
				}
			}
		}
	})
}

// TestScenarioWidth: on a terminal the text is as wide as that, and bars are
// blocks where it knows them. In a pipe nothing depends on a terminal.
func TestScenarioWidth(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		plain := inPipe(t, savedLeak(t, host, nil))
		if got := inPipe(t, savedLeak(t, host, []string{"LANG=C.UTF-8", "TERM=xterm"})); got != plain {
			t.Errorf("the bytes in a pipe depend on the locale (-C +UTF-8):\n%s", cmp.Diff(plain, got))
		}
		for _, columns := range []uint16{40, 80, 200} {
			for _, locale := range []string{"LANG=C", "LANG=C.UTF-8"} {
				text := ansi.Strip(onTerminal(t, savedLeak(t, host, []string{locale}), columns))
				for line := range strings.Lines(text) {
					if n := ansi.StringWidth(strings.TrimSuffix(line, "\n")); n > int(columns) {
						t.Errorf("%d columns: line of %d: %q", columns, n, line)
					}
				}
				if blocks := strings.Contains(text, "█"); blocks != (locale == "LANG=C.UTF-8") {
					t.Errorf("%d columns, %s: blocks %t", columns, locale, blocks)
				}
			}
		}
	})
}
