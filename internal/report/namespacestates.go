// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/tcptune/tcptune/internal/snapshot"
)

// NamespaceStates is the result of `tcptune states --netns all`: a States for
// each network namespace. Its JSON is in the schema of States.
type NamespaceStates struct {
	SchemaVersion int               `json:"schema_version"`
	Tool          string            `json:"tool"`
	By            snapshot.Grouping `json:"by"`
	Namespaces    []*States         `json:"namespaces"`
	NotExamined   []NotExamined     `json:"not_examined"`
	Hidden        int               `json:"hidden_processes"` // whose network namespace could not be seen

	top int
}

// NewNamespaceStates keeps the top rows of each table, all of them for 0.
func NewNamespaceStates(by snapshot.Grouping, visits []snapshot.TableVisit, hidden int, tool string, top int) *NamespaceStates {
	s := &NamespaceStates{
		SchemaVersion: StatesSchemaVersion, Tool: tool, By: by,
		Namespaces: []*States{}, NotExamined: []NotExamined{}, Hidden: hidden, top: top,
	}
	for _, v := range visits {
		if v.Err != nil {
			s.NotExamined = append(s.NotExamined, NotExamined{v.Label, v.Err.Error()})
			continue
		}
		states := NewStates(v.Table, tool, top)
		label := v.Label
		states.Namespace = &label
		s.Namespaces = append(s.Namespaces, states)
	}
	return s
}

// WriteJSON writes the states as one JSON document.
func (s *NamespaceStates) WriteJSON(w io.Writer) error { return writeJSON(w, s) }

// WriteText writes the states as tables for people: one with a row for each
// namespace, or, where the sockets of each are grouped, one for each namespace
// that has any.
func (s *NamespaceStates) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	var list []*States
	for _, n := range s.Namespaces {
		if n.total() > 0 {
			list = append(list, n)
		}
	}
	slices.SortStableFunc(list, func(a, b *States) int { return cmp.Compare(b.total(), a.total()) })
	var total int64
	for _, n := range list {
		total += n.total()
	}
	p.paintedBlock(bold, fmt.Sprintf("%s in %s", plural(int(total), "TCP socket", "TCP sockets"), plural(len(s.Namespaces), "network namespace", "network namespaces")))
	if s.By == snapshot.ByState {
		p.groupTable(s.matrix(list))
	} else {
		for _, n := range list {
			p.blank()
			p.paintedBlock(bold, "network namespace "+n.Namespace.Name)
			p.states(n)
		}
		p.blank()
	}
	if empty := len(s.Namespaces) - len(list); empty > 0 {
		p.block("", "  ", plural(empty, "network namespace has", "network namespaces have")+" no TCP socket")
	}
	p.missedNamespaces(s.NotExamined, s.Hidden)
	return p.err
}

// matrix is a table with a row for each namespace.
func (s *NamespaceStates) matrix(list []*States) *States {
	table := &snapshot.Table{By: "network namespace"}
	for _, n := range list {
		table.Rows = append(table.Rows, snapshot.TableRow{Name: n.Namespace.Name, States: n.States, Total: n.total()})
	}
	return NewStates(table, s.Tool, s.top)
}

// total counts all sockets.
func (s *States) total() (total int64) {
	for _, n := range s.States {
		total += n
	}
	return total
}
