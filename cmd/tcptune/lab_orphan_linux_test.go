// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// orphanRows are about sockets that no process holds any more.
func orphanRows() []row {
	return []row{
		{
			rule: "fin-wait2-pileup", variant: "the peers close", symptom: "600 connections that this host has closed and its peer has not",
			finds: findings{"fin-wait2-pileup": rules.Warning}, verdict: rules.VerdictOperator,
			number: "sockets in FIN_WAIT2",
			cure:   acted("a program there does not call close() after this host has closed", "the peer is replaced by one that closes at the end of file"),
			effect: falls(600, 0),
			stage: func(t *testing.T) *stage {
				c := closeFirst(t, lab.Hold, 600)
				c.number = func(t *testing.T) float64 { return float64(c.pair.Client.States(t)[lab.FinWait2]) }
				c.act = func(t *testing.T) {
					c.server.Stop()
					lab.WaitState(t, c.pair.Client, lab.FinWait2, 0, settleTime)
					c.behaviour = lab.SinkClose
				}
				return &c.stage
			},
		},
		{
			rule: "fin-wait2-pileup", variant: "they go sooner", symptom: "600 connections that this host has closed and its peer has not",
			finds: findings{"fin-wait2-pileup": rules.Warning}, verdict: rules.VerdictOperator,
			number: "s that a new socket stays in FIN_WAIT2",
			cure:   recommended("low"),
			then:   findings{"fin-wait2-pileup": rules.Warning}, // those that are there keep their time
			effect: falls(45, 30),
			stage: func(t *testing.T) *stage {
				c := closeFirst(t, lab.Hold, 600)
				c.number = func(t *testing.T) float64 { return c.longest(t, lab.FinWait2) }
				return &c.stage
			},
		},
	}
}

// A firstCloser is a client that closes first, whose host is looked at, and a
// server. Each load goes to a port of its own.
type firstCloser struct {
	stage
	pair      *lab.Pair
	behaviour lab.Behaviour
	server    *lab.Process
	port      uint16 // of the last load
}

func closeFirst(t *testing.T, behaviour lab.Behaviour, connections int) *firstCloser {
	c := &firstCloser{pair: lab.NewPair(t), behaviour: behaviour, port: 8079}
	c.host = c.pair.Client
	c.host.Sysctl(t, "net.ipv4.tcp_rfc1337", "1") // or a RST ends a TIME_WAIT now and then
	c.load = func(t *testing.T) {
		c.port++
		target := c.pair.Target(c.port)
		c.server = lab.Serve(t, c.pair.Server, lab.Server{Address: target, Behaviour: c.behaviour})
		connectAll(t, c.host, lab.Client{Targets: oneTarget(target), Count: connections})
		lab.WaitState(t, c.host, lab.FinWait1, 0, settleTime)
	}
	return c
}

// longest is how many seconds the youngest socket of the last load will stay in
// a state.
func (c *firstCloser) longest(t *testing.T, state lab.State) float64 {
	t.Helper()
	var longest time.Duration
	for _, s := range c.host.Sockets(t) {
		if s.State == state && s.Remote.Port() == c.port {
			longest = max(longest, s.Expires)
		}
	}
	return longest.Seconds()
}
