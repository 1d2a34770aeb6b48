// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// overflowRows are about what a host does when an accept queue is full.
func overflowRows() []row {
	return []row{
		{
			rule: "abort-on-overflow",
			// The handshakes are on their way when the queue fills up, so their last packets meet it.
			symptom:  "150 clients, 7 ms apart, round trip 400 ms, to a program that takes the first and pauses for 2 s; backlog 64",
			settings: map[string]string{"net.ipv4.tcp_abort_on_overflow": "1"},
			finds:    findings{"abort-on-overflow": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "clients that got a reset",
			cure:   recommended("medium"),
			effect: falls(20, 0),
			stage: func(t *testing.T) *stage {
				pair := lab.NewLine(t, lab.Line{Delay: 200 * time.Millisecond})
				target := pair.Target(8080)
				var r lab.Result
				return &stage{
					host: pair.Server,
					load: func(t *testing.T) {
						server := lab.Serve(t, pair.Server, lab.Server{Address: target, Backlog: 64, Behaviour: lab.Echo, Pause: 2 * time.Second})
						r = lab.Connect(t, pair.Client, lab.Client{
							Targets: oneTarget(target), Count: 150, Interval: 7 * time.Millisecond, NonBlocking: true,
							Send: "GET", Receive: lab.ReceiveMessage, Timeout: settleTime,
						})
						server.Stop()
						if r.OK+r.Errors["ECONNRESET"] != 150 {
							t.Fatalf("%d of 150 served, errors %v", r.OK, r.Errors)
						}
					},
					number: func(t *testing.T) float64 { return float64(r.Errors["ECONNRESET"]) },
				}
			},
		},
	}
}
