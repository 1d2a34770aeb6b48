// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/tcptune/tcptune/internal/netns"
	"github.com/tcptune/tcptune/internal/snapshot"
)

// StatesSchemaVersion is the version of the JSON form of States. The schema is
// docs/schema/states.schema.json.
const StatesSchemaVersion = 1

// States is the result of `tcptune states`.
type States struct {
	SchemaVersion int    `json:"schema_version"`
	Tool          string `json:"tool"`
	*snapshot.Table
	Omitted   int          `json:"rows_omitted"`        // rows beyond --top
	Namespace *netns.Label `json:"namespace,omitempty"` // where one was asked for
}

// NewStates keeps the top rows of a table, all of them for 0.
func NewStates(t *snapshot.Table, tool string, top int) *States {
	table := *t
	s := &States{SchemaVersion: StatesSchemaVersion, Tool: tool, Table: &table}
	if top > 0 && len(table.Rows) > top {
		s.Omitted = len(table.Rows) - top
		table.Rows = table.Rows[:top]
	}
	return s
}

// WriteJSON writes the states as one JSON document.
func (s *States) WriteJSON(w io.Writer) error { return writeJSON(w, s) }

// WriteText writes the states as a table for people.
func (s *States) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	if n := s.Namespace; n != nil {
		p.block("", "  ", "network namespace "+n.Name)
	}
	p.states(s)
	return p.err
}

func (p *page) states(s *States) {
	if s.By == snapshot.ByState {
		p.stateTable(s)
	} else {
		p.groupTable(s)
	}
	p.noteGaps(s)
}

// stateHint says in a few words what a state means, for the table by state.
var stateHint = map[string]string{
	"listen":      "waits for connections",
	"established": "data can flow",
	"syn_sent":    "connect() waits for an answer",
	"syn_recv":    "half-open, from outside",
	"fin_wait1":   "we closed, not acknowledged yet",
	"fin_wait2":   "we closed, the peer has not",
	"time_wait":   "closed, we first; gone after 60 s",
	"close":       "no connection",
	"close_wait":  "the peer closed, our program has not",
	"last_ack":    "both closed, the peer first",
	"closing":     "both closed at the same moment",
}

func (p *page) stateTable(s *States) {
	const hints = 63 // columns that the lines need with the longest hint
	var total int64
	for _, name := range stateOrder {
		n := s.States[name]
		total += n
		line := fmt.Sprintf("%12s  %-11s", thousands(n), strings.ToUpper(name))
		if p.style.width() >= hints {
			line += "  " + p.style.paint(dim, stateHint[name])
		}
		p.line(line)
	}
	p.line(fmt.Sprintf("%12s  all", thousands(total)))
}

// shortState heads the columns of a grouped table.
var shortState = map[string]string{
	"listen": "LISTEN", "established": "ESTAB", "syn_sent": "SYN-SENT", "syn_recv": "SYN-RECV",
	"fin_wait1": "FIN-W1", "fin_wait2": "FIN-W2", "time_wait": "TIME-W", "close": "CLOSE",
	"close_wait": "CLOSE-W", "last_ack": "LAST-ACK", "closing": "CLOSING",
}

// groupTable prints one line for each row: its name, and a column for each
// state that any row has.
func (p *page) groupTable(s *States) {
	columns := usedStates(s)
	header := fmt.Sprintf("%9s", "total")
	for _, name := range columns {
		header += fmt.Sprintf(" %*s", columnWidth(name), shortState[name])
	}
	p.line(p.style.paint(bold, header+"  "+string(s.By)))
	for _, row := range s.Rows {
		line := fmt.Sprintf("%9s", thousands(row.Total))
		for _, name := range columns {
			cell := "-"
			if n := row.States[name]; n > 0 {
				cell = thousands(n)
			}
			line += fmt.Sprintf(" %*s", columnWidth(name), cell)
		}
		name := "  " + rowName(row)
		if room := p.style.width() - ansi.StringWidth(line); room >= ansi.StringWidth(name) {
			p.line(line + name)
			continue
		}
		p.line(line)
		p.block("          ", "          ", strings.TrimSpace(name))
	}
	if len(s.Rows) == 0 {
		p.line("none")
	}
	if s.Omitted > 0 {
		p.line("and " + plural(s.Omitted, "more row", "more rows") + " (--top 0 prints all)")
	}
	if s.Other > 0 {
		p.line(plural(int(s.Other), "socket belongs", "sockets belong") + " to no " + string(s.By))
	}
}

func columnWidth(state string) int { return max(7, len(shortState[state])) }

func usedStates(s *States) []string {
	var used []string
	for _, name := range stateOrder {
		for _, row := range s.Rows {
			if row.States[name] > 0 {
				used = append(used, name)
				break
			}
		}
	}
	return used
}

func rowName(row snapshot.TableRow) string {
	name := Clean(row.Name)
	if row.Process != "" {
		name += " " + Clean(row.Process)
	}
	if row.Queue != nil {
		name += fmt.Sprintf(", queue %d", *row.Queue)
		if row.Backlog != nil {
			name += fmt.Sprintf("/%d", *row.Backlog)
		}
	}
	return name
}

func (p *page) noteGaps(s *States) {
	if s.Missed > 0 {
		p.block("", "  ", fmt.Sprintf("not every %s was counted: one that is not listed has at most %s, and a row may lack as many",
			s.By, plural(int(s.Missed), "socket", "sockets")))
	}
	for _, g := range s.Gaps {
		p.block("", "  ", "not read: "+gapText(g))
	}
}
