// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tcptune/tcptune/internal/expr"
)

// finding describes what the condition found. Whatever it shows may be
// unknown: a value of evidence is then nil, the severity at most notice, the
// confidence low, the verdict that a person must look.
func (j *judge) finding(severity Severity) Finding {
	r := j.rule
	f := Finding{
		Rule:            r.ID,
		Category:        r.Category,
		Severity:        severity,
		Confidence:      j.word(r.Confidence, "confidence", Confidences()[0]),
		Verdict:         Verdict(j.word(r.Verdict, "verdict", string(VerdictOperator))),
		Scope:           r.Scope,
		Subject:         j.word(r.Subject, "subject", ""),
		Title:           j.text(r.Title, "title"),
		Evidence:        []Evidence{},
		Why:             r.Why,
		Recommendations: []Recommendation{},
		References:      append([]string{}, r.References...),
	}
	for _, m := range r.Evidence {
		if m.When == nil || j.holds(m.When, m.Name) {
			f.Evidence = append(f.Evidence, Evidence{Name: m.Name, Value: j.value(m.Value, m.Name), Unit: m.Unit, Limit: j.value(m.Limit, m.Name)})
		}
	}
	for i := range r.Recommend {
		if rec, ok := j.recommend(&r.Recommend[i]); ok {
			f.Recommendations = append(f.Recommendations, rec)
		}
	}
	for _, g := range r.Unless {
		if g.When == nil {
			f.Unless = append(f.Unless, g.Text)
		}
	}
	if j.why {
		f.Because = j.because()
	}
	return f
}

// because lists the operands of the condition.
func (j *judge) because() []Operand {
	list, err := j.rule.When.Why(j.act)
	if err != nil {
		j.faulty("why", err)
	}
	var operands []Operand
	for _, o := range list {
		operands = append(operands, Operand{Text: o.Text, Value: operandText(o.Value)})
	}
	return operands
}

// operandText writes a value for people; nil is unknown.
func operandText(v any) string {
	switch v := v.(type) {
	case nil:
		return "unknown"
	case float64:
		const places = 1e4
		if rounded := math.Round(v*places) / places; rounded != 0 || v == 0 {
			return strconv.FormatFloat(rounded, 'f', -1, 64)
		}
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	return fmt.Sprint(v)
}

// recommend makes one recommendation; false when it does not apply: its
// condition is not true, the key is live with the proposed value already, or
// the key does not exist here.
func (j *judge) recommend(a *Advice) (Recommendation, bool) {
	if a.When != nil && !j.holds(a.When, "recommend") {
		return Recommendation{}, false
	}
	rec := Recommendation{
		Kind:    a.Kind,
		Action:  j.text(a.Action, "action"),
		Risk:    a.Risk,
		Effect:  j.text(a.Effect, "effect"),
		Because: j.text(a.Because, "because"),
		Command: j.text(a.Command, "command"),
	}
	switch a.Kind {
	case "file":
		rec.File = j.text(a.File, "file")
	case "sysctl":
		return j.propose(a, rec)
	}
	return rec, true
}

// propose fills a recommendation of a sysctl value. Where the value cannot be
// computed the recommendation becomes an action that says so: the reader still
// learns which key it is about, and nothing is applied by guess.
func (j *judge) propose(a *Advice, rec Recommendation) (Recommendation, bool) {
	key, missing, err := j.fill(a.Key, "sysctl")
	if err != nil || len(missing) > 0 {
		rec.Kind = "action"
		rec.Action = fmt.Sprintf("look at %s: which one cannot be told%s", a.KeyPattern(), unknownSuffix(missing))
		return rec, true
	}
	if exists, known := j.facts.SysctlExists(key); known && !exists {
		return Recommendation{}, false
	}
	result := a.Value.Eval(j.act)
	if result.Err != nil {
		j.faulty(key, result.Err)
	}
	if result.Value == nil {
		rec.Kind = "action"
		rec.Action = fmt.Sprintf("look at %s: no value can be proposed%s", key, unknownSuffix(result.Missing))
		return rec, true
	}
	rec.Key, rec.Proposed = key, settingText(result.Value)
	current, known := j.facts.SysctlText(key)
	if known {
		rec.Current = &current
	}
	return rec, !known || current != rec.Proposed
}

func unknownSuffix(missing []string) string {
	if len(missing) == 0 {
		return ""
	}
	verb := " is unknown"
	if len(missing) > 1 {
		verb = " are unknown"
	}
	return ", because " + strings.Join(missing, ", ") + verb
}

// settingText writes a value as sysctl does: whole numbers, single blanks.
func settingText(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	case bool:
		if v {
			return "1"
		}
		return "0"
	}
	return strings.Join(strings.Fields(fmt.Sprint(v)), " ")
}

// holds evaluates a bool that is no condition: unknown is not true.
func (j *judge) holds(p *expr.Program, what string) bool {
	return j.value(p, what) == true
}

// value evaluates what a finding shows; nil when it is unknown, also for want
// of a program.
func (j *judge) value(p *expr.Program, what string) any {
	if p == nil {
		return nil
	}
	result := p.Eval(j.act)
	if result.Err != nil {
		j.faulty(what, result.Err)
	}
	return result.Value
}

// word evaluates a string; fallback when it is unknown.
func (j *judge) word(p *expr.Program, what, fallback string) string {
	if s, ok := j.value(p, what).(string); ok {
		return s
	}
	return fallback
}

// text fills in a text. Where a part of it is unknown it is shown as it was
// written, with ${expression} as <expression>: half a sentence helps nobody.
func (j *judge) text(t Text, what string) string {
	text, missing, err := j.fill(t, what)
	if err != nil || len(missing) > 0 {
		return t.Marked("<", ">")
	}
	return text
}

// fill fills in a text and says which facts were missing for that.
func (j *judge) fill(t Text, what string) (text string, missing []string, err error) {
	if t.template == nil {
		return "", nil, nil
	}
	if text, missing, err = t.template.Eval(j.act); err != nil {
		j.faulty(what, err)
	}
	return text, missing, err
}

func (j *judge) faulty(what string, err error) {
	j.faults = append(j.faults, fmt.Sprintf("%s: %s: %v", j.rule.ID, what, err))
}
