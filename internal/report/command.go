// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// command prints a command to copy and paste behind a label: lines that are too
// long go on behind a backslash, between words of the shell only.
func (p *page) command(label, text string) {
	const prompt = "$ "
	lines := fold(shellWords(Clean(text)), p.style.width()-labelWidth-len(prompt))
	for i := range lines {
		head, end := prompt, ""
		if i > 0 {
			head = strings.Repeat(" ", len(prompt))
		}
		if i < len(lines)-1 {
			end = ` \`
		}
		lines[i] = p.style.paint(bold, head+lines[i]+end)
	}
	p.labelled(label, lines)
}

// fold joins words to lines of a width; all but the last leave two columns for a
// backslash. A flag stays with its value.
func fold(words []string, width int) []string {
	var units []string
	for i, word := range words {
		if i > 0 && strings.HasPrefix(words[i-1], "--") && !strings.HasPrefix(word, "-") && ansi.StringWidth(words[i-1]+" "+word) <= width-2 {
			units[len(units)-1] += " " + word
			continue
		}
		units = append(units, word)
	}
	var lines []string
	for i, unit := range units {
		room := width - 2
		if i == len(units)-1 {
			room = width
		}
		if last := len(lines) - 1; last >= 0 && ansi.StringWidth(lines[last]+" "+unit) <= room {
			lines[last] += " " + unit
			continue
		}
		lines = append(lines, unit)
	}
	return lines
}

// shellWords splits a command at the blanks that are not quoted.
func shellWords(text string) (words []string) {
	var quote rune
	escaped, start := false, 0
	for i, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case r == ' ':
			if i > start {
				words = append(words, text[start:i])
			}
			start = i + 1
		}
	}
	if start < len(text) {
		words = append(words, text[start:])
	}
	return words
}

// shellQuote makes text one word of a shell.
func shellQuote(text string) string {
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("/._-+:@%", r) && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	}) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
