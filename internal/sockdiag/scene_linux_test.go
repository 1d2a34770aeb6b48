// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"errors"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A scene is a set of sockets in every state that loopback can show. It stands
// still until the test process ends, and its ports are always the same.
type scene struct {
	tb   testing.TB
	next uint16 // next port
	want []row  // with zero for queues that the test does not know
	mark map[string]netip.AddrPort
}

var (
	sceneOnce  sync.Once
	builtScene *scene
)

// theScene builds the scene at its first call.
func theScene(tb testing.TB) *scene {
	needNetNS(tb)
	sceneOnce.Do(func() {
		s := &scene{tb: tb, next: 8000, mark: make(map[string]netip.AddrPort)}
		for _, a := range []string{"127.0.0.1", "::1"} {
			address := netip.MustParseAddr(a)
			s.acceptQueue(address)
			s.established(address)
			s.closeWait(address)
			s.timeWait(address)
			s.handshakes(address)
			s.unsentFin(address)
		}
		s.mapped()
		s.tb = nil
		builtScene = s
	})
	if builtScene == nil {
		tb.Fatal("the scene was not built")
	}
	return builtScene
}

func (s *scene) acceptQueue(a netip.Addr) {
	_, at := s.listen(a, 7)
	s.expect(StateListen, at, unspecified(a), 3, 7)
	for range 3 {
		_, from := s.connect(at)
		s.expect(StateEstablished, from, at, 0, 0)
		s.expect(StateEstablished, at, from, 0, 0)
	}
	s.mark["listener "+a.String()] = at
}

func (s *scene) established(a netip.Addr) {
	client, _, from, at := s.pair(a)
	s.ok(unix.SetsockoptInt(client, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1))
	_, err := unix.Write(client, []byte("0123456789"))
	s.ok(err)
	s.expect(StateEstablished, from, at, 0, 0)
	s.expect(StateEstablished, at, from, 10, 0)
	s.mark["client "+a.String()], s.mark["server "+a.String()] = from, at
}

func (s *scene) closeWait(a netip.Addr) {
	client, _, from, at := s.pair(a)
	s.ok(unix.Shutdown(client, unix.SHUT_WR))
	s.expect(StateFinWait2, from, at, 0, 0)
	s.expect(StateCloseWait, at, from, 1, 0)

	client, _, from, at = s.pair(a) // the mini-socket form of FIN_WAIT_2
	s.ok(unix.Close(client))
	s.expect(StateFinWait2, from, at, 0, 0)
	s.expect(StateCloseWait, at, from, 1, 0)
	s.mark["orphan "+a.String()] = from
}

func (s *scene) timeWait(a netip.Addr) {
	client, server, from, at := s.pair(a)
	s.ok(unix.Close(client))
	s.ok(unix.Close(server))
	s.expect(StateTimeWait, from, at, 0, 0)
	s.mark["time_wait "+a.String()] = from
}

// handshakes makes a SYN that a full accept queue drops, and a request that
// TCP_DEFER_ACCEPT keeps half open.
func (s *scene) handshakes(a netip.Addr) {
	_, at := s.listen(a, 0)
	s.expect(StateListen, at, unspecified(a), 1, 0)
	_, from := s.connect(at)
	s.expect(StateEstablished, from, at, 0, 0)
	s.expect(StateEstablished, at, from, 0, 0)
	fd, from := s.socket(at.Addr())
	s.ok(unix.SetNonblock(fd, true))
	if err := unix.Connect(fd, sockaddr(at)); !errors.Is(err, unix.EINPROGRESS) {
		s.tb.Fatalf("connect to a full accept queue: %v", err)
	}
	s.expect(StateSynSent, from, at, 0, 1)
	s.mark["full "+a.String()] = at

	listener, at := s.listen(a, 5)
	s.ok(unix.SetsockoptInt(listener, unix.SOL_TCP, unix.TCP_DEFER_ACCEPT, 60))
	s.expect(StateListen, at, unspecified(a), 0, 5)
	_, from = s.connect(at)
	s.expect(StateEstablished, from, at, 0, 0)
	s.expect(StateSynRecv, at, from, 0, 0)
}

