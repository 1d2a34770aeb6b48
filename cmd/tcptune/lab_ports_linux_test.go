// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// portRows are about the local ports of outgoing connections.
func portRows() []row {
	return []row{
		{
			rule: "ephemeral-port-exhaustion", symptom: "600 connections one after the other to one destination, over 500 local ports",
			settings: map[string]string{
				"net.ipv4.ip_local_port_range": fewPorts, "net.ipv4.tcp_tw_reuse": "2",
				"net.ipv4.tcp_rfc1337": "1", // or a RST frees a port now and then
			},
			finds: findings{"ephemeral-port-exhaustion": rules.Critical}, verdict: rules.VerdictSysctl,
			number: "failed connections", cure: recommended("low"), effect: falls(100, 0),
			stage: func(t *testing.T) *stage {
				return portUser(t, lab.SinkClose, lab.Client{Count: 600}, func(r lab.Result) float64 { return float64(r.Errors["EADDRNOTAVAIL"]) })
			},
		},
		{
			rule: "ephemeral-scan-cost", symptom: "2600 connections kept to one destination, over 4000 local ports",
			settings: map[string]string{"net.ipv4.ip_local_port_range": "20000 23999"},
			finds:    findings{"ephemeral-scan-cost": rules.Warning}, verdict: rules.VerdictSysctl,
			number: "us at the median for the last 400 connect()", cure: recommended("low"), effect: shrinks(2),
			stage: func(t *testing.T) *stage {
				return portUser(t, lab.SinkClose, lab.Client{Count: 2600, Ending: lab.Keep}, func(r lab.Result) float64 {
					return float64(lab.Percentile(r.Times[2200:], 0.5).Microseconds())
				})
			},
		},
		{
			rule: "ephemeral-bind-before-connect", symptom: "600 connections kept to four destinations, over 500 local ports",
			settings: map[string]string{"net.ipv4.ip_local_port_range": fewPorts},
			finds:    findings{"ephemeral-bind-before-connect": rules.Critical, "ephemeral-range-small": rules.Notice},
			verdict:  rules.VerdictApplication,
			number:   "failed connections",
			cure:     acted("IP_BIND_ADDRESS_NO_PORT", "the program sets IP_BIND_ADDRESS_NO_PORT before bind()"),
			then:     findings{"ephemeral-range-small": rules.Notice},
			effect:   falls(100, 0),
			stage:    binder,
		},
		{
			rule: "ephemeral-range-overlaps-listener", symptom: "a service restarts while its host has 10 connections over the ports 20000 to 20009",
			settings: map[string]string{"net.ipv4.ip_local_port_range": "20000 20009"},
			finds:    findings{"ephemeral-range-overlaps-listener": rules.Warning, "ephemeral-range-small": rules.Notice},
			verdict:  rules.VerdictSysctl,
			number:   "failed starts of the service on 20005",
			cure:     recommended("low"), then: findings{"ephemeral-range-small": rules.Notice},
			effect: falls(1, 0),
			stage:  overlap,
		},
		{
			rule: "ephemeral-range-parity", symptom: "a range from an even port to an even one",
			settings: map[string]string{"net.ipv4.ip_local_port_range": "10000 65000"},
			finds:    findings{"ephemeral-range-parity": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "even ports more than odd ones", cure: recommended("low"), effect: falls(1, 0),
			stage: func(t *testing.T) *stage {
				host := lab.NewHost(t, "host")
				return &stage{host: host, number: func(t *testing.T) float64 {
					low, high := portRange(t, host)
					return float64((high+2)/2 - (low+1)/2 - ((high+1)/2 - low/2))
				}}
			},
		},
		{
			rule: "ephemeral-range-small", symptom: "600 connections at once to one destination, over 500 local ports",
			settings: map[string]string{"net.ipv4.ip_local_port_range": fewPorts},
			finds:    findings{"ephemeral-range-small": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "failed connections", cure: recommended("low"), effect: falls(100, 0),
			stage: func(t *testing.T) *stage {
				pair := lab.NewPair(t)
				return &stage{host: pair.Client, number: func(t *testing.T) float64 { // after check, which is to see the setting alone
					r := crowd(t, pair, 600, func() {})
					return float64(r.Attempts - r.OK)
				}}
			},
		},
	}
}

// portUser is a client that connects to one destination, whose host is looked at.
func portUser(t *testing.T, behaviour lab.Behaviour, c lab.Client, gauge func(lab.Result) float64) *stage {
	pair := lab.NewPair(t)
	c.Targets = oneTarget(pair.Target(8080))
	lab.Serve(t, pair.Server, lab.Server{Address: c.Targets[0], Behaviour: behaviour})
	var r lab.Result
	return &stage{
		host:   pair.Client,
		load:   func(t *testing.T) { r = lab.Connect(t, pair.Client, c) },
		number: func(*testing.T) float64 { return gauge(r) },
	}
}

// binder is a client that binds its address before connect().
func binder(t *testing.T) *stage {
	pair := lab.NewPair(t)
	targets := oneTarget(pair.Target(8080))
	for last := byte(3); last <= 5; last++ {
		address := netip.AddrFrom4([4]byte{198, 18, 1, last})
		pair.Server.AddAddress(t, "eth0", netip.PrefixFrom(address, 24))
		targets = append(targets, netip.AddrPortFrom(address, 8080))
	}
	server := lab.Serve(t, pair.Server, lab.Server{Address: netip.MustParseAddrPort("0.0.0.0:8080"), Behaviour: lab.Hold})
	bind := lab.BindPort
	var client *lab.Process
	var r lab.Result
	return &stage{
		host: pair.Client,
		load: func(t *testing.T) {
			client = lab.StartClient(t, pair.Client, lab.Client{
				Targets: targets, Count: 600, Bind: bind, Source: netip.AddrPortFrom(pair.ClientAddress, 0), Ending: lab.Keep,
			})
			r = client.Result(t)
		},
		number: func(*testing.T) float64 { return float64(r.Attempts - r.OK) },
		act: func(t *testing.T) {
			server.CloseAll(t) // first, or the client has TIME_WAIT
			lab.WaitState(t, pair.Client, lab.Established, 0, settleTime)
			client.Stop()
			waitGone(t, pair.Client)
			bind = lab.BindNoPort
		},
	}
}

// crowd opens connections at once, calls during and ends them so that no
// TIME_WAIT is left on the client: the server goes first.
func crowd(t *testing.T, pair *lab.Pair, connections int, during func()) lab.Result {
	t.Helper()
	target := pair.Target(8080)
	server := lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.Hold})
	client := lab.StartClient(t, pair.Client, lab.Client{Targets: oneTarget(target), Count: connections, Ending: lab.Keep})
	r := client.Result(t)
	during()
	server.Stop()
	lab.WaitState(t, pair.Client, lab.Established, 0, settleTime)
	client.Stop()
	waitGone(t, pair.Client)
	return r
}

