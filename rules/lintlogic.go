// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/expr"
)

// lintConditions finds what can never happen: conditions that are the same on
// every host, guards that contradict the condition, and parts of a finding that
// no finding ever has. Impossible is certain; what is not found may be wrong
// all the same.
func (l *linter) lintConditions(r *Rule) {
	when := r.When.Formula()
	switch {
	case !when.Possible():
		l.warn(l.top["when"], "the condition can never be true: the rule never fires")
		return
	case !when.Not().Possible():
		l.warn(l.top["when"], "the condition is always true: the rule fires on every host")
	}
	fires := l.lintGuards(r, when)
	if !fires.Possible() {
		return
	}
	for _, choice := range []struct {
		name    string
		program *expr.Program
	}{{"severity", r.Severity}, {"confidence", r.Confidence}, {"verdict", r.Verdict}} {
		for _, o := range choice.program.Outcomes() {
			if !expr.And(fires, o.When).Possible() {
				l.warn(l.top[choice.name], "%s can never be %q where the rule fires", choice.name, o.Word)
			}
		}
	}
	for i, n := range l.List(l.top["evidence"], "evidence") {
		l.lintPart(n, "evidence", fires, r.Evidence[i].When)
	}
	for i, n := range l.List(l.top["recommend"], "recommend") {
		l.lintPart(n, "recommendation", fires, r.Recommend[i].When)
	}
}

// lintGuards looks at guards, and returns when the rule fires: where its
// condition holds, and no guard.
func (l *linter) lintGuards(r *Rule, when expr.Formula) expr.Formula {
	fires := when
	for i, n := range l.List(l.top["unless"], "unless") {
		if r.Unless[i].When == nil {
			continue
		}
		guard := r.Unless[i].When.Formula()
		switch {
		case !expr.And(when, guard).Possible():
			l.warn(condition(n), "this guard can never hold where the condition does: it guards against nothing")
		case !expr.And(when, guard.Not()).Possible():
			l.warn(condition(n), "this guard always holds where the condition does: the rule never fires")
		case !expr.And(fires, guard.Not()).Possible():
			l.warn(condition(n), "this guard and those before it always hold where the condition does: the rule never fires")
		}
		fires = expr.And(fires, guard.Not())
	}
	return fires
}

// lintPart looks at the condition of a line of evidence or of a recommendation.
func (l *linter) lintPart(n *yaml.Node, what string, fires expr.Formula, when *expr.Program) {
	switch part := when.Formula(); {
	case when == nil:
	case !expr.And(fires, part).Possible():
		l.warn(condition(n), "the condition of this %s can never be true where the rule fires: it is never shown", what)
	case !part.Not().Possible():
		l.warn(condition(n), "the condition of this %s is always true: leave it out", what)
	}
}

// condition is the value of the field when of a mapping.
func condition(n *yaml.Node) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "when" {
			return n.Content[i+1]
		}
	}
	return n
}
