// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"fmt"
	"io"
)

// Sockstat holds the numbers of /proc/net/sockstat and /proc/net/sockstat6 under
// "protocol.name": "TCP.inuse", "TCP6.inuse", "sockets.used".
//
// TCP.inuse and TCP.tw belong to one network namespace; TCP.orphan, TCP.alloc and
// TCP.mem (pages) to the whole machine, also when read in a container
// (net/ipv4/proc.c:sockstat_seq_show).
type Sockstat map[string]int64

// ParseSockstat parses /proc/net/sockstat or /proc/net/sockstat6: one line per
// protocol, pairs of name and value.
func ParseSockstat(r io.Reader) (Sockstat, error) {
	s, err := parseSockstat(r)
	if err != nil {
		return nil, fmt.Errorf("parse sockstat: %w", err)
	}
	return s, nil
}

func parseSockstat(r io.Reader) (Sockstat, error) {
	rows, err := readRows(r)
	if err != nil {
		return nil, err
	}
	s := Sockstat{}
	for _, row := range rows {
		if err := s.addRow(row); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s Sockstat) addRow(row row) error {
	protocol, err := row.section()
	if err != nil {
		return err
	}
	pairs := row.fields[1:]
	if len(pairs)%2 != 0 {
		return fmt.Errorf("line %d: %s has no value", row.number, quote(pairs[len(pairs)-1]))
	}
	for i := 0; i < len(pairs); i += 2 {
		if err := row.checkName(pairs[i]); err != nil {
			return err
		}
		key := protocol + "." + pairs[i]
		if _, ok := s[key]; ok {
			return fmt.Errorf("line %d: %s appears twice", row.number, key)
		}
		if s[key], err = parseInt(pairs[i+1]); err != nil {
			return fmt.Errorf("line %d: %s: %w", row.number, key, err)
		}
	}
	return nil
}