// waitGone waits until a host has no sockets but listeners.
func waitGone(t *testing.T, h *lab.Host) {
	t.Helper()
	lab.Eventually(t, settleTime, func() (bool, string) {
		states := h.States(t)
		delete(states, lab.Listen)
		return len(states) == 0, fmt.Sprintf("%s has sockets in %v", h.Name, states)
	})
}

// overlap is a host with a service in its range of local ports. Starting it
// again is tried when check has seen it.
func overlap(t *testing.T) *stage {
	pair := lab.NewPair(t)
	address := netip.AddrPortFrom(pair.ClientAddress, 20005)
	var service *lab.Process
	start := func() {
		service = lab.Serve(t, pair.Client, lab.Server{Name: "service", Address: address, Behaviour: lab.Hold})
	}
	return &stage{
		host: pair.Client,
		load: func(t *testing.T) {
			if service == nil {
				start()
			}
		},
		number: func(t *testing.T) (failed float64) {
			service.Stop()
			crowd(t, pair, 10, func() {
				err := pair.Client.Do(func() error {
					l, err := net.Listen("tcp", address.String()) // with SO_REUSEADDR
					if err == nil {
						l.Close()
					}
					return err
				})
				if err != nil {
					t.Logf("start the service: %v", err)
					failed = 1
				}
			})
			start()
			return failed
		},
	}
}

// portRange reads ip_local_port_range.
func portRange(t *testing.T, h *lab.Host) (low, high int) {
	t.Helper()
	if _, err := fmt.Sscan(h.ReadSysctl(t, "net.ipv4.ip_local_port_range"), &low, &high); err != nil {
		t.Fatal(err)
	}
	return low, high
}
