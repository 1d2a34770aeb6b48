// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// attend drives connections that were opened together until each has what the
// client waits for, or until the time-out. The hanging ones stay open.
func (c *Client) attend(pending []*attempt, result *Result) error {
	deadline := time.Now().Add(c.Timeout)
	for len(pending) > 0 {
		fds := make([]unix.PollFd, len(pending))
		for i, a := range pending {
			fds[i] = unix.PollFd{Fd: int32(a.fd), Events: unix.POLLOUT}
			if a.connected {
				fds[i].Events = unix.POLLIN
			}
		}
		n, err := unix.Poll(fds, milliseconds(deadline))
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("poll connections: %w", err)
		}
		if err == nil && n == 0 {
			break
		}
		waiting := pending[:0]
		for i, a := range pending {
			done, err := false, error(nil)
			if fds[i].Revents != 0 {
				done, err = c.advance(a)
			}
			if !done && err == nil {
				waiting = append(waiting, a)
				continue
			}
			result.count(c.end(a.fd, err))
			if err == nil {
				result.Times = append(result.Times, time.Since(a.began))
			}
		}
		pending = waiting
	}
	if len(pending) > 0 {
		result.Errors[errTimeout.Error()] += len(pending)
		c.keep(pending)
	}
	return nil
}

// advance does the next step of a connection that is ready for it, and tells
// whether it was the last.
func (c *Client) advance(a *attempt) (done bool, err error) {
	if a.connected {
		return c.receive(a)
	}
	err = c.greet(a)
	return c.Receive == ReceiveNothing, err
}

// wait polls one descriptor for an event, an error or the deadline.
func wait(fd int, events int16, deadline time.Time) error {
	fds := []unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		n, err := unix.Poll(fds, milliseconds(deadline))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n == 0:
			return errTimeout
		default:
			return nil
		}
	}
}

// milliseconds is the time until the deadline as poll(2) takes it.
func milliseconds(deadline time.Time) int {
	return max(int(time.Until(deadline).Milliseconds()), 0)
}

// errorName is the name of an errno, such as EADDRNOTAVAIL.
func errorName(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		if name := unix.ErrnoName(errno); name != "" {
			return name
		}
		return fmt.Sprintf("errno %d", int(errno))
	}
	return err.Error()
}

// sockaddr is an address and its family in the form of the system calls.
func sockaddr(a netip.AddrPort) (family int, address unix.Sockaddr) {
	if a.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}
