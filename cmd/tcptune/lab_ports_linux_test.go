// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// portRows are about the local ports of outgoing connections.
func portRows() []row {
	return []row{
		{
			rule:    "ephemeral-port-exhaustion",
			symptom: "600 connections one after the other to one destination, over 500 local ports",
			settings: map[string]string{
				"net.ipv4.ip_local_port_range": "20000 20499", "net.ipv4.tcp_tw_reuse": "2",
				"net.ipv4.tcp_rfc1337": "1", // or a RST frees a port now and then
			},
			finds: findings{"ephemeral-port-exhaustion": rules.Critical}, verdict: rules.VerdictSysctl,
			number: "failed connections",
			cure:   recommended("low"),
			effect: falls(100, 0),
			stage: func(t *testing.T) *stage {
				pair := lab.NewPair(t)
				target := pair.Target(8080)
				lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.SinkClose})
				var r lab.Result
				return &stage{
					host: pair.Client,
					load: func(t *testing.T) {
						r = lab.Connect(t, pair.Client, lab.Client{Targets: oneTarget(target), Count: 600})
					},
					number: func(t *testing.T) float64 { return float64(r.Errors["EADDRNOTAVAIL"]) },
				}
			},
		},
	}
}
