// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
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

	Root string `json:"-"` // of the examined tree; empty: the host
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
	p.paintedBlock(bold, s.headline())
	if n := s.Namespace; n != nil {
		p.block("", "  ", "network namespace "+n.Name)
	}
	p.states(s)
	p.next(s)
	return p.err
}

// headline says how many sockets there are, and what most of them are.
func (s *States) headline() string {
	text := plural(int(s.total()), "TCP socket", "TCP sockets")
	if s.By != snapshot.ByState {
		text += " by " + string(s.By)
	}
	if name := s.leading(); name != "" {
		n := s.States[name]
		if n == s.total() {
			return text + ", all in " + strings.ToUpper(name)
		}
		return text + fmt.Sprintf(", %s of them in %s", thousands(n), strings.ToUpper(name))
	}
	return text
}

// leading is the state of the most sockets; empty where there is none.
func (s *States) leading() (leading string) {
	for _, name := range stateOrder {
		if n := s.States[name]; n > 0 && (leading == "" || n > s.States[leading]) {
			leading = name
		}
	}
	return leading
}

// next prints the commands to go on with: about the most frequent state that is
// no state of rest, if there are many of it, else about the leading one.
func (p *page) next(s *States) {
	const many = 20
	name := ""
	for _, state := range stateOrder {
		rest := state == "listen" || state == "established" || state == "time_wait"
		if n := s.States[state]; !rest && n >= many && n > s.States[name] {
			name = state
		}
	}
	if name == "" {
		name = s.leading()
	}
	if name == "" {
		return
	}
	p.blank()
	label := "run"
	if grouping := nextGrouping(name); s.By == snapshot.ByState && grouping != "" {
		p.command(label, "tcptune states --by "+string(grouping)+s.where())
		label = ""
	}
	p.command(label, "tcptune explain "+strings.ToUpper(name))
}

// where are the flags that name what was examined.
func (s *States) where() string {
	n := s.Namespace
	switch {
	case s.Root != "":
		return " --root " + shellQuote(s.Root)
	case n == nil:
		return ""
	case Clean(n.Name) != n.Name && n.PID > 0:
		return fmt.Sprintf(" --netns %d", n.PID)
	}
	return " --netns " + shellQuote(n.Name)
}

// nextGrouping is the grouping that tells who has the sockets of a state.
func nextGrouping(state string) snapshot.Grouping {
	switch state {
	case "time_wait", "syn_sent", "established":
		return snapshot.ByDestination
	case "listen", "syn_recv":
		return snapshot.ByListener
	case "close_wait", "fin_wait2":
		return snapshot.ByProcess
	}
	return ""
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

// stateTable prints a line for each state: its sockets, what part of all they
// are, and what it means.
func (p *page) stateTable(s *States) {
	const column = 28 // where the meaning begins, behind the number
	total := s.total()
	width := max(len(thousands(total)), 5)
	for _, name := range stateOrder {
		n := s.States[name]
		share := 0.0
		if total > 0 {
			share = float64(n) / float64(total)
		}
		line := fmt.Sprintf("%*s  %-11s  ", width, thousands(n), strings.ToUpper(name)) + p.gauge(share)
		hint := wrap(stateHint[name], p.style.width()-width-column)
		if len(hint) == 1 || p.style.Verbose {
			line += "  " + p.style.paint(dim, strings.Join(hint, " "))
		}
		if ansi.StringWidth(line) > p.style.width() {
			p.line(strings.TrimSuffix(line, "  "+p.style.paint(dim, strings.Join(hint, " "))))
			p.block(strings.Repeat(" ", width+2), strings.Repeat(" ", width+2), stateHint[name])
			continue
		}
		p.line(line)
	}
	p.line(fmt.Sprintf("%*s  all", width, thousands(total)))
}

// shortState heads the columns of a grouped table.
var shortState = map[string]string{
	"listen": "LISTEN", "established": "ESTAB", "syn_sent": "SYN-SENT", "syn_recv": "SYN-RECV",
	"fin_wait1": "FIN-W1", "fin_wait2": "FIN-W2", "time_wait": "TIME-W", "close": "CLOSE",
	"close_wait": "CLOSE-W", "last_ack": "LAST-ACK", "closing": "CLOSING",
}

// groupTable prints one line for each row: its name, and a column for each
// state that any row has; where there is no room for all, the rarest share one.
func (p *page) groupTable(s *States) {
	columns, folded := p.columns(s)
	total := 5
	for _, row := range s.Rows {
		total = max(total, len(thousands(row.Total)))
	}
	header := fmt.Sprintf("%*s", total, "total")
	for _, name := range columns {
		header += fmt.Sprintf(" %*s", columnWidth(name), shortState[name])
	}
	if folded {
		header += fmt.Sprintf(" %*s", columnWidth(""), "others")
	}
	if room := p.style.width() - len(header) - 2; room >= len(s.By) {
		header += "  " + string(s.By)
	}
	p.line(p.style.paint(bold, header))
	for _, row := range s.Rows {
		line, rest := fmt.Sprintf("%*s", total, thousands(row.Total)), row.Total
		for _, name := range columns {
			line += fmt.Sprintf(" %*s", columnWidth(name), cell(row.States[name]))
			rest -= row.States[name]
		}
		if folded {
			line += fmt.Sprintf(" %*s", columnWidth(""), cell(rest))
		}
		name := "  " + p.rowName(row)
		if room := p.style.width() - ansi.StringWidth(line); room >= ansi.StringWidth(name) {
			p.line(line + name)
		} else {
			p.line(line)
			indent := strings.Repeat(" ", total+2)
			p.block(indent, indent, p.rowName(row))
		}
	}
	if len(s.Rows) == 0 {
		p.line("none")
	}
	if s.Omitted > 0 {
		p.line("and " + plural(s.Omitted, "more row", "more rows") + " (--top 0 or -v)")
	}
	if s.Other > 0 {
		p.block("", "  ", plural(int(s.Other), "socket belongs", "sockets belong")+" to no "+string(s.By))
	}
}

func cell(n int64) string {
	if n <= 0 {
		return "-"
	}
	return thousands(n)
}

// columns are the states that have a column, and whether others share one.
func (p *page) columns(s *States) (columns []string, folded bool) {
	const name, number = 16, 12 // columns for the name of a row, and its total
	used := usedStates(s)
	room := p.style.width() - number
	if !p.style.narrow() {
		room -= name
	}
	most := room / (columnWidth("") + 1)
	if len(used) <= most {
		return used, false
	}
	sum := make(map[string]int64)
	for _, row := range s.Rows {
		for state, n := range row.States {
			sum[state] += n
		}
	}
	kept := slices.Clone(used)
	slices.SortStableFunc(kept, func(a, b string) int { return cmp.Compare(sum[b], sum[a]) })
	kept = kept[:max(1, most-1)]
	return slices.DeleteFunc(used, func(state string) bool { return !slices.Contains(kept, state) }), true
}

func columnWidth(state string) int { return max(9, len(shortState[state])) }

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

func (p *page) rowName(row snapshot.TableRow) string {
	name := Clean(row.Name)
	if row.Process != "" {
		name += " " + Clean(row.Process)
	}
	if row.Queue == nil {
		return name
	}
	name += ", queue " + thousands(int64(*row.Queue))
	if row.Backlog != nil {
		name += " of " + thousands(int64(*row.Backlog))
		if *row.Backlog > 0 && *row.Queue >= *row.Backlog {
			name += " (full)"
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
