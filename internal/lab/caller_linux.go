// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

// A Caller is a process with one connection to a server that answers
// ([Answer]); it makes a request when the test says so.
type Caller struct {
	Name    string // of the process; "caller" when empty
	Target  netip.AddrPort
	Options Options
}

// A Request is one message to a server that answers, and what is awaited.
type Request struct {
	Silence   time.Duration // before it: the connection lies idle
	Send      int           // bytes, besides the header
	HalfClose bool          // shutdown(SHUT_WR) after it: the last request
	Think     time.Duration // how long the server takes to answer, in whole milliseconds
	Receive   int           // bytes of the answer
	Timeout   time.Duration // from the first byte sent to the last received; 0 means 5 s
}

// A Reply is what became of a request.
type Reply struct {
	Error string        // "" when the answer came whole, else an errno name, or "timeout"
	Took  time.Duration // until the last byte of the answer, or the error
}

// StartCaller starts the caller in the host and returns when its connection
// stands.
func StartCaller(t testing.TB, h *Host, c Caller) *Process {
	t.Helper()
	if c.Name == "" {
		c.Name = "caller"
	}
	p := start(t, h, c.Name, program{Caller: &c})
	p.await(t, startTimeout)
	return p
}

// Ask makes the caller do one request and waits for what becomes of it.
func (p *Process) Ask(t testing.TB, r Request) Reply {
	t.Helper()
	p.Begin(t, r)
	return p.Reply(t)
}

// Begin makes the caller do one request, without waiting for what becomes of it.
// After an error the connection is of no more use.
func (p *Process) Begin(t testing.TB, r Request) {
	t.Helper()
	if r.Timeout == 0 {
		r.Timeout = clientTimeout
	}
	p.send(t, order{Ask: &r})
	p.patience = r.Silence + r.Timeout
}

// Reply waits for what becomes of the request that was begun.
func (p *Process) Reply(t testing.TB) Reply {
	t.Helper()
	answer := p.await(t, startTimeout+p.patience)
	if answer.Reply == nil {
		t.Fatalf("%s is not a caller", p.Name)
	}
	return *answer.Reply
}

// run connects and asks what it is ordered to.
func (c *Caller) run(in *json.Decoder, out *json.Encoder) error {
	conn, err := c.Options.dial(c.Target)
	if err != nil {
		return out.Encode(report{Error: err.Error()})
	}
	defer conn.Close()
	return obeyReady(in, out, func(o order) (report, error) {
		if o.Ask == nil {
			return disobey(o)
		}
		time.Sleep(o.Ask.Silence)
		began := time.Now()
		err := o.Ask.exchange(conn)
		reply := &Reply{Took: time.Since(began)}
		if err != nil {
			reply.Error = errorName(err)
		}
		return report{Reply: reply}, nil
	})
}

// exchange sends the request and reads the answer.
func (r *Request) exchange(conn *net.TCPConn) error {
	if err := conn.SetDeadline(time.Now().Add(r.Timeout)); err != nil {
		return err
	}
	message := make([]byte, requestHeader+r.Send)
	binary.BigEndian.PutUint32(message[0:], uint32(r.Send))
	binary.BigEndian.PutUint32(message[4:], uint32(r.Think.Milliseconds()))
	binary.BigEndian.PutUint32(message[8:], uint32(r.Receive))
	_, err := conn.Write(message)
	if err == nil && r.HalfClose {
		err = conn.CloseWrite()
	}
	if err == nil {
		_, err = io.CopyN(io.Discard, conn, int64(r.Receive))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errTimeout
	}
	return err
}

// requestHeader is the length of what precedes a request: how many bytes follow,
// how many milliseconds to wait, and how many bytes to answer with.
const requestHeader = 12

// answer serves the requests of a caller until the connection ends.
func answer(conn net.Conn) error {
	var header [requestHeader]byte
	for {
		if _, err := io.ReadFull(conn, header[:]); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(header[0:]))); err != nil {
			return err
		}
		time.Sleep(time.Duration(binary.BigEndian.Uint32(header[4:])) * time.Millisecond)
		if _, err := conn.Write(make([]byte, binary.BigEndian.Uint32(header[8:]))); err != nil {
			return err
		}
	}
}
