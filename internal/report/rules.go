// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/rules"
)

// RuleListSchemaVersion is the version of the JSON form of a RuleList.
const RuleListSchemaVersion = 1

// RuleList is the result of `tcptune rules list`.
type RuleList struct {
	SchemaVersion int        `json:"schema_version"`
	Ruleset       Ruleset    `json:"ruleset"`
	Rules         []RuleLine `json:"rules"`
}

// RuleLine is one rule in a list. Severity is the word, or the expression that
// yields it.
type RuleLine struct {
	ID       string `json:"id"`
	Category string `json:"category"`
	Severity string `json:"severity"`
	Title    string `json:"title"`
	File     string `json:"file,omitempty"` // that it was read from; "" for a built-in rule
}

// NewRuleList lists the rules of a set by category.
func NewRuleList(set *rules.Set) *RuleList {
	list := &RuleList{
		SchemaVersion: RuleListSchemaVersion,
		Ruleset:       NewRuleset(set),
		Rules:         []RuleLine{},
	}
	for _, c := range rules.Categories() {
		for _, r := range set.Rules {
			if r.Category == c.Name {
				list.Rules = append(list.Rules, RuleLine{
					ID: r.ID, Category: r.Category, Severity: strings.TrimSpace(r.Severity.Text()), Title: r.Title.Source, File: r.File,
				})
			}
		}
	}
	return list
}

// WriteJSON writes the list as one JSON document.
func (l *RuleList) WriteJSON(w io.Writer) error { return writeJSON(w, l) }

// WriteText writes the list for people.
func (l *RuleList) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	category := ""
	for _, r := range l.Rules {
		if r.Category != category {
			if category != "" {
				p.blank()
			}
			category = r.Category
			p.line(p.style.paint(bold, category))
		}
		from := ""
		if r.File != "" {
			from = "(from " + r.File + ")"
		}
		p.block("  "+r.ID+" ", "      ", from)
		p.block("      ", "      ", readable(r.Title))
	}
	return p.err
}

// readable words the title of a rule that has not fired: what it puts in becomes
// <name> or, where it chooses between texts, these texts.
func readable(title string) string {
	return placeholder().ReplaceAllStringFunc(title, func(part string) string {
		code := strings.TrimSpace(part[len("${") : len(part)-len("}")])
		if m := placeholderKey().FindStringSubmatch(code); m != nil {
			return "<" + m[1] + ">"
		}
		var texts []string
		for _, m := range placeholderText().FindAllStringSubmatch(code, -1) {
			texts = append(texts, m[1])
		}
		if len(texts) > 0 {
			return strings.Join(texts, " or ")
		}
		return "<" + strings.ReplaceAll(code[strings.LastIndex(code, ".")+1:], "_", " ") + ">"
	})
}

var (
	placeholder     = pattern(`\$\{[^}]*\}`)
	placeholderKey  = pattern(`^sysctl\("([^"]*)"\)$`)
	placeholderText = pattern(`"([^"]*)"`)
)

// WriteRule writes one rule for people: when it fires, what it shows, what it
// recommends and why.
func WriteRule(w io.Writer, r *rules.Rule, style Style) error {
	p := &page{out: w, style: style}
	p.line(p.style.paint(bold, r.ID))
	p.block("", "", readable(r.Title.Source))
	p.blank()
	p.field("category", r.Category)
	p.field("severity", r.Severity.Text())
	p.field("confidence", r.Confidence.Text())
	p.field("verdict", r.Verdict.Text())
	p.field("scope", r.Scope)
	p.field("from", r.File)
	p.field("for each", r.ForEach)
	p.program("subject", r.Subject)
	p.program("fires when", r.When)
	for _, g := range r.Unless {
		p.field("unless", g.Text)
	}
	if len(r.Excludes) > 0 {
		p.field("silences", strings.Join(r.Excludes, ", "))
	}
	p.section("Evidence")
	for _, e := range r.Evidence {
		text := e.Value.Text()
		if e.Limit != nil {
			text += ", limit " + e.Limit.Text()
		}
		if e.Unit != "" {
			text += " (" + e.Unit + ")"
		}
		p.block("  "+Clean(e.Name)+": ", "      ", text)
	}
	if len(r.Recommend) > 0 {
		p.section("Recommends")
	}
	for i, a := range r.Recommend {
		p.advice(i+1, &a)
	}
	p.section("Why")
	p.block("  ", "  ", r.Why)
	if r.Proof != "" {
		p.section("Proof")
		p.block("  ", "  ", r.Proof)
	}
	if len(r.References) > 0 {
		p.section("References")
		p.block("  ", "  ", strings.Join(r.References, ", "))
	}
	return p.err
}

func (p *page) section(title string) {
	p.blank()
	for _, line := range wrap(title, p.style.width()) {
		p.line(p.style.paint(bold, line))
	}
}

func (p *page) field(name, text string) {
	if text != "" {
		p.block(fmt.Sprintf("%-12s", name), "            ", text)
	}
}

func (p *page) program(name string, e *expr.Program) {
	if e != nil {
		p.field(name, e.Text())
	}
}

func (p *page) advice(number int, a *rules.Advice) {
	prefix := fmt.Sprintf("  %d. ", number)
	rest := strings.Repeat(" ", len(prefix))
	var text string
	switch {
	case a.Key.Source != "":
		text = a.Key.Source + " = " + a.Value.Text()
		if a.Risk != "" {
			text += ", risk " + a.Risk
		}
	case a.File.Source != "":
		text = a.File.Source + ": " + a.Action.Source
	default:
		text = a.Action.Source
	}
	p.block(prefix, rest, text)
	if a.When != nil {
		p.block(rest+"when: ", rest+"  ", a.When.Text())
	}
	for _, part := range []struct{ name, text string }{
		{"effect", a.Effect.Source}, {"because", a.Because.Source}, {"command", a.Command.Source},
	} {
		if part.text != "" {
			p.block(rest+part.name+": ", rest+"  ", part.text)
		}
	}
}
