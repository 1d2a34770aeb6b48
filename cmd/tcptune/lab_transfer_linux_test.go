// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
)

// A transfer is what a row about throughput makes: bulk data from the client to
// the server, over new connections for each load, that goes on while check looks.
type transfer struct {
	pair        *lab.Pair
	connections int           // 0 means 1
	behaviour   lab.Behaviour // of the server; SinkClose when empty
	sender      lab.Options   // of the client's sockets
	receiver    lab.Options   // of the server's

	server, stream *lab.Process
}

const (
	transferPort  = 8080
	transferStart = 200 * 1448      // bytes that each load waits for: slow start is over, or stuck
	transferTime  = 3 * time.Second // over which the throughput is measured
)

// stage is that of a row whose number is the throughput in MB/s. Act is what an
// action does, or nil.
func (tr *transfer) stage(host *lab.Host, act func(*testing.T)) *stage {
	return &stage{
		host:   host,
		load:   tr.load,
		number: tr.rate,
		act:    act,
	}
}

// load ends the transfer, if there is one, and begins another.
func (tr *transfer) load(t *testing.T) {
	t.Helper()
	for _, p := range []*lab.Process{tr.stream, tr.server} {
		if p != nil {
			p.Stop()
		}
	}
	target := tr.pair.Target(transferPort)
	if tr.behaviour == "" {
		tr.behaviour = lab.SinkClose
	}
	tr.server = lab.Serve(t, tr.pair.Server, lab.Server{Name: "sink", Address: target, Behaviour: tr.behaviour, Options: tr.receiver})
	tr.stream = lab.StartStream(t, tr.pair.Client, lab.Stream{Target: target, Connections: tr.connections, Options: tr.sender})
	lab.Eventually(t, settleTime, func() (bool, string) {
		received := sum(tr.pair.Server.Flows(t, transferPort), func(f lab.Flow) uint64 { return f.Bytes_received })
		return received >= transferStart, fmt.Sprintf("%v bytes received", received)
	})
}

// sum adds a number up over connections.
func sum[T any, N int | uint32 | uint64](list []T, number func(T) N) float64 {
	total := 0.0
	for _, x := range list {
		total += float64(number(x))
	}
	return total
}

// rate is the throughput in MB/s.
func (tr *transfer) rate(t *testing.T) float64 {
	t.Helper()
	return round2(tr.pair.Server.Goodput(t, transferPort, transferTime) / 1e6)
}

// round2 keeps two digits after the point: more are noise.
func round2(x float64) float64 { return float64(int(x*100+0.5)) / 100 }
