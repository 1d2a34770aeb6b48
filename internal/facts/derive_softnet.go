// SPDX-License-Identifier: Apache-2.0

package facts

import "github.com/tcptune/tcptune/internal/snapshot"

// softnet compares the per-CPU rows of both snapshots. A CPU that was not in
// the first one came online meanwhile and is left out.
func (d *derivation) softnet(m *Machine) {
	if d.from == nil || d.from.Softnet == nil || d.to.Softnet == nil {
		return
	}
	before := make(map[int]snapshot.Softnet, len(d.from.Softnet))
	for _, row := range d.from.Softnet {
		before[row.CPU] = row
	}
	var processed, dropped, squeezed int64
	var dropping, squeezing tally[int]
	for _, row := range d.to.Softnet {
		b, ok := before[row.CPU]
		if !ok {
			continue
		}
		// The kernel counts in 32 bits; a difference in 32 bits survives the wrap.
		grown := func(now, before uint64) int64 { return int64(uint32(now) - uint32(before)) }
		processed += grown(row.Processed, b.Processed)
		lost, ended := grown(row.Dropped, b.Dropped), grown(row.Squeezed, b.Squeezed)
		dropped, squeezed = dropped+lost, squeezed+ended
		dropping.add(row.CPU, lost)
		squeezing.add(row.CPU, ended)
	}
	m.SoftnetProcessed = &processed
	m.SoftnetDropped, m.SoftnetDroppedPerSecond, m.SoftnetDroppedCPUs = d.onCPUs(dropped, dropping)
	m.SoftnetSqueezed, m.SoftnetSqueezedPerSecond, m.SoftnetSqueezedCPUs = d.onCPUs(squeezed, squeezing)
}

// onCPUs returns a growth, its rate, and the CPUs that had most of it.
func (d *derivation) onCPUs(n int64, cpus tally[int]) (growth *int64, perSecond *float64, text *string) {
	rate := float64(n) / d.seconds
	list := cpus.text(func(cpu int) string { return "CPU " + itoa(cpu) })
	return &n, &rate, &list
}
