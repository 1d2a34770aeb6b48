// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// deadPeerRows are about how long a host waits for a peer that is gone.
func deadPeerRows() []row {
	return []row{
		{
			rule:     "retries2-too-low",
			symptom:  "an outage in the middle of a conversation",
			settings: map[string]string{"net.ipv4.tcp_retries2": "3"},
			finds:    findings{"retries2-too-low": rules.Warning}, verdict: rules.VerdictSysctl,
			number: "seconds until the connection breaks, 15 when it does not",
			cure:   recommended("medium"),
			effect: rises(10, 15),
			stage: func(t *testing.T) *stage {
				pair := lab.NewPair(t)
				target := pair.Target(8080)
				lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.Answer})
				var caller *lab.Process
				return &stage{
					host: pair.Client,
					load: func(t *testing.T) {
						pair.Mend(t)
						caller = lab.StartCaller(t, pair.Client, lab.Caller{Target: target})
						caller.Ask(t, lab.Request{Receive: 1})
					},
					number: func(t *testing.T) float64 {
						pair.Cut(t)
						r := caller.Ask(t, lab.Request{Receive: 1, Timeout: 15 * time.Second})
						if r.Error != "ETIMEDOUT" && r.Error != "timeout" {
							t.Errorf("error %q", r.Error)
						}
						return round2(r.Took.Seconds())
					},
				}
			},
		},
		{
			rule:    "closing-pileup",
			symptom: "both ends close 60 connections at the same time, and the path dies before the FINs are acknowledged",
			window:  5 * time.Second,
			finds:   findings{"closing-pileup": rules.Notice}, verdict: rules.VerdictOperator,
			number: "sockets in CLOSING",
			cure:   acted("Check the path to the peers", "the path is repaired"),
			effect: falls(60, 0),
			stage: func(t *testing.T) *stage {
				pair := lab.NewLine(t, lab.Line{Delay: time.Second})
				target := pair.Target(8080)
				repaired := false
				return &stage{
					host: pair.Client,
					load: func(t *testing.T) {
						if repaired {
							lab.WaitState(t, pair.Client, lab.Closing, 0, time.Minute)
							return
						}
						server := lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.Hold})
						client := lab.StartClient(t, pair.Client, lab.Client{Targets: oneTarget(target), Count: 60, NonBlocking: true, Ending: lab.Keep})
						client.Result(t)
						lab.WaitState(t, pair.Server, lab.Established, 60, settleTime)
						lab.Eventually(t, settleTime, func() (bool, string) { // or the server closes some of them only
							waiting := pair.Server.Listener(t, 8080).RecvQ
							return waiting == 0, fmt.Sprintf("%d are not accepted", waiting)
						})
						client.CloseAll(t)
						server.CloseAll(t)
						lab.WaitState(t, pair.Client, lab.Closing, 60, settleTime)
						pair.Cut(t)
					},
					number: func(t *testing.T) float64 { return float64(pair.Client.States(t)[lab.Closing]) },
					act: func(t *testing.T) {
						pair.Mend(t)
						repaired = true
					},
				}
			},
		},
		{
			rule:    "retries2-slow-failover",
			symptom: "a request to a peer that is gone",
			finds:   findings{"retries2-slow-failover": rules.Info}, verdict: rules.VerdictApplication,
			number: "seconds until the error, 40 when there is none",
			cure:   acted("set TCP_USER_TIMEOUT", "the program sets TCP_USER_TIMEOUT to 10 s"),
			effect: falls(40, 20),
			stage: func(t *testing.T) *stage {
				pair := lab.NewPair(t)
				target := pair.Target(8080)
				lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.Answer})
				var caller *lab.Process
				var options lab.Options
				return &stage{
					host: pair.Client,
					load: func(t *testing.T) {
						pair.Mend(t)
						if caller != nil {
							caller.Stop()
						}
						caller = lab.StartCaller(t, pair.Client, lab.Caller{Target: target, Options: options})
						if r := caller.Ask(t, lab.Request{Receive: 1}); r.Error != "" {
							t.Fatalf("request before the peer is gone: %+v", r)
						}
						pair.Cut(t)
						caller.Begin(t, lab.Request{Receive: 1, Timeout: 40 * time.Second})
						lab.Eventually(t, time.Minute, func() (bool, string) {
							f := pair.Client.Flows(t, 8080)
							again := sum(f, func(f lab.Flow) uint32 { return uint32(f.Retransmits) })
							return again >= 6 || options.UserTimeout > 0, fmt.Sprintf("%v retransmissions", again)
						})
					},
					number: func(t *testing.T) float64 {
						r := caller.Reply(t)
						if r.Error != "ETIMEDOUT" && r.Error != "timeout" {
							t.Errorf("error %q", r.Error)
						}
						return round2(r.Took.Seconds())
					},
					act: func(*testing.T) { options.UserTimeout = 10 * time.Second },
				}
			},
		},
	}
}
