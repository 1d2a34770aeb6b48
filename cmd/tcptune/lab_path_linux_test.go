// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// pathRows are about interfaces, routes and gateways.
func pathRows() []row {
	return []row{
		{
			rule:     "rp-filter-drops",
			symptom:  "5 clients whose packets come in by one interface while the way back is another",
			settings: map[string]string{"net.ipv4.conf.eth0.rp_filter": "1", "net.ipv4.conf.eth1.rp_filter": "1"},
			window:   2 * time.Second,
			finds:    findings{"rp-filter-drops": rules.Warning}, verdict: rules.VerdictSysctl,
			number: "connections",
			cure:   recommended("low"),
			effect: rises(0, 5),
			stage:  detour,
		},
		{
			rule:     "conntrack-close-wait",
			symptom:  "a client closes its writing side, the server answers 6 s later, a gateway between them translates addresses",
			settings: map[string]string{"net.netfilter.nf_conntrack_tcp_timeout_close_wait": "3"},
			finds:    findings{"conntrack-close-wait": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "answers",
			cure:   recommended("low"),
			effect: rises(0, 1),
			stage:  lateAnswer,
		},
		{
			rule:    "bbr-without-fq",
			symptom: "a transfer over a path of 50 Mbit/s with a round trip of 40 ms that loses 0.5 % of the packets, beside 10,100 connections",
			needs:   needs{bbr: true},
			window:  3 * time.Second,
			finds:   findings{"bbr-without-fq": rules.Info}, verdict: rules.VerdictHarmless,
			number: "MB/s",
			cure:   none(),
			then:   findings{"bbr-without-fq": rules.Info},
			effect: stays(2, 6.25),
			stage:  pacedTransfer,
		},
	}
}

// detour has clients of a host whose answers take another way than their
// requests.
func detour(t *testing.T) *stage {
	pair := lab.NewDetour(t)
	target := pair.Target(8080)
	client := lab.Client{
		Targets: oneTarget(target), Count: 5, Timeout: lab.Patience(time.Second),
		Bind: lab.BindNoPort, Source: netip.AddrPortFrom(pair.ClientAddress, 0),
	}
	lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.SinkClose})
	var more *lab.Process
	connected := 0
	return &stage{
		host: pair.Server,
		load: func(t *testing.T) {
			if more != nil {
				more.Stop()
			}
			connected = lab.Connect(t, pair.Client, client).OK
			others := client
			others.Count, others.Duration, others.Timeout = 0, time.Minute, lab.Patience(300*time.Millisecond)
			others.Interval = lab.Patience(100 * time.Millisecond)
			more = lab.StartClient(t, pair.Client, others) // while check looks
		},
		number: func(*testing.T) float64 { return float64(connected) },
	}
}

// lateAnswer has a client behind a gateway that has said all and waits.
func lateAnswer(t *testing.T) *stage {
	n := lab.NewTriple(t)
	lab.Serve(t, n.Server, lab.Server{Address: n.Target(8080), Behaviour: lab.Answer})
	lab.Serve(t, n.Server, lab.Server{Name: "other", Address: n.Target(8081), Behaviour: lab.Hold})
	answers := 0
	return &stage{
		host: n.Gateway,
		load: func(t *testing.T) {
			caller := lab.StartCaller(t, n.Client, lab.Caller{Target: n.Target(8080)})
			defer caller.Stop()
			// What a gateway has at any time: the forgotten connection is not in the table any more.
			connectAll(t, n.Client, lab.Client{Targets: oneTarget(n.Target(8081)), Count: 1, Ending: lab.Keep})
			answers = 0
			if r := caller.Ask(t, lab.Request{HalfClose: true, Think: 6 * time.Second, Receive: 1, Timeout: 12 * time.Second}); r.Error == "" {
				answers = 1
			}
		},
		number: func(*testing.T) float64 { return float64(answers) },
	}
}

// pacedTransfer is a transfer with bbr over an interface without fq, on a host
// with so many connections that it may matter.
func pacedTransfer(t *testing.T) *stage {
	tr := transfer{
		pair:   lab.NewLine(t, lab.Line{Delay: 20 * time.Millisecond, Loss: 0.005, Rate: 50, Queue: 200 * time.Millisecond}),
		sender: lab.Options{Congestion: "bbr"},
	}
	host := tr.pair.Client
	host.Sysctl(t, "net.ipv4.tcp_congestion_control", "bbr")
	host.Route(t, netip.MustParsePrefix("0.0.0.0/0"), tr.pair.ServerAddress)
	local := netip.MustParseAddrPort("127.0.0.1:9090")
	lab.Serve(t, host, lab.Server{Name: "crowd", Address: local, Behaviour: lab.Hold})
	s := tr.stage(host, nil)
	crowded := false
	s.load = func(t *testing.T) {
		if !crowded { // each of them has two ends here
			connectAll(t, host, lab.Client{Targets: oneTarget(local), Count: 5050, Ending: lab.Keep})
			crowded = true
		}
		tr.load(t)
	}
	return s
}
