// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/tcptune/tcptune/rules"
)

// An evidenceRow is one measured value as it is printed.
type evidenceRow struct {
	name   string
	number string // of a number: without its unit
	text   string // the unit of a number, or a value in words
	share  float64
	bar    bool // share is the part of the limit that the value has
	limit  string
}

func newEvidenceRow(e *rules.Evidence) evidenceRow {
	r := evidenceRow{name: Clean(e.Name), text: value(e.Value)}
	number, ok := float(e.Value)
	if ok {
		r.number, r.text = r.text, ""
	}
	if e.Value != nil && e.Unit != "" {
		r.text = strings.TrimSpace(r.text + " " + e.Unit)
	}
	if e.Limit == nil {
		return r
	}
	r.limit = "limit " + Clean(value(e.Limit))
	if limit, known := float(e.Limit); ok && known && limit > 0 && !isSetting(e.Name) {
		r.share, r.bar = number/limit, true
	}
	return r
}

// evidenceText words one measured value, without columns.
func evidenceText(e rules.Evidence) string {
	text := value(e.Value)
	if e.Value != nil && e.Unit != "" {
		text += " " + e.Unit
	}
	if e.Limit != nil {
		text += " (limit " + value(e.Limit) + ")"
	}
	return text
}

// isSetting reports whether evidence is the value of a sysctl. What it is
// compared with is the value that it should have, not a limit that it fills.
func isSetting(name string) bool { return strings.Contains(name, ".") && !strings.Contains(name, " ") }

func float(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// telling picks the most values of a list that say the most, in its order:
// those with a limit, then those that are not zero. 0 picks all.
func telling(list []rules.Evidence, most int) []rules.Evidence {
	if most <= 0 || len(list) <= most {
		return list
	}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(weight(&list[a]), weight(&list[b])) })
	order = order[:most]
	slices.Sort(order)
	picked := make([]rules.Evidence, most)
	for i, from := range order {
		picked[i] = list[from]
	}
	return picked
}

func weight(e *rules.Evidence) int {
	number, ok := float(e.Value)
	switch {
	case e.Limit != nil:
		return 0
	case e.Value == nil, ok && number == 0:
		return 2
	}
	return 1
}

// evidenceTable is where the columns of evidence stand.
type evidenceTable struct {
	value  int // column of the values
	number int // width of the numbers
	tail   int // column of bar and limit; 0: on a line of their own
	cells  int // of a bar
	bars   bool
}

const evidenceIndent = 2

func (p *page) layOut(rows []evidenceRow) evidenceTable {
	t := evidenceTable{cells: 10}
	if p.style.narrow() {
		t.cells = 6
	}
	for _, r := range rows {
		t.number = max(t.number, len(r.number))
		t.bars = t.bars || r.bar
	}
	numbers, limited, tails := 0, 0, 0
	for _, r := range rows {
		if r.number != "" {
			numbers = max(numbers, ansi.StringWidth(t.middle(&r)))
		}
		if r.limit != "" {
			limited = max(limited, ansi.StringWidth(t.middle(&r)))
			tails = max(tails, ansi.StringWidth(r.limit))
		}
	}
	if t.bars {
		tails += t.cells + 2
	}
	room := p.style.width() - evidenceIndent - 2 // for names and values
	most := room - max(numbers, limited+2+tails)
	beside := tails > 0 && most >= room*3/10
	if !beside {
		most = room - max(numbers, limited)
	}
	most = min(max(most, room*3/10), room*7/10)
	names := 0
	for _, r := range rows {
		if w := ansi.StringWidth(r.name); w <= most {
			names = max(names, w)
		}
	}
	t.value = evidenceIndent + max(names, min(most, 12)) + 2
	if beside {
		t.tail = t.value + limited + 2
	}
	return t
}

// middle is the value of a row in words; numbers end in one column.
func (t *evidenceTable) middle(r *evidenceRow) string {
	if r.number == "" {
		return Clean(r.text)
	}
	return strings.TrimRight(strings.Repeat(" ", t.number-len(r.number))+r.number+" "+Clean(r.text), " ")
}

// evidence prints names, values, and how far the values fill their limits, in
// columns. A name that is too long for its column has a line of its own.
func (p *page) evidence(list []rules.Evidence, most int) {
	shown := telling(list, most)
	rows := make([]evidenceRow, len(shown))
	for i := range shown {
		rows[i] = newEvidenceRow(&shown[i])
	}
	t := p.layOut(rows)
	for i := range rows {
		p.evidenceRow(&t, &rows[i])
	}
	if more := len(list) - len(shown); more > 0 {
		p.line(p.style.paint(dim, strings.Repeat(" ", evidenceIndent)+plural(more, "more value", "more values")+" (-v)"))
	}
}

func (p *page) evidenceRow(t *evidenceTable, r *evidenceRow) {
	indent := strings.Repeat(" ", evidenceIndent)
	line := indent + r.name
	if ansi.StringWidth(line)+2 > t.value {
		p.block(indent, indent, r.name)
		line = ""
	}
	values := []string{t.middle(r)}
	if room := p.style.width() - t.value; ansi.StringWidth(values[0]) > room {
		values = wrap(values[0], room)
	}
	for _, v := range values[:len(values)-1] {
		p.line(pad(line, t.value) + v)
		line = ""
	}
	line = pad(line, t.value) + values[len(values)-1]
	if r.limit == "" {
		p.line(line)
		return
	}
	tail := p.tail(t, r)
	if t.tail > 0 && ansi.StringWidth(line)+2 <= t.tail {
		p.line(pad(line, t.tail) + tail)
		return
	}
	p.line(line)
	start := strings.Repeat(" ", t.value)
	if ansi.StringWidth(start+tail) > p.style.width() {
		p.block(start, start, r.limit)
		return
	}
	p.line(start + tail)
}

// tail is the bar of a row and its limit.
func (p *page) tail(t *evidenceTable, r *evidenceRow) string {
	switch {
	case r.bar:
		return p.bar(r.share, t.cells) + " " + r.limit
	case t.bars && t.tail > 0:
		return strings.Repeat(" ", t.cells+2) + r.limit
	}
	return r.limit
}

// bar draws the part of a limit that is reached with so many cells, and one more
// that says whether it is passed.
func (p *page) bar(share float64, cells int) string {
	color, beyond := green, " "
	switch {
	case share > 1:
		color, beyond = red, "+"
	case share >= 1:
		color = red
	case share >= 0.8:
		color = yellow
	}
	return p.cells(share, cells, color) + p.style.paint(color, beyond)
}

// gauge draws a part of a whole, of which no part is good or bad.
func (p *page) gauge(share float64) string { return p.cells(share, 10, bold) }

func (p *page) cells(share float64, cells int, color ink) string {
	full, empty := "#", "-"
	if p.style.Unicode {
		full, empty = "█", "░"
	}
	n := int(min(max(share, 0), 1) * float64(cells))
	if n == 0 && share > 0 {
		n = 1
	}
	return p.style.paint(color, strings.Repeat(full, n)) + p.style.paint(dim, strings.Repeat(empty, cells-n))
}

// pad fills text with blanks up to a column.
func pad(text string, column int) string {
	return text + strings.Repeat(" ", max(0, column-ansi.StringWidth(text)))
}
