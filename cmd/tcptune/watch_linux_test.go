// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/tcptune/tcptune/internal/lab"
)

// watchTime is the patience with what takes a live view some rounds.
const watchTime = time.Minute

// A pane is a terminal of tmux(1) inside a host.
type pane struct {
	host   *lab.Host
	socket string
}

// newPane runs a shell command on a terminal of that size.
func newPane(t *testing.T, h *lab.Host, width, height int, command string) *pane {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		lab.Unavailable(t, "tmux", err)
	}
	p := &pane{host: h, socket: filepath.Join(t.TempDir(), "s")}
	server := h.Command("tmux", "-D", "-S", p.socket, "-f", "/dev/null") // in the foreground: it dies with the test
	server.Env = append(server.Env, "LC_ALL=C.UTF-8", "SHELL=/bin/sh", "TERM=xterm-256color")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	lab.Eventually(t, watchTime, func() (bool, string) {
		out, err := p.command("new-session", "-d", "-s", "w", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), command).CombinedOutput()
		return err == nil, string(out)
	})
	return p
}

func (p *pane) command(args ...string) *exec.Cmd {
	return exec.Command("tmux", append([]string{"-N", "-S", p.socket}, args...)...) // starts no server
}

func (p *pane) do(t *testing.T, args ...string) string {
	t.Helper()
	out, err := p.command(args...).CombinedOutput()
	if err != nil {
		t.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// press presses keys, by the names that tmux has for them.
func (p *pane) press(t *testing.T, keys ...string) {
	t.Helper()
	p.do(t, append([]string{"send-keys", "-t", "w"}, keys...)...)
}

// wait waits for a screen that has all the words, and returns it.
func (p *pane) wait(t *testing.T, words ...string) (screen string) {
	t.Helper()
	lab.Eventually(t, watchTime, func() (bool, string) {
		screen = p.do(t, "capture-pane", "-p", "-t", "w")
		for _, w := range words {
			if !strings.Contains(screen, w) {
				return false, fmt.Sprintf("no %q in\n%s", w, screen)
			}
		}
		return true, ""
	})
	return screen
}

// TestWatch looks at real trouble on a real terminal: it appears, can be looked
// into, and clears when it is cured.
func TestWatch(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		self := lab.Self(t)
		stuckAt, leakyAt := netip.MustParseAddrPort("127.0.0.1:8080"), netip.MustParseAddrPort("127.0.0.1:9090")
		stuck := lab.Serve(t, self, lab.Server{Name: "stuck", Address: stuckAt, Backlog: 16, Behaviour: lab.NeverAccept})
		leaky := lab.Serve(t, self, lab.Server{Name: "leaky", Address: leakyAt, Behaviour: lab.HoldEOF})
		lab.Connect(t, self, lab.Client{Targets: oneTarget(leakyAt), Count: 300})
		lab.WaitState(t, self, lab.CloseWait, 300, settleTime)
		lab.StartClient(t, self, lab.Client{Targets: oneTarget(stuckAt), Duration: 10 * time.Minute, Interval: 100 * time.Millisecond, NonBlocking: true})

		p := newPane(t, self, 80, 24, "tcptune watch --interval 1s; echo the status is $?; exec cat")
		p.wait(t, "CRITICAL A listener's accept queue over", "WARNING  A program does not close", "1 critical", "stuck[")
		p.press(t, "Enter")
		p.wait(t, "FINDING accept-queue-overflow 127.0.0.1:8080", "accept queue", "esc back")
		p.press(t, "Escape")
		p.wait(t, "tab ↑↓")
		p.press(t, "Tab", "Enter")
		p.wait(t, "LISTENER 127.0.0.1:8080", fmt.Sprintf("stuck[%d]", stuck.PID), "17/16", "Next", "$ tcptune explain accept-queue-overflow")
		p.press(t, "Escape")
		p.wait(t, "tab ↑↓")
		p.press(t, "Tab", "Tab", "/", "leak", "Enter", "Enter")
		p.wait(t, fmt.Sprintf("PROCESS leaky[%d]", leaky.PID), "CLOSE_WAIT       300")

		for _, size := range [][2]int{{40, 12}, {20, 5}, {120, 40}, {80, 24}} {
			p.do(t, "resize-window", "-t", "w", "-x", fmt.Sprint(size[0]), "-y", fmt.Sprint(size[1]))
			words := []string{"PROCESS leaky", "q quit"}
			if size[0] == 20 {
				words = []string{"20x5 is too small"}
			}
			for line := range strings.Lines(p.wait(t, words...)) {
				if ansi.StringWidth(strings.TrimRight(line, "\n")) > size[0] {
					t.Errorf("at %v a line is too wide: %q", size, line)
				}
			}
		}
		p.press(t, "Escape")
		p.wait(t, "filter: leak", "tab ↑↓")
		p.press(t, "Escape")

		stuck.Relisten(t, 4096)
		leaky.CloseAll(t)
		p.wait(t, "cleared  A listener's accept queue", "cleared  A program does not close")
		p.press(t, "p")
		p.wait(t, "PAUSED")
		p.press(t, "q")
		if screen := p.wait(t, "the status is 0"); strings.Contains(screen, "FINDINGS") {
			t.Errorf("the screen is not given back:\n%s", screen)
		}
	})
}

