// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/rules"
)

// ruleTopic lays a rule out as a page. Expressions are shown as the rule has them.
func (l *Library) ruleTopic(r *rules.Rule) (Topic, error) {
	references, err := referenceRows(r)
	if err != nil {
		return Topic{}, err
	}
	t := Topic{Kind: KindRule, Name: r.ID, Title: plain(r.Title)}
	t.add(Section{Heading: "Why", Text: r.Why})
	t.add(Section{Heading: "Who has to act", Text: ruleActor(r)})
	t.add(Section{Heading: "What to do", Text: nothingToDo(r), Rows: adviceRows(r)})
	t.add(Section{Heading: "When it fires", Text: source(r.When), Rows: rowsOf(
		Row{"for each", r.ForEach},
		Row{"severity", source(r.Severity)},
		Row{"confidence", source(r.Confidence)},
		Row{"verdict", source(r.Verdict)},
		Row{"scope", r.Scope},
		Row{"category", r.Category},
		Row{"silences", strings.Join(r.Excludes, ", ")},
		Row{"from", r.File},
	)})
	t.add(Section{Heading: "Evidence", Rows: evidenceRows(r)})
	t.add(Section{Heading: "When it is wrong", Text: guardText(r)})
	t.add(Section{Heading: "How it was proven", Text: r.Proof})
	l.addMeasured(&t)
	t.add(Section{Heading: "TCP states", Rows: l.statesOfRule(r.ID)})
	t.add(Section{Heading: "How to look", Commands: []string{"tcptune check --only " + r.ID, "tcptune rules show " + r.ID}})
	t.add(Section{Heading: "References", Rows: references})
	return t, nil
}

func nothingToDo(r *rules.Rule) string {
	if len(r.Recommend) == 0 {
		return "Nothing."
	}
	return ""
}

func adviceRows(r *rules.Rule) []Row {
	var rows []Row
	for _, a := range r.Recommend {
		row := Row{Name: a.Kind, Value: plain(a.Action)}
		switch a.Kind {
		case "sysctl":
			row = Row{a.KeyPattern(), "Set it to " + source(a.Value) + "."}
		case "file":
			row.Name = plain(a.File)
		}
		row.Value += remark("When", source(a.When)) + remark("Takes effect", plain(a.Effect)) +
			remark("Because", plain(a.Because)) + remark("Risk", a.Risk) + remark("Command", plain(a.Command))
		rows = append(rows, row)
	}
	return rowsOf(rows...)
}

// remark is a paragraph of its own; "" for an empty text.
func remark(word, text string) string {
	if text == "" {
		return ""
	}
	return "\n\n" + word + ": " + text
}

func evidenceRows(r *rules.Rule) []Row {
	var rows []Row
	for _, m := range r.Evidence {
		value := source(m.Value)
		if m.Unit != "" {
			value += " " + m.Unit
		}
		if m.Limit != nil {
			value += ", limit " + source(m.Limit)
		}
		rows = append(rows, Row{m.Name, value})
	}
	return rowsOf(rows...)
}

func guardText(r *rules.Rule) string {
	var texts []string
	for _, g := range r.Unless {
		texts = append(texts, g.Text)
	}
	return strings.Join(texts, "\n\n")
}

func referenceRows(r *rules.Rule) ([]Row, error) {
	known, err := rules.References()
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, id := range r.References {
		if ref, ok := known[id]; ok {
			rows = append(rows, Row{id, ref.Title + " " + ref.URL})
		} else {
			rows = append(rows, Row{"link", id})
		}
	}
	return rowsOf(rows...), nil
}

// ruleRows names the rules of ids that the set has: a user may have left some out.
func (l *Library) ruleRows(ids []string) []Row {
	var rows []Row
	for _, id := range ids {
		if r, ok := l.rule(id); ok {
			rows = append(rows, Row{id, plain(r.Title)})
		}
	}
	return rows
}

// rulesNaming lists the rules that name a key or a counter.
func (l *Library) rulesNaming(name string) []Row {
	var rows []Row
	named := l.namedByRules()
	for i, r := range l.rules {
		if slices.Contains(named[i], name) {
			rows = append(rows, Row{r.ID, plain(r.Title)})
		}
	}
	return rows
}

// statesOfRule lists the states whose page names the rule.
func (l *Library) statesOfRule(id string) []Row {
	var rows []Row
	for i := range l.states {
		if s := &l.states[i]; slices.Contains(s.rules, id) {
			rows = append(rows, Row{s.name, s.title})
		}
	}
	return rows
}

// ruleTexts are the parts of a rule that say what it judges and changes. The
// explanation is not among them: it often names a key in order to rule it out.
func ruleTexts(r *rules.Rule) []string {
	texts := []string{r.Title.Source, source(r.When)}
	for _, m := range r.Evidence {
		texts = append(texts, m.Name, source(m.Value), source(m.Limit))
	}
	for _, a := range r.Recommend {
		texts = append(texts, a.KeyPattern(), source(a.Value))
	}
	return texts
}

// source is the expression as it was written; "" for none.
func source(p *expr.Program) string {
	if p == nil {
		return ""
	}
	return strings.TrimSpace(p.Text())
}

// plain is a text without the marks around its ${expression} parts.
func plain(t rules.Text) string {
	return strings.Join(strings.Fields(t.Marked("<", ">")), " ")
}
