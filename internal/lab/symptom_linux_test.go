// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// settleTime is the patience with counts that an idle machine reaches at once.
const settleTime = 20 * time.Second

func TestCloseWait(t *testing.T) {
	tests := []struct {
		behaviour Behaviour
		recvQ     uint32 // the FIN, unread, counts as one byte
	}{
		{Hold, 1},
		{HoldEOF, 0},
	}
	for _, test := range tests {
		t.Run(string(test.behaviour), func(t *testing.T) {
			Isolate(t, func(t *testing.T) {
				pair := NewPair(t)
				Serve(t, pair.Server, Server{Address: pair.Target(8080), Behaviour: test.behaviour})
				r := Connect(t, pair.Client, Client{Targets: one(pair.Target(8080)), Count: 200})
				if r.OK != 200 || len(r.Errors) != 0 {
					t.Fatalf("client got %+v", r)
				}
				WaitState(t, pair.Server, CloseWait, 200, settleTime)
				Eventually(t, settleTime, func() (bool, string) {
					for _, s := range pair.Server.Sockets(t) {
						if s.State == CloseWait && (s.RecvQ != test.recvQ || s.Inode == 0) {
							return false, cmp.Diff(Socket{RecvQ: test.recvQ}, s, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }))
						}
					}
					return true, ""
				})
				// The client's halves are mini-sockets, and sockstat calls them tw.
				WaitState(t, pair.Client, FinWait2, 200, settleTime)
			})
		})
	}
}

// TestDescriptors: a server that never closes runs out of descriptors, and the
// connections that it cannot accept any more belong to nobody.
func TestDescriptors(t *testing.T) {
	Isolate(t, func(t *testing.T) {
		pair := NewPair(t)
		Serve(t, pair.Server, Server{Name: "leaky", Address: pair.Target(8080), Backlog: 128, Behaviour: ReplyKeep, NoFile: 64})
		r := Connect(t, pair.Client, Client{
			Targets: one(pair.Target(8080)), Count: 70, Send: "GET", Receive: ReceiveMessage, Timeout: 200 * time.Millisecond,
		})
		if r.OK < 45 || r.OK > 63 || r.OK+r.Errors["timeout"] != 70 {
			t.Fatalf("client got %d answers, errors %v", r.OK, r.Errors)
		}
		WaitState(t, pair.Server, CloseWait, 70, settleTime)
		orphans := 0
		for _, s := range pair.Server.Sockets(t) {
			if s.State == CloseWait && s.Inode == 0 {
				orphans++
			}
		}
		l := pair.Server.Listener(t, 8080)
		if orphans == 0 || uint32(orphans) != l.RecvQ || l.SendQ != 128 {
			t.Errorf("%d sockets without an owner, listener has %d/%d", orphans, l.RecvQ, l.SendQ)
		}
	})
}

func TestPortsUsedUp(t *testing.T) {
	tests := []struct {
		reuse string
		ok    int
	}{
		{"0", 500},
		{"2", 500}, // reuses on loopback only
	}
	for _, test := range tests {
		t.Run("tw_reuse="+test.reuse, func(t *testing.T) {
			Isolate(t, func(t *testing.T) {
				pair := NewPair(t)
				pair.Client.Sysctl(t, "net.ipv4.tcp_tw_reuse", test.reuse)
				pair.Client.Sysctl(t, "net.ipv4.ip_local_port_range", "20000 20499")
				// On two CPUs now and then a doubled ACK meets the closed server, whose
				// RST would end the TIME_WAIT early and free a port (RFC 1337).
				pair.Client.Sysctl(t, "net.ipv4.tcp_rfc1337", "1")
				Serve(t, pair.Server, Server{Address: pair.Target(8080), Behaviour: SinkClose})
				r := Connect(t, pair.Client, Client{Targets: one(pair.Target(8080)), Count: 600})
				if r.OK != test.ok || r.Errors["EADDRNOTAVAIL"] != 600-test.ok {
					t.Errorf("%d ok, errors %v", r.OK, r.Errors)
				}
				WaitState(t, pair.Client, TimeWait, 500, settleTime)
				if n := pair.Client.Counters(t)["Tcp.AttemptFails"]; n != 0 {
					t.Errorf("AttemptFails = %d, want 0: no counter shows it", n)
				}
			})
		})
	}
}

