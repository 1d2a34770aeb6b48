// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/report"
)

// A column of a table. Those of a higher rank go first where there is no room;
// rank 0 always stays. The column with flex takes what is left, or gives way.
type column struct {
	title string
	width int
	right bool
	flex  bool
	rank  int
}

// A row of a table: what it is, its cells as they are printed, and what it is
// sorted by.
type row struct {
	key   string // what it is, whatever its numbers say
	cells []string
	tones []tone    // of the cells; shorter where the rest is plain
	order []float64 // one for each way to sort but the last, which is by key
}

// A table is the list of one panel.
type table struct {
	columns []column
	sorts   []string // the ways to sort: largest first, the last one by name
	rows    []row
	empty   string // what is said where there is no row
}

// arrange sorts the rows and leaves those that contain filter.
func (t *table) arrange(sort int, filter string) {
	filter = strings.ToLower(filter)
	t.rows = slices.DeleteFunc(t.rows, func(r row) bool {
		return filter != "" && !strings.Contains(strings.ToLower(strings.Join(r.cells, " ")), filter)
	})
	slices.SortStableFunc(t.rows, func(a, b row) int {
		c := 0
		if sort < len(a.order) {
			c = cmp.Compare(b.order[sort], a.order[sort])
		}
		return cmp.Or(c, strings.Compare(a.key, b.key))
	})
}

// view is where somebody stands in a table.
type view struct {
	key  string // of the row with the cursor; "" for the first
	top  int    // the first row on the screen
	sort int
}

// find returns the row with the cursor, the nearest one where it has gone.
func (v *view) find(rows []row) int {
	if i := slices.IndexFunc(rows, func(r row) bool { return r.key == v.key }); i >= 0 {
		return i
	}
	return 0
}

// move moves the cursor by so many rows.
func (v *view) move(rows []row, by int) {
	if len(rows) == 0 {
		return
	}
	v.key = rows[min(len(rows)-1, max(0, v.find(rows)+by))].key
}

// scroll returns the first row to show, so that the cursor is on the screen.
func (v *view) scroll(rows []row, height int) int {
	at := v.find(rows)
	top := min(v.top, max(0, len(rows)-height))
	if at < top {
		top = at
	}
	if at >= top+height {
		top = at - height + 1
	}
	return max(0, top)
}

// layout gives the columns their widths; a column without room has 0.
func (t *table) layout(width int) []int {
	widths := make([]int, len(t.columns))
	used := -1
	for i, c := range t.columns {
		widths[i] = max(c.width, textWidth(c.title))
		used += widths[i] + 1
	}
	for rank := 9; rank > 0 && used > width; rank-- {
		for i, c := range t.columns {
			if c.rank == rank && used > width {
				used -= widths[i] + 1
				widths[i] = 0
			}
		}
	}
	for i, c := range t.columns {
		if c.flex {
			widths[i] = max(1, widths[i]+width-used)
		}
	}
	return widths
}

// cells lays one line out.
func (t *table) line(m *Model, widths []int, cells []string, tones []tone) string {
	var parts []string
	for i, c := range t.columns {
		if widths[i] == 0 {
			continue
		}
		text := ""
		if i < len(cells) {
			text = report.Clean(cells[i])
		}
		if c.right {
			text = padLeft(text, widths[i])
		} else {
			text = padRight(text, widths[i])
		}
		if i < len(tones) {
			text = m.paint(tones[i], text)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

// draw draws the table in height lines: the heads of its columns, then rows.
// With focus the row of the cursor is marked.
func (t *table) draw(m *Model, v *view, width, height int, focus bool) []string {
	if len(t.rows) == 0 {
		lines := wrapText(t.empty, width-2)
		for i := range lines {
			lines[i] = "  " + m.paint(faint, lines[i])
		}
		return fill(lines, height)
	}
	widths := t.layout(width - 2)
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = c.title
	}
	lines := []string{"  " + m.paint(faint, t.line(m, widths, heads, nil))}
	height--
	top, at := v.scroll(t.rows, height), v.find(t.rows)
	for i := top; i < len(t.rows) && i < top+height; i++ {
		r := t.rows[i]
		if focus && i == at { // only the first cell is inverted: a bar would be, too
			tones := append([]tone{inverse}, r.tones[min(1, len(r.tones)):]...)
			lines = append(lines, m.paint(inverse, "▸ ")+t.line(m, widths, r.cells, tones))
			continue
		}
		lines = append(lines, "  "+t.line(m, widths, r.cells, r.tones))
	}
	return fill(lines, height+1)
}