// TestWatchEnds ends a view by ctrl-c and by a signal: the terminal is as before.
func TestWatchEnds(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		self := lab.Self(t)
		pidFile := filepath.Join(t.TempDir(), "pid")
		ends := map[string]func(*pane){
			"ctrl-c": func(p *pane) { p.press(t, "C-c") },
			"signal": func(*pane) {
				text, err := os.ReadFile(pidFile)
				if err != nil {
					t.Fatal(err)
				}
				pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
				if err != nil {
					t.Fatal(err)
				}
				if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
			},
		}
		for name, end := range ends {
			p := newPane(t, self, 80, 24, fmt.Sprintf("sh -c 'echo $$ >%s; exec tcptune watch'; echo the status is $?; exec cat", pidFile))
			p.wait(t, "FINDINGS", "q quit")
			end(p)
			p.wait(t, "the status is 130")
			if got := p.do(t, "display-message", "-p", "-t", "w", "cursor #{cursor_flag} alternate #{alternate_on}"); got != "cursor 1 alternate 0\n" {
				t.Errorf("after %s: %s", name, got)
			}
			p.press(t, "echoed", "Enter")
			p.wait(t, "echoed\nechoed") // by the terminal, and by cat
		}
	})
}

// TestWatchLines writes lines into a pipe until the reader goes away, and one
// screen for --once.
func TestWatchLines(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		self := lab.Self(t)
		lab.Serve(t, self, lab.Server{Address: netip.MustParseAddrPort("127.0.0.1:8080"), Behaviour: lab.NeverAccept})
		out := runCommand(t, self.Command("sh", "-c", "(tcptune watch --interval 1s; echo status $? >&2) | head -n 2"))
		line := regexp.MustCompile(`^\S+Z seconds=\S+ listen=1 established=0 .* RetransSegs=0 .* findings=\d+( \+\S+)*$`)
		lines := strings.Split(strings.TrimRight(out.stdout, "\n"), "\n")
		if out.stderr != "status 0\n" || len(lines) != 2 || !line.MatchString(lines[0]) || !line.MatchString(lines[1]) {
			t.Errorf("%q, stderr %q", lines, out.stderr)
		}
		once := runCommand(t, self.Command("tcptune", "watch", "--interval", "1s", "--once"))
		for _, w := range []string{"SOCKETS BY STATE", "LISTENERS 1", "127.0.0.1:8080", "0/"} {
			if !strings.Contains(once.stdout, w) {
				t.Errorf("--once lacks %q:\n%s", w, once.stdout)
			}
		}
		if once.status != exitOK || once.stderr != "" || strings.ContainsAny(once.stdout, "\x1b\u2588") {
			t.Errorf("status %d, stderr %q:\n%q", once.status, once.stderr, once.stdout)
		}
	})
}

// TestWatchNetns looks into another network namespace.
func TestWatchNetns(t *testing.T) {
	lab.IsolateAlone(t, func(t *testing.T) {
		other := lab.NewHost(t, "other")
		p := lab.Serve(t, other, lab.Server{Name: "elsewhere", Address: netip.MustParseAddrPort("127.0.0.1:8080"), Behaviour: lab.NeverAccept})
		cmd := exec.Command("tcptune", "watch", "--interval", "1s", "--once", "--netns", strconv.Itoa(p.PID))
		cmd.Env = os.Environ()
		out := runCommand(t, cmd)
		if want := processName(p); out.status != exitOK || !strings.Contains(out.stdout, want) {
			t.Errorf("status %d, stderr %q, no %s in\n%s", out.status, out.stderr, want, out.stdout)
		}
	})
}
