// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
)

// eraseLine ends the progress.
const eraseLine = "\r\x1b[K"

// interruptCommand runs a command whose standard error is a terminal, and sends
// a signal when its window of a minute has been open for a time. It returns what
// the command left behind; stderr is all that the terminal was sent.
func interruptCommand(t *testing.T, cmd *exec.Cmd, after time.Duration, signal syscall.Signal) output {
	t.Helper()
	terminal, stderr := openTerminal(t)
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	stderr.Close()
	said, waits := readTerminal(terminal, "of 60 s")
	lab.Eventually(t, settleTime, func() (bool, string) {
		select {
		case <-waits:
			return true, ""
		default:
			return false, "it does not wait"
		}
	})
	open := time.Now()
	lab.Eventually(t, settleTime, func() (bool, string) { return time.Since(open) >= after, "time stands still" })
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	status := waitBounded(cmd)
	return output{status, stdout.String(), <-said}
}

// TestScenarioInterrupt: SIGHUP and SIGTERM end a check, and leave no progress
// behind; so does SIGINT where the window is for a change.
func TestScenarioInterrupt(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		for _, test := range []struct {
			signal  syscall.Signal
			command []string
		}{
			{syscall.SIGHUP, []string{"check"}},
			{syscall.SIGTERM, []string{"check"}},
			{syscall.SIGTERM, []string{"collect", "-o", "-"}},
			{syscall.SIGINT, []string{"plan", "--recommended", "--runtime-only"}},
		} {
			out := interruptCommand(t, host.Command("tcptune", append(test.command, "--window", "1m")...), 0, test.signal)
			lines := strings.Split(out.stderr, eraseLine)
			if last := lines[len(lines)-1]; out.status != exitInterrupted || out.stdout != "" || last != "tcptune: error: interrupted\r\n" {
				t.Errorf("%v, %v: status %d, stdout %q, on the terminal %q", test.command, test.signal, out.status, out.stdout, lines)
			}
		}
		for signal, want := range map[syscall.Signal]string{syscall.SIGTERM: "interrupted\n", syscall.SIGINT: ""} {
			out := interruptCommand(t, host.Command("tcptune", "check", "--format", "nagios", "--window", "1m"), 0, signal)
			if out.status != report.PluginUnknown || !strings.HasPrefix(out.stdout, "TCPTUNE UNKNOWN - "+want) {
				t.Errorf("plugin, %v: status %d, stdout %q", signal, out.status, out.stdout)
			}
		}
	})
}

// TestScenarioCutShort: SIGINT ends the window of a check, which judges what was
// seen until then.
func TestScenarioCutShort(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		pair, server := leak(t, 200, lab.Server{Name: "leaky", Behaviour: lab.Hold})
		host := pair.Server
		for _, args := range [][]string{{"check"}, {"check", "--netns", "self"}, {"check", "--netns", "all"}} {
			if len(args) > 2 && args[2] == "self" {
				args[2] = fmt.Sprint(server.PID)
			}
			json := filepath.Join(t.TempDir(), "check.json")
			out := interruptCommand(t, host.Command("tcptune", append(args, "--window", "1m", "--format", "text", "--format", "json="+json)...), 2*time.Second, syscall.SIGINT)
			lines := strings.Split(out.stderr, eraseLine)
			last := lines[len(lines)-1]
			if out.status != exitInterrupted || !strings.HasPrefix(last, "tcptune: error: interrupted after ") || strings.Count(last, "\n") != 1 {
				t.Errorf("%v: status %d, on the terminal %q", args, out.status, lines)
			}
			wantPlain(t, "the text", out.stdout)
			if text := fold(out.stdout); !strings.Contains(text, "s (interrupted)") || !strings.Contains(text, "leaky[") {
				t.Errorf("%v: the text does not say that it was interrupted, or not what was seen:\n%s", args, out.stdout)
			}
			document, err := os.ReadFile(json)
			if err != nil {
				t.Fatal(err)
			}
			if err := validateSchema("check", document); err != nil {
				t.Error(err)
			}
			if args[len(args)-1] == "all" {
				if !bytes.Contains(document, []byte(`"interrupted": true`)) || !bytes.Contains(document, []byte(`"exit_status": 130`)) {
					t.Errorf("%v: %s", args, document)
				}
				continue
			}
			d := decodeDiagnosis(t, output{out.status, string(document), ""})
			if w := d.Window; !w.Interrupted || w.Seconds == nil || *w.Seconds < 1 || *w.Seconds > 59 {
				t.Errorf("%v: window %+v", args, w)
			}
		}
	})
}

