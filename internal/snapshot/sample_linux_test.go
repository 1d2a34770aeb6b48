// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

// wire is a connection within the namespace of the test, seen from both ends.
type wire struct {
	client, server *net.TCPConn
}

func newWire(t *testing.T, l *net.TCPListener) wire {
	t.Helper()
	client, err := net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return wire{client, server}
}

func listen(t *testing.T, address string) *net.TCPListener {
	t.Helper()
	config := net.ListenConfig{KeepAlive: -1}
	l, err := config.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.TCPListener)
}

// fill writes until the peer's window and the send buffer are full.
func fill(t *testing.T, c *net.TCPConn) {
	t.Helper()
	for {
		if err := c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(make([]byte, 64<<10)); err != nil {
			return
		}
	}
}

// option reads what the kernel says of one socket through another interface
// than sock_diag.
func option(t *testing.T, c *net.TCPConn, get func(fd int) (int, error)) int64 {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var value int
	var failed error
	if err := raw.Control(func(fd uintptr) { value, failed = get(int(fd)) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return int64(value)
}

func sockopt(level, name int) func(int) (int, error) {
	return func(fd int) (int, error) { return unix.GetsockoptInt(fd, level, name) }
}

func ioctl(request uint) func(int) (int, error) {
	return func(fd int) (int, error) { return unix.IoctlGetInt(fd, request) }
}

func inode(t *testing.T, c *net.TCPConn) uint32 {
	t.Helper()
	return uint32(option(t, c, func(fd int) (int, error) {
		info, err := os.Stat(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err != nil {
			return 0, err
		}
		return int(info.Sys().(*syscall.Stat_t).Ino), nil
	}))
}

// row finds a connection by its inode.
func row(t *testing.T, s *Snapshot, c *net.TCPConn) *Connection {
	t.Helper()
	if s.Sockets == nil || s.Sockets.Sample == nil {
		t.Fatalf("no sample: %+v", s.Gaps)
	}
	want := inode(t, c)
	for i := range s.Sockets.Sample.Connections {
		if row := &s.Sockets.Sample.Connections[i]; row.Inode == want {
			return row
		}
	}
	t.Fatalf("%s is not in the sample", c.LocalAddr())
	return nil
}

func want(t *testing.T, c *Connection, m Measure, n int64) {
	t.Helper()
	if got, ok := c.Get(m); !ok || got != n {
		t.Errorf("%s of %s is %d, %v, want %d", m, c.Local, got, ok, n)
	}
}

// TestLiveSample compares a sample with what the system calls say of the same
// sockets.
func TestLiveSample(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		lab.Self(t).Sysctl(t, "net.ipv4.tcp_keepalive_time", "5000")
		l := listen(t, "127.0.0.1:8080")
		stuck, plain, fixed := newWire(t, l), newWire(t, l), newWire(t, l)
		fill(t, stuck.client)
		for _, c := range []*net.TCPConn{plain.client, plain.server, fixed.server} {
			if err := c.SetKeepAlive(false); err != nil {
				t.Fatal(err)
			}
		}
		if err := plain.client.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 100 * time.Second, Interval: 7 * time.Second, Count: 3}); err != nil {
			t.Fatal(err)
		}
		if err := fixed.server.SetReadBuffer(20000); err != nil {
			t.Fatal(err)
		}
		for _, noNetlink := range []bool{false, true} {
			c := live(t, Options{NoNetlink: noNetlink})
			w, err := c.Window(t.Context(), func(context.Context) error {
				begin := *c.start().Uptime
				lab.Eventually(t, patience, func() (bool, string) { return *c.start().Uptime > begin, "the clock stands still" })
				_, err := fixed.client.Write(make([]byte, 5000))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			s := w.To.Sockets.Sample
			if s.Established != 6 || !s.Slices.Whole() || s.Cut || len(s.Connections) != 6 {
				t.Fatalf("sample %+v", s)
			}
			full := row(t, w.To, stuck.server)
			unread := option(t, stuck.server, ioctl(unix.SIOCINQ))
			want(t, full, RecvQ, unread)
			if unread < 64<<10 || full.Owners == nil {
				t.Errorf("%d bytes are not read, owners %v", unread, full.Owners)
			}
			want(t, row(t, w.To, stuck.client), SendQ, option(t, stuck.client, ioctl(unix.SIOCOUTQ)))
			kept := row(t, w.To, plain.client)
			if expires, _ := kept.Get(Expires); kept.Timer != sockdiag.TimerKeepalive || expires > 100_000 || expires < 30_000 {
				t.Errorf("timer %s in %d ms", kept.Timer, expires)
			}
			if silent := row(t, w.To, plain.server); silent.Timer != sockdiag.TimerNone {
				t.Errorf("timer %s without SO_KEEPALIVE", silent.Timer)
			}
			checkInfo(t, w, fixed, noNetlink)
		}
	})
}

// checkInfo looks at what only sock_diag tells.
func checkInfo(t *testing.T, w *Window, fixed wire, noNetlink bool) {
	t.Helper()
	got := row(t, w.To, fixed.server)
	before := w.From.Sockets.Sample.ByID()[got.ID()]
	if before == nil {
		t.Fatalf("%s was not there at the start of the window", got.Local)
	}
	if noNetlink {
		for m := RcvBuf; m < measures; m++ {
			if n, ok := got.Get(m); ok {
				t.Errorf("%s is %d in a text table", m, n)
			}
		}
		if got.Congestion != "" || got.Cookie != 0 {
			t.Errorf("text table: %+v", got)
		}
		return
	}
	want(t, got, RcvBuf, option(t, fixed.server, sockopt(unix.SOL_SOCKET, unix.SO_RCVBUF)))
	want(t, got, SndBuf, option(t, fixed.server, sockopt(unix.SOL_SOCKET, unix.SO_SNDBUF)))
	want(t, row(t, w.To, fixed.client), SndMSS, option(t, fixed.client, sockopt(unix.IPPROTO_TCP, unix.TCP_MAXSEG)))
	if n, ok := got.Grown(before, BytesReceived); !ok || n != 5000 {
		t.Errorf("%d bytes received in the window, %v", n, ok)
	}
	for m := range Measure(measures) {
		// Without a timer nothing expires; who never sends has no data segments to measure by.
		if _, ok := got.Get(m); !ok && !slices.Contains([]Measure{Expires, RcvRTT, MinRTT}, m) {
			t.Errorf("%s is unknown", m)
		}
	}
	var algorithm string
	option(t, fixed.server, func(fd int) (_ int, err error) {
		algorithm, err = unix.GetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION)
		return 0, err
	})
	if got.Congestion != algorithm || algorithm == "" {
		t.Errorf("congestion control %q, want %q", got.Congestion, algorithm)
	}
	if o, _ := got.Get(Negotiated); !sockdiag.Options(o).Has(sockdiag.OptionWScale | sockdiag.OptionTimestamps | sockdiag.OptionSACK) {
		t.Errorf("options %#x", o)
	}
}

