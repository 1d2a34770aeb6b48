// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// A holder is one process of a [Load]: it connects to itself over the loopback
// interface and keeps the sockets. It uses system calls alone: the net package
// would watch each of them with epoll.
type holder struct {
	Tasks []task
}

// A task is a number of connections to one address, and the state that they
// are to come to. The local port of each is given, so that connect() need not
// search for a free one.
type task struct {
	Server netip.AddrPort
	State  State // Established, CloseWait or TimeWait
	Count  int
}

// name is the process's.
func (h *holder) name() string {
	has := func(state State) bool {
		return slices.ContainsFunc(h.Tasks, func(t task) bool { return t.State == state && t.Count > 0 })
	}
	switch {
	case has(CloseWait):
		return "leaky"
	case has(TimeWait):
		return "proxy"
	}
	return "crowd"
}

// run makes the sockets, reports that, and keeps them until standard input
// ends.
func (h *holder) run(in *json.Decoder, out *json.Encoder) error {
	listeners := make(map[netip.AddrPort]*address)
	for _, t := range h.Tasks {
		if t.Count == 0 {
			continue
		}
		a := listeners[t.Server]
		if a == nil {
			var err error
			if a, err = listenOn(t.Server); err != nil {
				return out.Encode(report{Error: err.Error()})
			}
			listeners[t.Server] = a
		}
		for range t.Count {
			if err := a.connect(t.State); err != nil {
				return out.Encode(report{Error: err.Error()})
			}
		}
	}
	return obeyReady(in, out, disobey)
}

// An address has a listener; the ports below next are connected to it.
type address struct {
	listener int
	server   netip.AddrPort
	next     uint16
}

func listenOn(server netip.AddrPort) (*address, error) {
	family, where := sockaddr(server)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err == nil {
		err = unix.Bind(fd, where)
	}
	if err == nil {
		err = unix.Listen(fd, 1)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", server, err)
	}
	return &address{fd, server, firstPort}, nil
}

// connect opens the next connection and brings it to the state: the server's
// socket to CLOSE_WAIT, the client's to TIME_WAIT.
func (a *address) connect(state State) error {
	if a.next > lastPort {
		return fmt.Errorf("connect to %s: all ports are in use", a.server)
	}
	source := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), a.next)
	if a.server.Addr().Is6() {
		source = netip.AddrPortFrom(netip.IPv6Loopback(), a.next)
	}
	a.next++
	client, err := dialFrom(source, a.server)
	if err != nil {
		return fmt.Errorf("connect %s to %s: %w", source, a.server, err)
	}
	server, _, err := unix.Accept4(a.listener, unix.SOCK_CLOEXEC)
	if err != nil {
		return fmt.Errorf("accept at %s: %w", a.server, err)
	}
	if state == CloseWait || state == TimeWait {
		err = unix.Close(client)
	}
	if state == TimeWait && err == nil {
		err = unix.Close(server)
	}
	return err
}

func dialFrom(source, target netip.AddrPort) (fd int, err error) {
	family, from := sockaddr(source)
	if fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP); err != nil {
		return -1, err
	}
	// Other sockets have the same local port and another peer.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return -1, err
	}
	if err := unix.Bind(fd, from); err != nil {
		return -1, err
	}
	_, to := sockaddr(target)
	return fd, unix.Connect(fd, to)
}
