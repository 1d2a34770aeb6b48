// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// finSentRows are about sockets whose FIN a peer that is gone does not acknowledge.
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
	}
}

// patience is how long a row waits for sockets that nobody answers.
const patience = 10 * time.Second

// oldRetry is how long those that were left behind may wait for their next
// retransmission, which the peer that is back answers.
const oldRetry = 40 * time.Second

// lonely is a stage whose load closes connections towards a peer that is gone,
// and then waits until all are given up, at most for its patience. The number
// is how many are left in the state.
func lonely(pair *lab.Pair, host *lab.Host, state lab.State, leave func(t *testing.T)) *stage {
	return &stage{
		host: host,
		load: func(t *testing.T) {
			pair.Mend(t)
			lab.WaitState(t, host, state, 0, oldRetry)
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
