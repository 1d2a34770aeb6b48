// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
)

// journalLength is the number of entries in a host's journal.
func journalLength(t *testing.T, h *lab.Host) int {
	t.Helper()
	entries, err := os.ReadDir(h.Tree.Path("/var/lib/tcptune/journal"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return len(entries)
}

// waitBounded waits for a command that was started and returns its exit status;
// -1 if a signal ended it.
func waitBounded(cmd *exec.Cmd) int {
	bound := time.AfterFunc(lab.Patience(commandTime), func() { _ = cmd.Process.Kill() })
	defer bound.Stop()
	_ = cmd.Wait() // the status says it
	return cmd.ProcessState.ExitCode()
}

// TestScenarioApplySignal sends signals to an apply that reads its plan from a
// pipe, so that it stands still between its start and the journal.
func TestScenarioApplySignal(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		before := liveNet(t, host)
		saved := filepath.Join(t.TempDir(), "plan.json")
		if out := runCommand(t, host.Command("tcptune", "plan", "--profile", "server", "--runtime-only", "-o", saved)); out.status != exitOK {
			t.Fatalf("plan: status %d\n%s", out.status, out.stderr)
		}
		plan, err := os.ReadFile(saved)
		if err != nil {
			t.Fatal(err)
		}
		for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
			pipe := filepath.Join(t.TempDir(), "plan")
			if err := unix.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := host.Command("tcptune", "apply", "--plan", pipe)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			w := openReader(t, pipe)
			if err := cmd.Process.Signal(sig); err != nil {
				t.Error(err)
			}
			waitIdle(t, cmd.Process.Pid)
			if err := writeAll(w, plan); err != nil {
				t.Error(err)
			}
			if status := waitBounded(cmd); status != exitInterrupted || stderr.String() != "tcptune: error: interrupted\n" || stdout.Len() > 0 {
				t.Errorf("%v: status %d, stdout %q, stderr %q", sig, status, stdout.String(), stderr.String())
			}
			if diff := cmp.Diff(before, liveNet(t, host)); diff != "" || journalLength(t, host) > 0 {
				t.Errorf("%v: %d entries, values (-before +after):\n%s", sig, journalLength(t, host), diff)
			}
		}
		if out := runCommand(t, host.Command("tcptune", "apply", "--plan", saved, "--detailed-exitcode")); out.status != exitChanged {
			t.Errorf("the same plan without a signal: status %d\n%s", out.status, out.stderr)
		}
	})
}

// TestScenarioPipe ends a check that waits for the other end of a pipe: one that
// it reads with the first signal, one that it writes to with the next.
func TestScenarioPipe(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		pipe := filepath.Join(t.TempDir(), "pipe")
		if err := unix.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			flags  []string
			signal syscall.Signal
			first  bool
		}{
			{[]string{"--baseline", pipe}, syscall.SIGINT, true},
			{[]string{"--baseline", pipe}, syscall.SIGTERM, true},
			{[]string{"--format", "json=" + pipe}, syscall.SIGINT, false},
			{[]string{"--format", "json=" + pipe}, syscall.SIGTERM, false},
		} {
			cmd := host.Command("tcptune", append([]string{"check", "--window", "0"}, test.flags...)...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waitIdle(t, cmd.Process.Pid)
			send := func() { _ = cmd.Process.Signal(test.signal) } // fails once the process has ended
			send()
			again := time.NewTicker(2 * repeatedSignal)
			if test.first {
				again.Stop()
			}
			ended := make(chan struct{})
			go func() {
				_ = waitBounded(cmd)
				close(ended)
			}()
			for open := true; open; {
				select {
				case <-again.C:
					send()
				case <-ended:
					open = false
				}
			}
			again.Stop()
			got := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if test.first && got.ExitStatus() != exitInterrupted || !test.first && got.Signal() != test.signal {
				t.Errorf("%v, %v: %v", test.flags, test.signal, cmd.ProcessState)
			}
		}
	})
}

// openReader opens a named pipe for writing when somebody reads it.
func openReader(t *testing.T, pipe string) *os.File {
	t.Helper()
	var w *os.File
	lab.Eventually(t, settleTime, func() (bool, string) {
		var err error
		w, err = os.OpenFile(pipe, os.O_WRONLY|unix.O_NONBLOCK, 0)
		return err == nil, "nobody reads the pipe"
	})
	return w
}

