// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// closeWaitRows are about programs that do not close.
func closeWaitRows() []row {
	return []row{
		{
			rule:    "close-wait-leak",
			symptom: "200 clients close, the program never does",
			finds:   findings{"close-wait-leak": rules.Warning}, verdict: rules.VerdictApplication,
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
	}
}

// connectAll opens connections, none of which may fail.
func connectAll(t *testing.T, h *lab.Host, c lab.Client) {
	t.Helper()
	if r := lab.Connect(t, h, c); r.OK != c.Count {
		t.Fatalf("%d of %d connections, errors %v", r.OK, c.Count, r.Errors)
	}
}
