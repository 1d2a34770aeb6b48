// SPDX-License-Identifier: Apache-2.0

package change

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// GuardCommand is the hidden command of tcptune that is the watchdog's program.
	GuardCommand = "revert-trial"
	// armTimeout is how long a watchdog may take to begin.
	armTimeout = 10 * time.Second
	// armedVariable names the descriptor on which the watchdog says that it waits.
	armedVariable = "TCPTUNE_ARMED_FD"
	armedWord     = "armed\n"
	systemdRun    = "/usr/bin/systemd-run"
	systemctl     = "/usr/bin/systemctl"
)

// A Detached watchdog is a timer of systemd where it may be one, else a process of its
// own session that the end of this one and of the terminal does not reach.
type Detached struct {
	Program string   // absolute path of tcptune
	Args    []string // before the id; nil stands for GuardCommand
	Systemd bool     // whether the host's systemd may be asked: the live host, initial network namespace
}

// Arm starts the watchdog.
func (d Detached) Arm(e *Entry) (how string, err error) {
	args := slices.Clone(d.Args)
	if args == nil {
		args = []string{GuardCommand}
	}
	args = append(args, strconv.Itoa(e.ID))
	if _, err := os.Stat("/run/systemd/system"); d.Systemd && err == nil {
		unit := "tcptune-revert-" + strconv.Itoa(e.ID)
		if runQuietly(systemdRun, timerArgs(unit, e.Trial.Seconds, d.Program, args)...) == nil {
			return "systemd-run " + unit, nil
		}
	}
	pid, err := d.startProcess(args)
	if err != nil {
		return "", fmt.Errorf("start the watchdog: %w", err)
	}
	return "process " + strconv.Itoa(pid), nil
}

// timerArgs are the arguments of systemd-run.
func timerArgs(unit string, seconds int, program string, args []string) []string {
	return append([]string{"--unit=" + unit, fmt.Sprintf("--on-active=%ds", seconds), "--timer-property=AccuracySec=1s", program}, args...)
}

// Disarm stops the timer of systemd. A process sees within a second that the trial is
// over; it is not killed, as its number may be another's by now.
func (d Detached) Disarm(t *Trial) {
	if unit, ok := strings.CutPrefix(t.Watchdog, "systemd-run "); ok && d.Systemd {
		_ = runQuietly(systemctl, "stop", unit+".timer") // one that still comes finds no trial
	}
}

// cleanEnv is the environment of the programs that tcptune runs.
func cleanEnv() []string { return []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"} }

func runQuietly(name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), armTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Dir = cleanEnv(), "/"
	return cmd.Run()
}

// startProcess starts the watchdog as a process and waits until it says that it is
// armed.
func (d Detached) startProcess(args []string) (pid int, err error) {
	armed, tell, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer armed.Close()
	cmd := exec.Command(d.Program, args...) // no context: it has to outlive this process
	cmd.Dir = "/"
	cmd.Env = append(cleanEnv(), armedVariable+"=3")
	cmd.ExtraFiles = []*os.File{tell}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = tell.Close() // the child has its own
	if err != nil {
		return 0, err
	}
	go func() { _ = cmd.Wait() }() // takes its exit status while this process lives
	word := make([]byte, len(armedWord))
	if err = armed.SetReadDeadline(time.Now().Add(armTimeout)); err == nil {
		var n int
		n, err = armed.Read(word)
		if err == nil && string(word[:n]) != armedWord {
			err = errors.New("it did not say that it is armed")
		}
	}
	if err != nil {
		_ = cmd.Process.Kill()
		return 0, err
	}
	return cmd.Process.Pid, nil
}

// Guard is the program of the watchdog: it ignores what ends other processes, says
// that it is armed to who started it, and guards the trial.
func (m *Machine) Guard(id int) (*Result, error) {
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
	if _, err := m.Entry(id); err != nil {
		return nil, err
	}
	if fd, err := strconv.Atoi(os.Getenv(armedVariable)); err == nil && fd > 2 {
		f := os.NewFile(uintptr(fd), "armed")
		if _, err := f.WriteString(armedWord); err != nil {
			return nil, fmt.Errorf("say that the watchdog is armed: %w", err)
		}
		_ = f.Close()
	}
	return m.GuardTrial(id, func() { time.Sleep(guardTick) })
}

// guardTick is how often the watchdog looks at the clock and the journal.
const guardTick = 500 * time.Millisecond
