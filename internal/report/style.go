// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"github.com/tcptune/tcptune/rules"
)

// Style says how text is laid out.
type Style struct {
	Width int  // columns; text is wrapped to them
	Color bool // use SGR escape sequences
}

// MinWidth is the narrowest layout.
const MinWidth = 40

// MaxWidth keeps lines readable on wide terminals and in files.
const MaxWidth = 100

func (s Style) width() int { return min(max(s.Width, MinWidth), MaxWidth) }

// The SGR codes that are used; nothing relies on colour alone.
const (
	bold   = "1"
	dim    = "2"
	red    = "1;31"
	yellow = "1;33"
	blue   = "1;34"
	green  = "1;32"
)

func (s Style) paint(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func severityColor(s rules.Severity) string {
	switch s {
	case rules.Critical:
		return red
	case rules.Warning:
		return yellow
	case rules.Notice:
		return blue
	}
	return dim
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
