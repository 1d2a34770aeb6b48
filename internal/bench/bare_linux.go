// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
)

// bare receives the dump of every TCP socket of a crowd's namespace and looks
// at nothing but its end: the least that any program spends that lists them.
func bare(c *lab.Crowd) (usage, error) {
	var u usage
	err := c.Do(func() error {
		before, err := threadTime()
		if err != nil {
			return err
		}
		start := time.Now()
		if err := receiveDump(); err != nil {
			return fmt.Errorf("receive the dump: %w", err)
		}
		u.wall = time.Since(start)
		after, err := threadTime()
		u.cpu = after - before
		return err
	})
	return u, err
}

// threadTime is the processor time that the calling thread has had.
func threadTime() (time.Duration, error) {
	var now unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now)
	return time.Duration(now.Nano()), err
}

// Of include/uapi/linux/inet_diag.h.
const (
	tcpDiagGetSock = 18    // TCPDIAG_GETSOCK
	allStates      = 0xffe // all but TCP_BOUND_INACTIVE, as ss asks
	inetDiagReqLen = 60    // struct inet_diag_req
	statesAt       = 52    // its idiag_states
)

func receiveDump() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	const length = unix.NLMSG_HDRLEN + inetDiagReqLen
	var request [length]byte
	binary.NativeEndian.PutUint32(request[0:], length)
	binary.NativeEndian.PutUint16(request[4:], tcpDiagGetSock)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	request[unix.NLMSG_HDRLEN] = unix.AF_INET // the kernel ignores it and sends both families
	binary.NativeEndian.PutUint32(request[unix.NLMSG_HDRLEN+statesAt:], allStates)
	if err := unix.Sendto(fd, request[:], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	buffer := make([]byte, 32<<10) // the kernel sends no longer datagrams
	for {
		n, _, err := unix.Recvfrom(fd, buffer, 0)
		if err != nil {
			return err
		}
		if n < unix.NLMSG_HDRLEN {
			return fmt.Errorf("a datagram of %d bytes", n)
		}
		switch binary.NativeEndian.Uint16(buffer[4:]) {
		case unix.NLMSG_DONE:
			return nil
		case unix.NLMSG_ERROR:
			return unix.Errno(-int32(binary.NativeEndian.Uint32(buffer[unix.NLMSG_HDRLEN:])))
		}
	}
}
