// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/tcptune/tcptune/internal/ctnetlink"
	"github.com/tcptune/tcptune/internal/procnet"
)

// Conntrack is the state of connection tracking. Nil fields were not read.
type Conntrack struct {
	Loaded       bool            `json:"loaded"`
	Count        *int64          `json:"count,omitempty"`
	Max          *int64          `json:"max,omitempty"`
	Buckets      *int64          `json:"buckets,omitempty"`
	Drops        *uint64         `json:"drops,omitempty"`
	EarlyDrops   *uint64         `json:"early_drops,omitempty"`
	InsertFailed *uint64         `json:"insert_failed,omitempty"`
	Table        *ConntrackTable `json:"table,omitempty"` // only where it is half full
}

// ConntrackTable is what the entries of the table are.
type ConntrackTable struct {
	Entries    int64            `json:"entries"` // that were looked at
	States     map[string]int64 `json:"states"`  // of these, TCP connections by state, in the kernel's spelling: TIME_WAIT
	Translated int64            `json:"translated"`
	Complete   bool             `json:"complete"` // false: the entries are a random sample of the table
}

// conntrackBudget bounds how long the table may be walked. A million entries
// take a few seconds.
const conntrackBudget = 2 * time.Second

// readConntrack reads the connection tracking table's size and drops. A kernel
// without connection tracking is a known answer, not a gap.
func (c *Collector) readConntrack(s *Snapshot) {
	const dir = "proc/sys/net/netfilter/"
	loaded, known := c.root.exists(dir + "nf_conntrack_max")
	if _, procSys := c.root.exists("proc/sys/net"); !known || !procSys || (!loaded && !c.Live()) {
		s.gap("/"+dir+"nf_conntrack_max", fs.ErrNotExist, "")
		return
	}
	s.Conntrack = &Conntrack{Loaded: loaded}
	if !loaded {
		return
	}
	number := func(name string) *int64 {
		text, err := c.root.text(dir + name)
		if err != nil {
			s.gap("/"+dir+name, err, "")
			return nil
		}
		n, ok := parseInt(text)
		if !ok {
			s.gap("/"+dir+name, fmt.Errorf("%q is no number", text), "")
			return nil
		}
		return &n
	}
	s.Conntrack.Count = number("nf_conntrack_count")
	s.Conntrack.Max = number("nf_conntrack_max")
	s.Conntrack.Buckets = number("nf_conntrack_buckets")
	stat, err := parse(c.root, "proc/net/stat/nf_conntrack", procnet.ParseTableStat)
	if err != nil {
		s.gap("/proc/net/stat/nf_conntrack", err, "")
		return
	}
	s.Conntrack.Drops = sum(stat, "drop")
	s.Conntrack.EarlyDrops = sum(stat, "early_drop")
	s.Conntrack.InsertFailed = sum(stat, "insert_failed")
}

// sum is a column of a table's statistics; nil where this kernel has none.
func sum(stat procnet.TableStat, column string) *uint64 {
	n, ok := stat.Sums[column]
	if !ok {
		return nil
	}
	return &n
}

// halfFull reports whether it matters what the table is filled with.
func (t *Conntrack) halfFull() bool {
	return t != nil && t.Count != nil && t.Max != nil && *t.Max > 0 && *t.Count >= *t.Max/2
}

// readConntrackTable looks at the entries of a table that is half full.
func (c *Collector) readConntrackTable(ctx context.Context, s *Snapshot) {
	if !c.Live() || !s.Conntrack.halfFull() {
		return
	}
	table, err := ctnetlink.Count(ctx, c.allow(s, conntrackBudget))
	switch {
	case errors.Is(err, fs.ErrPermission):
		s.gap("connection tracking table", err, "run as root, or with CAP_NET_ADMIN")
	case err != nil:
		s.gap("connection tracking table", err, "")
	default:
		s.Conntrack.Table = &ConntrackTable{
			Entries: table.Entries, States: table.States, Translated: table.Translated, Complete: table.Complete,
		}
	}
}
