// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"fmt"
	"io"
)

// A ConntrackStat is /proc/net/stat/nf_conntrack of one network namespace
// (net/netfilter/nf_conntrack_standalone.c:ct_cpu_seq_show).
type ConntrackStat struct {
	// Entries is the number of tracked connections now. The kernel repeats it on
	// every row.
	Entries uint64
	// Sums holds every other column, added up over all CPUs, under the name in the
	// header: "drop", "early_drop", "insert_failed". Names differ between kernels
	// (searched became clashres in Linux 5.10). The kernel's own counters are 32 bits
	// wide per CPU and wrap.
	Sums map[string]uint64
}

// ParseConntrackStat parses a header of names and one row of hexadecimal numbers per
// possible CPU.
func ParseConntrackStat(r io.Reader) (ConntrackStat, error) {
	s, err := parseConntrackStat(r)
	if err != nil {
		return ConntrackStat{}, fmt.Errorf("parse nf_conntrack: %w", err)
	}
	return s, nil
}

func parseConntrackStat(r io.Reader) (ConntrackStat, error) {
	rows, err := readRows(r)
	if err != nil {
		return ConntrackStat{}, err
	}
	if len(rows) < 2 {
		return ConntrackStat{}, fmt.Errorf("%d rows, want a header and at least one CPU", len(rows))
	}
	header := rows[0]
	s := ConntrackStat{Sums: map[string]uint64{}}
	for _, name := range header.fields {
		if err := header.checkName(name); err != nil {
			return ConntrackStat{}, err
		}
		if _, ok := s.Sums[name]; ok {
			return ConntrackStat{}, fmt.Errorf("line %d: %s appears twice", header.number, name)
		}
		s.Sums[name] = 0
	}
	if _, ok := s.Sums["entries"]; !ok {
		return ConntrackStat{}, fmt.Errorf("line %d: no column entries", header.number)
	}
	delete(s.Sums, "entries")
	for i, row := range rows[1:] {
		if err := s.addRow(header, row, i == 0); err != nil {
			return ConntrackStat{}, err
		}
	}
	return s, nil
}

func (s *ConntrackStat) addRow(header, row row, first bool) error {
	if len(row.fields) != len(header.fields) {
		return fmt.Errorf("line %d: %d values for %d names", row.number, len(row.fields), len(header.fields))
	}
	for i, name := range header.fields {
		n, err := parseHex32(row.fields[i])
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
