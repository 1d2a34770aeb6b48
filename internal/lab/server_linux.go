// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Behaviour is what a server does with a connection.
type Behaviour string

// The behaviours. "Keeps" means that the socket is never closed.
const (
	Hold        Behaviour = "hold"         // accepts, never reads, keeps: CLOSE_WAIT with Recv-Q 1 after the client's FIN
	HoldEOF     Behaviour = "hold-eof"     // accepts, reads until the end, keeps: CLOSE_WAIT with Recv-Q 0
	ReplyKeep   Behaviour = "reply-keep"   // accepts, reads one message, answers "ok", keeps
	Echo        Behaviour = "echo"         // accepts, sends back what it reads, closes at the end
	Answer      Behaviour = "answer"       // accepts, gives a [Caller] what it asks for, closes at the end
	ActiveClose Behaviour = "active-close" // accepts and closes: TIME_WAIT lands on the server
	SinkClose   Behaviour = "sink-close"   // accepts, reads until the end, closes: TIME_WAIT lands on the client
	NeverAccept Behaviour = "never-accept" // listens only: the accept queue fills up
)

// acceptRetry is how long a server waits after accept() failed, for instance
// with EMFILE: a real one would spin.
const acceptRetry = 50 * time.Millisecond

// napMargin is how long nobody must wait before a server takes its nap.
const napMargin = time.Millisecond

// A Server is a process that listens on one address.
type Server struct {
	Name      string // of the process; "server" when empty
	Address   netip.AddrPort
	Backlog   int // of listen(); 0 means somaxconn, as in the net package
	Behaviour Behaviour
	Greeting  bool          // sends "ok" on each connection first: the server speaks first
	Pause     time.Duration // after the first accept(), before the second
	Nap       time.Duration // whenever it has accepted all that waited, before it looks again
	NoFile    uint64        // RLIMIT_NOFILE; 0 means the hard limit
	Options   Options
}

// Serve starts the server in the host and returns when it listens.
func Serve(t testing.TB, h *Host, s Server) *Process {
	t.Helper()
	if s.Name == "" {
		s.Name = "server"
	}
	behaviours := []Behaviour{Hold, HoldEOF, ReplyKeep, Echo, Answer, ActiveClose, SinkClose, NeverAccept}
	if !slices.Contains(behaviours, s.Behaviour) {
		t.Fatalf("behaviour %q of %s: must be one of %q", s.Behaviour, s.Name, behaviours)
	}
	p := start(t, h, s.Name, program{Server: &s})
	p.await(t, startTimeout)
	return p
}

// Relisten makes a server call listen(backlog) again on the same descriptor,
// which is how a running program would take up a changed somaxconn.
func (p *Process) Relisten(t testing.TB, backlog int) {
	t.Helper()
	p.order(t, order{Listen: backlog})
}

// CloseAll makes a server, or a client that has reported its result, close the
// connections that it keeps.
func (p *Process) CloseAll(t testing.TB) {
	t.Helper()
	p.order(t, order{CloseAll: true})
}

// run listens, reports that, serves in the background and obeys orders until
// standard input ends.
func (s *Server) run(in *json.Decoder, out *json.Encoder) error {
	listener, err := s.listen()
	if err != nil {
		return out.Encode(report{Error: err.Error()})
	}
	var kept keeper
	if s.Behaviour != NeverAccept {
		go s.accept(listener, &kept)
	}
	return obeyReady(in, out, func(o order) (report, error) {
		if o.CloseAll {
			return report{Ready: true}, kept.closeAll()
		}
		return report{Ready: true}, relisten(listener, o.Listen)
	})
}

// listen opens a plain TCP listener: without multipath TCP, which is what the
// net package would choose, and without keepalive on the connections.
func (s *Server) listen() (*net.TCPListener, error) {
	config := net.ListenConfig{KeepAlive: -1, Control: s.Options.control}
	config.SetMultipathTCP(false)
	listener, err := config.Listen(context.Background(), "tcp", s.Address.String())
	if err != nil {
		return nil, err
	}
	l := listener.(*net.TCPListener)
	if s.Backlog != 0 {
		err = relisten(l, s.Backlog)
	}
	return l, err
}

// relisten calls listen() on the descriptor of a listener. The kernel takes the
// new backlog, cut to somaxconn (inet_listen in net/ipv4/af_inet.c).
func relisten(l *net.TCPListener, backlog int) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var listenErr error
	err = raw.Control(func(fd uintptr) { listenErr = unix.Listen(int(fd), backlog) })
	if err != nil {
		return err
	}
	if listenErr != nil {
		return fmt.Errorf("listen with backlog %d: %w", backlog, listenErr)
	}
	return nil
}

// accept takes connections as fast as it can, between its naps.
func (s *Server) accept(listener *net.TCPListener, kept *keeper) {
	for first := true; ; first = false {
		if s.Nap > 0 {
			listener.SetDeadline(time.Now().Add(napMargin))
		}
		conn, err := listener.AcceptTCP()
		if s.Nap > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			time.Sleep(s.Nap)
			continue
		}
		if err != nil {
			time.Sleep(acceptRetry)
			continue
		}
		if first {
			time.Sleep(s.Pause)
		}
		if s.Behaviour == ActiveClose && !s.Greeting {
			conn.Close()
			continue
		}
		if s.Behaviour == Hold && !s.Greeting {
			kept.keep(conn)
			continue
		}
		go s.serve(conn, kept)
	}
}

// serve treats one connection. Errors are the peer's affair.
func (s *Server) serve(conn *net.TCPConn, kept *keeper) {
	if s.Greeting {
		io.WriteString(conn, "ok")
	}
	switch s.Behaviour {
	case Hold:
		kept.keep(conn)
	case HoldEOF:
		io.Copy(io.Discard, conn)
		kept.keep(conn)
	case ReplyKeep:
		if _, err := conn.Read(make([]byte, messageSize)); err == nil {
			io.WriteString(conn, "ok")
		}
		kept.keep(conn)
	case Echo:
		io.Copy(struct{ io.Writer }{conn}, struct{ io.Reader }{conn}) // without splice(2), which takes pipes
		conn.Close()
	case Answer:
		answer(conn)
		conn.Close()
	case ActiveClose:
		conn.Close()
	case SinkClose:
		io.Copy(io.Discard, conn)
		conn.Close()
	}
}

// A keeper holds connections, so that the garbage collector does not close them
// and the test can.
type keeper struct {
	mu    sync.Mutex
	conns []io.Closer
}

func (k *keeper) keep(conn io.Closer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns = append(k.conns, conn)
}

func (k *keeper) closeAll() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	for _, conn := range k.conns {
		errs = append(errs, conn.Close())
	}
	k.conns = nil
	return errors.Join(errs...)
}
