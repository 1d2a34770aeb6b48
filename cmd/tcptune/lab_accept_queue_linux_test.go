// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// acceptQueueRows are about connections that wait for accept().
func acceptQueueRows() []row {
	return []row{
		{
			rule: "accept-queue-overflow", variant: "the program", symptom: "bursts of 400 clients, a server that stalls for 0.3 s, backlog 64",
			window: burstWindow,
			finds:  findings{"accept-queue-overflow": rules.Critical}, verdict: rules.VerdictApplication,
			number: "clients that hang",
			cure:   acted("passes to listen() from 64", "the program is restarted with a backlog of 1024"),
			effect: falls(100, 0),
			stage: func(t *testing.T) *stage {
				b := newBursts(t, 8080, 64)
				b.act = func(t *testing.T) { b.restart(t, 1024) }
				return &b.stage
			},
		},
		{
			rule: "accept-queue-overflow", variant: "the kernel", symptom: "bursts of 400 clients, a server that stalls for 0.3 s, backlog 1024 and net.core.somaxconn 64",
			window:   burstWindow,
			settings: map[string]string{"net.core.somaxconn": "64"},
			finds:    findings{"accept-queue-overflow": rules.Critical}, verdict: rules.VerdictSysctl,
			number: "clients that hang",
			cure:   recommended("low").and("calls listen() again", "the program is restarted"),
			effect: falls(100, 0),
			stage: func(t *testing.T) *stage {
				b := newBursts(t, 8080, 1024)
				number := b.number
				b.number = func(t *testing.T) float64 {
					defer b.load(t) // so that apply finds what check has found
					return number(t)
				}
				b.act = func(t *testing.T) { b.restart(t, 1024) }
				return &b.stage
			},
		},
		{
			rule: "accept-overflow-cookie-hang", symptom: "bursts of 400 clients, a server that stalls for 0.3 s and speaks first, backlog 16",
			window:  burstWindow,
			finds:   findings{"accept-overflow-cookie-hang": rules.Critical, "accept-queue-overflow": rules.Critical},
			verdict: rules.VerdictApplication,
			number:  "clients that hang",
			cure:    acted("raise the backlog of", "the program is restarted with a backlog of 1024"),
			effect:  falls(100, 0),
			stage: func(t *testing.T) *stage {
				b := newBursts(t, 3306, 16)
				b.act = func(t *testing.T) { b.restart(t, 1024) }
				return &b.stage
			},
		},
		{
			rule: "relisten-needed", symptom: "600 clients at once, a server that stalls for 1.5 s, net.core.somaxconn raised from 128 while it listens",
			settings: map[string]string{"net.core.somaxconn": "128"},
			finds:    findings{"relisten-needed": rules.Notice}, verdict: rules.VerdictApplication,
			number: "connection requests dropped (ListenDrops)",
			cure:   acted("Restart", "the program is restarted"),
			effect: falls(100, 0),
			stage:  relisten,
		},
		{
			rule: "listen-drops-other", symptom: "10 clients a second of a network to which this host has no route",
			finds: findings{"listen-drops-other": rules.Notice}, verdict: rules.VerdictOperator,
			number: "connections without an answer",
			cure:   acted("no route back to the client", "the route is added"),
			effect: falls(30, 0),
			stage:  func(t *testing.T) *stage { return farClients(t, func(*testing.T, *lab.Host) {}) },
		},
		{
			rule: "close-wait-in-accept-queue", symptom: "30 clients connect and leave, the program does not call accept()",
			finds: findings{"close-wait-in-accept-queue": rules.Warning}, verdict: rules.VerdictApplication,
			number: "sockets in CLOSE_WAIT without an owner",
			cure:   acted("restart it", "the program is replaced by one that accepts and closes"),
			effect: falls(30, 0),
			stage:  notAccepted,
		},
	}
}

// burstWindow holds at least one burst.
const burstWindow = 3 * time.Second

// bursts are clients that come in bursts to a server that stalls, whose host is
// looked at. The server speaks first.
type bursts struct {
	stage
	pair   *lab.Pair
	target netip.AddrPort
	server *lab.Process
	client *lab.Process
}

