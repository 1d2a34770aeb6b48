// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// rfc1337Rows are about resets that meet a socket in TIME_WAIT.
func rfc1337Rows() []row {
	return []row{
		{
			rule: "rfc1337", symptom: "a forged reset for each of 20 sockets in TIME_WAIT",
			settings: map[string]string{"net.ipv4.tcp_rfc1337": "1"},
			finds:    findings{"rfc1337": rules.Info}, verdict: rules.VerdictHarmless,
			number: "of them that are left",
			cure:   tried("net.ipv4.tcp_rfc1337=0"),
			effect: falls(20, 0),
			stage: func(t *testing.T) *stage {
				pair := lab.NewPair(t)
				port := uint16(8079)
				left := func(t *testing.T) (n int) {
					for _, s := range pair.Client.Sockets(t) {
						if s.State == lab.TimeWait && s.Remote.Port() == port {
							n++
						}
					}
					return n
				}
				return &stage{
					host: pair.Client,
					load: func(t *testing.T) {
						port++
						target := pair.Target(port)
						ends := closeInTurn(t, pair, target, 20)
						if n := left(t); n != len(ends) {
							t.Fatalf("%d sockets in TIME_WAIT, want %d", n, len(ends))
						}
						for local, sequence := range ends {
							pair.Server.Reset(t, target, local, sequence)
						}
					},
					number: func(t *testing.T) float64 {
						began := time.Now() // those that go are gone soon
						lab.Eventually(t, settleTime, func() (bool, string) {
							n := left(t)
							return n == 0 || time.Since(began) > time.Second, fmt.Sprintf("%d left", n)
						})
						return float64(left(t))
					},
				}
			},
		},
	}
}

// closeInTurn makes connections that the client closes first, and returns for
// each the client's address and the sequence number that it expects next.
func closeInTurn(t *testing.T, pair *lab.Pair, target netip.AddrPort, count int) map[netip.AddrPort]uint32 {
	t.Helper()
	var listener *net.TCPListener
	err := pair.Server.Do(func() error {
		var config net.ListenConfig
		config.SetMultipathTCP(false)
		l, err := config.Listen(context.Background(), "tcp4", target.String())
		if err == nil {
			listener = l.(*net.TCPListener)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ends := map[netip.AddrPort]uint32{}
	for range count {
		local, sequence, err := closeOne(pair.Client, listener, target)
		if err != nil {
			t.Fatal(err)
		}
		ends[local] = sequence
	}
	lab.WaitState(t, pair.Client, lab.FinWait2, 0, settleTime)
	return ends
}

// closeOne makes one of these connections.
func closeOne(client *lab.Host, listener *net.TCPListener, target netip.AddrPort) (local netip.AddrPort, sequence uint32, err error) {
	var near net.Conn
	err = client.Do(func() (err error) {
		near, err = net.DialTimeout("tcp4", target.String(), settleTime)
		return err
	})
	if err != nil {
		return local, 0, err
	}
	local = near.LocalAddr().(*net.TCPAddr).AddrPort()
	far, err := listener.AcceptTCP()
	if err != nil {
		return local, 0, err
	}
	defer far.Close()
	near.Close()
	if _, err := io.ReadAll(far); err != nil {
		return local, 0, err
	}
	sequence, err = nextSequence(far)
	return local, sequence + 1, err // the FIN takes one
}

// nextSequence is the sequence number of what the connection sends next. Only a
// socket in repair mode tells it, tcp(7) and include/uapi/linux/tcp.h.
func nextSequence(conn *net.TCPConn) (sequence uint32, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	const repairOn, repairOffQuietly, sendQueue = 1, -1, 2
	var ctlErr error
	err = raw.Control(func(fd uintptr) {
		set := func(option, value int) {
			if ctlErr == nil {
				ctlErr = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, option, value)
			}
		}
		set(unix.TCP_REPAIR, repairOn)
		set(unix.TCP_REPAIR_QUEUE, sendQueue)
		if ctlErr == nil {
			var n int
			n, ctlErr = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUEUE_SEQ)
			sequence = uint32(n)
		}
		set(unix.TCP_REPAIR, repairOffQuietly)
	})
	if err == nil {
		err = ctlErr
	}
	if err != nil {
		return 0, fmt.Errorf("read sequence number: %w", err)
	}
	return sequence, nil
}
