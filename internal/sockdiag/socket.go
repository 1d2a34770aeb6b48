// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"net/netip"
	"time"
)

// A Socket is one TCP socket, mini-socket or half-open request: what struct
// inet_diag_msg and its attributes say (include/uapi/linux/inet_diag.h).
//
// A Socket that a dump passes to its callback is reused for the next one, with
// everything that it points to; [Socket.Clone] makes a copy to keep.
type Socket struct {
	State State
	// Timer is the running timer, Expires the time until it fires, and
	// Retransmits how often it has done so without an answer.
	Timer       Timer
	Retransmits uint8
	Expires     time.Duration

	// Source is the local end and Destination the peer; the destination of a
	// listener is the unspecified address and port 0. An IPv4-mapped address
	// of an IPv6 socket is shown as the IPv4 address that it stands for.
	Source, Destination netip.AddrPort
	// IPv6 reports whether the socket's family is AF_INET6.
	IPv6 bool

	// Interface is the index of the interface that the socket is bound to, 0
	// for none (and always 0 from a ProcTable).
	Interface uint32
	// UID owns the socket. Mini-sockets show 0, and so do half-open requests
	// over sock_diag.
	UID uint32
	// Inode identifies the open file in /proc/PID/fd. It is 0 where there is
	// none: mini-sockets, half-open requests, connections that were not yet
	// accepted, and sockets without an owner.
	Inode uint32
	// Cookie identifies the socket until the next boot. It is 0 when unknown:
	// the kernel counts from 1.
	Cookie uint64

	// ReceiveQueue counts bytes that the program has not read; of a CLOSE_WAIT
	// socket a FIN that was not yet read counts as one. Of a listener it is
	// the accept queue: connections that wait for accept(2).
	ReceiveQueue uint32
	// SendQueue counts bytes that the peer has not acknowledged. Of a
	// listener it is the backlog if BacklogKnown, and means nothing if not.
	SendQueue uint32
	// BacklogKnown reports whether SendQueue is a listener's backlog. Only
	// sock_diag tells it; /proc/net/tcp has 0 in its place.
	BacklogKnown bool

	// Memory, Info and Congestion hold the extensions that were asked for:
	// nil or empty when the kernel sent none. Mini-sockets and half-open
	// requests have none, and Info is nil for listeners (see TCPInfo).
	Memory     *Memory
	Info       *TCPInfo
	Congestion string

	// BoundNoPort reports whether IP_BIND_ADDRESS_NO_PORT is set (ip(7)). It
	// is nil when unknown: mini-sockets, and Linux before 5.15.
	BoundNoPort *bool
}

// Backlog returns the limit of a listener's accept queue: the smaller of the
// backlog given to listen(2) and somaxconn at that time. It is not ok for
// other sockets, and where the backlog is not known.
func (s *Socket) Backlog() (limit uint32, ok bool) {
	if s.State != StateListen || !s.BacklogKnown {
		return 0, false
	}
	return s.SendQueue, true
}

// Clone returns a copy that shares nothing with s.
func (s *Socket) Clone() *Socket {
	c := *s
	c.Memory = s.Memory.clone()
	c.Info = clonePointer(s.Info)
	c.BoundNoPort = clonePointer(s.BoundNoPort)
	return &c
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
