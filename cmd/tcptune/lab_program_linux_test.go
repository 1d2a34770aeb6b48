// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// programRows are about what programs do with connections that stand.
func programRows() []row {
	return []row{
		{
			rule: "rst-on-close", symptom: "50 requests a second to a program that closes without reading them",
			finds: findings{"rst-on-close": rules.Warning}, verdict: rules.VerdictApplication,
			number: "clients without an answer",
			cure:   acted("read until the end of the file before it calls close()", "the program is replaced by one that reads first"),
			effect: falls(200, 0),
			stage: func(t *testing.T) *stage {
				pair := lab.NewPair(t)
				target := pair.Target(8080)
				server := lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.ActiveClose})
				var client *lab.Process
				return &stage{
					host: pair.Server,
					load: func(t *testing.T) {
						client = lab.StartClient(t, pair.Client, lab.Client{
							Targets: oneTarget(target), Count: 200, Interval: 20 * time.Millisecond, Send: "request", Receive: lab.ReceiveMessage,
						})
					},
					number: func(t *testing.T) float64 { return failedConnections(client.Result(t), nil, nil) },
					act: func(t *testing.T) {
						server.Stop()
						lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.Echo})
					},
				}
			},
		},
		{
			rule: "rcvq-prune", symptom: "10 connections over which a byte comes every millisecond, to a program that does not read",
			finds: findings{"rcvq-prune": rules.Notice}, verdict: rules.VerdictOperator,
			number: "receive queues over their limit, in a second",
			cure:   acted("it must read faster", "the program is replaced by one that reads"),
			effect: falls(100, 1),
			stage: func(t *testing.T) *stage {
				pair := lab.NewPair(t)
				port, behaviour := uint16(8079), lab.Hold
				var stream *lab.Process
				return &stage{
					host: pair.Server,
					load: func(t *testing.T) {
						if stream != nil {
							stream.Stop()
						}
						port++
						lab.Serve(t, pair.Server, lab.Server{Address: pair.Target(port), Behaviour: behaviour})
						stream = lab.StartStream(t, pair.Client, lab.Stream{
							Target: pair.Target(port), Connections: 10, Piece: 1, Interval: time.Millisecond,
						})
						if behaviour == lab.Hold {
							lab.Eventually(t, settleTime, func() (bool, string) {
								return pair.Server.Counters(t)["TcpExt.PruneCalled"] > 0, "no queue is full"
							})
						}
					},
					number: func(t *testing.T) float64 { return perSecond(t, pair.Server, "TcpExt.PruneCalled") },
					act:    func(*testing.T) { behaviour = lab.SinkClose },
				}
			},
		},
	}
}

// perSecond is how fast a counter of the host rises now.
func perSecond(t *testing.T, h *lab.Host, counter string) float64 {
	t.Helper()
	began, before := time.Now(), h.Counters(t)[counter]
	time.Sleep(time.Second) // the time over which is measured
	return round2(float64(h.Counters(t)[counter]-before) / time.Since(began).Seconds())
}
