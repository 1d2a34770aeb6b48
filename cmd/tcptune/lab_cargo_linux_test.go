// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// cargoRows are about settings that were copied and do nothing, or nothing good.
func cargoRows() []row {
	return []row{
		{
			rule: "somaxconn-cargo", symptom: "600 clients at once, a program that asks for a backlog of 64 and stalls for 0.3 s",
			settings: map[string]string{"net.core.somaxconn": "65535"},
			finds:    findings{"somaxconn-cargo": rules.Info}, verdict: rules.VerdictHarmless,
			number: "clients that hang",
			cure:   tried("net.core.somaxconn=4096"),
			effect: stays(50, 600),
			stage:  smallBacklog,
		},
		{
			rule: "max-syn-backlog-inert", symptom: "1500 forged SYNs to a program with a backlog of 4096",
			settings: map[string]string{"net.ipv4.tcp_max_syn_backlog": "65536"},
			needs:    needs{keys: []string{"net.ipv4.tcp_ehash_entries"}},
			finds:    findings{"max-syn-backlog-inert": rules.Info}, verdict: rules.VerdictHarmless,
			number: "half-open connections that the queue takes",
			cure:   tried("net.ipv4.tcp_max_syn_backlog=128"),
			effect: stays(1500, 1500),
			stage:  halfOpen,
		},
		{
			rule: "noop-keys", symptom: "a line for a key that nothing reads any more",
			needs: needs{kernel: "6.6"},
			files: map[string]string{"/etc/sysctl.d/60-old.conf": "net.ipv4.tcp_adv_win_scale = -3\n"},
			finds: findings{"noop-keys": rules.Info}, verdict: rules.VerdictConfigFile,
			number: "bytes that the host offers to take over a new connection",
			cure:   tried("net.ipv4.tcp_adv_win_scale=-3"), then: findings{"noop-keys": rules.Info}, // the line is still there
			effect: stays(64000, 65535),
			stage:  firstWindow,
		},
		{
			rule: "tcp-mem-cargo", symptom: "a line for net.ipv4.tcp_mem that was counted in bytes",
			files: map[string]string{"/etc/sysctl.d/60-old.conf": "net.ipv4.tcp_mem = 94500000 915000000 927000000\n"},
			finds: findings{"tcp-mem-cargo": rules.Warning}, verdict: rules.VerdictConfigFile,
			number: "lines for net.ipv4.tcp_mem",
			cure:   acted("delete the line", "the line is deleted"),
			effect: falls(1, 0),
			stage: func(t *testing.T) *stage {
				host := lab.NewHost(t, "host")
				const file = "/etc/sysctl.d/60-old.conf"
				return &stage{
					host:   host,
					number: func(t *testing.T) float64 { return float64(strings.Count(host.Tree.ReadFile(t, file), "tcp_mem")) },
					act:    func(t *testing.T) { host.Tree.WriteFile(t, file, "") },
				}
			},
		},
	}
}

// smallBacklog is a server with a short queue that stalls, whose host is looked
// at when the burst is over. It speaks first, so that clients hang.
func smallBacklog(t *testing.T) *stage {
	pair := lab.NewPair(t)
	target := pair.Target(8080)
	var server *lab.Process
	var r lab.Result
	return &stage{
		host: pair.Server,
		load: func(t *testing.T) {
			if server != nil {
				server.Stop()
			}
			server = lab.Serve(t, pair.Server, lab.Server{
				Name: "stalling", Address: target, Backlog: 64, Behaviour: lab.SinkClose, Greeting: true, Nap: 300 * time.Millisecond,
			})
			r = lab.Connect(t, pair.Client, lab.Client{
				Targets: oneTarget(target), Count: 600, NonBlocking: true, Receive: lab.ReceiveMessage, Timeout: 4 * time.Second, Ending: lab.Reset,
			})
		},
		number: func(*testing.T) float64 { return float64(r.Errors["timeout"]) },
	}
}

// halfOpen is a server with a long queue that gets SYNs from nowhere, to a port
// of its own in each load.
func halfOpen(t *testing.T) *stage {
	const count = 1500
	server, attacker := lab.NewHost(t, "server"), lab.NewHost(t, "attacker")
	address := netip.MustParseAddr("198.18.2.2")
	lab.Join(t, attacker, netip.MustParsePrefix("198.18.2.1/24"), server, netip.PrefixFrom(address, 24))
	sources := netip.MustParsePrefix("198.19.0.0/16")
	server.BlackHole(t, "eth0", sources)
	port := uint16(8079)
	held := func(t *testing.T) (n int) {
		for _, s := range server.Sockets(t) {
			if s.State == lab.SynRecv && s.Local.Port() == port {
				n++
			}
		}
		return n
	}
	return &stage{
		host: server,
		load: func(t *testing.T) {
			port++
			target := netip.AddrPortFrom(address, port)
			lab.Serve(t, server, lab.Server{Address: target, Backlog: 4096, Behaviour: lab.Echo})
			lab.StartFlood(t, attacker, lab.Flood{Target: target, Sources: sources, Count: count, Duration: 3 * time.Second}).Result(t)
			lab.Eventually(t, settleTime, func() (bool, string) {
				n := held(t)
				return n >= count, fmt.Sprintf("%d half-open connections", n)
			})
		},
		number: func(t *testing.T) float64 { return float64(held(t)) },
	}
}

// firstWindow is a server whose host is looked at. The number is what it offers
// to take over a new connection, as its client sees it.
func firstWindow(t *testing.T) *stage {
	pair := lab.NewPair(t)
	lab.Serve(t, pair.Server, lab.Server{Address: pair.Target(8080), Behaviour: lab.Hold})
	var client *lab.Process
	return &stage{
		host: pair.Server,
		load: func(t *testing.T) {
			if client != nil {
				client.Stop()
				lab.WaitState(t, pair.Client, lab.Established, 0, settleTime)
			}
			client = lab.StartClient(t, pair.Client, lab.Client{Targets: oneTarget(pair.Target(8080)), Count: 1, Ending: lab.Keep})
			client.Result(t)
		},
		number: func(t *testing.T) float64 {
			return float64(sum(pair.Client.Flows(t, 8080), func(f lab.Flow) uint32 { return f.Snd_wnd }))
		},
	}
}
