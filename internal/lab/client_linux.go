// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Bind says what a client does before connect().
type Bind string

// The ways of binding. Without one the kernel chooses a port in connect().
const (
	BindNone   Bind = ""
	BindPort   Bind = "port"    // bind() to Source, port 0 or not: the port is taken for every destination
	BindNoPort Bind = "no-port" // the same with IP_BIND_ADDRESS_NO_PORT, ip(7)
)

// A Receive says what a client waits for after connect() and Send.
type Receive string

// What a client may wait for.
const (
	ReceiveNothing Receive = ""
	ReceiveMessage Receive = "message" // one successful read()
	ReceiveEOF     Receive = "eof"     // the server's FIN
)

// An Ending is what a client does with a connection at last.
type Ending string

// The endings.
const (
	Close    Ending = ""         // close()
	Keep     Ending = "keep"     // nothing, until the process stops
	Shutdown Ending = "shutdown" // shutdown(SHUT_WR), keeping the descriptor
	Reset    Ending = "reset"    // close() with SO_LINGER 0: a RST
)

const (
	clientTimeout = 5 * time.Second      // when a Client names none
	errorPause    = 2 * time.Millisecond // after an error, as a patient program would
	messageSize   = 64 << 10             // the most that one read() takes
)

// errTimeout is the client's own patience at its end; ETIMEDOUT is the kernel's.
var errTimeout = errors.New("timeout")

// A Client is a process that opens connections, one after the other: bind,
// connect, send, receive, end.
type Client struct {
	Name     string           // of the process; "client" when empty
	Targets  []netip.AddrPort // taken in turn
	Count    int              // the most connections to try; 0 means no limit
	Duration time.Duration    // how long to go on; 0 means no limit. One of the two is needed
	Interval time.Duration    // between the starts of two connections, or bursts
	Burst    int              // connections started together; 0 means 1
	Bind     Bind
	Source   netip.AddrPort // for Bind
	// NonBlocking opens all connections at once, without waiting for any, and
	// keeps them: what does not answer stays in SYN_SENT. With Send or Receive the
	// client then attends to all of them together until Timeout, does what Ending
	// says with those that got all they wait for and counts the hanging ones as
	// "timeout".
	NonBlocking bool
	Send        string
	Receive     Receive
	Timeout     time.Duration // for connect and for receive; 0 means 5 s
	Ending      Ending        // connections that failed are closed
	NoFile      uint64        // RLIMIT_NOFILE; 0 means the hard limit
	Options     Options

	buffer   []byte        // of receive
	kept     *keeper       // what Ending leaves open
	finished chan struct{} // closed when no more connections are to be opened
}

// A Result is what a client or a flood got.
type Result struct {
	Attempts int
	OK       int            // connections that went all the way; with NonBlocking alone, SYNs sent; for a flood, packets
	Errors   map[string]int // the others, by errno name, or "timeout"
	// Times are, in order, how long each successful connect() took; with
	// NonBlocking, until the connection had what the client waits for.
	Times   []time.Duration
	Elapsed time.Duration
}

// Percentile returns the duration that the fraction p of all is below, 0 when
// there are none: Percentile(r.Times[:1000], 0.5) is the median of the first
// thousand connections.
func Percentile(durations []time.Duration, p float64) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	return sorted[min(max(int(p*float64(len(sorted))), 0), len(sorted)-1)]
}

// StartClient starts the client in the host; the result comes with
// [Process.Result].
func StartClient(t testing.TB, h *Host, c Client) *Process {
	t.Helper()
	if len(c.Targets) == 0 || c.Count == 0 && c.Duration == 0 {
		t.Fatal("client needs Targets, and Count or Duration")
	}
	if c.Name == "" {
		c.Name = "client"
	}
	return start(t, h, c.Name, program{Client: &c})
}

// Connect runs the client in the host and returns its result. Connections that
// it keeps stay open until the end of the test; use [StartClient] to stop it
// earlier.
func Connect(t testing.TB, h *Host, c Client) Result {
	t.Helper()
	p := StartClient(t, h, c)
	r := p.Result(t)
	if !c.NonBlocking && (c.Ending == Close || c.Ending == Reset) {
		p.Stop()
	}
	return r
}

// Result waits until a client or a flood has done its work, at most a minute.
func (p *Process) Result(t testing.TB) Result {
	t.Helper()
	r := p.await(t, workTimeout)
	if r.Result == nil {
		t.Fatalf("%s is not a client", p.Name)
	}
	return *r.Result
}

// Finish makes a client open no more connections, and returns its result.
func (p *Process) Finish(t testing.TB) Result {
	t.Helper()
	p.send(t, order{Finish: true})
	return p.Result(t)
}

// stay does the client's work and keeps what it leaves open.
func (c *Client) stay(in *json.Decoder, out *json.Encoder) error {
	c.kept, c.finished = &keeper{}, make(chan struct{})
	return runAndStay(in, out, c.run, func(o order) (report, error) {
		switch {
		case o.Finish:
			close(c.finished)
			return report{}, nil // the result is the answer
		case o.CloseAll:
			return report{Ready: true}, c.kept.closeAll()
		}
		return disobey(o)
	})
}

