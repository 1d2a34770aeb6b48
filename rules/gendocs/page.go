// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/rules"
)

// rulePage is the page of one rule.
func rulePage(r *rules.Rule, refs map[string]rules.Reference) []byte {
	p := &page{}
	p.generated("rules/builtin/" + r.ID + ".yaml")
	p.line("# %s", prose(r.Title))
	p.line("")
	p.line("Rule `%s` of category [%s](README.md#%s).", r.ID, r.Category, r.Category)
	p.line("")
	p.line("| severity | verdict | confidence | scope |")
	p.line("| --- | --- | --- | --- |")
	p.line("| %s | %s | %s | %s |", choices(r.Severity), choices(r.Verdict), choices(r.Confidence), r.Scope)
	p.when(r)
	p.evidence(r)
	p.advice(r)
	p.heading("Why")
	p.line("%s", strings.TrimSpace(r.Why))
	p.guards(r)
	p.references(r, refs)
	if r.Proof != "" {
		p.heading("How it was proven")
		p.line("%s", r.Proof)
	}
	return p.bytes()
}

// page collects the lines of a Markdown page.
type page struct {
	text  strings.Builder
	table string // the group whose table was begun last
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }

func (p *page) heading(title string) { p.line("\n## %s\n", title) }

func (p *page) bytes() []byte { return []byte(p.text.String()) }

// generated says where a page comes from.
func (p *page) generated(source string) {
	p.line("<!-- Made by `go generate ./rules` from %s: edit that, not this. -->", source)
}

func (p *page) when(r *rules.Rule) {
	p.heading("When it fires")
	if r.ForEach != "" {
		p.line("For each `it` of [`%s`](../facts.md#%s):\n", r.ForEach, r.ForEach)
	}
	p.line("```cel\n%s\n```", strings.TrimSpace(r.When.Text()))
	p.choice("severity", r.Severity)
	p.choice("verdict", r.Verdict)
	p.choice("confidence", r.Confidence)
	if len(r.Excludes) > 0 {
		p.line("\nIts findings silence those of %s.", codes(r.Excludes))
	}
}

// choice shows on what a severity, verdict or confidence depends.
func (p *page) choice(name string, prog *expr.Program) {
	if choices(prog) != prog.Text() {
		p.line("\nIts %s:\n\n```cel\n%s\n```", name, strings.TrimSpace(prog.Text()))
	}
}

func (p *page) evidence(r *rules.Rule) {
	p.heading("Evidence")
	p.line("| what | value | limit | unit |")
	p.line("| --- | --- | --- | --- |")
	for _, m := range r.Evidence {
		p.line("| %s | %s | %s | %s |", cell(m.Name), cell(code(m.Value)), cell(code(m.Limit)), cell(m.Unit))
	}
}

func (p *page) advice(r *rules.Rule) {
	p.heading("What to do")
	if len(r.Recommend) == 0 {
		p.line("Nothing.")
	}
	for _, a := range r.Recommend {
		switch a.Kind {
		case "sysctl":
			p.line("- Set `%s` to %s.", a.KeyPattern(), code(a.Value))
		case "file":
			p.line("- In %s: %s", prose(a.File), prose(a.Action))
		default:
			p.line("- %s", prose(a.Action))
		}
		p.detail("when", code(a.When))
		p.detail("next command", command(a.Command))
		p.detail("takes effect", prose(a.Effect))
		p.detail("because", prose(a.Because))
		p.detail("risk", a.Risk)
	}
}

func (p *page) detail(name, text string) {
	if text != "" {
		p.line("  - %s: %s", name, text)
	}
}

func (p *page) guards(r *rules.Rule) {
	if len(r.Unless) == 0 {
		return
	}
	p.heading("When it is wrong")
	for _, g := range r.Unless {
		if g.When == nil {
			p.line("- %s (tcptune cannot see this)", g.Text)
			continue
		}
		p.line("- %s (not reported: %s)", g.Text, code(g.When))
	}
}

func (p *page) references(r *rules.Rule, refs map[string]rules.Reference) {
	if len(r.References) == 0 {
		return
	}
	p.heading("References")
	for _, id := range r.References {
		ref, ok := refs[id]
		if !ok {
			p.line("- <%s>", id)
			continue
		}
		p.line("- %s: [%s](%s)", id, ref.Title, ref.URL)
		for _, url := range ref.More {
			p.line("  - <%s>", url)
		}
	}
}

// prose shows the ${expr} parts of a text as code.
func prose(t rules.Text) string {
	return oneLine(t.Marked("`", "`"))
}

// command shows a command as code, its ${expr} parts as <expr>.
func command(t rules.Text) string {
	if t.Source == "" {
		return ""
	}
	return "`" + oneLine(t.Marked("<", ">")) + "`"
}

// code shows an expression on one line.
func code(prog *expr.Program) string {
	if prog == nil {
		return ""
	}
	return "`" + oneLine(prog.Text()) + "`"
}

var literal = regexp.MustCompile(`[?:]\s*["']([a-z-]+)["']`)

// choices shows what a word can be: "critical or warning".
func choices(prog *expr.Program) string {
	var words []string
	for _, m := range literal.FindAllStringSubmatch(prog.Text(), -1) {
		if !slices.Contains(words, m[1]) {
			words = append(words, m[1])
		}
	}
	if len(words) == 0 {
		return prog.Text()
	}
	return strings.Join(words, " or ")
}

func codes(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