// unsentFin makes connections whose FIN waits behind data that the peer has no
// room for.
func (s *scene) unsentFin(a netip.Addr) {
	client, _, from, at := s.pair(a)
	s.fill(client)
	s.ok(unix.Shutdown(client, unix.SHUT_WR))
	s.expect(StateFinWait1, from, at, 0, 0)
	s.expect(StateEstablished, at, from, 0, 0)

	client, server, from, at := s.pair(a)
	s.fill(client)
	s.ok(unix.Shutdown(client, unix.SHUT_WR))
	s.ok(unix.Shutdown(server, unix.SHUT_WR))
	s.expect(StateClosing, from, at, 0, 0)
	s.expect(StateFinWait2, at, from, 0, 0)

	client, server, from, at = s.pair(a)
	s.fill(server)
	s.ok(unix.Shutdown(client, unix.SHUT_WR))
	s.ok(unix.Shutdown(server, unix.SHUT_WR))
	s.expect(StateFinWait2, from, at, 0, 0)
	s.expect(StateLastAck, at, from, 0, 0)
}

// mapped makes an IPv4 connection to a listener of both families.
func (s *scene) mapped() {
	listener, at := s.listen(netip.IPv6Unspecified(), 5)
	s.expect(StateListen, at, unspecified(at.Addr()), 0, 5)
	target := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at.Port())
	_, from := s.connect(target)
	_, _, err := unix.Accept(listener)
	s.ok(err)
	s.expect(StateEstablished, from, target, 0, 0)
	s.expect(StateEstablished, target, from, 0, 0)
	s.mark["mapped"] = target
}

func (s *scene) ok(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatal(err)
	}
}

func (s *scene) expect(state State, source, destination netip.AddrPort, receive, send uint32) {
	s.want = append(s.want, row{state, source, destination, receive, send})
}

// pair returns both ends of a connection to a listener of its own.
func (s *scene) pair(a netip.Addr) (client, server int, from, at netip.AddrPort) {
	listener, at := s.listen(a, 5)
	s.expect(StateListen, at, unspecified(a), 0, 5)
	client, from = s.connect(at)
	server, _, err := unix.Accept(listener)
	s.ok(err)
	return client, server, from, at
}

// socket returns a socket that is bound to a and the next port.
func (s *scene) socket(a netip.Addr) (int, netip.AddrPort) {
	family := unix.AF_INET
	if a.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EAFNOSUPPORT) {
		skip(s.tb, "ipv6", "this kernel has no IPv6")
	}
	s.ok(err)
	at := netip.AddrPortFrom(a, s.next)
	s.next++
	s.ok(unix.Bind(fd, sockaddr(at)))
	return fd, at
}

func (s *scene) listen(a netip.Addr, backlog int) (int, netip.AddrPort) {
	fd, at := s.socket(a)
	s.ok(unix.Listen(fd, backlog))
	return fd, at
}

func (s *scene) connect(to netip.AddrPort) (int, netip.AddrPort) {
	fd, from := s.socket(to.Addr())
	s.ok(unix.Connect(fd, sockaddr(to)))
	return fd, from
}

// fill writes until neither the peer nor the send buffer takes more.
func (s *scene) fill(fd int) {
	s.ok(unix.SetNonblock(fd, true))
	for b := make([]byte, 64<<10); ; {
		if _, err := unix.Write(fd, b); errors.Is(err, unix.EAGAIN) {
			return
		} else if err != nil {
			s.tb.Fatal(err)
		}
	}
}

func sockaddr(ap netip.AddrPort) unix.Sockaddr {
	if ap.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()}
}

func unspecified(a netip.Addr) netip.AddrPort {
	if a.Is4() {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
}
