// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A fakeKernel is a conn that answers each request with datagrams, and then
// keeps the reader waiting.
type fakeKernel struct {
	answer   func(messageType uint16, sequence uint32) [][]byte
	requests []uint16
	queue    [][]byte
	closed   bool

	once    sync.Once
	expired chan struct{} // closed when the read deadline has passed
}

func (k *fakeKernel) dial() (conn, error) {
	k.closed = false
	return k, nil
}

func (k *fakeKernel) Write(b []byte) (int, error) {
	messageType := binary.NativeEndian.Uint16(b[4:])
	k.requests = append(k.requests, messageType)
	k.queue = k.answer(messageType, binary.NativeEndian.Uint32(b[8:]))
	return len(b), nil
}

func (k *fakeKernel) Read(b []byte) (int, error) {
	if len(k.queue) == 0 {
		<-k.expired
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, k.queue[0])
	k.queue = k.queue[1:]
	return n, nil
}

func (k *fakeKernel) SetReadDeadline(t time.Time) error {
	if !t.IsZero() {
		k.once.Do(func() { close(k.expired) })
	}
	return nil
}

func (k *fakeKernel) Close() error {
	k.closed = true
	return nil
}

func fakeClient(t *testing.T, answer func(messageType uint16, sequence uint32) [][]byte) (*Client, *fakeKernel) {
	t.Helper()
	k := &fakeKernel{answer: answer, expired: make(chan struct{})}
	c, err := newClient(t.Context(), k.dial)
	if err != nil {
		t.Fatal(err)
	}
	return c, k
}

// statusMessage builds NLMSG_ERROR or NLMSG_DONE.
func statusMessage(messageType, flags uint16, sequence uint32, errno syscall.Errno) []byte {
	b := appendHeader(nil, messageType, flags, sequence)
	b = binary.NativeEndian.AppendUint32(b, uint32(-int32(errno)))
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	return b
}

// message builds a message around a payload.
func message(messageType, flags uint16, sequence uint32, payload []byte) []byte {
	b := append(appendHeader(nil, messageType, flags, sequence), payload...)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	return b
}

