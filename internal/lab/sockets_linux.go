// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A State is a TCP state by its number in include/net/tcp_states.h.
type State uint8

// The states.
const (
	Established State = iota + 1
	SynSent
	SynRecv
	FinWait1
	FinWait2
	TimeWait
	Closed
	CloseWait
	LastAck
	Listen
	Closing
)

// String returns the kernel's name without TCP_.
func (s State) String() string {
	names := [...]string{
		"ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
		"CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
	}
	if s == 0 || int(s) > len(names) {
		return fmt.Sprintf("state %d", uint8(s))
	}
	return names[s-1]
}

// A Socket is one TCP socket of a host.
type Socket struct {
	State         State
	Local, Remote netip.AddrPort
	RecvQ         uint32        // bytes unread (a FIN counts as one); LISTEN: connections in the accept queue
	SendQ         uint32        // bytes not acknowledged; LISTEN: the backlog
	UID, Inode    uint32        // inode 0: no process has it
	Expires       time.Duration // until its timer fires: the rest of TIME_WAIT, the next retransmission
}

// pollInterval is how often a waiting test looks.
const pollInterval = 20 * time.Millisecond

// Eventually calls check until it is done, and fails the test with the last
// state that it returned when the time-out comes first.
func Eventually(t testing.TB, timeout time.Duration, check func() (done bool, state string)) {
	t.Helper()
	timeout = Patience(timeout)
	deadline := time.Now().Add(timeout)
	for {
		done, state := check()
		if done {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %s", timeout, state)
		}
		time.Sleep(pollInterval)
	}
}

// WaitState waits until the host has exactly n sockets in the state.
func WaitState(t testing.TB, h *Host, state State, n int, timeout time.Duration) {
	t.Helper()
	Eventually(t, timeout, func() (bool, string) {
		states := h.States(t)
		return states[state] == n, fmt.Sprintf("%s has %d sockets in %v, want %d; all: %v", h.Name, states[state], state, n, states)
	})
}

// States counts the host's sockets by state.
func (h *Host) States(t testing.TB) map[State]int {
	t.Helper()
	states := map[State]int{}
	for _, s := range h.Sockets(t) {
		states[s.State]++
	}
	return states
}

// Sockets returns the TCP sockets of the host, IPv4 and IPv6, by sock_diag(7).
// The kernel counts a connection in SYN_RECV that has no socket yet as well.
func (h *Host) Sockets(t testing.TB) []Socket {
	t.Helper()
	var sockets []Socket
	err := h.Do(func() error {
		for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
			list, err := netlink.SocketDiagTCP(family)
			// Interrupted: the table changed meanwhile, as it does all the time.
			if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
				return fmt.Errorf("list sockets: %w", err)
			}
			for _, s := range list {
				sockets = append(sockets, Socket{
					State: State(s.State),
					Local: addrPort(s.ID.Source, s.ID.SourcePort), Remote: addrPort(s.ID.Destination, s.ID.DestinationPort),
					RecvQ: s.RQueue, SendQ: s.WQueue, UID: s.UID, Inode: s.INode,
					Expires: time.Duration(s.Expires) * time.Millisecond,
				})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", h.Name, err)
	}
	return sockets
}

// Listener returns the listening socket of a port.
func (h *Host) Listener(t testing.TB, port uint16) Socket {
	t.Helper()
	for _, s := range h.Sockets(t) {
		if s.State == Listen && s.Local.Port() == port {
			return s
		}
	}
	t.Fatalf("%s: nobody listens on port %d", h.Name, port)
	return Socket{}
}

// addrPort is an address of the net package, an IPv4 address in either form.
func addrPort(ip []byte, port uint16) netip.AddrPort {
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a.Unmap(), port)
}

// Counters returns the counters of the host's /proc/net/snmp and
// /proc/net/netstat by their names, such as "TcpExt.ListenDrops". A new host
// has 0 everywhere; a counter that this kernel lacks is not there.
func (h *Host) Counters(t testing.TB) map[string]int64 {
	t.Helper()
	counters := map[string]int64{}
	for _, name := range []string{"snmp", "netstat"} {
		lines := strings.Split(h.ReadNet(t, name), "\n")
		for i := 0; i+1 < len(lines); i += 2 {
			section, names, _ := strings.Cut(lines[i], ":")
			_, values, _ := strings.Cut(lines[i+1], ":")
			fields := strings.Fields(values)
			for j, counter := range strings.Fields(names) {
				if j >= len(fields) {
					t.Fatalf("%s: /proc/net/%s: no value for %s.%s", h.Name, name, section, counter)
				}
				value, err := strconv.ParseInt(fields[j], 10, 64)
				if err != nil {
					t.Fatalf("%s: /proc/net/%s: %v", h.Name, name, err)
				}
				counters[section+"."+counter] = value
			}
		}
	}
	return counters
}
