// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// fewPorts are 500 local ports for outgoing connections.
const fewPorts = "20000 20499"

// timeWaitRows are about sockets in TIME_WAIT, and about the settings that
// people change because of them.
func timeWaitRows() []row {
	return []row{
		{
			rule: "tw-recycle-in-config", symptom: "a copied line in /etc/sysctl.conf",
			files: map[string]string{"/etc/sysctl.conf": "net.ipv4.tcp_tw_recycle = 1\nnet.ipv4.tcp_syncookies = 1\n"},
			finds: findings{"tw-recycle-in-config": rules.Warning}, verdict: rules.VerdictConfigFile,
			number: "lines that name no key of this kernel",
			cure:   acted("delete the line", "the line is deleted"),
			effect: falls(1, 0),
			stage: func(t *testing.T) *stage {
				host := lab.NewHost(t, "host")
				const file = "/etc/sysctl.conf"
				return &stage{
					host:   host,
					number: func(t *testing.T) float64 { return unknownKeys(t, host, file) },
					act: func(t *testing.T) {
						_, rest, _ := strings.Cut(host.Tree.ReadFile(t, file), "\n")
						host.Tree.WriteFile(t, file, rest)
					},
				}
			},
		},
		{
			rule: "time-wait-high-harmless", symptom: "12000 incoming connections, closed by the server",
			finds: findings{"time-wait-high-harmless": rules.Info}, verdict: rules.VerdictHarmless,
			number: "failed connections",
			cure:   none(), then: findings{"time-wait-high-harmless": rules.Info},
			effect: stays(0, 0),
			stage:  closingServer(12000, failedConnections),
		},
		{
			rule: "time-wait-bucket-overflow", symptom: "1000 incoming connections, closed by the server, and room for 200 in TIME_WAIT",
			settings: map[string]string{"net.ipv4.tcp_max_tw_buckets": "200"},
			finds:    findings{"time-wait-bucket-overflow": rules.Warning, "max-tw-buckets-lowered": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "connections that skipped TIME_WAIT",
			cure:   recommended("low"), then: findings{"time-wait-bucket-overflow": rules.Notice}, // there was an overflow since boot
			effect: falls(750, 0),
			stage:  closingServer(1000, gained("TcpExt.TCPTimeWaitOverflow")),
		},
		{
			rule: "tw-reuse-server-side", symptom: "500 incoming connections, closed by the server",
			settings: map[string]string{"net.ipv4.tcp_tw_reuse": "1"},
			finds:    findings{"tw-reuse-server-side": rules.Info}, verdict: rules.VerdictHarmless,
			number: "sockets in TIME_WAIT, of these connections",
			cure:   tried("net.ipv4.tcp_tw_reuse=0"),
			effect: stays(500, 500),
			stage:  closingServer(500, gained("TcpExt.TW")),
		},
		{
			rule: "tw-reuse-timestamps-off", symptom: "connections one after the other to one destination for 3 s, over 500 local ports",
			settings: map[string]string{
				"net.ipv4.ip_local_port_range": fewPorts, "net.ipv4.tcp_tw_reuse": "1", "net.ipv4.tcp_timestamps": "0",
				"net.ipv4.tcp_rfc1337": "1", // or a RST frees a port now and then
			},
			finds:   findings{"tw-reuse-timestamps-off": rules.Warning, "timestamps-off": rules.Warning, "ephemeral-port-exhaustion": rules.Critical},
			verdict: rules.VerdictSysctl,
			number:  "connections", cure: recommended("low"),
			then:   findings{"ephemeral-range-small": rules.Notice},
			effect: rises(500, 900),
			stage:  openingClient,
		},
		{
			rule: "tw-reuse-delay-low", symptom: "connections one after the other to one destination for 3 s, over 500 local ports",
			needs: needs{keys: []string{"net.ipv4.tcp_tw_reuse_delay"}},
			settings: map[string]string{
				"net.ipv4.ip_local_port_range": fewPorts, "net.ipv4.tcp_tw_reuse": "1", "net.ipv4.tcp_tw_reuse_delay": "100",
				"net.ipv4.tcp_rfc1337": "1",
			},
			finds:   findings{"tw-reuse-delay-low": rules.Notice, "ephemeral-range-small": rules.Notice},
			verdict: rules.VerdictSysctl,
			number:  "connections, each over a port that was free for less than a second before",
			cure:    recommended("low"),
			then:    findings{"ephemeral-range-small": rules.Notice},
			effect:  shrinks(2),
			stage:   openingClient,
		},
	}
}

// unknownKeys counts the lines of a sysctl file that name no key of this kernel.
func unknownKeys(t *testing.T, h *lab.Host, file string) float64 {
	t.Helper()
	n := 0
	err := h.Do(func() error {
		for line := range strings.Lines(h.Tree.ReadFile(t, file)) {
			key, _, _ := strings.Cut(line, "=")
			if _, err := os.Stat(filepath.Join("/proc/sys", strings.ReplaceAll(strings.TrimSpace(key), ".", "/"))); err != nil {
				n++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return float64(n)
}

// A gauge takes a number of the last load from the host that check looks at.
type gauge func(result lab.Result, before, now map[string]int64) float64

// failedConnections counts those of the client that did not go all the way.
func failedConnections(r lab.Result, _, _ map[string]int64) float64 {
	return float64(r.Attempts - r.OK)
}

// gained is how much a counter rose.
func gained(counter string) gauge {
	return func(_ lab.Result, before, now map[string]int64) float64 {
		return float64(now[counter] - before[counter])
	}
}

// closingServer is a server that closes first, whose host is looked at.
func closingServer(connections int, gauge gauge) func(t *testing.T) *stage {
	return func(t *testing.T) *stage {
		pair := lab.NewPair(t)
		pair.Client.Sysctl(t, "net.ipv4.ip_local_port_range", "1024 65535")
		pair.Server.Sysctl(t, "net.ipv4.tcp_max_tw_buckets", "131072") // a machine of little memory has less
		target := pair.Target(8080)
		lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.ActiveClose})
		var r lab.Result
		var before map[string]int64
		return &stage{
			host: pair.Server,
			load: func(t *testing.T) {
				before = pair.Server.Counters(t)
				r = lab.Connect(t, pair.Client, lab.Client{Targets: oneTarget(target), Count: connections, Receive: lab.ReceiveEOF})
			},
			number: func(t *testing.T) float64 { return gauge(r, before, pair.Server.Counters(t)) },
		}
	}
}

// openingClient is a client that opens and closes as fast as it can, whose host
// is looked at. The second load has another destination, since a TIME_WAIT that
// recorded no timestamp stays for its 60 s. The number is how many connections
// succeeded.
func openingClient(t *testing.T) *stage {
	pair := lab.NewPair(t)
	var r lab.Result
	port := uint16(8080)
	return &stage{
		host: pair.Client,
		load: func(t *testing.T) {
			target := pair.Target(port)
			port++
			lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.SinkClose})
			r = lab.Connect(t, pair.Client, lab.Client{Targets: oneTarget(target), Duration: 3 * time.Second})
		},
		number: func(*testing.T) float64 { return float64(r.OK) },
	}
}
