// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// synRows are about handshakes that do not complete.
func synRows() []row {
	return []row{
		{
			rule: "syn-flood-cookies-off", symptom: "500 forged SYNs a second, and 10 real clients",
			settings: map[string]string{"net.ipv4.tcp_syncookies": "0", "net.ipv4.tcp_max_syn_backlog": "256"},
			finds:    findings{"syn-flood-cookies-off": rules.Critical, "syncookies-disabled": rules.Warning}, verdict: rules.VerdictSysctl,
			number: "real clients that failed", cure: recommended("low"), effect: falls(8, 0),
			stage: func(t *testing.T) *stage {
				f := newFlooded(t, 4096)
				f.number = f.failedClients
				return &f.stage
			},
		},
		{
			rule: "syn-flood-cookies-on", symptom: "500 forged SYNs a second",
			finds: findings{"syn-flood-cookies-on": rules.Critical}, verdict: rules.VerdictOperator,
			number: "cookies sent in a second",
			cure:   acted("Have it filtered upstream", "a router on the way drops the packets of the flood"),
			effect: falls(100, 0),
			stage: func(t *testing.T) *stage {
				f := newFlooded(t, 128)
				f.number = f.cookiesPerSecond
				f.act = func(t *testing.T) {
					f.attacker.BlackHole(t, "eth0", netip.PrefixFrom(f.pair.ServerAddress, 32))
					f.dropped = true
				}
				return &f.stage
			},
		},
		{
			rule: "syn-recv-no-ack", symptom: "10 clients a second of a network to which this host has a wrong route",
			finds: findings{"syn-recv-no-ack": rules.Warning}, verdict: rules.VerdictOperator,
			number: "connections without an answer",
			cure:   acted("Check the route back to addresses of", "the route is corrected"),
			effect: falls(30, 0),
			stage: func(t *testing.T) *stage {
				return farClients(t, func(t *testing.T, server *lab.Host) {
					server.BlackHole(t, "eth0", farNetwork())
				})
			},
		},
		{
			rule: "syn-sent-scan", symptom: "one process connects to 400 addresses that do not answer",
			finds: findings{"syn-sent-scan": rules.Critical}, verdict: rules.VerdictOperator,
			number: "connections in SYN_SENT",
			cure:   acted("before you stop the process", "the process is stopped"),
			effect: falls(400, 0),
			stage:  scanner,
		},
		{
			rule: "syn-sent-dead-backend", symptom: "20 connections to an address that does not answer, for 18 s",
			finds: findings{"syn-sent-dead-backend": rules.Critical}, verdict: rules.VerdictOperator,
			number: "connections that wait still",
			cure:   recommended("medium"),
			then:   findings{"syn-sent-dead-backend": rules.Critical}, // for 15 s instead of two minutes
			effect: falls(20, 0),
			stage:  deadBackend,
		},
		{
			rule: "connect-refused-rate", symptom: "50 connections a second to a port where nobody listens",
			finds: findings{"connect-refused-rate": rules.Warning}, verdict: rules.VerdictOperator,
			number: "refused connections",
			cure:   acted("Start that service", "the service is started"),
			effect: falls(10, 0),
			stage:  refused,
		},
		{
			rule: "syncookies-without-timestamps", symptom: "20 connections made by cookie",
			settings: map[string]string{"net.ipv4.tcp_syncookies": "2", "net.ipv4.tcp_timestamps": "0"},
			finds:    findings{"syncookies-without-timestamps": rules.Notice, "timestamps-off": rules.Warning, "window-scaling-off": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "of them with window scaling", cure: recommended("low"), effect: rises(0, 20),
			stage: cookieOptions,
		},
	}
}

// A flooded is a server that an attacker floods with SYNs, whose host is looked at.
type flooded struct {
	stage
	pair     *lab.Pair
	attacker *lab.Host
	flood    *lab.Process
	dropped  bool // the flood does not arrive any more
}

func newFlooded(t *testing.T, backlog int) *flooded {
	f := &flooded{pair: lab.NewPair(t), attacker: lab.NewHost(t, "attacker")}
	f.host = f.pair.Server
	lab.Join(t, f.attacker, netip.MustParsePrefix("198.18.2.1/24"), f.host, netip.MustParsePrefix("198.18.2.2/24"))
	sources := netip.MustParsePrefix("198.19.0.0/16")
	f.host.BlackHole(t, "eth1", sources)
	f.attacker.Route(t, netip.MustParsePrefix("198.18.1.0/24"), netip.MustParseAddr("198.18.2.2"))
	target := f.pair.Target(8080)
	lab.Serve(t, f.host, lab.Server{Address: target, Backlog: backlog, Behaviour: lab.Echo})
	f.load = func(t *testing.T) {
		if f.flood != nil {
			f.flood.Stop()
		}
		before := f.unserved(t)
		f.flood = lab.StartFlood(t, f.attacker, lab.Flood{Target: target, Sources: sources, Count: 30000, Duration: time.Minute})
		lab.Eventually(t, settleTime, func() (bool, string) {
			return f.dropped || f.unserved(t)-before > 100 || f.host.ReadSysctl(t, "net.ipv4.tcp_syncookies") == "1" && backlog > 1000, "the queue does not fill up"
		})
	}
	return f
}

// unserved counts the SYNs that did not get a place in the queue.
func (f *flooded) unserved(t *testing.T) int64 {
	t.Helper()
	c := f.host.Counters(t)
	return c["TcpExt.ListenDrops"] + c["TcpExt.SyncookiesSent"]
}

// failedClients tries 10 real clients.
func (f *flooded) failedClients(t *testing.T) float64 {
	t.Helper()
	r := lab.Connect(t, f.pair.Client, lab.Client{
		Targets: oneTarget(f.pair.Target(8080)), Count: 10, NonBlocking: true, Send: "x", Receive: lab.ReceiveMessage, Timeout: 900 * time.Millisecond,
	})
	return float64(r.Attempts - r.OK)
}

func (f *flooded) cookiesPerSecond(t *testing.T) float64 {
	t.Helper()
	began, before := time.Now(), f.host.Counters(t)["TcpExt.SyncookiesSent"]
	lab.Eventually(t, settleTime, func() (bool, string) { return time.Since(began) > time.Second, "" })
	return float64(f.host.Counters(t)["TcpExt.SyncookiesSent"]-before) / time.Since(began).Seconds()
}

// farNetwork is where the clients of farClients are.
func farNetwork() netip.Prefix { return netip.MustParsePrefix("198.19.7.0/24") }

// farClients is a server with clients behind its second interface, whose host is
// looked at. Its route to them is wrong until act.
func farClients(t *testing.T, wrong func(t *testing.T, server *lab.Host)) *stage {
	pair, far := lab.NewPair(t), lab.NewHost(t, "far")
	lab.Join(t, far, netip.MustParsePrefix("198.18.2.1/24"), pair.Server, netip.MustParsePrefix("198.18.2.2/24"))
	address := netip.MustParseAddr("198.19.7.1")
	far.AddAddress(t, "lo", netip.PrefixFrom(address, 32))
	far.Route(t, netip.MustParsePrefix("198.18.1.0/24"), netip.MustParseAddr("198.18.2.2"))
	target := pair.Target(8080)
	lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.SinkClose})
	wrong(t, pair.Server)
	var client *lab.Process
	waits := lab.SynSent
	return &stage{
		host: pair.Server,
		load: func(t *testing.T) {
			if client != nil {
				client.Stop()
			}
			client = lab.StartClient(t, far, lab.Client{
				Targets: oneTarget(target), Duration: longTime, Interval: 100 * time.Millisecond,
				NonBlocking: true, Bind: lab.BindNoPort, Source: netip.AddrPortFrom(address, 0),
			})
			lab.Eventually(t, settleTime, func() (bool, string) {
				states := far.States(t)
				return states[waits] >= 30, fmt.Sprint(states)
			})
		},
		number: func(t *testing.T) float64 { return float64(far.States(t)[lab.SynSent]) },
		act: func(t *testing.T) {
			for _, half := range []string{"198.19.7.0/25", "198.19.7.128/25"} { // closer than the wrong one
				pair.Server.Route(t, netip.MustParsePrefix(half), netip.MustParseAddr("198.18.2.1"))
			}
			waits = lab.Established
		},
	}
}