func newBursts(t *testing.T, port uint16, backlog int) *bursts {
	b := &bursts{pair: lab.NewPair(t)}
	b.host, b.target = b.pair.Server, b.pair.Target(port)
	b.load = func(t *testing.T) {
		if b.server == nil {
			b.serve(t, backlog)
		}
		if b.client != nil {
			b.client.Stop()
		}
		before := b.host.Counters(t)["Tcp.PassiveOpens"]
		b.client = lab.StartClient(t, b.pair.Client, lab.Client{
			Targets: oneTarget(b.target), Duration: longTime, Burst: 400, Interval: 2 * time.Second, // a slow machine serves a burst before the next
			NonBlocking: true, Receive: lab.ReceiveMessage, Timeout: 3 * time.Second, Ending: lab.Reset,
		})
		lab.Eventually(t, settleTime, func() (bool, string) {
			return b.host.Counters(t)["Tcp.PassiveOpens"] > before, "no connection comes in"
		})
	}
	b.number = func(t *testing.T) float64 {
		r := b.client.Finish(t)
		if hanging := r.Errors["timeout"]; r.OK+hanging != r.Attempts {
			t.Fatalf("clients got %+v", r.Errors)
		}
		return float64(r.Errors["timeout"])
	}
	return b
}

func (b *bursts) serve(t *testing.T, backlog int) {
	t.Helper()
	b.server = lab.Serve(t, b.host, lab.Server{
		Name: "stalling", Address: b.target, Backlog: backlog, Behaviour: lab.SinkClose, Greeting: true, Nap: 300 * time.Millisecond,
	})
}

func (b *bursts) restart(t *testing.T, backlog int) {
	t.Helper()
	b.server.Stop()
	b.serve(t, backlog)
}

// relisten is a server that listens since before net.core.somaxconn was raised,
// whose host is looked at when the burst is over.
func relisten(t *testing.T) *stage {
	pair := lab.NewPair(t)
	target := pair.Target(8080)
	var server *lab.Process
	serve := func() {
		server = lab.Serve(t, pair.Server, lab.Server{
			Name: "stalling", Address: target, Backlog: 1024, Behaviour: lab.SinkClose, Greeting: true, Nap: 1500 * time.Millisecond,
		})
	}
	var dropped int64
	return &stage{
		host: pair.Server,
		load: func(t *testing.T) {
			if server == nil {
				serve()
				pair.Server.Sysctl(t, "net.core.somaxconn", "4096")
			}
			before := pair.Server.Counters(t)["TcpExt.ListenDrops"]
			lab.Connect(t, pair.Client, lab.Client{
				Targets: oneTarget(target), Count: 600, NonBlocking: true, Receive: lab.ReceiveMessage, Timeout: 4 * time.Second, Ending: lab.Reset,
			})
			dropped = pair.Server.Counters(t)["TcpExt.ListenDrops"] - before
		},
		number: func(*testing.T) float64 { return float64(dropped) },
		act: func(*testing.T) {
			server.Stop()
			serve()
		},
	}
}

// notAccepted is a server that does not accept, whose host is looked at when the
// clients have left.
func notAccepted(t *testing.T) *stage {
	pair := lab.NewPair(t)
	target := pair.Target(8080)
	server := lab.Serve(t, pair.Server, lab.Server{Name: "stuck", Address: target, Behaviour: lab.NeverAccept})
	left := 30
	return &stage{
		host: pair.Server,
		load: func(t *testing.T) {
			connectAll(t, pair.Client, lab.Client{Targets: oneTarget(target), Count: 30})
			lab.WaitState(t, pair.Server, lab.CloseWait, left, settleTime)
		},
		number: func(t *testing.T) (n float64) {
			for _, s := range pair.Server.Sockets(t) {
				if s.State == lab.CloseWait && s.Inode == 0 {
					n++
				}
			}
			return n
		},
		act: func(*testing.T) {
			server.Stop()
			lab.Serve(t, pair.Server, lab.Server{Name: "fixed", Address: target, Behaviour: lab.SinkClose})
			left = 0
		},
	}
}