// run opens the connections.
func (c *Client) run() (*Result, error) {
	if c.Timeout == 0 {
		c.Timeout = clientTimeout
	}
	result := &Result{Errors: map[string]int{}}
	var pending []*attempt // of NonBlocking
	began := time.Now()
	for i := 0; (c.Count == 0 || i < c.Count) && (c.Duration == 0 || time.Since(began) < c.Duration); i++ {
		if !c.waitUntil(began.Add(time.Duration(i/max(c.Burst, 1)) * c.Interval)) {
			break
		}
		result.Attempts++
		a, err := c.connect(c.Targets[i%len(c.Targets)])
		if err == nil && c.NonBlocking {
			pending = append(pending, a)
			continue
		}
		if err == nil {
			err = c.converse(a, result)
		}
		result.count(c.end(a.fd, err))
		if err != nil {
			time.Sleep(errorPause)
		}
	}
	var err error
	if c.Send == "" && c.Receive == ReceiveNothing {
		result.OK += len(pending)
		c.keep(pending)
	} else {
		err = c.attend(pending, result)
	}
	result.Elapsed = time.Since(began)
	return result, err
}

// waitUntil waits and tells whether to go on.
func (c *Client) waitUntil(next time.Time) bool {
	select {
	case <-c.finished:
		return false
	case <-time.After(time.Until(next)):
		return true
	}
}

// count adds one connection that ended with err or went all the way.
func (r *Result) count(err error) {
	if err != nil {
		r.Errors[errorName(err)]++
		return
	}
	r.OK++
}

// An attempt is a connection on its way.
type attempt struct {
	fd        int // -1 when there is no socket
	began     time.Time
	connected bool
}

// connect makes a socket and starts to connect it.
func (c *Client) connect(target netip.AddrPort) (*attempt, error) {
	a := &attempt{fd: -1}
	family, address := sockaddr(target)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return a, err
	}
	a.fd = fd
	if err := c.Options.set(fd); err != nil {
		return a, err
	}
	if c.Bind != BindNone {
		if err := c.bind(fd); err != nil {
			return a, err
		}
	}
	a.began = time.Now()
	if err := unix.Connect(fd, address); err != nil && err != unix.EINPROGRESS {
		return a, err
	}
	return a, nil
}

func (c *Client) bind(fd int) error {
	if c.Bind == BindNoPort {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
			return err
		}
	}
	if c.Source.Port() != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return err
		}
	}
	_, address := sockaddr(c.Source)
	return unix.Bind(fd, address)
}

// converse waits for the connection, sends and receives.
func (c *Client) converse(a *attempt, result *Result) error {
	if err := wait(a.fd, unix.POLLOUT, a.began.Add(c.Timeout)); err != nil {
		return err
	}
	if err := c.greet(a); err != nil {
		return err
	}
	result.Times = append(result.Times, time.Since(a.began))
	deadline := time.Now().Add(c.Timeout)
	for done := c.Receive == ReceiveNothing; !done; {
		err := wait(a.fd, unix.POLLIN, deadline)
		if err == nil {
			done, err = c.receive(a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// greet finds out whether connect() succeeded, and sends.
func (c *Client) greet(a *attempt) error {
	errno, err := unix.GetsockoptInt(a.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if errno != 0 {
		return unix.Errno(errno)
	}
	a.connected = true
	if c.Send != "" {
		_, err = unix.Write(a.fd, []byte(c.Send))
	}
	return err
}

// receive reads once and tells whether the client has what it waits for.
func (c *Client) receive(a *attempt) (done bool, err error) {
	if c.buffer == nil {
		c.buffer = make([]byte, messageSize)
	}
	n, err := unix.Read(a.fd, c.buffer)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return false, nil
	case err != nil:
		return false, err
	case n == 0 && c.Receive == ReceiveMessage:
		return false, unix.ENODATA // the end instead of a message
	}
	return c.Receive == ReceiveMessage || n == 0, nil
}

// keep leaves connections open, also those that are still on their way.
func (c *Client) keep(attempts []*attempt) {
	for _, a := range attempts {
		c.kept.keep(descriptor(a.fd))
	}
}

// A descriptor is a socket of its own, outside the net package.
type descriptor int

// Close closes the descriptor.
func (d descriptor) Close() error { return unix.Close(int(d)) }

// end does what Ending says with a connection, or closes one that failed with
// err, and returns err or what ending it met.
func (c *Client) end(fd int, err error) error {
	if fd < 0 {
		return err
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	switch c.Ending {
	case Keep:
		c.kept.keep(descriptor(fd))
		return nil
	case Shutdown:
		c.kept.keep(descriptor(fd))
		return unix.Shutdown(fd, unix.SHUT_WR)
	case Reset:
		if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
			return err
		}
	}
	return unix.Close(fd)
}