// scanner is a host with a process that connects everywhere.
func scanner(t *testing.T) *stage {
	pair := lab.NewPair(t)
	pair.Client.BlackHole(t, "eth0", netip.MustParsePrefix("198.19.0.0/16"))
	targets := make([]netip.AddrPort, 400)
	for i := range targets {
		targets[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 19, byte(i / 250), byte(1 + i%250)}), 445)
	}
	var client *lab.Process
	return &stage{
		host: pair.Client,
		load: func(t *testing.T) {
			if client == nil {
				client = lab.StartClient(t, pair.Client, lab.Client{Name: "scanner", Targets: targets, Count: 400, NonBlocking: true})
				lab.WaitState(t, pair.Client, lab.SynSent, 400, settleTime)
				waitRetried(t, pair.Client, 400)
			}
		},
		number: func(t *testing.T) float64 { return float64(pair.Client.States(t)[lab.SynSent]) },
		act:    func(*testing.T) { client.Stop() },
	}
}

// waitRetried waits until SYNs have been repeated.
func waitRetried(t *testing.T, h *lab.Host, n int64) {
	t.Helper()
	lab.Eventually(t, settleTime, func() (bool, string) {
		retried := h.Counters(t)["TcpExt.TCPSynRetrans"]
		return retried >= n, fmt.Sprintf("%d SYNs repeated", retried)
	})
}

