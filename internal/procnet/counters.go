// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"fmt"
	"io"
)

// Counters holds the numbers of /proc/net/netstat and /proc/net/snmp under
// "section.name": "TcpExt.ListenOverflows", "Tcp.RetransSegs". A name that this
// kernel does not print is absent. Both files belong to the network namespace of
// the process that opens them.
//
// Values are int64 although the kernel counts in unsigned numbers: see
// Tcp.MaxConn, which is -1. A counter above the range of int64 is kept modulo 2^64.
type Counters map[string]int64

// ParseCounters parses the format that /proc/net/netstat and /proc/net/snmp share
// (net/ipv4/proc.c): pairs of lines with the same section, names first, then values.
func ParseCounters(r io.Reader) (Counters, error) {
	c, err := parseCounters(r)
	if err != nil {
		return nil, fmt.Errorf("parse counters: %w", err)
	}
	return c, nil
}

func parseCounters(r io.Reader) (Counters, error) {
	rows, err := readRows(r)
	if err != nil {
		return nil, err
	}
	if len(rows)%2 != 0 {
		return nil, fmt.Errorf("line %d: names without a line of values", rows[len(rows)-1].number)
	}
	c := Counters{}
	for i := 0; i < len(rows); i += 2 {
		if err := c.addPair(rows[i], rows[i+1]); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// addPair adds the counters of one section.
func (c Counters) addPair(names, values row) error {
	section, err := names.section()
	if err != nil {
		return err
	}
	if values.fields[0] != names.fields[0] {
		return fmt.Errorf("line %d: values of section %s follow the names of %q",
			values.number, quote(values.fields[0]), section)
	}
	if len(names.fields) != len(values.fields) {
		return fmt.Errorf("line %d: %d values for %d names of section %q",
			values.number, len(values.fields)-1, len(names.fields)-1, section)
	}
	for i, name := range names.fields[1:] {
		if err := names.checkName(name); err != nil {
			return err
		}
		key := section + "." + name
		if _, ok := c[key]; ok {
			return fmt.Errorf("line %d: %s appears twice", names.number, key)
		}
		if c[key], err = parseInt(values.fields[i+1]); err != nil {
			return fmt.Errorf("line %d: %s: %w", values.number, key, err)
		}
	}
	return nil
}
