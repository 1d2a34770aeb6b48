// SPDX-License-Identifier: Apache-2.0

package explain

import "slices"

// A measurement is what one experiment on Linux 6.18.44 showed, in network namespaces
// made for it: one per line of the tables of measured_*.go. Counts and states repeat on
// other machines; rates differ by a fifth or so, and serve to compare the rows.
type measurement struct {
	title string
	about []string // names of the topics on whose pages it stands
	setup string
	rows  []Row // what was varied, and what came of it
	shows string
}

// measurements are all of them, by subject.
func measurements() []measurement {
	return slices.Concat(measuredTimeWait(), measuredPorts(), measuredHandshake(), measuredClose(), measuredOrphans(),
		measuredBuffers(), measuredLoss(), measuredTimeouts(), measuredPath(), measuredFiles())
}

// addMeasured adds what was measured about the topic.
func (l *Library) addMeasured(t *Topic) {
	for i := range l.measured {
		if m := &l.measured[i]; slices.Contains(m.about, t.Name) {
			t.add(Section{Heading: "Measured: " + m.title, Text: m.setup, Rows: rowsOf(append(slices.Clone(m.rows), Row{"so", m.shows})...)})
		}
	}
}