// TestLiveSampleSlices: beside more sockets than the sample takes, every
// destination is in it with both ends, and the same ones at both ends of the
// window.
func TestLiveSampleSlices(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		const destinations, each = 5, 700
		total := int64(2 * destinations * each)
		for d := range destinations {
			l := listen(t, fmt.Sprintf("127.0.0.%d:8080", 1+d))
			for range each {
				newWire(t, l)
			}
		}
		c := live(t, Options{})
		w, err := c.Window(t.Context(), func(context.Context) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		s := w.To.Sockets.Sample
		if s.Established != total || s.Slices.Whole() || s.Cut || len(s.Connections) > maxSample || len(s.Connections) < maxSample/4 {
			t.Fatalf("%d connections of %d, %+v, cut %v", len(s.Connections), s.Established, s.Slices, s.Cut)
		}
		before := w.From.Sockets.Sample.ByID()
		if len(before) != len(s.Connections) {
			t.Errorf("%d connections, %d at the start", len(s.Connections), len(before))
		}
		inbound, outbound := make(map[netip.Addr]int), make(map[netip.Addr]int)
		for i := range s.Connections {
			c := &s.Connections[i]
			if before[c.ID()] == nil {
				t.Fatalf("%+v was not there at the start", c)
			}
			if c.Local.Port() == 8080 {
				inbound[c.Local.Addr()]++
			} else {
				outbound[c.Peer.Addr()]++
			}
		}
		if len(inbound) != destinations || len(outbound) != destinations {
			t.Errorf("inbound %v, outbound %v", inbound, outbound)
		}
		for a, n := range inbound {
			if outbound[a] != n {
				t.Errorf("%s: %d inbound, %d outbound ends of the same connections", a, n, outbound[a])
			}
		}
		if got := float64(len(s.Connections)) / s.Slices.Share(); got < 0.6*float64(total) || got > 1.6*float64(total) {
			t.Errorf("%v estimated of %d", got, total)
		}
	})
}
