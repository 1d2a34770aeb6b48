// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/rules"
)

// A tone is how text is set off. The colours are the first sixteen, which a
// terminal's own theme keeps readable on light and on dark; nothing relies on
// colour alone.
type tone uint8

const (
	plain tone = iota
	bold
	faint
	red
	yellow
	blue
	green
	inverse
)

func (m *Model) paint(t tone, text string) string {
	if !m.options.Color || t == plain || text == "" {
		return text
	}
	var s ansi.Style
	switch t {
	case bold:
		s = s.Bold()
	case faint:
		s = s.Faint()
	case red:
		s = s.Bold().ForegroundColor(ansi.Red)
	case yellow:
		s = s.Bold().ForegroundColor(ansi.Yellow)
	case blue:
		s = s.Bold().ForegroundColor(ansi.Blue)
	case green:
		s = s.Bold().ForegroundColor(ansi.Green)
	case inverse:
		s = s.Reverse(true)
	}
	return s.Styled(text)
}

func severityTone(s rules.Severity) tone {
	switch s {
	case rules.Critical:
		return red
	case rules.Warning:
		return yellow
	case rules.Notice:
		return blue
	}
	return faint
}

// rule is the line above a panel. That of the panel with the focus is heavy.
func (m *Model) rule(title string, width int, focus bool) string {
	line, t := "─", faint
	if focus {
		line, t = "━", bold
	}
	head := line + line + " " + title + " "
	return m.paint(t, cut(head+strings.Repeat(line, max(0, width-textWidth(head))), width))
}

func textWidth(s string) int { return ansi.StringWidth(s) }

// cut shortens text to width columns.
func cut(s string, width int) string { return ansi.Truncate(s, max(0, width), "…") }

// padRight and padLeft make text of the host or of ours width columns wide.
func padRight(s string, width int) string {
	s = cut(s, width)
	return s + strings.Repeat(" ", max(0, width-textWidth(s)))
}

func padLeft(s string, width int) string {
	s = cut(s, width)
	return strings.Repeat(" ", max(0, width-textWidth(s))) + s
}

// fill adds empty lines, or takes lines away.
func fill(lines []string, height int) []string {
	for len(lines) < height {
		lines = append(lines, "")
	}
	return lines[:max(0, height)]
}

// unknown is what stands for a number that is not known: never a zero.
const unknown = "?"

func countText(n *int64) string {
	if n == nil {
		return unknown
	}
	return report.Value(*n)
}

func rateText(v *float64) string {
	if v == nil {
		return unknown
	}
	return report.Value(*v)
}

// barText draws how full something is, in width columns.
func barText(share float64, width int) string {
	full := int(min(1, max(0, share))*float64(width) + 0.5)
	if share > 0 && full == 0 {
		full = 1
	}
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}
