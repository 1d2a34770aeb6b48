// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/tcptune/tcptune/rules"
)

// markdown writes GitHub Flavored Markdown for a ticket. Whatever came from a
// host is escaped, so that no name can be markup, break a table or be HTML.
type markdown struct{ strings.Builder }

func (d *document) writeMarkdown(w io.Writer) error {
	var m markdown
	m.head(d)
	for _, p := range d.parts {
		m.part(p)
	}
	m.missed(d)
	return writeClean(w, m.String())
}

func (m *markdown) head(d *document) {
	m.linef("# tcptune: %s", escapeMarkdown(d.hostname()))
	m.linef("**%s** (%s)", escapeMarkdown(d.verdict()), d.judged())
	about := []string{"Linux " + orUnknown(d.host.Kernel)}
	if u := d.host.UptimeSeconds; u != nil {
		about = append(about, "up "+duration(*u))
	}
	about = append(about, d.window.words())
	if !d.taken.IsZero() {
		about = append(about, d.taken.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	about = append(about, "ruleset "+orUnknown(d.ruleset.Version), d.tool)
	m.linef("%s", escapeMarkdown(strings.Join(about, ", ")))
	list := d.findings()
	if len(list) == 0 {
		return
	}
	m.row("Severity", "Finding", "Subject", "Rule", "Answer")
	m.row("---", "---", "---", "---", "---")
	for _, f := range list {
		m.row(string(f.Severity), escapeMarkdown(f.Title), codeCell(f.Subject), codeCell(f.Rule), escapeMarkdown(answer(f.Verdict)))
	}
	m.WriteString("\n")
}

func (m *markdown) part(p part) {
	c := p.check
	level := "##"
	if p.name != "" {
		level = "###"
		if len(c.Findings)+len(c.Waived)+len(c.Skipped) == 0 {
			return
		}
		title := p.name
		if title != machinePart {
			title = "network namespace " + title
		}
		m.linef("## %s", escapeMarkdown(title))
	}
	if c.States != nil {
		m.linef("Sockets: %s", escapeMarkdown(stateLine(c.States)))
	}
	if b := c.Baseline; b != nil {
		m.linef("%s", escapeMarkdown("Findings "+b.with()+": "+b.counts()))
		for _, note := range b.Notes {
			m.linef("%s", escapeMarkdown(note))
		}
	}
	for i := range c.Findings {
		m.finding(level, &c.Findings[i])
	}
	for _, past := range c.past() {
		m.list(level, capital(past.head), len(past.list), func(i int) string {
			f := &past.list[i]
			return string(f.Severity) + " " + code(f.Rule) + ": " + escapeMarkdown(f.Title+about(f))
		})
	}
	m.list(level, "Waived", len(c.Waived), func(i int) string {
		f, w := c.Waived[i].Finding, c.Waived[i].Waiver
		return fmt.Sprintf("%s %s: %s, until %s (%s)", code(f.Rule), code(f.Subject), escapeMarkdown(w.Reason), escapeMarkdown(w.Expires), code(w.Address))
	})
	m.list(level, "Not judged", len(c.Skipped), func(i int) string {
		return code(c.Skipped[i].Rule) + ": " + escapeMarkdown(skipReason(c.Skipped[i]))
	})
	m.list(level, "Not read", len(c.Collection.Gaps), func(i int) string { return escapeMarkdown(gapText(c.Collection.Gaps[i])) })
}

func (m *markdown) finding(level string, f *rules.Finding) {
	m.linef("%s %s: %s", level, strings.ToUpper(string(f.Severity)), escapeMarkdown(f.Title))
	about := []string{code(f.Rule), escapeMarkdown(answer(f.Verdict)), "confidence " + escapeMarkdown(f.Confidence)}
	if f.Subject != "" {
		about = append([]string{code(f.Subject)}, about...)
	}
	if words := statusWords(f); words != "" {
		about = append(about, "**"+words+"**")
	}
	m.linef("%s", strings.Join(about, ", "))
	if len(f.Evidence) > 0 {
		m.row("Measured", "Value", "Limit")
		m.row("---", "---:", "---:")
	}
	for _, e := range f.Evidence {
		limit := ""
		if e.Limit != nil {
			limit = value(e.Limit)
		}
		m.row(escapeMarkdown(e.Name), escapeMarkdown(evidenceText(rules.Evidence{Value: e.Value, Unit: e.Unit})), escapeMarkdown(limit))
	}
	m.WriteString("\n")
	m.linef("%s", escapeMarkdown(strings.Join(strings.Fields(f.Why), " ")))
	for _, text := range f.Unless {
		m.linef("Unless: %s", escapeMarkdown(text))
	}
	for i := range f.Recommendations {
		m.advice(i+1, &f.Recommendations[i])
	}
	if f.More > 0 {
		m.linef("And %s of this rule.", plural(f.More, "more finding", "more findings"))
	}
}

func (m *markdown) advice(number int, r *rules.Recommendation) {
	prefix := fmt.Sprintf("%d. ", number)
	m.linef("%s%s", prefix, escapeMarkdown(step(r)))
	if r.Command == "" {
		return
	}
	indent := strings.Repeat(" ", len(prefix))
	command := Clean(r.Command)
	fence := strings.Repeat("`", max(3, longestRun(command)+1))
	m.linef("%s%ssh\n%s%s\n%s%s", indent, fence, indent, command, indent, fence)
}

// list writes a section with n points, or nothing.
func (m *markdown) list(level, title string, n int, text func(int) string) {
	if n == 0 {
		return
	}
	m.linef("%s %s", level, title)
	for i := range n {
		m.WriteString("- " + text(i) + "\n")
	}
	m.WriteString("\n")
}

func (m *markdown) missed(d *document) {
	m.list("##", "Not examined", len(d.missed), func(i int) string {
		return code(d.missed[i].Namespace.Name) + ": " + escapeMarkdown(d.missed[i].Reason)
	})
	if d.hidden > 0 {
		m.linef("The network namespaces of %s are hidden.", plural(d.hidden, "process", "processes"))
	}
}

// linef writes a paragraph.
func (m *markdown) linef(format string, args ...any) { fmt.Fprintf(m, format+"\n\n", args...) }

func (m *markdown) row(cells ...string) { m.WriteString("| " + strings.Join(cells, " | ") + " |\n") }

// markup are the characters that mean something to Markdown or HTML.
const markup = "\\`*_{}[]<>#|~&$!"

// escapeMarkdown makes text from anywhere plain text of one line.
func escapeMarkdown(text string) string {
	var b strings.Builder
	runes := []rune(strings.Join(strings.Fields(Clean(text)), " "))
	for i, r := range runes {
		switch {
		case r == '_' && i > 0 && i+1 < len(runes) && isWord(runes[i-1]) && isWord(runes[i+1]): // tcp_mem: no emphasis inside a word
		case r == '@': // GitHub would tell a person of that name
			b.WriteString("@&#8203;")
			continue
		case strings.ContainsRune(markup, r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// code writes text from anywhere as a code span, whose fence is longer than any
// run of backticks in it.
func code(text string) string {
	text = strings.Join(strings.Fields(Clean(text)), " ")
	if text == "" {
		return ""
	}
	fence := strings.Repeat("`", longestRun(text)+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// codeCell is code in a table, where a | ends the cell even in a code span.
func codeCell(text string) string { return strings.ReplaceAll(code(text), "|", `\|`) }

// longestRun is the length of the longest run of backticks.
func longestRun(text string) (longest int) {
	run := 0
	for _, r := range text {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
