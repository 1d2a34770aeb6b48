// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
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
	Holder *holder `json:",omitempty"`
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
	case p.Holder != nil:
		return p.Holder.run(in, out)
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
