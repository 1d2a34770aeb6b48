// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
)

// TestConntrackLive reads the table of a gateway that tracks connections. It
// is far from half full, so nobody looks at its entries.
func TestConntrackLive(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		n := lab.NewTriple(t)
		lab.Serve(t, n.Server, lab.Server{Address: n.Target(8080), Behaviour: lab.SinkClose})
		lab.Connect(t, n.Client, lab.Client{Targets: []netip.AddrPort{n.Target(8080)}, Count: 20})
		var s *Snapshot
		err := n.Gateway.Do(func() error {
			s = snapshotNow(t, live(t, Options{}))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		c := s.Conntrack
		if c == nil || !c.Loaded || *c.Count != 20 || c.Drops == nil || c.EarlyDrops == nil || c.InsertFailed == nil || c.Table != nil {
			t.Errorf("conntrack %+v, gaps %+v", c, s.Gaps)
		}
		if s.Counters["Ip.ForwDatagrams"] < 20 {
			t.Errorf("ForwDatagrams %d", s.Counters["Ip.ForwDatagrams"])
		}
		if s.Neighbours != nil {
			t.Errorf("neighbour tables of a child namespace: %+v", s.Neighbours)
		}
		// Pretend that it is half full.
		most := *c.Count * 2
		c.Max = &most
		err = n.Gateway.Do(func() error {
			live(t, Options{}).readConntrackTable(t.Context(), s)
			return nil
		})
		if err != nil || c.Table == nil || c.Table.States["TIME_WAIT"] != 20 || c.Table.Translated != 20 || !c.Table.Complete {
			t.Errorf("table %+v, error %v, gaps %+v", c.Table, err, s.Gaps)
		}
	})
}

func TestHalfFull(t *testing.T) {
	tests := []struct {
		count, most *int64
		want        bool
	}{
		{nil, ptr[int64](10), false},
		{ptr[int64](10), nil, false},
		{ptr[int64](10), ptr[int64](0), false}, // no limit
		{ptr[int64](4), ptr[int64](10), false},
		{ptr[int64](5), ptr[int64](10), true},
	}
	for _, tt := range tests {
		if got := (&Conntrack{Loaded: true, Count: tt.count, Max: tt.most}).halfFull(); got != tt.want {
			t.Errorf("halfFull(%v, %v) = %v", tt.count, tt.most, got)
		}
	}
	if (*Conntrack)(nil).halfFull() {
		t.Error("a table that was not read is half full")
	}
}

// TestTickRate compares with the kernel's own configuration where it shows it.
func TestTickRate(t *testing.T) {
	hz := tickRate()
	if hz == nil || *hz < 24 || *hz > 1200 {
		t.Fatalf("tick rate %v", hz)
	}
	f, err := os.Open("/proc/config.gz")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("this kernel does not show its configuration")
	} else if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`(?m)^CONFIG_HZ=([0-9]+)$`).FindSubmatch(text); found == nil || string(found[1]) != strconv.FormatInt(*hz, 10) {
		t.Errorf("tick rate %d, configured %q", *hz, found)
	}
}
