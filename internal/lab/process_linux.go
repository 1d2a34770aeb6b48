// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// How long the lab waits for its own processes.
const (
	startTimeout = 60 * time.Second // from start until the program reports that it is ready
	workTimeout  = 60 * time.Second // for the result of a client, on top of its own times
	stopTimeout  = 5 * time.Second  // from closing its standard input until it is killed
)

// A Process is a program of the lab that runs in a host. It ends with the test.
type Process struct {
	Name string // what /proc/PID/comm says
	PID  int

	cmd      *exec.Cmd
	stdin    io.WriteCloser
	reports  chan report // closed at the end of standard output
	stderr   bytes.Buffer
	stopped  bool
	patience time.Duration // of a caller, with the request that was begun
}

// maxComm is the longest command name, TASK_COMM_LEN-1 in the kernel.
const maxComm = 15

// start runs a program in the host as a process called name, until the end of
// the test. It gets the files as descriptors 3, 4 and so on.
func start(t testing.TB, h *Host, name string, p program, files ...*os.File) *Process {
	t.Helper()
	proc, err := launch(h, t.TempDir(), name, p, files...)
	if proc != nil {
		t.Cleanup(proc.Stop)
	}
	if err != nil {
		t.Fatalf("start %s in %s: %v", name, h.Name, err)
	}
	return proc
}

// launch starts a program as a process called name: the kernel takes the name
// from the file that is executed, here a link in directory to this binary. A
// process that was started is returned also with an error; stop it.
func launch(h *Host, directory, name string, p program, files ...*os.File) (*Process, error) {
	if name == "" || len(name) > maxComm || strings.ContainsRune(name, '/') {
		return nil, fmt.Errorf("process name %q: must have 1 to %d characters and no slash", name, maxComm)
	}
	binary, err := helper()
	if err != nil {
		return nil, err
	}
	link := filepath.Join(directory, name)
	if err := os.Symlink(binary, link); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	proc := &Process{Name: name, cmd: h.command(link, nil, nil), reports: make(chan report, 1)}
	proc.cmd.Args = []string{name}
	proc.cmd.Env = append(quickExit(proc.cmd.Env), envProgram+"=1")
	proc.cmd.Stderr = &proc.stderr
	proc.cmd.ExtraFiles = files
	proc.cmd.WaitDelay = stopTimeout
	stdout, err := proc.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if proc.stdin, err = proc.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := proc.cmd.Start(); err != nil {
		return nil, err
	}
	proc.PID = proc.cmd.Process.Pid
	go func() {
		defer close(proc.reports)
		for decoder := json.NewDecoder(stdout); ; {
			var r report
			if decoder.Decode(&r) != nil {
				return
			}
			proc.reports <- r
		}
	}()
	return proc, json.NewEncoder(proc.stdin).Encode(p)
}

// order makes the program do something and waits until it is done.
func (p *Process) order(t testing.TB, o order) {
	t.Helper()
	p.send(t, o)
	p.await(t, startTimeout)
}

func (p *Process) send(t testing.TB, o order) {
	t.Helper()
	if err := json.NewEncoder(p.stdin).Encode(o); err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
}

// await returns the next report of the process.
func (p *Process) await(t testing.TB, timeout time.Duration) report {
	t.Helper()
	r, err := p.next(timeout)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// next waits for the next report of the process.
func (p *Process) next(timeout time.Duration) (report, error) {
	timeout = Patience(timeout)
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case r, ok := <-p.reports:
		if !ok {
			p.Stop()
			return r, fmt.Errorf("%s ended early: %v: %s", p.Name, p.cmd.ProcessState, p.stderr.String())
		}
		if r.Error != "" {
			return r, fmt.Errorf("%s: %s", p.Name, r.Error)
		}
		return r, nil
	case <-timer.C:
		return report{}, fmt.Errorf("%s did not report within %v", p.Name, timeout)
	}
}

// Stop ends the process, which closes its sockets, and waits for it. It is
// killed when it does not end by itself. A second call does nothing.
func (p *Process) Stop() {
	if p.stopped {
		return
	}
	p.stopped = true
	p.stdin.Close()
	kill := time.AfterFunc(Patience(stopTimeout), func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	for range p.reports { // Wait must not be called before standard output ended
	}
	p.cmd.Wait() // the exit status of a process that is told to end says nothing
}
