// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// closeWaitRows are about programs that do not close, and about file descriptors.
func closeWaitRows() []row {
	return []row{
		{
			rule: "close-wait-leak", symptom: "200 clients close, the program never does",
			finds: findings{"close-wait-leak": rules.Warning}, verdict: rules.VerdictApplication,
			number: "sockets in CLOSE_WAIT",
			cure:   acted("it must call close() when read() returns 0", "the program is replaced by one that closes at the end of file"),
			effect: falls(200, 0),
			stage: func(t *testing.T) *stage {
				pair := lab.NewPair(t)
				target := pair.Target(8080)
				server := lab.Serve(t, pair.Server, lab.Server{Name: "leaky", Address: target, Behaviour: lab.Hold})
				left := 200
				return &stage{
					host: pair.Server,
					load: func(t *testing.T) {
						connectAll(t, pair.Client, lab.Client{Targets: oneTarget(target), Count: 200})
						lab.WaitState(t, pair.Server, lab.CloseWait, left, settleTime)
					},
					number: func(t *testing.T) float64 { return float64(pair.Server.States(t)[lab.CloseWait]) },
					act: func(t *testing.T) {
						server.Stop()
						lab.Serve(t, pair.Server, lab.Server{Name: "fixed", Address: target, Behaviour: lab.SinkClose})
						left = 0
					},
				}
			},
		},
		{
			rule: "close-wait-port-reuse", symptom: "clients connect from the ports of connections that the server still has in CLOSE_WAIT",
			finds: findings{"close-wait-port-reuse": rules.Notice}, verdict: rules.VerdictApplication,
			window: 2 * time.Second,
			number: "ms at the median for connect()",
			cure:   acted("close them when read() returns 0", "the programs are replaced by ones that close at the end of file"),
			effect: shrinks(3),
			stage:  portReuser,
		},
		{
			rule: "fd-limit-near", symptom: "200 clients of a server that may open 256 files, then 70 more",
			finds: findings{"fd-limit-near": rules.Warning}, verdict: rules.VerdictOperator,
			number: "clients without an answer",
			cure:   acted("Raise the limit of the running process", "prlimit --pid PID --nofile=65536:"),
			effect: falls(15, 0),
			stage:  descriptors,
		},
		{
			rule:    "fin-wait2-owned",
			symptom: "a program half-closes 60 connections (shutdown) and waits for a server that does not close",
			finds:   findings{"fin-wait2-owned": rules.Notice}, verdict: rules.VerdictApplication,
			number: "FIN_WAIT_2 sockets with an owner",
			cure:   acted("close() after it", "the program closes"),
			effect: falls(60, 0),
			stage: func(t *testing.T) *stage {
				pair := lab.NewPair(t)
				target := pair.Target(8080)
				lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.Hold})
				var client *lab.Process
				return &stage{
					host: pair.Client,
					load: func(t *testing.T) {
						if client == nil {
							client = lab.StartClient(t, pair.Client, lab.Client{Targets: oneTarget(target), Count: 60, Ending: lab.Shutdown})
							client.Result(t)
						}
						lab.WaitState(t, pair.Client, lab.FinWait2, 60, settleTime)
					},
					number: func(t *testing.T) float64 {
						return sum(pair.Client.Sockets(t), func(s lab.Socket) int {
							if s.State == lab.FinWait2 && s.Inode != 0 {
								return 1
							}
							return 0
						})
					},
					act: func(t *testing.T) { client.CloseAll(t) },
				}
			},
		},
	}
}

// connectAll opens connections, none of which may fail.
func connectAll(t *testing.T, h *lab.Host, c lab.Client) {
	t.Helper()
	if r := lab.Connect(t, h, c); r.OK != c.Count {
		t.Fatalf("%d of %d connections, errors %v", r.OK, c.Count, r.Errors)
	}
}

// portReuser is two servers that do not close, 15 connections each, and a client
// with 30 ports that comes back when its own halves are gone.
func portReuser(t *testing.T) *stage {
	pair := lab.NewPair(t)
	for key, value := range map[string]string{
		"net.ipv4.ip_local_port_range": "30000 30029", "net.ipv4.tcp_fin_timeout": "2", "net.ipv4.tcp_tw_reuse": "1",
	} {
		pair.Client.Sysctl(t, key, value)
	}
	targets := []netip.AddrPort{pair.Target(8080), pair.Target(8081)}
	var servers []*lab.Process
	serve := func(behaviour lab.Behaviour) {
		for _, target := range targets {
			servers = append(servers, lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: behaviour}))
		}
	}
	serve(lab.Hold)
	var client *lab.Process
	return &stage{
		host: pair.Server,
		load: func(t *testing.T) {
			if client == nil { // the first connection of each port
				connectAll(t, pair.Client, lab.Client{Targets: targets, Count: 30})
				lab.WaitState(t, pair.Client, lab.FinWait2, 0, settleTime)
			}
			client = lab.StartClient(t, pair.Client, lab.Client{Targets: targets, Duration: longTime, Interval: 100 * time.Millisecond})
		},
		number: func(t *testing.T) float64 {
			return float64(lab.Percentile(client.Finish(t).Times, 0.5).Microseconds()) / 1000
		},
		act: func(t *testing.T) {
			for _, server := range servers {
				server.Stop()
			}
			lab.WaitState(t, pair.Client, lab.FinWait2, 0, settleTime)
			serve(lab.SinkClose)
		},
	}
}

// descriptors is a server with few descriptors. Whether there are enough is
// tried when check has seen it.
func descriptors(t *testing.T) *stage {
	pair := lab.NewPair(t)
	target := pair.Target(8080)
	server := lab.Serve(t, pair.Server, lab.Server{Name: "limited", Address: target, Behaviour: lab.ReplyKeep, NoFile: 256})
	var clients []*lab.Process
	ask := func(t *testing.T, n int) lab.Result {
		p := lab.StartClient(t, pair.Client, lab.Client{
			Targets: oneTarget(target), Count: n, NonBlocking: true, Send: "GET", Receive: lab.ReceiveMessage, Ending: lab.Keep, Timeout: 3 * time.Second,
		})
		clients = append(clients, p)
		return p.Result(t)
	}
	return &stage{
		host: pair.Server,
		load: func(t *testing.T) {
			if len(clients) == 0 {
				ask(t, 200)
			}
		},
		number: func(t *testing.T) float64 {
			r := ask(t, 70)
			return float64(r.Errors["timeout"])
		},
		act: func(t *testing.T) {
			var limit unix.Rlimit
			err := unix.Prlimit(server.PID, unix.RLIMIT_NOFILE, nil, &limit)
			limit.Cur = min(65536, limit.Max) // to raise the hard limit takes a privilege
			if err = errors.Join(err, unix.Prlimit(server.PID, unix.RLIMIT_NOFILE, &limit, nil)); err != nil {
				t.Fatal(err)
			}
			lab.Eventually(t, settleTime, func() (bool, string) { // accept() is tried again
				l := pair.Server.Listener(t, 8080)
				return l.RecvQ == 0, fmt.Sprintf("%d connections wait", l.RecvQ)
			})
		},
	}
}
