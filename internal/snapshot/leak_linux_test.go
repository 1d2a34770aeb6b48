// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"net/netip"
	"os"
	"runtime"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
)

// A footprint is what a process holds.
type footprint struct {
	files, threads, goroutines int
	heap                       uint64 // bytes that are in use
}

func currentFootprint(t *testing.T) footprint {
	t.Helper()
	runtime.GC()
	runtime.GC() // the first one only runs finalizers
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f := footprint{goroutines: runtime.NumGoroutine(), heap: m.HeapAlloc}
	for dir, n := range map[string]*int{"/proc/self/fd": &f.files, "/proc/self/task": &f.threads} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		*n = len(entries)
	}
	return f
}

// TestCollectForLong collects again and again, as a live view does: memory,
// files, threads and goroutines stay what they were.
func TestCollectForLong(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		rounds, warmUp := 1000, 50
		if lab.Guest() {
			rounds = 200
		}
		const moreHeap = 1 << 20
		self := lab.Self(t)
		address := netip.MustParseAddrPort("127.0.0.1:8080")
		lab.Serve(t, self, lab.Server{Name: "leaky", Address: address, Behaviour: lab.HoldEOF})
		lab.Connect(t, self, lab.Client{Targets: []netip.AddrPort{address}, Count: 50})
		lab.WaitState(t, self, lab.CloseWait, 50, patience)
		c, err := NewCollector(Options{Keys: keys("net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_mem")})
		if err != nil {
			t.Fatal(err)
		}
		series, err := c.Series(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer series.Close()
		var before footprint
		for i := range rounds {
			if i == warmUp {
				before = currentFootprint(t)
			}
			w, err := series.Next(t.Context())
			if err != nil || w.To.Sockets.States["close_wait"] < 50 {
				t.Fatalf("round %d: %+v, %v", i, w, err)
			}
			if _, err := c.Table(t.Context(), Groupings()[i%len(Groupings())]); err != nil {
				t.Fatalf("round %d: %v", i, err)
			}
		}
		after := currentFootprint(t)
		t.Logf("%d rounds: before %+v, after %+v", rounds, before, after)
		// The runtime starts a thread where another one waits in the kernel.
		const moreThreads = 4
		if after.files > before.files || after.goroutines > before.goroutines || after.threads > before.threads+moreThreads || after.heap > before.heap+moreHeap {
			t.Errorf("after %d rounds %+v, before %+v", rounds, after, before)
		}
	})
}
