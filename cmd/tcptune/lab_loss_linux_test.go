// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// lossRows are about paths that lose packets.
func lossRows() []row {
	return []row{
		{
			rule:    "retransmit-high",
			symptom: "2 transfers with cubic over a path of 50 Mbit/s with a round trip of 40 ms that loses 2 % of the packets",
			window:  5 * time.Second,
			finds:   findings{"retransmit-high": rules.Notice}, verdict: rules.VerdictOperator,
			number: "MB/s",
			cure:   acted("try the congestion control bbr for that service", "the program asks for bbr; the loss stays"),
			then:   findings{"retransmit-high": rules.Notice},
			effect: grows(2),
			stage: func(t *testing.T) *stage {
				pair := lab.NewLine(t, lab.Line{Delay: 20 * time.Millisecond, Loss: 0.02, Rate: 50, Queue: 200 * time.Millisecond})
				tr := transfer{pair: pair, connections: 2, sender: lab.Options{Congestion: "cubic"}}
				return tr.stage(t, pair.Client, func(*testing.T) { tr.sender.Congestion = "bbr" })
			},
		},
	}
}
