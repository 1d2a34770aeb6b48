// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// mythRows are about settings that do not do what articles say.
func mythRows() []row {
	return []row{
		{
			rule: "fin-timeout-myth", symptom: "300 connections that this host has closed",
			settings: map[string]string{"net.ipv4.tcp_fin_timeout": "5"},
			finds:    findings{"fin-timeout-myth": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "s that a new socket stays in TIME_WAIT",
			cure:   recommended("low"),
			effect: stays(45, 60),
			stage: func(t *testing.T) *stage {
				c := closeFirst(t, lab.SinkClose, 300)
				c.number = func(t *testing.T) float64 { return c.longest(t, lab.TimeWait) }
				return &c.stage
			},
		},
	}
}
