// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"errors"
	"io/fs"

	"github.com/tcptune/tcptune/internal/procnet"
)

// NeighbourTable is a neighbour table of the machine: the namespaces share it,
// and only the initial one shows it.
type NeighbourTable struct {
	Name    string  `json:"name"` // arp_cache or ndisc_cache
	Entries int64   `json:"entries"`
	Limit   *int64  `json:"gc_thresh3,omitempty"`
	Fulls   *uint64 `json:"table_fulls,omitempty"` // entries refused since boot because the table was full; Linux 4.3
}

// readNeighbours reads the sizes of the neighbour tables. A kernel without IPv6
// has one only.
func (c *Collector) readNeighbours(s *Snapshot) {
	for _, family := range []string{"ipv4", "ipv6"} {
		t := NeighbourTable{Name: "arp_cache"}
		if family == "ipv6" {
			t.Name = "ndisc_cache"
		}
		file := "proc/net/stat/" + t.Name
		stat, err := parse(c.root, file, procnet.ParseTableStat)
		if err != nil {
			// A child namespace and a kernel without IPv6 lack the file.
			initial := s.Host != nil && s.Host.Initial != nil && *s.Host.Initial
			if !errors.Is(err, fs.ErrNotExist) || initial && family == "ipv4" {
				s.gap("/"+file, err, "")
			}
			continue
		}
		t.Entries, t.Fulls = clampInt64(stat.Entries), sum(stat, "table_fulls")
		if text, err := c.root.text("proc/sys/net/" + family + "/neigh/default/gc_thresh3"); err == nil {
			if n, ok := parseInt(text); ok {
				t.Limit = &n
			}
		}
		s.Neighbours = append(s.Neighbours, t)
	}
}
