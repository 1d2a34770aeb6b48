// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAcceptQueue(t *testing.T) {
	tests := []struct {
		name, somaxconn string
		backlog         int
		recvQ, sendQ    uint32
	}{
		{"program", "4096", 64, 65, 64},
		{"sysctl", "128", 1024, 129, 128},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			Isolate(t, func(t *testing.T) {
				pair := NewPair(t)
				pair.Server.Sysctl(t, "net.core.somaxconn", test.somaxconn)
				Serve(t, pair.Server, Server{Address: pair.Target(8080), Backlog: test.backlog, Behaviour: NeverAccept})
				Connect(t, pair.Client, Client{Targets: one(pair.Target(8080)), Count: 600, NonBlocking: true})
				var l Socket
				Eventually(t, settleTime, func() (bool, string) {
					l = pair.Server.Listener(t, 8080)
					return l.RecvQ == test.recvQ && l.SendQ == test.sendQ,
						fmt.Sprintf("queue %d/%d, want %d/%d", l.RecvQ, l.SendQ, test.recvQ, test.sendQ)
				})
				if n := needCounter(t, pair.Server, "TcpExt.ListenOverflows"); n == 0 {
					t.Error("ListenOverflows = 0")
				}
			})
		})
	}
}

// TestAcceptPause is a server that speaks first and takes a break: connections
// whose last ACK was dropped hang, unless the queue was long enough.
func TestAcceptPause(t *testing.T) {
	tests := []struct {
		name            string
		backlog, before int // somaxconn before it listens
		relisten        bool
		hangs           bool
	}{
		{"short", 64, 4096, false, true},
		{"long", 1024, 4096, false, false},
		{"cut", 1024, 128, false, true},
		{"listens again", 1024, 128, true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			Isolate(t, func(t *testing.T) {
				pair := NewPair(t)
				pair.Server.Sysctl(t, "net.core.somaxconn", fmt.Sprint(test.before))
				server := Serve(t, pair.Server, Server{
					Address: pair.Target(8080), Backlog: test.backlog, Behaviour: Hold, Greeting: true, Pause: Patience(500 * time.Millisecond),
				})
				pair.Server.Sysctl(t, "net.core.somaxconn", "4096")
				if test.relisten {
					server.Relisten(t, test.backlog)
				}
				r := Connect(t, pair.Client, Client{
					Targets: one(pair.Target(8080)), Count: 600, NonBlocking: true, Receive: ReceiveMessage, Timeout: Patience(3500 * time.Millisecond),
				})
				hanging := r.Errors["timeout"]
				drops := needCounter(t, pair.Server, "TcpExt.ListenDrops")
				t.Logf("%d served, p99 %v, %d hanging, %d drops", r.OK, Percentile(r.Times, 0.99), hanging, drops)
				if r.OK+hanging != 600 || (hanging > 20) != test.hangs || (drops > 0) != test.hangs {
					t.Errorf("%d served, errors %v, %d drops", r.OK, r.Errors, drops)
				}
			})
		})
	}
}