func TestClientDump(t *testing.T) {
	v4, v6 := socketMessage(afINET, 1), socketMessage(afINET6, 1)
	tests := []struct {
		name     string
		answer   func(messageType uint16, sequence uint32) [][]byte
		want     Summary
		requests []uint16
		err      error // matched by errors.Is
		absent   bool  // whether the error is ErrUnavailable
		closed   bool  // whether the netlink socket was given up
	}{
		{
			name: "multipart in three datagrams",
			answer: func(_ uint16, n uint32) [][]byte {
				return [][]byte{
					append(message(tcpDiagGetSock, 2, n, v4), message(tcpDiagGetSock, 2, n, v6)...),
					message(tcpDiagGetSock, 2, n, v4), statusMessage(nlmsgDone, 2, n, 0),
				}
			},
			want:     Summary{Sockets: 3, Messages: 4, Bytes: 3*88 + 20, Complete: true},
			requests: []uint16{18},
		},
		{
			name: "noise: no-op, acknowledgement, another sequence, an unknown type",
			answer: func(_ uint16, n uint32) [][]byte {
				return [][]byte{
					append(message(nlmsgNoop, 0, n, nil), statusMessage(nlmsgError, 0, n, 0)...),
					message(tcpDiagGetSock, 2, n+1, v4), message(99, 0, n, nil), statusMessage(nlmsgDone, 2, n, 0),
				}
			},
			want:     Summary{Messages: 4, Bytes: 16 + 20 + 88 + 16 + 20, Complete: true},
			requests: []uint16{18},
		},
		{
			name: "interrupted",
			answer: func(_ uint16, n uint32) [][]byte {
				return [][]byte{message(tcpDiagGetSock, 2|nlmFDumpIntr, n, v4), statusMessage(nlmsgDone, 2, n, 0)}
			},
			want:     Summary{Sockets: 1, Messages: 2, Bytes: 108, Complete: true, Interrupted: true},
			requests: []uint16{18},
		},
		{
			name: "first form refused",
			answer: func(messageType uint16, n uint32) [][]byte {
				if messageType == tcpDiagGetSock {
					return [][]byte{statusMessage(nlmsgError, 0, n, syscall.EOPNOTSUPP)}
				}
				return [][]byte{append(message(sockDiagByFamily, 2, n, v4), statusMessage(nlmsgDone, 2, n, 0)...)}
			},
			want:     Summary{Sockets: 2, Messages: 5, Bytes: 20 + 2*108, Complete: true},
			requests: []uint16{18, 20, 20},
		},
		{
			name: "no inet_diag, told by NLMSG_DONE",
			answer: func(_ uint16, n uint32) [][]byte {
				return [][]byte{statusMessage(nlmsgDone, 2, n, syscall.ENOENT)}
			},
			want:     Summary{Messages: 2, Bytes: 40},
			requests: []uint16{18, 20},
			err:      syscall.ENOENT, absent: true,
		},
		{
			name: "denied",
			answer: func(_ uint16, n uint32) [][]byte {
				return [][]byte{statusMessage(nlmsgError, 0, n, syscall.EACCES)}
			},
			want:     Summary{Messages: 1, Bytes: 20},
			requests: []uint16{18},
			err:      fs.ErrPermission, absent: true,
		},
		{
			name: "out of memory in the middle",
			answer: func(_ uint16, n uint32) [][]byte {
				return [][]byte{message(tcpDiagGetSock, 2, n, v4), statusMessage(nlmsgDone, 2, n, syscall.ENOMEM)}
			},
			want:     Summary{Sockets: 1, Messages: 2, Bytes: 108},
			requests: []uint16{18},
			err:      syscall.ENOMEM,
		},
		{
			name: "refused after sockets were seen",
			answer: func(_ uint16, n uint32) [][]byte {
				return [][]byte{message(tcpDiagGetSock, 2, n, v4), statusMessage(nlmsgDone, 2, n, syscall.EINVAL)}
			},
			want:     Summary{Sockets: 1, Messages: 2, Bytes: 108},
			requests: []uint16{18},
			err:      syscall.EINVAL, absent: true,
		},
		{
			name: "malformed after a good one",
			answer: func(_ uint16, n uint32) [][]byte {
				return [][]byte{append(append(message(tcpDiagGetSock, 2, n, v4), message(tcpDiagGetSock, 2, n, v4[:70])...),
					message(tcpDiagGetSock, 2, n, v4)...)}
			},
			want:     Summary{Sockets: 1, Messages: 2, Bytes: 88 + 86 + 88},
			requests: []uint16{18},
			err:      errMalformed, closed: true,
		},
		{
			name: "cut header",
			answer: func(_ uint16, n uint32) [][]byte {
				return [][]byte{message(tcpDiagGetSock, 2, n, v4)[:15]}
			},
			want: Summary{Bytes: 15}, requests: []uint16{18}, err: errMalformed, closed: true,
		},
		{
			name: "length beyond the datagram",
			answer: func(_ uint16, n uint32) [][]byte {
				return [][]byte{message(tcpDiagGetSock, 2, n, v4)[:80]}
			},
			want: Summary{Bytes: 80}, requests: []uint16{18}, err: errMalformed, closed: true,
		},
		{
			name: "status without errno",
			answer: func(_ uint16, n uint32) [][]byte {
				return [][]byte{message(nlmsgError, 0, n, nil)}
			},
			want: Summary{Messages: 1, Bytes: 16}, requests: []uint16{18}, err: errMalformed, closed: true,
		},
		{
			name: "positive status",
			answer: func(_ uint16, n uint32) [][]byte {
				return [][]byte{message(nlmsgDone, 0, n, binary.NativeEndian.AppendUint32(nil, 5))}
			},
			want: Summary{Messages: 1, Bytes: 20}, requests: []uint16{18}, err: errMalformed, closed: true,
		},
		{
			name: "overrun",
			answer: func(_ uint16, n uint32) [][]byte {
				return [][]byte{message(nlmsgOverrun, 0, n, nil)}
			},
			want: Summary{Messages: 1, Bytes: 16}, requests: []uint16{18}, err: errOverrun, closed: true,
		},
		{
			name: "datagram that fills the buffer",
			answer: func(_ uint16, n uint32) [][]byte {
				return [][]byte{bytes.Repeat(message(nlmsgNoop, 0, n, nil), receiveBufferLen/16)}
			},
			requests: []uint16{18}, err: errTruncated, closed: true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, k := fakeClient(t, tt.answer)
			tt.want.Method = MethodSockDiag
			fn, rows := collect()
			got, err := c.Dump(t.Context(), Request{States: AllStates}, fn)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("unexpected summary (-want +got):\n%s", diff)
			}
			if len(*rows) != tt.want.Sockets {
				t.Errorf("%d sockets emitted, want %d", len(*rows), tt.want.Sockets)
			}
			if diff := cmp.Diff(tt.requests, k.requests); diff != "" {
				t.Errorf("unexpected requests (-want +got):\n%s", diff)
			}
			if !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if errors.Is(err, ErrUnavailable) != tt.absent {
				t.Errorf("error %v: unavailable %v, want %v", err, !tt.absent, tt.absent)
			}
			if k.closed != tt.closed {
				t.Errorf("socket closed %v, want %v", k.closed, tt.closed)
			}
		})
	}
}

