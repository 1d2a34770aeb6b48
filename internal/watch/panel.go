// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"strings"
)

// A panel is a list that one can move in.
type panel int

const (
	findingsPanel panel = iota
	listenersPanel
	destinationsPanel
	processesPanel
	panelCount
)

func (p panel) title() string {
	return [...]string{"FINDINGS", "LISTENERS", "DESTINATIONS", "PROCESSES"}[p]
}

// table is the list of a panel as the last round has it, filtered and sorted.
func (m *Model) table(p panel) *table {
	var t *table
	switch p {
	case findingsPanel:
		t = m.findings()
	case listenersPanel:
		t = m.listeners()
	case destinationsPanel:
		t = m.destinations()
	default:
		t = m.processes()
	}
	all := len(t.rows)
	t.arrange(m.views[p].sort, m.filter)
	if all > 0 && len(t.rows) == 0 {
		t.empty = fmt.Sprintf("none of %d contains %q", all, m.filter)
	}
	return t
}

// head is the line above a panel: its title, how many rows it has, how they are
// sorted.
func (m *Model) head(p panel, t *table, width, height int) string {
	text := p.title()
	if n := len(t.rows); n > 0 {
		text += fmt.Sprintf(" %d", n)
		if rows := height - 2; n > rows && rows > 0 {
			at := m.views[p].scroll(t.rows, rows)
			text = fmt.Sprintf("%s %d-%d of %d", p.title(), at+1, at+rows, n)
		}
		if sort := m.views[p].sort; sort > 0 {
			text += ", by " + t.sorts[sort]
		}
	}
	return m.rule(text, width, m.focus == p)
}

// list draws a panel with its head.
func (m *Model) list(p panel, width, height int) []string {
	if height <= 0 {
		return nil
	}
	t := m.table(p)
	lines := []string{m.head(p, t, width, height)}
	return append(lines, t.draw(m, &m.views[p], width, height-1, m.focus == p)...)
}

// tabs is the head of the lower panel where only one of the three is shown.
func (m *Model) tabs(width int) string {
	var parts []string
	for p := listenersPanel; p < panelCount; p++ {
		text := fmt.Sprintf("%s %d", p.title(), len(m.table(p).rows))
		switch {
		case p == m.lower && m.focus == p:
			parts = append(parts, m.paint(bold, "[━ "+text+" ━]"))
		case p == m.lower:
			parts = append(parts, "[ "+text+" ]")
		default:
			parts = append(parts, m.paint(faint, "  "+text+"  "))
		}
	}
	line := strings.Join(parts, " ")
	if sort := m.views[m.lower].sort; sort > 0 {
		line += m.paint(faint, ", by "+m.table(m.lower).sorts[sort])
	}
	return cut(line, width)
}
