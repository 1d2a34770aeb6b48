// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"fmt"
	"io"
)

// A TableStat is a file of /proc/net/stat about a table of the kernel: nf_conntrack of
// one network namespace (net/netfilter/nf_conntrack_standalone.c:ct_cpu_seq_show),
// arp_cache and ndisc_cache of the machine, which only the initial namespace shows
// (net/core/neighbour.c:neigh_stat_seq_show).
type TableStat struct {
	// Entries is the number of entries now. The kernel repeats it on every row.
	Entries uint64
	// Sums holds every other column, added up over all CPUs, under the name in the
	// header: "drop", "early_drop", "table_fulls". Names differ between kernels
	// (searched of nf_conntrack became clashres in Linux 5.10). The kernel's counters
	// per CPU are 32 bits wide in nf_conntrack, a machine word in the others, and wrap.
	Sums map[string]uint64
}

// ParseTableStat parses a header of names and one row of hexadecimal numbers per
// possible CPU.
func ParseTableStat(r io.Reader) (TableStat, error) {
	s, err := parseTableStat(r)
	if err != nil {
		return TableStat{}, fmt.Errorf("parse table statistics: %w", err)
	}
	return s, nil
}

func parseTableStat(r io.Reader) (TableStat, error) {
	rows, err := readRows(r)
	if err != nil {
		return TableStat{}, err
	}
	if len(rows) < 2 {
		return TableStat{}, fmt.Errorf("%d rows, want a header and at least one CPU", len(rows))
	}
	header := rows[0]
	s := TableStat{Sums: map[string]uint64{}}
	for _, name := range header.fields {
		if err := header.checkName(name); err != nil {
			return TableStat{}, err
		}
		if _, ok := s.Sums[name]; ok {
			return TableStat{}, fmt.Errorf("line %d: %s appears twice", header.number, name)
		}
		s.Sums[name] = 0
	}
	if _, ok := s.Sums["entries"]; !ok {
		return TableStat{}, fmt.Errorf("line %d: no column entries", header.number)
	}
	delete(s.Sums, "entries")
	for i, row := range rows[1:] {
		if err := s.addRow(header, row, i == 0); err != nil {
			return TableStat{}, err
		}
	}
	return s, nil
}

func (s *TableStat) addRow(header, row row, first bool) error {
	if len(row.fields) != len(header.fields) {
		return fmt.Errorf("line %d: %d values for %d names", row.number, len(row.fields), len(header.fields))
	}
	for i, name := range header.fields {
		n, err := parseHex64(row.fields[i])
		switch {
		case err != nil:
			return fmt.Errorf("line %d: %s: %w", row.number, name, err)
		case name != "entries":
			s.Sums[name] += n
		case first:
			s.Entries = n
		}
	}
	return nil
}