func TestPortsBound(t *testing.T) {
	tests := []struct {
		bind Bind
		ok   int
		errs map[string]int
	}{
		{BindPort, 500, map[string]int{"EADDRINUSE": 300}},
		{BindNoPort, 800, map[string]int{}},
		{BindNone, 800, map[string]int{}},
	}
	for _, test := range tests {
		t.Run("bind "+string(test.bind), func(t *testing.T) {
			Isolate(t, func(t *testing.T) {
				pair := NewPair(t)
				pair.Client.Sysctl(t, "net.ipv4.ip_local_port_range", "20000 20499")
				targets := one(pair.Target(8080))
				for last := byte(3); last <= 5; last++ {
					address := netip.AddrFrom4([4]byte{198, 18, 1, last})
					pair.Server.AddAddress(t, "eth0", netip.PrefixFrom(address, 24))
					targets = append(targets, netip.AddrPortFrom(address, 8080))
				}
				Serve(t, pair.Server, Server{Address: netip.MustParseAddrPort("0.0.0.0:8080"), Behaviour: SinkClose})
				r := Connect(t, pair.Client, Client{
					Targets: targets, Count: 800, Bind: test.bind, Source: netip.AddrPortFrom(pair.ClientAddress, 0), Ending: Keep,
				})
				if r.OK != test.ok {
					t.Errorf("%d ok, want %d", r.OK, test.ok)
				}
				if diff := cmp.Diff(test.errs, r.Errors); diff != "" {
					t.Errorf("errors (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestTimeWaitOnServer(t *testing.T) {
	Isolate(t, func(t *testing.T) {
		const connections = 24000
		pair := NewPair(t)
		pair.Client.Sysctl(t, "net.ipv4.ip_local_port_range", "1024 65535")
		pair.Server.Sysctl(t, "net.ipv4.tcp_max_tw_buckets", "131072") // a machine of little memory has less
		Serve(t, pair.Server, Server{Address: pair.Target(8080), Behaviour: ActiveClose})
		r := Connect(t, pair.Client, Client{Targets: one(pair.Target(8080)), Count: connections, Receive: ReceiveEOF})
		if r.OK != connections {
			t.Fatalf("%d ok, errors %v", r.OK, r.Errors)
		}
		// A SYN from a port that is still in TIME_WAIT is accepted out of it, so
		// there are fewer than connections.
		started := time.Now()
		n := pair.Server.States(t)[TimeWait]
		t.Logf("%d connections in %v, %d in TIME_WAIT, listed in %v; connect p50 %v first 2000, %v last 2000",
			connections, r.Elapsed, n, time.Since(started), Percentile(r.Times[:2000], 0.5), Percentile(r.Times[len(r.Times)-2000:], 0.5))
		if n < 16000 || n > connections {
			t.Errorf("%d sockets in TIME_WAIT, want about 18000", n)
		}
		if tw := pair.Server.Counters(t)["TcpExt.TW"]; tw != connections {
			t.Errorf("TW = %d, want %d", tw, connections)
		}
	})
}

func TestFinWait2(t *testing.T) {
	tests := []struct {
		name   string
		ending Ending
		inode  bool // somebody still has the socket
	}{
		{"close", Close, false},
		{"shutdown", Shutdown, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			Isolate(t, func(t *testing.T) {
				pair := NewPair(t)
				Serve(t, pair.Server, Server{Address: pair.Target(8080), Behaviour: Hold})
				Connect(t, pair.Client, Client{Targets: one(pair.Target(8080)), Count: 300, Ending: test.ending})
				WaitState(t, pair.Client, FinWait2, 300, settleTime)
				for _, s := range pair.Client.Sockets(t) {
					if s.State == FinWait2 && (s.Inode != 0) != test.inode {
						t.Fatalf("socket has inode %d, want an owner: %v", s.Inode, test.inode)
					}
				}
			})
		})
	}
}

// TestCut: a peer that lost power, or an outage, at the near and at the far end.
func TestCut(t *testing.T) {
	pairs := map[string]func(t *testing.T) *Pair{
		"veth": func(t *testing.T) *Pair { return NewPair(t) },
		"line": func(t *testing.T) *Pair { return NewLine(t, Line{Delay: time.Millisecond}) },
	}
	for name, newPair := range pairs {
		t.Run(name, func(t *testing.T) {
			Isolate(t, func(t *testing.T) {
				pair := newPair(t)
				pair.Client.Sysctl(t, "net.ipv4.tcp_retries2", "3")
				Serve(t, pair.Server, Server{Address: pair.Target(8080), Behaviour: Answer})
				callers := []*Process{
					StartCaller(t, pair.Client, Caller{Target: pair.Target(8080)}),
					StartCaller(t, pair.Client, Caller{Target: pair.Target(8080), Options: Options{UserTimeout: time.Minute}}),
				}
				for _, caller := range callers {
					if r := caller.Ask(t, Request{Receive: 1}); r.Error != "" {
						t.Fatalf("before: %+v", r)
					}
				}
				pair.Cut(t)
				patience := Client{Targets: one(pair.Target(8080)), Count: 1, Timeout: 300 * time.Millisecond}
				if r := Connect(t, pair.Client, patience); r.Errors["timeout"] != 1 {
					t.Errorf("connect while it is cut: %+v", r)
				}
				r := callers[0].Ask(t, Request{Receive: 1, Timeout: time.Minute})
				if t.Logf("%+v", r); r.Error != "ETIMEDOUT" || r.Took < 3*time.Second {
					t.Errorf("request while it is cut: %+v, want ETIMEDOUT after about 6 s", r)
				}
				pair.Mend(t)
				for _, request := range []Request{{Receive: 1}, {Receive: 1}} {
					if r := callers[1].Ask(t, request); r.Error != "" {
						t.Errorf("after it is mended: %+v", r)
					}
				}
			})
		})
	}
}
