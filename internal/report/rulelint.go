// SPDX-License-Identifier: Apache-2.0

package report

import (
	"io"

	"github.com/tcptune/tcptune/rules"
)

// RuleLintSchemaVersion is the version of the JSON form of a RuleLint. The schema
// is docs/schema/rules-lint.schema.json.
const RuleLintSchemaVersion = 1

// RuleLint is the result of `tcptune rules lint`.
type RuleLint struct {
	SchemaVersion int             `json:"schema_version"`
	Problems      []rules.Problem `json:"problems"` // line 0: the file as a whole
	Errors        int             `json:"errors"`   // those that keep a rule from loading
	Warnings      int             `json:"warnings"`
}

// NewRuleLint reports what is wrong with rule files.
func NewRuleLint(problems rules.Problems) *RuleLint {
	l := &RuleLint{SchemaVersion: RuleLintSchemaVersion, Problems: notNil(problems)}
	for _, p := range problems {
		if p.Warning {
			l.Warnings++
		} else {
			l.Errors++
		}
	}
	return l
}

// WriteJSON writes the problems as one JSON document.
func (l *RuleLint) WriteJSON(w io.Writer) error { return writeJSON(w, l) }

// WriteText writes a line for each problem, as compilers do, so that editors find
// the place. Lines are not wrapped.
func (l *RuleLint) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	for _, problem := range l.Problems {
		word, color := "error: ", red
		if problem.Warning {
			word, color = "warning: ", yellow
		}
		p.line(p.style.paint(bold, Clean(problem.Place())+": ") + p.style.paint(color, word) + Clean(problem.Text))
	}
	return p.err
}
