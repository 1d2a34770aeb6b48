// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// readerRows are about programs that do not take what the network brings.
func readerRows() []row {
	return []row{
		{
			rule:    "slow-reader",
			symptom: "10 connections to a program that never reads, filled as far as they take data",
			finds:   findings{"slow-reader": rules.Warning}, verdict: rules.VerdictApplication,
			number: "MB unread",
			cure:   acted("Find out what sink", "the program is replaced by one that reads"),
			effect: falls(0.7, 0.3),
			stage: func(t *testing.T) *stage {
				tr := unread(t, 50)
				s := tr.stage(tr.pair.Server, func(*testing.T) { tr.behaviour = lab.SinkClose })
				s.number = tr.queued(tr.pair.Server, func(s lab.Socket) uint32 { return s.RecvQ })
				s.load = tr.loadUntil(s.number, 0.7)
				return s
			},
		},
		{
			rule:    "send-queue-stuck",
			symptom: "10 connections to a program that never reads, with 512 KiB of send buffer each",
			window:  3 * time.Second,
			finds:   findings{"send-queue-stuck": rules.Warning}, verdict: rules.VerdictOperator,
			number: "MB/s",
			cure:   acted("Look at the program on the other end", "the program there is replaced by one that reads"),
			effect: rises(0.1, 1),
			stage: func(t *testing.T) *stage {
				tr := unread(t, 400)
				tr.pair.Client.Sysctl(t, "net.ipv4.tcp_wmem", "4096 524288 4194304")
				s := tr.stage(tr.pair.Client, func(*testing.T) { tr.behaviour = lab.SinkClose })
				s.load = tr.loadUntil(tr.queued(tr.pair.Client, func(s lab.Socket) uint32 { return s.SendQ }), 3)
				return s
			},
		},
	}
}

// unread is 10 transfers to a program that never reads, over so many Mbit/s.
func unread(t *testing.T, rate int) *transfer {
	t.Helper()
	pair := lab.NewLine(t, lab.Line{Delay: time.Millisecond, Rate: rate, Queue: 50 * time.Millisecond})
	return &transfer{pair: pair, connections: 10, behaviour: lab.Hold}
}

// queued is how much the sockets of a host have in a queue, in MB.
func (tr *transfer) queued(h *lab.Host, queue func(lab.Socket) uint32) func(*testing.T) float64 {
	return func(t *testing.T) float64 { return round2(sum(h.Sockets(t), queue) / 1e6) }
}

// loadUntil is load, and waits until the queues hold so many MB where nobody
// empties them.
func (tr *transfer) loadUntil(queued func(*testing.T) float64, least float64) func(*testing.T) {
	return func(t *testing.T) {
		tr.load(t)
		lab.Eventually(t, settleTime, func() (bool, string) {
			n := queued(t)
			return n >= least || tr.behaviour != lab.Hold, fmt.Sprintf("%v MB queued", n)
		})
	}
}