func TestSynSent(t *testing.T) {
	scan := make([]netip.AddrPort, 400)
	for i := range scan {
		scan[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 19, byte(i / 250), byte(1 + i%250)}), 445)
	}
	tests := []struct {
		name         string
		targets      []netip.AddrPort
		destinations int
	}{
		{"scan", scan, 400},
		{"dead backend", one(netip.MustParseAddrPort("198.19.0.1:5432")), 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			Isolate(t, func(t *testing.T) {
				pair := NewPair(t)
				pair.Client.BlackHole(t, "eth0", netip.MustParsePrefix("198.19.0.0/16"))
				r := Connect(t, pair.Client, Client{Targets: test.targets, Count: 400, NonBlocking: true})
				if r.OK != 400 {
					t.Fatalf("%d SYNs, errors %v", r.OK, r.Errors)
				}
				WaitState(t, pair.Client, SynSent, 400, settleTime)
				destinations := map[netip.AddrPort]bool{}
				for _, s := range pair.Client.Sockets(t) {
					destinations[s.Remote] = true
				}
				if len(destinations) != test.destinations {
					t.Errorf("%d destinations, want %d", len(destinations), test.destinations)
				}
				if diff := cmp.Diff(map[State]int{}, pair.Server.States(t)); diff != "" {
					t.Errorf("the server has sockets (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestSynFlood(t *testing.T) {
	tests := []struct {
		name, cookies, synBacklog string
		backlog                   int
		clients                   int           // real ones that are served
		patience                  time.Duration // of each
		synRecv                   int
	}{
		{"cookies off", "0", "256", 4096, 0, 300 * time.Millisecond, 193}, // three quarters of tcp_max_syn_backlog, plus one
		{"cookies on", "1", "256", 128, 5, 5 * time.Second, 129},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			Isolate(t, func(t *testing.T) {
				pair := NewPair(t)
				attacker := NewHost(t, "attacker")
				Join(t, attacker, netip.MustParsePrefix("198.18.2.1/24"), pair.Server, netip.MustParsePrefix("198.18.2.2/24"))
				sources := netip.MustParsePrefix("198.19.0.0/16")
				pair.Server.BlackHole(t, "eth1", sources)
				attacker.Route(t, netip.MustParsePrefix("198.18.1.0/24"), netip.MustParseAddr("198.18.2.2"))
				for key, value := range map[string]string{
					"net.ipv4.tcp_syncookies": test.cookies, "net.ipv4.tcp_max_syn_backlog": test.synBacklog, "net.ipv4.tcp_synack_retries": "5",
				} {
					pair.Server.Sysctl(t, key, value)
				}
				target := pair.Target(8080)
				Serve(t, pair.Server, Server{Address: target, Backlog: test.backlog, Behaviour: Echo})
				flood := StartFlood(t, attacker, Flood{Target: target, Sources: sources, Count: 1500, Duration: 2 * time.Second})
				Eventually(t, settleTime, func() (bool, string) {
					n := pair.Server.States(t)[SynRecv]
					return n >= 129, fmt.Sprintf("%d in SYN_RECV", n)
				})
				Eventually(t, settleTime, func() (bool, string) {
					c := pair.Server.Counters(t)
					return c["TcpExt.ListenDrops"]+c["TcpExt.SyncookiesSent"] > 100, "the queue does not fill up"
				})
				r := Connect(t, pair.Client, Client{
					Targets: one(target), Count: 5, Interval: 50 * time.Millisecond, Send: "x", Receive: ReceiveMessage, Timeout: test.patience,
				})
				if r.OK != test.clients || r.OK+r.Errors["timeout"] != 5 {
					t.Errorf("%d real clients served, errors %v, want %d served", r.OK, r.Errors, test.clients)
				}
				if sent := flood.Result(t); sent.OK != 1500 {
					t.Errorf("flood sent %+v", sent)
				}
				c := pair.Server.Counters(t)
				t.Logf("SYN_RECV %d, ListenDrops %d, SyncookiesSent %d, SyncookiesRecv %d",
					pair.Server.States(t)[SynRecv], c["TcpExt.ListenDrops"], c["TcpExt.SyncookiesSent"], c["TcpExt.SyncookiesRecv"])
				if n := pair.Server.States(t)[SynRecv]; n < test.synRecv-5 || n > test.synRecv+5 {
					t.Errorf("%d in SYN_RECV, want about %d", n, test.synRecv)
				}
				if (c["TcpExt.SyncookiesSent"] > 0) != (test.cookies == "1") || (c["TcpExt.SyncookiesRecv"] > 0) != (test.cookies == "1") {
					t.Errorf("%d cookies sent, %d came back", c["TcpExt.SyncookiesSent"], c["TcpExt.SyncookiesRecv"])
				}
			})
		})
	}
}
