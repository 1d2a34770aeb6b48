// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"fmt"
	"io"
)

// A SoftnetCPU is one row of /proc/net/softnet_stat: what one online CPU did with
// received packets since boot, for the whole machine and also when read in a
// container (net/core/net-procfs.c:softnet_seq_show). The counters are 32 bits wide
// and wrap. Columns that this kernel does not print are nil.
type SoftnetCPU struct {
	CPU       int    // column 13; the row number, from 0, before Linux 5.10, when offline CPUs shift it
	Processed uint64 // packets handled
	Dropped   uint64 // packets dropped because the CPU's backlog was above net.core.netdev_max_backlog
	Squeezed  uint64 // times that the budget or the time limit ended a round with work left

	ReceivedRPS *uint64 // column 10: wake-ups by other CPUs through RPS; Linux 2.6.35
	FlowLimit   *uint64 // column 11: packets dropped by the flow limit; Linux 3.11
	BacklogLen  *uint64 // column 12: packets waiting now; Linux 5.10
	InputQLen   *uint64 // column 14: of these, in the input queue; Linux 6.8
	ProcessQLen *uint64 // column 15: of these, in the process queue; Linux 6.8
}

// ParseSoftnet parses /proc/net/softnet_stat, one row per online CPU.
func ParseSoftnet(r io.Reader) ([]SoftnetCPU, error) {
	cpus, err := parseSoftnet(r)
	if err != nil {
		return nil, fmt.Errorf("parse softnet_stat: %w", err)
	}
	return cpus, nil
}

func parseSoftnet(r io.Reader) ([]SoftnetCPU, error) {
	rows, err := readRows(r)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("no CPU in it")
	}
	cpus := make([]SoftnetCPU, len(rows))
	for i, row := range rows {
		if cpus[i], err = parseSoftnetRow(row, i); err != nil {
			return nil, err
		}
	}
	return cpus, nil
}

func parseSoftnetRow(row row, index int) (SoftnetCPU, error) {
	const required = 9 // printed since Linux 2.6
	if len(row.fields) < required {
		return SoftnetCPU{}, fmt.Errorf("line %d: %d columns, want %d or more", row.number, len(row.fields), required)
	}
	columns := make([]uint64, len(row.fields))
	for i, field := range row.fields {
		var err error
		if columns[i], err = parseHex32(field); err != nil {
			return SoftnetCPU{}, fmt.Errorf("line %d: column %d: %w", row.number, i+1, err)
		}
	}
	column := func(n int) *uint64 {
		if n > len(columns) {
			return nil
		}
		return &columns[n-1]
	}
	cpu := SoftnetCPU{
		CPU:         index,
		Processed:   columns[0],
		Dropped:     columns[1],
		Squeezed:    columns[2],
		ReceivedRPS: column(10),
		FlowLimit:   column(11),
		BacklogLen:  column(12),
		InputQLen:   column(14),
		ProcessQLen: column(15),
	}
	if id := column(13); id != nil {
		cpu.CPU = int(*id)
	}
	return cpu, nil
}
