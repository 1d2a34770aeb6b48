// SPDX-License-Identifier: Apache-2.0

package rules

// compareFindings compares the findings that there are with those that there
// must be.
func (c *TestCase) compareFindings(o Outcome) []Difference {
	m := newMatching(c.findings, o.Findings)
	var differences []Difference
	for w, wanted := range c.findings {
		f := m.partner[w]
		if f < 0 {
			f = m.nearest(w)
		}
		if f < 0 {
			differences = append(differences, Difference{Rule: wanted.rule, Field: "finding", Want: wanted.text(), Got: o.state(wanted.rule)})
			continue
		}
		m.taken[f] = true
		differences = append(differences, wanted.differences(&o.Findings[f])...)
	}
	for f := range o.Findings {
		if found := &o.Findings[f]; !m.taken[f] {
			differences = append(differences, Difference{Rule: found.Rule, Subject: found.Subject, Field: "finding", Want: "none", Got: summary(found)})
		}
	}
	return differences
}

// A matching pairs wanted findings with those that there are. A wanted one may
// fit several, so that each finds a partner wherever that is possible at all
// (augmenting paths): the order in a test file does not matter.
type matching struct {
	wanted   []*wantedFinding
	findings []Finding
	partner  []int  // of a wanted finding; -1 for none
	taken    []bool // findings that have a partner
}

func newMatching(wanted []*wantedFinding, findings []Finding) *matching {
	m := &matching{wanted: wanted, findings: findings, partner: make([]int, len(wanted)), taken: make([]bool, len(findings))}
	for w := range wanted {
		m.partner[w] = -1
	}
	for w := range wanted {
		m.place(w, make([]bool, len(findings)))
	}
	return m
}

// place finds a partner for w, if need be by moving others. tried are findings
// that were looked at on the way.
func (m *matching) place(w int, tried []bool) bool {
	for f := range m.findings {
		if tried[f] || !m.fits(w, f) {
			continue
		}
		tried[f] = true
		if other := m.holder(f); other < 0 || m.place(other, tried) {
			m.partner[w], m.taken[f] = f, true
			return true
		}
	}
	return false
}

func (m *matching) fits(w, f int) bool {
	return m.wanted[w].rule == m.findings[f].Rule && len(m.wanted[w].differences(&m.findings[f])) == 0
}

// holder is the wanted finding whose partner f is; -1 for none.
func (m *matching) holder(f int) int {
	for w, partner := range m.partner {
		if partner == f {
			return w
		}
	}
	return -1
}

// nearest is the finding without a partner that differs least from w; -1 for none.
func (m *matching) nearest(w int) int {
	best, least := -1, 0
	for f := range m.findings {
		if m.taken[f] || m.wanted[w].rule != m.findings[f].Rule {
			continue
		}
		if n := len(m.wanted[w].differences(&m.findings[f])); best < 0 || n < least {
			best, least = f, n
		}
	}
	return best
}
