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
	room := p.style.width() - labelWidth - len(prompt)
	var lines []string
	for _, word := range shellWords(Clean(text)) {
		last := len(lines) - 1
		if last >= 0 && ansi.StringWidth(lines[last])+1+ansi.StringWidth(word) <= room-2 {
			lines[last] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	if n := len(lines); n > 1 && ansi.StringWidth(strings.Join(lines[n-2:], " ")) <= room {
		lines = append(lines[:n-2], strings.Join(lines[n-2:], " ")) // the last line needs no backslash
	}
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
