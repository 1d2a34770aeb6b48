// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// wantPlain checks that text holds no control character but line ends.
func wantPlain(t *testing.T, what, text string) {
	t.Helper()
	for i, r := range text {
		if r != '\n' && (r < 0x20 || r >= 0x7f && r < 0xa0) {
			t.Errorf("%s holds the control character %U: %q", what, r, text[max(0, i-40):min(len(text), i+40)])
			return
		}
	}
}

// TestScenarioHostileName gives a process a name that would clear the screen.
func TestScenarioHostileName(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		const name = "ev\x1b[2Jil"
		pair, server := leak(t, 200, lab.Server{Name: name, Behaviour: lab.Hold})
		d := diagnose(t, pair.Server)
		d.finds(t, map[string]rules.Severity{"close-wait-leak": rules.Warning})
		if f := d.finding(t, "close-wait-leak"); f.Subject != processName(server) {
			t.Errorf("subject %q, want %q", f.Subject, processName(server))
		}
		shown := fmt.Sprintf(`ev\x1b[2Jil[%d]`, server.PID)
		d.says(t, shown, "Fix "+shown)
		wantPlain(t, "the text of check", d.text)
		wantPlain(t, "the JSON of check", d.json)
		for _, args := range [][]string{{"check", "--window", "1s", "--why"}, {"states", "--by", "process"}, {"states", "--by", "listener"}} {
			out := runCommand(t, pair.Server.Command("tcptune", args...))
			wantPlain(t, fmt.Sprint(args), out.stdout)
			if !strings.Contains(out.stdout, shown) {
				t.Errorf("%v does not name the process:\n%s", args, out.stdout)
			}
			out = runCommand(t, pair.Server.Command("tcptune", append(args, "--format", "json")...))
			wantPlain(t, fmt.Sprint(args, " as JSON"), out.stdout)
			if !strings.Contains(out.stdout, `ev\u001b[2Jil`) {
				t.Errorf("%v does not name the process in JSON:\n%s", args, out.stdout)
			}
		}
	})
}

// TestScenarioNarrow fits all kinds of findings into 40 columns. Commands are
// never broken.
func TestScenarioNarrow(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		pair, _ := leak(t, 200, lab.Server{Name: "leaky", Behaviour: lab.Hold, NoFile: 256})
		pair.Server.Tree.WriteFile(t, "/etc/sysctl.conf", articleBlock)
		pair.Server.Sysctl(t, "net.ipv4.tcp_fin_timeout", "30")
		for _, args := range [][]string{{"check", "--window", "1s"}, {"states"}, {"states", "--by", "process"}} {
			cmd := pair.Server.Command("tcptune", args...)
			var stdout bytes.Buffer
			cmd.Env = append(cmd.Env, "NO_COLOR=1", "COLUMNS=40")
			cmd.Stdout = &stdout
			_ = cmd.Run() // findings make it end with 1
			if !strings.Contains(stdout.String(), "leaky") && len(args) > 1 {
				t.Errorf("%v does not name the process:\n%s", args, stdout.String())
			}
			for line := range strings.Lines(stdout.String()) {
				line = strings.TrimSuffix(line, "\n")
				if width := ansi.StringWidth(line); width > 40 && !strings.Contains(line, "$ ") {
					t.Errorf("%v: line of %d columns: %q", args, width, line)
				}
			}
		}
	})
}

func TestScenarioFullOutput(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		for _, args := range []string{
			"check --window 0", "check --window 0 --format json", "states", "states --format json", "collect --window 0 -o -", "version",
			"explain CLOSE_WAIT", "rules list",
		} {
			out := runCommand(t, host.Command("sh", "-c", "exec tcptune "+args+" >/dev/full"))
			if out.status != exitFailed || !strings.HasPrefix(out.stderr, "tcptune: error: write to standard output: ") ||
				!strings.Contains(out.stderr, "no space left on device") || strings.Count(out.stderr, "\n") != 1 {
				t.Errorf("%s >/dev/full: status %d, stderr %q", args, out.status, out.stderr)
			}
		}
	})
}

// TestScenarioClosedOutput: the Go runtime opens /dev/null in place of a closed
// standard stream (runtime.checkfds), so the answer is as without a reader, and
// nothing is written into a descriptor that was opened for something else.
func TestScenarioClosedOutput(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		host.Tree.WriteFile(t, "/etc/sysctl.conf", articleBlock)
		for _, test := range []struct {
			command string
			status  int
		}{
			{"check --window 0 >&-", exitNo},
			{"check --window 0 >&- 2>&- <&-", exitNo},
			{"states >&-", exitOK},
			{"check --from - <&-", exitFailed},
		} {
			out := runCommand(t, host.Command("sh", "-c", "exec tcptune "+test.command))
			if out.status != test.status || out.stdout != "" || test.status != exitFailed && out.stderr != "" {
				t.Errorf("%s: %+v, want status %d", test.command, out, test.status)
			}
		}
	})
}

// TestScenarioNoReader: whoever closes a pipe early wants no message.
func TestScenarioNoReader(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		for _, command := range []string{"exec tcptune rules list", "trap '' PIPE; exec tcptune rules list"} {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			cmd := host.Command("sh", "-c", command)
			var stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = w, &stderr
			err = cmd.Run()
			w.Close()
			if err == nil || stderr.Len() > 0 {
				t.Errorf("%s: %v, stderr %q", command, err, stderr.String())
			}
		}
	})
}

// openTerminal makes a pseudo-terminal, see pty(7).
func openTerminal(t *testing.T) (controller, terminal *os.File) {
	t.Helper()
	controller, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		lab.Unavailable(t, "pty", err)
	}
	t.Cleanup(func() { controller.Close() })
	fd := int(controller.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		lab.Unavailable(t, "pty", err)
	}
	return controller, terminal
}

// readTerminal reads from a terminal until its last writer is gone. Heard is closed
// when the words have come, said has everything in the end.
func readTerminal(terminal *os.File, words string) (said <-chan string, heard <-chan struct{}) {
	text, done := make(chan string, 1), make(chan struct{})
	go func() {
		var all bytes.Buffer
		open := true
		for buffer := make([]byte, 4096); ; {
			n, err := terminal.Read(buffer)
			all.Write(buffer[:n])
			if open && strings.Contains(all.String(), words) {
				close(done)
				open = false
			}
			if err != nil { // EIO at the end
				text <- all.String()
				return
			}
		}
	}()
	return text, done
}
