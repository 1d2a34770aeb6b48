// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"

	"github.com/tcptune/tcptune/rules"
)

// htmlFinding is one finding of the page.
type htmlFinding struct {
	Severity, Title, Subject, Answer, Rule, Confidence, Why, New string

	Open       bool // until somebody folds it up
	Bars       bool // some evidence has one
	Evidence   []htmlEvidence
	Unless     []string
	Steps      []htmlStep
	Because    []htmlPair
	References []htmlReference
	More       string
}

type htmlEvidence struct {
	Name, Value, Limit string
	Bar                *htmlBar
}

// htmlStep is a recommendation: words, or a setting and what it is now.
type htmlStep struct {
	Text, Setting, Now, Risk, Command string
	Notes                             []string
}

type htmlReference struct{ URL, Text string }

// htmlPast is findings of the baseline that are not there now.
type htmlPast struct {
	Head string
	List []htmlPair // severity and rule, and what it was
}

func newHTMLPast(p past) htmlPast {
	v := htmlPast{Head: capital(p.head)}
	for i := range p.list {
		f := &p.list[i]
		v.List = append(v.List, htmlPair{string(f.Severity) + ", " + f.Rule, f.Title + about(f)})
	}
	return v
}

func newHTMLFinding(f *rules.Finding, references map[string]rules.Reference) htmlFinding {
	v := htmlFinding{
		Severity: string(f.Severity), Title: f.Title, Subject: f.Subject, Answer: answer(f.Verdict), Rule: f.Rule,
		Confidence: f.Confidence, Why: f.Why, Open: f.Severity.AtLeast(rules.Warning), Unless: f.Unless,
	}
	v.New = statusWords(f)
	for _, e := range f.Evidence {
		v.Evidence = append(v.Evidence, newHTMLEvidence(e))
		v.Bars = v.Bars || v.Evidence[len(v.Evidence)-1].Bar != nil
	}
	for i := range f.Recommendations {
		v.Steps = append(v.Steps, newHTMLStep(&f.Recommendations[i]))
	}
	for _, o := range f.Because {
		v.Because = append(v.Because, htmlPair{o.Text, o.Value})
	}
	for _, id := range f.References {
		switch r, ok := references[id]; {
		case ok:
			v.References = append(v.References, htmlReference{r.URL, r.Title})
		case strings.HasPrefix(id, "https://"):
			v.References = append(v.References, htmlReference{id, id})
		default:
			v.References = append(v.References, htmlReference{"", id})
		}
	}
	if f.More > 0 {
		v.More = thousands(int64(f.More))
	}
	return v
}

func newHTMLStep(r *rules.Recommendation) htmlStep {
	v := htmlStep{Text: r.Action, Command: r.Command}
	switch r.Kind {
	case "sysctl":
		v.Text, v.Setting, v.Now = "", r.Key+" = "+r.Proposed, current(r.Current)
		v.note("", r.Action)
	case "file":
		v.Text = r.File + ": " + r.Action
	}
	if r.Risk != "none" {
		v.Risk = r.Risk
	}
	v.note("", r.Because)
	v.note("Effect: ", r.Effect)
	return v
}

func (v *htmlStep) note(before, text string) {
	if text != "" {
		v.Notes = append(v.Notes, before+text)
	}
}

func newHTMLEvidence(e rules.Evidence) htmlEvidence {
	v := htmlEvidence{Name: e.Name, Value: evidenceText(rules.Evidence{Value: e.Value, Unit: e.Unit})}
	if e.Limit != nil {
		v.Limit = value(e.Limit)
	}
	if row := newEvidenceRow(&e); row.bar {
		v.Bar = newHTMLBar(row.share, 1, fmt.Sprintf("%s of the limit %s", value(e.Value), value(e.Limit)))
	}
	return v
}
