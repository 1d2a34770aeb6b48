// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// finSentRows are about sockets whose FIN the peer does not acknowledge.
func finSentRows() []row {
	return []row{
		{
			rule: "orphans-dead-peer", symptom: "250 connections that this host closes after its peer lost power",
			finds: findings{"orphans-dead-peer": rules.Warning}, verdict: rules.VerdictOperator,
			number: "sockets in FIN_WAIT1 10 s later",
			cure:   recommended("medium"),
			effect: falls(250, 0),
			stage: func(t *testing.T) *stage {
				pair := lab.NewPair(t)
				lab.Serve(t, pair.Server, lab.Server{Address: pair.Target(8080), Behaviour: lab.Hold})
				return lonely(pair, pair.Client, lab.FinWait1, func(t *testing.T) {
					client := lab.StartClient(t, pair.Client, lab.Client{Targets: oneTarget(pair.Target(8080)), Count: 250, Ending: lab.Keep})
					client.Result(t)
					pair.Cut(t)
					client.CloseAll(t)
				})
			},
		},
		{
			rule: "last-ack-pileup", symptom: "120 connections that the peer closes before it loses power, and this host after that",
			finds: findings{"last-ack-pileup": rules.Warning}, verdict: rules.VerdictOperator,
			number: "sockets in LAST_ACK 10 s later",
			cure:   recommended("medium"),
			effect: falls(120, 0),
			stage: func(t *testing.T) *stage {
				pair := lab.NewPair(t)
				server := lab.Serve(t, pair.Server, lab.Server{Address: pair.Target(8080), Behaviour: lab.Hold})
				return lonely(pair, pair.Server, lab.LastAck, func(t *testing.T) {
					connectAll(t, pair.Client, lab.Client{Targets: oneTarget(pair.Target(8080)), Count: 120})
					lab.WaitState(t, pair.Server, lab.CloseWait, 120, settleTime)
					pair.Cut(t)
					server.CloseAll(t)
				})
			},
		},
		{
			rule: "closing-pileup", symptom: "100 connections that both sides close at once over a round trip of 4 s, on a path that dies meanwhile",
			window: 5 * time.Second,
			finds:  findings{"closing-pileup": rules.Notice}, verdict: rules.VerdictOperator,
			number: "sockets in CLOSING",
			cure:   acted("Check the path to the peers", "the path is mended"),
			effect: falls(100, 0),
			stage:  bothClose,
		},
	}
}

// patience is how long a row waits for sockets that nobody answers.
const patience = 10 * time.Second

// lonely is a stage whose load closes connections towards a peer that is gone,
// and then waits until all are given up, at most for its patience. The number
// is how many are left in the state.
func lonely(pair *lab.Pair, host *lab.Host, state lab.State, leave func(t *testing.T)) *stage {
	return &stage{
		host: host,
		load: func(t *testing.T) {
			pair.Mend(t)
			leave(t)
			began := time.Now()
			lab.Eventually(t, 2*patience, func() (bool, string) {
				n := host.States(t)[state]
				return n == 0 || time.Since(began) > patience, fmt.Sprintf("%d in %v", n, state)
			})
		},
		number: func(t *testing.T) float64 { return float64(host.States(t)[state]) },
	}
}

// bothClose is a server and a client that close at once, over a path that is
// cut when the two FINs have crossed and before their acknowledgements arrive.
func bothClose(t *testing.T) *stage {
	pair := lab.NewLine(t, lab.Line{Delay: 2 * time.Second})
	for _, h := range []*lab.Host{pair.Client, pair.Server} {
		h.Sysctl(t, "net.ipv4.tcp_rfc1337", "1")
	}
	var server, client *lab.Process
	return &stage{
		host: pair.Server,
		load: func(t *testing.T) {
			if server != nil {
				return // the second load is what is left of the first
			}
			server = lab.Serve(t, pair.Server, lab.Server{Address: pair.Target(8080), Behaviour: lab.Hold})
			client = lab.StartClient(t, pair.Client, lab.Client{
				Targets: oneTarget(pair.Target(8080)), Count: 100, NonBlocking: true, Ending: lab.Keep,
			})
			client.Result(t)
			lab.WaitState(t, pair.Server, lab.Established, 100, settleTime)
			lab.Eventually(t, settleTime, func() (bool, string) {
				waiting := pair.Server.Listener(t, 8080).RecvQ
				return waiting == 0, fmt.Sprintf("%d are not accepted", waiting)
			})
			server.CloseAll(t)
			client.CloseAll(t)
			lab.WaitState(t, pair.Server, lab.Closing, 100, settleTime)
			pair.Cut(t)
		},
		number: func(t *testing.T) float64 { return float64(pair.Server.States(t)[lab.Closing]) },
		act: func(t *testing.T) {
			pair.Mend(t)
			lab.WaitState(t, pair.Server, lab.Closing, 0, 2*time.Minute)
		},
	}
}
