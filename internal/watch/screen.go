// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"strings"

	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/rules"
)

// The smallest screen that holds anything useful.
const (
	minWidth  = 40
	minHeight = 10
)

// Where the layout changes.
const (
	sideBySide = 76 // columns: states beside rates
	stacked    = 34 // lines: all four lists, one below another
	tallTop    = 16 // lines: states and rates are panels, not one line
)

// Screen draws the whole screen, never more than its size.
func (m *Model) Screen() string { return m.drawn(m.screen()) }

// drawn puts ASCII for what a terminal without UTF-8 cannot show.
func (m *Model) drawn(text string) string {
	if m.options.Unicode {
		return text
	}
	return strings.NewReplacer("▁", ".", "▂", ":", "▃", "-", "▄", "=", "▅", "+", "▆", "*", "▇", "#", "█", "#", "░", ".",
		"─", "-", "━", "=", "▸", ">", "●", "*", "…", "~", "▏", "_", "↑", "^", "↓", "v").Replace(text)
}

func (m *Model) screen() string {
	switch {
	case m.width == 0 || m.height == 0:
		return ""
	case m.width < minWidth || m.height < minHeight:
		return strings.Join(fill([]string{
			cut(fmt.Sprintf("%dx%d is too small", m.width, m.height), m.width),
			cut(fmt.Sprintf("make it %dx%d", minWidth, minHeight), m.width), cut("q ends", m.width),
		}, min(3, m.height)), "\n")
	case m.round == nil && m.overlay.kind != helpOverlay:
		text := "reading this host for the first time ..."
		if m.err != nil {
			text = m.err.Error()
		}
		return strings.Join(append(fill(wrapText(text, m.width), m.height-1), m.footer()), "\n")
	}
	var lines []string
	body := m.height - 1
	if m.round != nil {
		lines = m.headLines()
		body -= len(lines)
	}
	if m.overlay.kind != noOverlay {
		lines = append(lines, m.covered(m.width, body)...)
	} else {
		lines = append(lines, m.body(m.width, body)...)
	}
	return joinLines(append(fill(lines, m.height-1), m.footer()))
}