// TestScenarioCutShortInPipe: the same where nothing is a terminal. What comes
// out is a whole document, and no progress.
func TestScenarioCutShortInPipe(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		cmd := host.Command("tcptune", "check", "--window", "1m", "--format", "json")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		start := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = cmd.Process.Kill() }()
		waitIdle(t, cmd.Process.Pid)
		lab.Eventually(t, settleTime, func() (bool, string) { return time.Since(start) > 2*time.Second, "time stands still" })
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		out := output{waitBounded(cmd), stdout.String(), stderr.String()}
		d := decodeDiagnosis(t, out)
		if w := d.Window; out.status != exitInterrupted || !w.Interrupted || w.Seconds != nil && *w.Seconds > 59 {
			t.Errorf("status %d, window %+v", out.status, w)
		}
		if !strings.HasPrefix(out.stderr, "tcptune: error: interrupted ") || strings.ContainsAny(out.stderr, "\r\x1b") || strings.Count(out.stderr, "\n") != 1 {
			t.Errorf("stderr %q", out.stderr)
		}
	})
}

// TestScenarioCutShortEarly: before a second is over nothing can be said about
// rates, and that is said.
func TestScenarioCutShortEarly(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		out := interruptCommand(t, host.Command("tcptune", "check", "--window", "1m"), 0, syscall.SIGINT)
		if out.status != exitInterrupted {
			t.Fatalf("status %d: %s", out.status, out.stderr)
		}
		if strings.Contains(out.stderr, "interrupted after ") {
			t.Skip("this machine took longer than a second to send a signal")
		}
		if !strings.Contains(out.stderr, "interrupted before a window of 1s: rates are unknown") || !strings.Contains(fold(out.stdout), "interrupted too early for a window (rates unknown)") {
			t.Errorf("%q\n%s", out.stderr, out.stdout)
		}
	})
}

// TestScenarioCollectCutShort saves what was seen; whoever judges it is told.
func TestScenarioCollectCutShort(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		file := filepath.Join(t.TempDir(), "window.json")
		out := interruptCommand(t, host.Command("tcptune", "collect", "--window", "1m", "-o", file), 2*time.Second, syscall.SIGINT)
		if out.status != exitInterrupted || !strings.Contains(out.stderr, "wrote "+file) {
			t.Fatalf("status %d: %q", out.status, out.stderr)
		}
		document, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validateSchema("window", document); err != nil {
			t.Error(err)
		}
		w, err := snapshot.Decode(bytes.NewReader(document))
		if err != nil || !w.Interrupted || w.From == nil {
			t.Fatalf("%+v, %v", w, err)
		}
		if judged := runCommand(t, host.Command("tcptune", "check", "--from", file)); judged.status != exitOK || !strings.Contains(fold(judged.stdout), "s (interrupted)") {
			t.Errorf("status %d\n%s%s", judged.status, judged.stdout, judged.stderr)
		}
	})
}

// TestInterruptible: SIGINT ends an open window, and the next one everything;
// without a window the first one does.
func TestInterruptible(t *testing.T) {
	send := func(s syscall.Signal) {
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	ended := func(done <-chan struct{}) bool {
		select {
		case <-done:
			return true
		case <-time.After(lab.Patience(settleTime)):
			return false
		}
	}
	for _, test := range []struct {
		name   string
		window bool
		signal syscall.Signal
		early  bool
	}{
		{"SIGINT in a window", true, syscall.SIGINT, true},
		{"SIGTERM in a window", true, syscall.SIGTERM, false},
		{"SIGINT", false, syscall.SIGINT, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, stop := interruptible(context.Background())
			defer stop()
			var early <-chan struct{}
			if test.window {
				var done func()
				early, done = openWindow(ctx)
				defer done()
			}
			send(test.signal)
			if test.early {
				if !ended(early) || ctx.Err() != nil {
					t.Fatalf("the window goes on, or everything has ended: %v", ctx.Err())
				}
				send(test.signal)
			}
			if !ended(ctx.Done()) {
				t.Error("the command goes on")
			}
		})
	}
}
