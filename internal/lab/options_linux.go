// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Options are socket options; a zero leaves the kernel's choice. A server sets
// them on its listener, from which its connections have them.
type Options struct {
	ReceiveBuffer int           // SO_RCVBUF in bytes; the kernel keeps double, socket(7)
	SendBuffer    int           // SO_SNDBUF, likewise
	KeepAlive     bool          // SO_KEEPALIVE
	UserTimeout   time.Duration // TCP_USER_TIMEOUT, tcp(7)
	Congestion    string        // TCP_CONGESTION: the congestion control
}

// set sets the options of a socket.
func (o Options) set(fd int) error {
	for _, option := range []struct {
		name         string
		level, which int
		value        int
	}{
		{"SO_RCVBUF", unix.SOL_SOCKET, unix.SO_RCVBUF, o.ReceiveBuffer},
		{"SO_SNDBUF", unix.SOL_SOCKET, unix.SO_SNDBUF, o.SendBuffer},
		{"TCP_USER_TIMEOUT", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(o.UserTimeout.Milliseconds())},
	} {
		if option.value == 0 {
			continue
		}
		if err := unix.SetsockoptInt(fd, option.level, option.which, option.value); err != nil {
			return fmt.Errorf("set %s to %d: %w", option.name, option.value, err)
		}
	}
	if o.KeepAlive {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1); err != nil {
			return fmt.Errorf("set SO_KEEPALIVE: %w", err)
		}
	}
	if o.Congestion != "" {
		if err := unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, o.Congestion); err != nil {
			return fmt.Errorf("set TCP_CONGESTION to %s: %w", o.Congestion, err)
		}
	}
	return nil
}

// control sets the options in the way of the net package.
func (o Options) control(_, _ string, conn syscall.RawConn) error {
	var setErr error
	if err := conn.Control(func(fd uintptr) { setErr = o.set(int(fd)) }); err != nil {
		return err
	}
	return setErr
}

// dial opens a plain connection with the options: without multipath TCP and
// keepalive, which the net package would choose.
func (o Options) dial(target netip.AddrPort) (*net.TCPConn, error) {
	dialer := net.Dialer{Timeout: clientTimeout, KeepAlive: -1, Control: o.control}
	dialer.SetMultipathTCP(false)
	conn, err := dialer.DialContext(context.Background(), "tcp", target.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}