func TestClientContext(t *testing.T) {
	socketThenNothing := func(_ uint16, n uint32) [][]byte {
		return [][]byte{message(tcpDiagGetSock, 2, n, socketMessage(afINET, 1))}
	}
	t.Run("cancelled while waiting", func(t *testing.T) {
		c, k := fakeClient(t, socketThenNothing)
		ctx, cancel := context.WithCancel(t.Context())
		summary, err := c.Dump(ctx, Request{States: AllStates}, func(*Socket) error {
			time.AfterFunc(time.Millisecond, cancel)
			return nil
		})
		if !errors.Is(err, context.Canceled) || summary.Complete || summary.Sockets != 1 || !k.closed {
			t.Errorf("%+v, %v, closed %v", summary, err, k.closed)
		}
	})
	t.Run("deadline", func(t *testing.T) {
		c, _ := fakeClient(t, socketThenNothing)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		if _, err := c.Dump(ctx, Request{States: AllStates}, func(*Socket) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("cancelled before", func(t *testing.T) {
		c, k := fakeClient(t, socketThenNothing)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.Dump(ctx, Request{States: AllStates}, func(*Socket) error { return nil })
		if !errors.Is(err, context.Canceled) || len(k.requests) != 0 {
			t.Errorf("error %v, requests %v", err, k.requests)
		}
		if _, err := Dial(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("dial: %v", err)
		}
	})
}

func TestClientOpen(t *testing.T) {
	_, err := newClient(t.Context(), func() (conn, error) { return nil, syscall.EPROTONOSUPPORT })
	if !errors.Is(err, ErrUnavailable) || !strings.HasPrefix(err.Error(), "open netlink socket: ") {
		t.Errorf("dial without sock_diag: %v", err)
	}
	c, k := fakeClient(t, nil)
	for range 2 {
		if err := c.Close(); err != nil || !k.closed {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := c.Dump(t.Context(), Request{States: AllStates}, nil); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("dump after close: %v", err)
	}
	c, _ = fakeClient(t, nil)
	c.conn = brokenConn{}
	if _, err := c.Dump(t.Context(), Request{States: AllStates}, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("dump on a broken socket: %v", err)
	}
}

type brokenConn struct{ conn }

func (brokenConn) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (brokenConn) Close() error              { return nil }
