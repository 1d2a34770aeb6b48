// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/netns"
)

// TestSeries takes windows of our own namespace and of another one: each begins
// where the one before ended.
func TestSeries(t *testing.T) {
	lab.IsolateAlone(t, func(t *testing.T) {
		town := newTown(t, 1)
		c, err := NewCollector(Options{Keys: keys("net.ipv4.tcp_fin_timeout", "fs.nr_open")})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []*netns.Namespace{nil, town.namespaces(t)[0]} {
			series, err := c.Series(n)
			if err != nil {
				t.Fatal(err)
			}
			defer series.Close()
			var last *Snapshot
			for i := range 4 {
				w, err := series.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if (w.From == nil) != (last == nil) || w.From != nil && !w.From.Taken.Equal(last.Taken) {
					t.Errorf("window %d does not begin where the one before ended", i)
				}
				if n != nil {
					town.check(t, 0, Visit{Label: n.Label, Window: w})
				} else if len(w.To.Sockets.Listeners) != 0 {
					t.Errorf("listeners of another namespace: %+v", w.To.Sockets.Listeners)
				}
				last = w.To
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if w, err := series.Next(ctx); !errors.Is(err, context.Canceled) || w != nil {
				t.Errorf("after the end of the context: %v, %v", w, err)
			}
			series.Close()
			series.Close()
			if w, err := series.Next(t.Context()); !errors.Is(err, errClosed) || w != nil {
				t.Errorf("after it was closed: %v, %v", w, err)
			}
		}
	})
}
