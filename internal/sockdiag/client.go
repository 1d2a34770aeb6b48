// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"context"
	"errors"
	"time"
)

// receiveBufferLen is the largest datagram that a dump is cut into
// (netlink_recvmsg in net/netlink/af_netlink.c caps it below this); a larger
// buffer would gain nothing.
const receiveBufferLen = 32 << 10

// A Client asks the kernel for sockets over NETLINK_SOCK_DIAG. It needs no
// privilege. It is not safe for concurrent use.
type Client struct {
	dial     func() (conn, error)
	conn     conn // nil after a dump that ended early
	buffer   []byte
	request  []byte
	sequence uint32
	decoder  decoder
}

// A conn is a netlink socket: one datagram per call.
type conn interface {
	Read(b []byte) (int, error)
	Write(b []byte) (int, error)
	SetReadDeadline(t time.Time) error
	Close() error
}

// Dial opens a Client for the network namespace of the calling thread. Where
// inet_diag is a module, the first dump makes the kernel load it.
//
// A dump that ends early closes the netlink socket, since the kernel would
// otherwise go on with it, and the next dump opens a new one, again for the
// namespace of the calling thread.
func Dial(ctx context.Context) (*Client, error) {
	return newClient(ctx, dial)
}

func newClient(ctx context.Context, dial func() (conn, error)) (*Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, &Error{"open netlink socket", err}
	}
	c := &Client{dial: dial, buffer: make([]byte, receiveBufferLen)}
	if err := c.open(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Client) open() error {
	if c.conn != nil {
		return nil
	}
	if c.dial == nil {
		return &Error{"open netlink socket", errClosed}
	}
	conn, err := c.dial()
	if err != nil {
		return &Error{"open netlink socket", err}
	}
	c.conn = conn
	return nil
}

// Close releases the netlink socket.
func (c *Client) Close() error {
	c.dial = nil
	return c.closeConn()
}

func (c *Client) closeConn() error {
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}

// Dump passes each socket that r asks for to fn. The *Socket is valid only
// during the call. Both address families come from one walk of the kernel's
// table, or from two on kernels that refuse to do that.
//
// Dump ends early when ctx does, or when fn returns an error. It returns that
// error, except for [ErrStop], which is none. A refusal of the kernel is an
// [*Error] that matches the errno by errors.Is, and [ErrUnavailable] if it is
// of that kind. The Summary counts what was seen in any case.
func (c *Client) Dump(ctx context.Context, r Request, fn func(*Socket) error) (Summary, error) {
	d := dump{summary: Summary{Method: MethodSockDiag}, fn: fn}
	if err := r.validate(); err != nil {
		return d.summary, err
	}
	err := c.run(ctx, &d, func(b []byte) []byte { return r.appendV1(b, c.sequence) })
	if d.refused && d.summary.Sockets == 0 && unsupported(err) {
		for _, family := range []uint8{afINET, afINET6} {
			err = c.run(ctx, &d, func(b []byte) []byte { return r.appendV2(b, c.sequence, family) })
			if err != nil {
				break
			}
		}
	}
	d.summary.Complete = err == nil
	if errors.Is(err, ErrStop) {
		err = nil
	}
	return d.summary, err
}

// run sends one request and receives the answers to it.
func (c *Client) run(ctx context.Context, d *dump, appendRequest func([]byte) []byte) error {
	if err := ctx.Err(); err != nil {
		return &Error{"send sock_diag request", err}
	}
	if err := c.open(); err != nil {
		return err
	}
	c.sequence++
	c.request = appendRequest(c.request[:0])
	d.sequence, d.decoder, d.refused = c.sequence, &c.decoder, false

	defer c.cancelWith(ctx)()
	err := c.converse(ctx, d)
	if err != nil && !d.refused {
		_ = c.closeConn() // the kernel may be in the middle of the dump
	}
	return err
}

func (c *Client) converse(ctx context.Context, d *dump) error {
	if _, err := c.conn.Write(c.request); err != nil {
		return &Error{"send sock_diag request", err}
	}
	for done := false; !done; {
		// A cancelled context also ends Read, which then reports a timeout.
		if err := ctx.Err(); err != nil {
			return &Error{"receive sock_diag dump", err}
		}
		n, err := c.conn.Read(c.buffer)
		if err != nil && ctx.Err() != nil {
			err = ctx.Err()
		}
		if err == nil && n == len(c.buffer) {
			err = errTruncated
		}
		if err != nil {
			return &Error{"receive sock_diag dump", err}
		}
		if done, err = d.datagram(c.buffer[:n]); err != nil {
			return err
		}
	}
	return nil
}

// cancelWith makes the end of ctx end a Read that waits. The function that it
// returns undoes that.
func (c *Client) cancelWith(ctx context.Context) (release func()) {
	conn := c.conn
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = conn.SetReadDeadline(time.Unix(1, 0))
	})
	return func() {
		if !stop() {
			<-done
			_ = conn.SetReadDeadline(time.Time{})
		}
	}
}

// A dump is the answer to one Request, across datagrams.
type dump struct {
	summary  Summary
	fn       func(*Socket) error
	sequence uint32
	decoder  *decoder
	refused  bool // the kernel ended the dump with an errno
}

// datagram handles one datagram and reports whether it held the end.
func (d *dump) datagram(b []byte) (done bool, err error) {
	const op = "dump TCP sockets"
	d.summary.Bytes += len(b)
	for len(b) > 0 {
		h, payload, rest, err := nextMessage(b)
		if err != nil {
			return false, &Error{op, err}
		}
		b = rest
		if h.sequence != d.sequence {
			continue // an answer to an earlier request
		}
		d.summary.Messages++
		if h.flags&nlmFDumpIntr != 0 {
			d.summary.Interrupted = true
		}
		switch h.messageType {
		case tcpDiagGetSock, sockDiagByFamily:
			s, err := d.decoder.decode(payload)
			if err != nil {
				return false, &Error{op, err}
			}
			d.summary.Sockets++
			if err := d.fn(s); err != nil {
				return false, err
			}
		case nlmsgDone:
			// A missing tcp_diag module is told here, not by NLMSG_ERROR.
			if err := d.status(payload); err != nil {
				return false, &Error{op, err}
			}
			return true, nil
		case nlmsgError:
			// A status of zero is an acknowledgement, which nobody asked for.
			if err := d.status(payload); err != nil {
				return false, &Error{op, err}
			}
		case nlmsgOverrun:
			return false, &Error{op, errOverrun}
		case nlmsgNoop:
		default: // newer than this package
		}
	}
	return false, nil
}

func (d *dump) status(payload []byte) error {
	errno, err := parseStatus(payload)
	if err != nil {
		return err
	}
	if errno != 0 {
		d.refused = true
		return errno
	}
	return nil
}