// joinLines puts lines together, without blanks at their ends.
func joinLines(lines []string) string {
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// headLines say what host this is, how it is looked at, and the verdict.
func (m *Model) headLines() []string {
	c := m.round.Check
	host := c.Host.Hostname
	if host == "" {
		host = "unknown host"
	}
	if n := c.Host.Namespace; n != nil {
		host += " netns " + n.Name
	} else if i := c.Host.InitialNetns; i != nil && !*i {
		host += " (a network namespace of its own)"
	}
	left := report.Clean(host)
	if k := c.Host.Kernel; k != "" {
		left += "  Linux " + report.Clean(k)
	}
	if u := c.Host.UptimeSeconds; u != nil {
		left += "  up " + report.Duration(*u)
	}
	v := m.verdict()
	return []string{
		m.paint(bold, m.spread(left, m.pace(m.width-textWidth(left)), m.width)),
		m.spread(m.paint(v.tone, cut(v.text, m.width)), m.mode(), m.width),
	}
}

// pace says how often the screen is renewed, what that costs, and when it was; in
// a narrow place only when it was.
func (m *Model) pace(room int) string {
	text := "every " + m.options.Interval.String()
	if held := m.took + wait(m.options.Interval, m.took); held > m.options.Interval {
		text = fmt.Sprintf("every %.1fs, not %s: collecting takes %.1fs", held.Seconds(), m.options.Interval, m.took.Seconds())
	} else {
		text += fmt.Sprintf(", cost %.0f ms", float64(m.round.Cost.Microseconds())/1000)
	}
	clock := m.round.Taken.Format("15:04:05")
	if text += "  " + clock; textWidth(text)+2 > room {
		return clock
	}
	return text
}

// mode says what is out of the ordinary in how the screen is shown.
func (m *Model) mode() string {
	var parts []string
	if m.err != nil {
		parts = append(parts, m.paint(red, "cannot collect: "+report.Clean(m.err.Error())))
	}
	if m.paused {
		parts = append(parts, m.paint(yellow, "PAUSED"))
	}
	if m.filter != "" && !m.filtering {
		parts = append(parts, m.paint(yellow, "filter: "+m.filter))
	}
	return strings.Join(parts, "  ")
}

// spread puts text at both ends of a line. What is left gives way, unless little
// of it would stay.
func (m *Model) spread(left, right string, width int) string {
	room := width - textWidth(right) - 2
	if right == "" || room < 12 {
		return cut(left, width)
	}
	return padRight(left, room) + "  " + right
}

// A verdict is the one line that people read first.
type verdict struct {
	text string
	tone tone
}

// verdict says what is active. That all is well it says only when every core rule
// was judged.
func (m *Model) verdict() verdict {
	var parts []string
	v := verdict{tone: green}
	for _, s := range []rules.Severity{rules.Critical, rules.Warning, rules.Notice} {
		if n := m.tracker.count(s); n > 0 {
			if len(parts) == 0 {
				v.tone = severityTone(s)
			}
			word := string(s)
			if n > 1 && s != rules.Critical {
				word += "s"
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	c := m.round.Check
	judged := fmt.Sprintf("; %d of %d rules judged", c.Summary.Judged, c.Summary.Judged+c.Summary.Skipped)
	if c.Summary.Waived > 0 {
		judged += fmt.Sprintf(", %d waived", c.Summary.Waived)
	}
	core := len(c.CoreSkipped())
	switch {
	case len(parts) > 0:
		v.text = "● " + strings.Join(parts, ", ") + judged
	case c.Window.Seconds == nil:
		v = verdict{"nothing found yet: rates are known from the second look on", plain}
	case core > 0:
		v = verdict{"nothing found, but core rules could not be judged (g: which)" + judged, plain}
	case c.Summary.Waived > 0:
		v = verdict{"nothing found that is not waived" + judged, plain}
	default:
		v.text = "no problem found, nothing to tune" + judged
	}
	return v
}

// body draws states, rates and lists in height lines.
func (m *Model) body(width, height int) []string {
	lines := m.top(width, height)
	if height >= stacked {
		return append(lines, m.all(width, height-len(lines))...)
	}
	return append(lines, m.some(width, height-len(lines))...)
}

// top draws states and rates, as far as there is room.
func (m *Model) top(width, height int) []string {
	if height < tallTop {
		return []string{m.statesLine(width)}
	}
	rows := 7
	if height >= stacked {
		rows = 1 + len(stateNames())
	}
	if width < sideBySide {
		return m.statesPanel(width, min(rows, 6))
	}
	left := (width - 2) / 2
	states, rates := m.statesPanel(left, rows), m.ratesPanel(width-2-left, rows)
	lines := make([]string, rows)
	for i := range lines {
		lines[i] = padRight(states[i], left) + "  " + rates[i]
	}
	return lines
}

// all draws the four lists, one below another.
func (m *Model) all(width, height int) []string {
	var lines []string
	for i, h := range m.share(height) {
		lines = append(lines, m.list(panel(i), width, h)...)
	}
	return lines
}

// some draws the findings and one of the other lists, or only the list with the
// focus.
func (m *Model) some(width, height int) []string {
	if height < 12 {
		return m.list(m.focus, width, height)
	}
	upper := min(max(4, len(m.table(findingsPanel).rows)+2), height/2)
	lines := m.list(findingsPanel, width, upper)
	t := m.table(m.lower)
	lines = append(lines, m.tabs(width))
	return append(lines, t.draw(m, &m.views[m.lower], width, height-upper-1, m.focus == m.lower)...)
}

// share divides height between the four lists: each gets what it needs, and what
// is too little is shared evenly.
func (m *Model) share(height int) [panelCount]int {
	var heights, wants [panelCount]int
	for p := range panelCount {
		heights[p] = 4
		wants[p] = len(m.table(p).rows) + 2
		height -= heights[p]
	}
	for grown := true; grown && height > 0; {
		grown = false
		for p := range panelCount {
			if heights[p] < wants[p] && height > 0 {
				heights[p]++
				height--
				grown = true
			}
		}
	}
	heights[panelCount-1] += height
	return heights
}

// pageRows is about how many rows the list with the focus shows.
func (m *Model) pageRows() int { return max(1, m.height/3) }

// footer names the main keys.
func (m *Model) footer() string {
	if m.filtering {
		return cut("filter: "+m.filter+"▏ enter keeps it, esc takes it away", m.width)
	}
	text := "tab panel  ↑↓ move  enter details  s sort  / filter  p pause  g gaps  ? help  q quit"
	if m.overlay.kind != noOverlay {
		text = "esc back  ↑↓ scroll  p pause  q quit"
	}
	if textWidth(text) > m.width {
		text = "tab ↑↓ enter  s sort  / filter  p pause  g gaps  ? help  q quit"
	}
	if textWidth(text) > m.width {
		text = "tab ↑↓ enter s / p ? help q quit"
	}
	return m.paint(faint, cut(text, m.width))
}
