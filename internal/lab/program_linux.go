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

	"golang.org/x/sys/unix"
)

// How long the lab waits for its own processes.
const (
	startTimeout = 60 * time.Second // from start until the program reports that it is ready
	workTimeout  = 60 * time.Second // for the result of a client, on top of its own times
	stopTimeout  = 5 * time.Second  // from closing its standard input until it is killed
)

// A program is the first JSON value on a process's standard input: what it is to
// be. Exactly one field is set.
type program struct {
	Server *Server `json:",omitempty"`
	Client *Client `json:",omitempty"`
	Flood  *Flood  `json:",omitempty"`
	Stream *Stream `json:",omitempty"`
	Caller *Caller `json:",omitempty"`
	Line   *Line   `json:",omitempty"`
}

// An order is each further JSON value on standard input; at its end the program
// ends, and the kernel closes its sockets.
type order struct {
	Listen   int      `json:",omitempty"` // server: the backlog for another listen() on the same descriptor
	CloseAll bool     `json:",omitempty"` // server and client: close the connections that are kept
	Finish   bool     `json:",omitempty"` // client: open no more connections
	Ask      *Request `json:",omitempty"` // caller
	Cut      bool     `json:",omitempty"` // line: lose every packet from now on
	Mend     bool     `json:",omitempty"` // line: do so no longer
}

// A report is one JSON value on a program's standard output.
type report struct {
	Ready  bool    `json:",omitempty"`
	Result *Result `json:",omitempty"`
	Reply  *Reply  `json:",omitempty"`
	Error  string  `json:",omitempty"`
}

// runProgram is the main function of a process of the lab. It ends when
// standard input does, so that no process outlives the test.
func runProgram(stdin io.Reader, stdout io.Writer) error {
	in, out := json.NewDecoder(stdin), json.NewEncoder(stdout)
	var p program
	if err := in.Decode(&p); err != nil {
		return fmt.Errorf("read program: %w", err)
	}
	var noFile uint64
	switch {
	case p.Server != nil:
		noFile = p.Server.NoFile
	case p.Client != nil:
		noFile = p.Client.NoFile
	}
	if err := limitFiles(noFile); err != nil {
		return err
	}
	switch {
	case p.Server != nil:
		return p.Server.run(in, out)
	case p.Client != nil:
		return p.Client.stay(in, out)
	case p.Flood != nil:
		return runAndStay(in, out, p.Flood.run, disobey)
	case p.Stream != nil:
		return p.Stream.run(in, out)
	case p.Caller != nil:
		return p.Caller.run(in, out)
	case p.Line != nil:
		return p.Line.run(in, out)
	}
	return errors.New("no program given")
}

// obey does what the test orders until standard input ends, and answers with a
// report unless it is empty.
func obey(in *json.Decoder, out *json.Encoder, do func(order) (report, error)) error {
	for {
		var o order
		if err := in.Decode(&o); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("read order: %w", err)
		}
		r, err := do(o)
		if err != nil {
			r = report{Error: err.Error()}
		}
		if r == (report{}) {
			continue
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
}

// obeyReady reports that the program is ready and obeys.
func obeyReady(in *json.Decoder, out *json.Encoder, do func(order) (report, error)) error {
	if err := out.Encode(report{Ready: true}); err != nil {
		return err
	}
	return obey(in, out, do)
}

// disobey is what a program does with an order that is not for it.
func disobey(o order) (report, error) {
	return report{}, fmt.Errorf("order %+v: not for this program", o)
}

// runAndStay does the work, reports the result, and keeps what the work left
// open until standard input ends. Orders may come after the result.
func runAndStay(in *json.Decoder, out *json.Encoder, work func() (*Result, error), do func(order) (report, error)) error {
	failed := make(chan error, 1)
	go func() {
		r := report{}
		var err error
		if r.Result, err = work(); err != nil {
			r = report{Error: err.Error()}
		}
		if err := out.Encode(r); err != nil {
			failed <- err
		}
	}()
	ended := make(chan error, 1)
	go func() { ended <- obey(in, out, do) }()
	select {
	case err := <-failed:
		return err
	case err := <-ended:
		return err
	}
}

// limitFiles sets the soft limit on open files, or raises it to the hard one
// when limit is 0. The hard limit stays, so that the soft one can be raised again.
func limitFiles(limit uint64) error {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return fmt.Errorf("read limit on open files: %w", err)
	}
	r.Cur = r.Max
	if limit != 0 {
		r.Cur = limit
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return fmt.Errorf("limit open files to %d: %w", r.Cur, err)
	}
	return nil
}

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

// start runs a program in the host as a process called name: the kernel takes
// the name from the file that is executed, here a link to the test binary.
// It gets the files as descriptors 3, 4 and so on.
func start(t testing.TB, h *Host, name string, p program, files ...*os.File) *Process {
	t.Helper()
	if name == "" || len(name) > maxComm || strings.ContainsRune(name, '/') {
		t.Fatalf("process name %q: must have 1 to %d characters and no slash", name, maxComm)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(binary, link); err != nil {
		t.Fatal(err)
	}
	proc := &Process{Name: name, cmd: h.command(link, nil, nil), reports: make(chan report, 1)}
	proc.cmd.Args = []string{name}
	proc.cmd.Env = append(quickExit(proc.cmd.Env), envProgram+"=1")
	proc.cmd.Stderr = &proc.stderr
	proc.cmd.ExtraFiles = files
	proc.cmd.WaitDelay = stopTimeout
	stdout, err := proc.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if proc.stdin, err = proc.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := proc.cmd.Start(); err != nil {
		t.Fatalf("start %s in %s: %v", name, h.Name, err)
	}
	proc.PID = proc.cmd.Process.Pid
	t.Cleanup(proc.Stop)
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
	if err := json.NewEncoder(proc.stdin).Encode(p); err != nil {
		t.Fatalf("start %s in %s: %v", name, h.Name, err)
	}
	return proc
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
	timeout = Patience(timeout)
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case r, ok := <-p.reports:
		if !ok {
			p.Stop()
			t.Fatalf("%s ended early: %v: %s", p.Name, p.cmd.ProcessState, p.stderr.String())
		}
		if r.Error != "" {
			t.Fatalf("%s: %s", p.Name, r.Error)
		}
		return r
	case <-timer.C:
		t.Fatalf("%s did not report within %v", p.Name, timeout)
	}
	return report{}
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
