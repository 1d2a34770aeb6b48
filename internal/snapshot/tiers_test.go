// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// drawPorts draws a small range, reserved ports and listeners in and around it.
func drawPorts(t *rapid.T) (ports PortRange, reserved PortSet, listeners []uint16) {
	low := rapid.IntRange(1024, 60000).Draw(t, "low")
	size := rapid.IntRange(1, 120).Draw(t, "size")
	ports = PortRange{Low: uint16(low), High: uint16(low + size - 1), Known: true}
	near := rapid.IntRange(low-5, low+size+5)
	for _, p := range rapid.SliceOfN(near, 0, 10).Draw(t, "reserved") {
		if reserved.Add(uint16(p)) && ports.Contains(uint16(p)) {
			ports.Reserved++
		}
	}
	for _, p := range rapid.SliceOfN(near, 0, 10).Draw(t, "listeners") {
		listeners = append(listeners, uint16(p))
	}
	return ports, reserved, listeners
}

// TestTiersVerdict: on random tables the tiers come to the verdict of a dump of
// everything.
func TestTiersVerdict(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ports, reserved, listeners := drawPorts(t)
		table := &fakeTable{method: sockdiag.MethodSockDiag}
		for _, p := range listeners {
			table.sockets = append(table.sockets, listener(p), listener(p)) // SO_REUSEPORT
		}
		states := rapid.SampledFrom([]sockdiag.State{
			sockdiag.StateEstablished, sockdiag.StateEstablished, sockdiag.StateTimeWait, sockdiag.StateTimeWait,
			sockdiag.StateSynSent, sockdiag.StateCloseWait, sockdiag.StateFinWait1, sockdiag.StateFinWait2,
			sockdiag.StateLastAck, sockdiag.StateClosing,
		})
		span := int(ports.High) - int(ports.Low) + 11
		for d := range rapid.IntRange(0, 5).Draw(t, "destinations") {
			// Distinct local ports, as the four-tuple demands.
			order := rapid.Permutation(seq(int(ports.Low)-5, span)).Draw(t, "order")
			for _, p := range order[:rapid.IntRange(0, span).Draw(t, "ports")] {
				s := outgoing(states.Draw(t, "state"), uint16(p), peer(d))
				if s.State == sockdiag.StateFinWait2 && rapid.Bool().Draw(t, "orphan") {
					s.Timer, s.Inode = sockdiag.TimerTimeWait, 0
				}
				table.sockets = append(table.sockets, s)
			}
		}
		for i := range rapid.IntRange(0, 30).Draw(t, "half-open") {
			s := outgoing(sockdiag.StateSynRecv, 80, peer(i))
			s.Inode = 0
			table.sockets = append(table.sockets, s)
		}
		if ports.Size() == 0 {
			return
		}
		table.check(t, table.collect(t, ports, reserved), ports, reserved)
	})
}

func seq(first, n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = first + i
	}
	return list
}

// TestTiersLarge: the walk of a large table meets destinations one after
// another, as the hash of Linux 6.18 has them; none may be missed.
func TestTiersLarge(t *testing.T) {
	ports := PortRange{Low: 20000, High: 23999, Known: true}
	tests := []struct {
		name    string
		bulk    int // destinations that share the rest of the sockets
		each    int // sockets to each of them
		largest int // sockets to one more, the last of the walk
		held    int // listeners in the range
		sampled bool
	}{
		{"many small ones", 400, 125, 0, 0, true},
		{"a third", 400, 120, 1333, 0, true},
		{"just below half", 400, 120, 1999, 0, false},
		{"exactly half", 400, 120, 2000, 0, false},
		{"exactly half with the listeners", 400, 120, 1990, 10, false},
		{"80 percent", 400, 120, 3200, 0, false},
		{"95 percent of a very large table", 1200, 100, 3800, 0, false},
		{"all of it", 400, 120, 4000, 0, false},
		{"listeners hold nearly half", 400, 125, 0, 1900, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 1))
			table := &fakeTable{method: sockdiag.MethodSockDiag}
			for i := range tt.held {
				table.sockets = append(table.sockets, listener(ports.High-uint16(i)))
			}
			// As connect() would, from a random port on: destinations share ports.
			add := func(to netip.AddrPort, n int) {
				start, free := random.IntN(4000), 4000-tt.held
				for i := range n {
					table.sockets = append(table.sockets, outgoing(sockdiag.StateEstablished, ports.Low+uint16((start+i)%free), to))
				}
			}
			for d := range tt.bulk {
				add(peer(d), tt.each)
			}
			add(peer(60000), tt.largest)
			got := table.collect(t, ports, PortSet{})
			table.check(t, got, ports, PortSet{})
			if got.Closer.Looked == tt.sampled || got.Sample == nil || !got.Complete {
				t.Errorf("closer %+v, sample %+v", got.Closer, got.Sample)
			}
			if want := []int{0, 1, 3}; tt.sampled && !slices.Equal(got.Tiers, want) {
				t.Errorf("tiers %v, want %v", got.Tiers, want)
			}
		})
	}
}

// TestTiersClient: a client that binds before it connects uses each port once.
func TestTiersClient(t *testing.T) {
	ports := PortRange{Low: 1024, High: 65535, Known: true}
	for _, tt := range []struct {
		name  string
		early bool // bind() before connect()
	}{
		{"ports shared", false},
		{"ports never shared", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table := &fakeTable{method: sockdiag.MethodSockDiag}
			for i := range 50000 {
				port := ports.Low + uint16(i)
				if !tt.early {
					port = ports.Low + uint16(i/50)
				}
				table.sockets = append(table.sockets, outgoing(sockdiag.StateEstablished, port, peer(i%50)))
			}
			got := table.collect(t, ports, PortSet{})
			if got.Closer.Looked != tt.early || len(got.Clients) == 1 != tt.early {
				t.Fatalf("closer %+v, clients %+v", got.Closer, got.Clients)
			}
			if !tt.early { // the sample shows that ports are shared
				return
			}
			if c := got.Clients[0]; c.Ports != 50000 || c.Sockets != 50000 || c.Destinations != 50 {
				t.Errorf("client %+v", c)
			}
		})
	}
}

// TestTiersTooManyDestinations: the answer is unknown where a destination that
// was not counted could matter.
func TestTiersTooManyDestinations(t *testing.T) {
	for _, tt := range []struct {
		name  string
		high  uint16
		known bool
	}{
		{"could not matter", 61023, true},
		{"could matter", 1025, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ports := PortRange{Low: 1024, High: tt.high, Known: true}
			table := &fakeTable{method: sockdiag.MethodProc}
			for i := range maxExactGroups + 10 {
				to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}), uint16(443+i>>16))
				table.sockets = append(table.sockets, outgoing(sockdiag.StateEstablished, 1024, to))
			}
			got := table.collect(t, ports, PortSet{})
			if got.Closer.Looked != tt.known || got.Complete || len(got.Destinations) != maxKept {
				t.Errorf("closer %+v, complete %v, %d destinations", got.Closer, got.Complete, len(got.Destinations))
			}
			if !tt.known && got.Closer.Why == "" {
				t.Error("no reason")
			}
		})
	}
}
