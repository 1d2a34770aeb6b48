// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/tcptune/tcptune/rules"
)

// Style says how text is laid out.
type Style struct {
	Width   int  // columns; text is wrapped to them
	Color   bool // use SGR escape sequences
	Unicode bool // draw bars with block characters
	Verbose bool // leave nothing out
}

// MinWidth is the narrowest layout.
const MinWidth = 40

// MaxWidth keeps lines readable on wide terminals and in files.
const MaxWidth = 100

func (s Style) width() int { return min(max(s.Width, MinWidth), MaxWidth) }

// narrow reports whether there is no room for two columns of text.
func (s Style) narrow() bool { return s.width() < 60 }

// An ink is how a piece of text looks. The colours are the terminal's own
// sixteen, which whoever set it up can read on its background; nothing relies on
// colour alone.
type ink int

const (
	bold ink = iota
	dim
	red
	yellow
	blue
	green
	onRed
	onYellow
	onBlue
)

func (i ink) style() lipgloss.Style {
	s := lipgloss.NewStyle()
	switch i {
	case dim:
		return s.Faint(true)
	case red:
		s = s.Foreground(lipgloss.Red)
	case yellow:
		s = s.Foreground(lipgloss.Yellow)
	case blue:
		s = s.Foreground(lipgloss.Blue)
	case green:
		s = s.Foreground(lipgloss.Green)
	case onRed:
		s = s.Foreground(lipgloss.BrightWhite).Background(lipgloss.Red)
	case onYellow:
		s = s.Foreground(lipgloss.Black).Background(lipgloss.Yellow)
	case onBlue:
		s = s.Foreground(lipgloss.BrightWhite).Background(lipgloss.Blue)
	}
	return s.Bold(true)
}

func (s Style) paint(i ink, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return i.style().Render(text)
}

// badge is the ink of a severity's word.
func badge(s rules.Severity) ink {
	switch s {
	case rules.Critical:
		return onRed
	case rules.Warning:
		return onYellow
	case rules.Notice:
		return onBlue
	}
	return bold
}

// Clean makes text from the examined host safe to print: control characters,
// which a terminal would obey, and characters that change the direction of
// text are shown as escapes such as \x1b.
func Clean(text string) string {
	clean := true
	for _, r := range text {
		if !printable(r) {
			clean = false
			break
		}
	}
	if clean {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == unicode.ReplacementChar && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case printable(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// printable accepts what strconv.IsPrint accepts, and not the replacement
// character that stands for a byte that is no UTF-8.
func printable(r rune) bool {
	return r != unicode.ReplacementChar && unicode.IsPrint(r)
}

// page writes lines and keeps the first error.
type page struct {
	out   io.Writer
	style Style
	apply string // the command that applies what rules recommend
	err   error
}

func (p *page) line(text string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.out, strings.TrimRight(text, " ")+"\n")
	}
}

func (p *page) blank() { p.line("") }

// block writes text from anywhere, cleaned and wrapped: the first line after
// first, the others after rest.
func (p *page) block(first, rest, text string) {
	indent := max(ansi.StringWidth(first), ansi.StringWidth(rest))
	if indent > p.style.width()/2 {
		p.line(first)
		first, indent = rest, ansi.StringWidth(rest)
	}
	for i, line := range wrap(text, p.style.width()-indent) {
		prefix := rest
		if i == 0 {
			prefix = first
		}
		p.line(prefix + line)
	}
}

// wrap folds line ends into blanks, cleans the rest, and breaks it at blanks
// only: rule ids and paths stay whole unless they are longer than a line.
func wrap(text string, width int) []string {
	width = max(width, 10)
	lines := []string{""}
	for _, word := range strings.Fields(Clean(strings.Join(strings.Fields(text), " "))) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case ansi.StringWidth(*last)+1+ansi.StringWidth(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
		for rest := lines[len(lines)-1]; ansi.StringWidth(rest) > width; rest = lines[len(lines)-1] {
			head := ansi.Truncate(rest, width, "")
			lines[len(lines)-1] = head
			lines = append(lines, rest[len(head):])
		}
	}
	return lines
}

// brief is wrap with a bound on the lines, 0 for none: it keeps whole clauses
// while they fit, and cuts the first one at a blank if not even that does.
func brief(text string, width, most int) []string {
	text = strings.Join(strings.Fields(text), " ")
	lines := wrap(text, width)
	if most <= 0 || len(lines) <= most {
		return lines
	}
	var kept []string
	for end := range text {
		if !strings.HasPrefix(text[end:], ". ") && !strings.HasPrefix(text[end:], "; ") {
			continue
		}
		clauses := wrap(strings.TrimSuffix(text[:end+1], ";"), width)
		if len(clauses) > most {
			break
		}
		kept = clauses
	}
	if kept != nil {
		return kept
	}
	return cut(lines, width, most)
}

// gist is brief, but rather cuts a sentence than leaves a line free.
func gist(text string, width, most int) []string {
	lines := wrap(text, width)
	if kept := brief(text, width, most); len(kept) == most || len(lines) <= most {
		return kept
	}
	return cut(lines, width, most)
}

// cut keeps the first lines and says that there are more.
func cut(lines []string, width, most int) []string {
	if most <= 0 || len(lines) <= most {
		return lines
	}
	const more = " ..."
	last := lines[most-1]
	if ansi.StringWidth(last) > width-len(more) {
		if i := strings.LastIndex(last, " "); i > 0 {
			last = last[:i]
		}
		last = ansi.Truncate(last, width-len(more), "")
	}
	return append(lines[:most-1:most-1], strings.TrimRight(last, " ,;:")+more)
}

// labelled prints lines behind a label, which stands before the first one.
func (p *page) labelled(label string, lines []string) {
	for i, line := range lines {
		head := strings.Repeat(" ", labelWidth)
		if i == 0 {
			head = "  " + p.style.paint(dim, label) + strings.Repeat(" ", labelWidth-2-ansi.StringWidth(label))
		}
		p.line(head + line)
	}
}

// labelWidth is the column where text behind a label begins.
const labelWidth = 7