// deadBackend is a client of a destination that does not answer.
func deadBackend(t *testing.T) *stage {
	const linear = "net.ipv4.tcp_syn_linear_timeouts"
	pair := lab.NewPair(t)
	pair.Client.BlackHole(t, "eth0", netip.MustParsePrefix("198.19.0.0/16"))
	if pair.Client.HasSysctl(linear) {
		pair.Client.Sysctl(t, linear, "0") // as before Linux 6.5: three retries end after 15 s
	}
	var client *lab.Process
	var began time.Time
	return &stage{
		host: pair.Client,
		load: func(t *testing.T) {
			if client != nil {
				client.Stop()
			}
			retried := pair.Client.Counters(t)["TcpExt.TCPSynRetrans"]
			client = lab.StartClient(t, pair.Client, lab.Client{
				Name: "caller", Targets: oneTarget(netip.MustParseAddrPort("198.19.0.1:5432")), Count: 20, NonBlocking: true,
			})
			waitRetried(t, pair.Client, retried+20)
			began = time.Now()
		},
		number: func(t *testing.T) (waiting float64) {
			lab.Eventually(t, time.Minute, func() (bool, string) {
				waiting = float64(pair.Client.States(t)[lab.SynSent])
				return waiting == 0 || time.Since(began) > 18*time.Second, ""
			})
			return waiting
		},
	}
}

// refused is a client of a service that is not there until act.
func refused(t *testing.T) *stage {
	pair := lab.NewPair(t)
	target := pair.Target(8080)
	var client *lab.Process
	return &stage{
		host: pair.Client,
		load: func(t *testing.T) {
			client = lab.StartClient(t, pair.Client, lab.Client{Targets: oneTarget(target), Duration: longTime, Interval: 20 * time.Millisecond})
		},
		number: func(t *testing.T) float64 { return float64(client.Finish(t).Errors["ECONNREFUSED"]) },
		act:    func(t *testing.T) { lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.SinkClose}) },
	}
}

// cookieOptions is a server whose connections come by cookie.
func cookieOptions(t *testing.T) *stage {
	const windowScaling = 4 // TCPI_OPT_WSCALE
	pair := lab.NewPair(t)
	target := pair.Target(8080)
	lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.SinkClose})
	var client *lab.Process
	return &stage{
		host: pair.Server,
		load: func(t *testing.T) {
			if client != nil {
				client.Stop()
				lab.WaitState(t, pair.Server, lab.Established, 0, settleTime)
			}
			client = lab.StartClient(t, pair.Client, lab.Client{Targets: oneTarget(target), Count: 20, Ending: lab.Keep})
			client.Result(t)
			lab.WaitState(t, pair.Server, lab.Established, 20, settleTime)
		},
		number: func(t *testing.T) (n float64) {
			for _, f := range pair.Server.Flows(t, 8080) {
				if f.Options&windowScaling != 0 {
					n++
				}
			}
			return n
		},
	}
}
