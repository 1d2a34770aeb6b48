// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"
)

// A Stream is a process that opens connections and writes to each whenever it
// takes data, until it is stopped: a bulk transfer, or many small pieces. It
// never reads.
type Stream struct {
	Name        string // of the process; "stream" when empty
	Target      netip.AddrPort
	Connections int           // 0 means 1
	Piece       int           // bytes of each write, sent at once (TCP_NODELAY); 0 means 64 KiB
	Interval    time.Duration // between two writes of a connection
	Options     Options
}

// StartStream starts the stream in the host and returns when its connections
// stand.
func StartStream(t testing.TB, h *Host, s Stream) *Process {
	t.Helper()
	if s.Name == "" {
		s.Name = "stream"
	}
	p := start(t, h, s.Name, program{Stream: &s})
	p.await(t, startTimeout)
	return p
}

// run opens the connections and writes until standard input ends. Connections
// that break are the symptom: they are closed, and the others go on.
func (s *Stream) run(in *json.Decoder, out *json.Encoder) error {
	size := s.Piece
	if size == 0 {
		size = messageSize
	}
	block := make([]byte, size)
	for range max(s.Connections, 1) {
		conn, err := s.Options.dial(s.Target)
		if err != nil {
			return out.Encode(report{Error: err.Error()})
		}
		go func() {
			defer conn.Close()
			for {
				if _, err := conn.Write(block); err != nil {
					return
				}
				time.Sleep(s.Interval)
			}
		}()
	}
	return obeyReady(in, out, disobey)
}
