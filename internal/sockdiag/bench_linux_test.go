// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// crowdSockets is how many sockets the benchmarks dump, or as many as the
// limit of open files allows.
const crowdSockets = 10000

var crowdOnce sync.Once

// crowd fills the namespace with established connections.
func crowd(b *testing.B) {
	needNetNS(b)
	crowdOnce.Do(func() {
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			b.Fatal(err)
		}
		limit.Cur = limit.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			b.Fatal(err)
		}
		s := &scene{tb: b, next: 20000}
		listener, at := s.listen(netip.MustParseAddr("127.0.0.1"), 16)
		for range (min(crowdSockets, limit.Max) - 200) / 2 {
			s.connect(at)
			_, _, err := unix.Accept(listener)
			s.ok(err)
		}
	})
}

// receiveOnly sends the request and receives the answer without a look at it:
// the floor for any dump.
func receiveOnly(b *testing.B, c *Client, r Request) {
	c.sequence++
	if _, err := c.conn.Write(r.appendV1(nil, c.sequence)); err != nil {
		b.Fatal(err)
	}
	for {
		n, err := c.conn.Read(c.buffer)
		if err != nil {
			b.Fatal(err)
		}
		if n == headerLen+4 && binary.NativeEndian.Uint16(c.buffer[4:]) == nlmsgDone {
			return
		}
	}
}

func BenchmarkKernel(b *testing.B) {
	crowd(b)
	client := kernelClient(b, dial)
	proc := ProcTable{Dir: "/proc/thread-self/net"}
	for _, extensions := range []struct {
		name string
		Extensions
	}{{"bare", 0}, {"info", WithInfo | WithMemory | WithCongestion}} {
		r := Request{States: AllStates, Extensions: extensions.Extensions}
		b.Run("receive-only/"+extensions.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				receiveOnly(b, client, r)
			}
		})
		b.Run("dump/"+extensions.name, func(b *testing.B) { benchmarkDump(b, client, r) })
	}
	b.Run("dump/filtered-out", func(b *testing.B) {
		benchmarkDump(b, client, Request{States: AllStates, Filter: Filter{SourcePorts: PortRange{1, 2}}})
	})
	var slices []PortRange // none of which holds a port
	for i := range uint16(16) {
		slices = append(slices, PortRange{i*8 + 1, i*8 + 2})
	}
	b.Run("dump/filtered-out-by-slices", func(b *testing.B) {
		benchmarkDump(b, client, Request{States: AllStates, Filter: Filter{AnySource: slices, AnyDestination: slices}})
	})
	b.Run("dump/listen", func(b *testing.B) {
		benchmarkDump(b, client, Request{States: StatesOf(StateListen)})
	})
	b.Run("proc", func(b *testing.B) { benchmarkDump(b, proc, Request{States: AllStates}) })
}

func benchmarkDump(b *testing.B, d dumper, r Request) {
	b.ReportAllocs()
	var ports, sockets int
	for b.Loop() {
		summary, err := d.Dump(b.Context(), r, func(s *Socket) error {
			ports += int(s.Source.Port())
			return nil
		})
		if err != nil || !summary.Complete {
			b.Fatal(summary, err)
		}
		sockets = summary.Sockets
	}
	if sockets > 0 {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(sockets), "ns/socket")
	}
}

// TestDumpAllocates checks that a dump does not allocate for each socket: the
// scene has 69.
func TestDumpAllocates(t *testing.T) {
	theScene(t)
	for _, tt := range []struct {
		name string
		dumper
	}{
		{"sock_diag", kernelClient(t, dial)},
		{"proc", ProcTable{Dir: "/proc/thread-self/net"}},
	} {
		dump := func() {
			_, err := tt.Dump(t.Context(), Request{States: AllStates, Extensions: allInfo}, func(*Socket) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
		}
		dump() // names of congestion control are kept at first sight
		if got := testing.AllocsPerRun(10, dump); got > 30 {
			t.Errorf("%s: %v allocations", tt.name, got)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	recorded, err := os.ReadFile(filepath.Join("testdata", "scene.v1.bin"))
	if err != nil {
		b.Fatal(err)
	}
	h, _, _, err := nextMessage(recorded)
	if err != nil {
		b.Fatal(err)
	}
	d := dump{sequence: h.sequence, decoder: &decoder{}, fn: func(*Socket) error { return nil }}
	b.ReportAllocs()
	for b.Loop() {
		if done, err := d.datagram(recorded); !done || err != nil {
			b.Fatal(done, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(d.summary.Sockets), "ns/socket")
}
