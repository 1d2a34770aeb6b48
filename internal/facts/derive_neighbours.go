// SPDX-License-Identifier: Apache-2.0

package facts

import "github.com/tcptune/tcptune/internal/snapshot"

// NeighbourTable is a neighbour table of the machine.
type NeighbourTable struct {
	Family     string `cel:"family" doc:"ipv4 or ipv6, as in net.ipv4.neigh.default"`
	Name       string `cel:"name" doc:"arp_cache or ndisc_cache"`
	Entries    int64  `cel:"entries" doc:"entries of all network namespaces; permanent ones, which gc_thresh3 does not count, are among them"`
	Limit      *int64 `cel:"limit" doc:"gc_thresh3: more entries are refused"`
	Fulls      *int64 `cel:"fulls" window:"yes" doc:"entries refused in the window because the table was full"`
	FullsTotal *int64 `cel:"fulls_total" doc:"the same, since boot"`
}

// neighbours lists the neighbour tables.
func (d *derivation) neighbours() {
	before := make(map[string]snapshot.NeighbourTable)
	if d.from != nil {
		for _, t := range d.from.Neighbours {
			before[t.Name] = t
		}
	}
	for _, in := range d.to.Neighbours {
		t := &NeighbourTable{
			Family: "ipv4", Name: in.Name, Entries: in.Entries, Limit: in.Limit,
			Fulls: grown(before[in.Name].Fulls, in.Fulls), FullsTotal: signed(in.Fulls),
		}
		if in.Name == "ndisc_cache" {
			t.Family = "ipv6"
		}
		d.facts.Neighbours = append(d.facts.Neighbours, t)
	}
}