// waitIdle waits until a process has taken its signals and all its threads sleep,
// each time that it looks.
func waitIdle(t *testing.T, pid int) {
	t.Helper()
	quiet := 0
	lab.Eventually(t, settleTime, func() (bool, string) {
		quiet++
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		if err != nil || len(threads) == 0 {
			t.Fatalf("threads of process %d: %v, %v", pid, threads, err)
		}
		for _, thread := range threads {
			text, err := os.ReadFile(thread)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if !bytes.Contains(text, []byte("\nState:\tS")) || !bytes.Contains(text, []byte("\nShdPnd:\t0000000000000000")) {
				quiet = 0
			}
		}
		return quiet == 5, "the process is busy"
	})
}

func writeAll(w *os.File, data []byte) error {
	_, err := w.Write(data)
	return errors.Join(err, w.Close())
}

// TestScenarioApplyPipe applies and rolls back with nobody behind standard
// output or standard error, as after apply | head -1: both are done, and say so.
func TestScenarioApplyPipe(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		before := liveNet(t, host)
		for i, both := range []bool{false, true} {
			for j, args := range [][]string{
				{"apply", "--profile", "server", "--runtime-only", "--detailed-exitcode"},
				{"rollback", "--detailed-exitcode"},
			} {
				if status := runUnheard(t, host, both, args...); status != exitChanged {
					t.Errorf("%s, standard error gone %t: status %d", args[0], both, status)
				}
				if n, want := journalLength(t, host), 2*i+j+1; n != want {
					t.Errorf("%s: %d entries, want %d", args[0], n, want)
				}
				if back := cmp.Equal(before, liveNet(t, host)); back != (args[0] == "rollback") {
					t.Errorf("%s: values as before is %t", args[0], back)
				}
			}
		}
	})
}

// runUnheard runs a command whose standard output, or standard error too, is a
// pipe that nobody reads.
func runUnheard(t *testing.T, h *lab.Host, both bool, args ...string) int {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	cmd := h.Command("tcptune", args...)
	cmd.Stdout = w
	if both {
		cmd.Stderr = w
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return waitBounded(cmd)
}

// TestScenarioApplyTerminal loses the terminal while apply asks, which is no
// answer, and when it has begun, which is too late: all is done.
func TestScenarioApplyTerminal(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		before := liveNet(t, host)
		status := loseTerminal(t, host, func(*os.File) {})
		if status != exitInterrupted && status != exitFailed { // the signal or the end of the input comes first
			t.Errorf("while it asks: status %d", status)
		}
		if diff := cmp.Diff(before, liveNet(t, host)); diff != "" || journalLength(t, host) > 0 {
			t.Errorf("while it asks: %d entries, values (-before +after):\n%s", journalLength(t, host), diff)
		}
		status = loseTerminal(t, host, func(terminal *os.File) {
			if _, err := terminal.WriteString("y\n"); err != nil {
				t.Error(err)
			}
			lab.Eventually(t, settleTime, func() (bool, string) { return journalLength(t, host) > 0, "it does not begin" })
		})
		if status != exitOK && status != exitPartial { // complete, and the report may be lost
			t.Errorf("when it has begun: status %d", status)
		}
		if again := applied(t, host, exitOK, "apply", "--profile", "server", "--runtime-only"); again.Changed {
			t.Errorf("something was left to do: %+v", again)
		}
		applied(t, host, exitOK, "rollback")
		if diff := cmp.Diff(before, liveNet(t, host)); diff != "" {
			t.Errorf("after rollback (-before +after):\n%s", diff)
		}
	})
}

// loseTerminal runs apply on a terminal of its own that goes away when apply has
// asked and then() has returned.
func loseTerminal(t *testing.T, h *lab.Host, then func(terminal *os.File)) (status int) {
	t.Helper()
	controller, terminal := openTerminal(t)
	cmd := h.Command("tcptune", "apply", "--profile", "server", "--runtime-only")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = true, true
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	terminal.Close()
	bound := time.AfterFunc(lab.Patience(commandTime), func() { _ = cmd.Process.Kill() })
	defer bound.Stop()
	var said strings.Builder
	for buffer := make([]byte, 4096); !strings.Contains(said.String(), "[y/N] "); {
		n, err := controller.Read(buffer)
		said.Write(buffer[:n])
		if err != nil {
			t.Fatalf("%v instead of a question: %q", err, said.String())
		}
	}
	then(controller)
	controller.Close()
	return waitBounded(cmd)
}
