// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"

	"github.com/tcptune/tcptune/rules"
)

// RuleTestsSchemaVersion is the version of the JSON form of RuleTests. The schema
// is docs/schema/rules-test.schema.json.
const RuleTestsSchemaVersion = 1

// RuleTests is the result of `tcptune rules test`.
type RuleTests struct {
	SchemaVersion int            `json:"schema_version"`
	Files         []RuleTestFile `json:"files"`
	Passed        int            `json:"passed"`
	Failed        int            `json:"failed"`
}

// RuleTestFile is one file with tests.
type RuleTestFile struct {
	File  string         `json:"file"`
	Cases []RuleTestCase `json:"cases"` // those that were run
}

// RuleTestCase is one test: it passed if there is no difference.
type RuleTestCase struct {
	Name        string             `json:"name"`
	Line        int                `json:"line"`
	Differences []rules.Difference `json:"differences"`
}

// NewRuleTests begins an empty result.
func NewRuleTests() *RuleTests {
	return &RuleTests{SchemaVersion: RuleTestsSchemaVersion, Files: []RuleTestFile{}}
}

// Run runs the cases of a file that are wanted.
func (t *RuleTests) Run(file *rules.TestFile, wanted func(*rules.TestCase) bool) {
	result := RuleTestFile{File: file.Path, Cases: []RuleTestCase{}}
	for _, c := range file.Cases {
		if !wanted(c) {
			continue
		}
		ran := RuleTestCase{Name: c.Name, Line: c.Line, Differences: notNil(c.Run())}
		if len(ran.Differences) > 0 {
			t.Failed++
		} else {
			t.Passed++
		}
		result.Cases = append(result.Cases, ran)
	}
	t.Files = append(t.Files, result)
}

// WriteJSON writes the result as one JSON document.
func (t *RuleTests) WriteJSON(w io.Writer) error { return writeJSON(w, t) }

// WriteText writes the result for people: each case that failed with what was
// expected and what came, a line for each file, and the sum last.
func (t *RuleTests) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	for _, f := range t.Files {
		failed := 0
		for _, c := range f.Cases {
			if len(c.Differences) > 0 {
				failed++
				p.failedTest(f.File, &c)
			}
		}
		switch n := len(f.Cases); {
		case n == 0:
		case failed > 0:
			p.line(fmt.Sprintf("%s  %s: %d of %s failed", style.paint(red, "FAIL"), Clean(f.File), failed, cases(n)))
		default:
			p.line(fmt.Sprintf("%s    %s: %s", style.paint(green, "ok"), Clean(f.File), cases(n)))
		}
	}
	if len(t.Files) > 1 {
		p.line(fmt.Sprintf("%d passed, %d failed", t.Passed, t.Failed))
	}
	return p.err
}

func cases(n int) string {
	if n == 1 {
		return "1 case"
	}
	return fmt.Sprintf("%d cases", n)
}

func (p *page) failedTest(file string, c *RuleTestCase) {
	p.block(p.style.paint(bold, fmt.Sprintf("%s:%d: ", Clean(file), c.Line)), "  ", c.Name)
	about := ""
	for _, d := range c.Differences {
		now := d.Rule
		if d.Subject != "" {
			now += " about " + d.Subject
		}
		if now != about {
			p.block("  ", "  ", now)
			about = now
		}
		p.block("    ", "    ", d.Field)
		p.block("      "+p.style.paint(green, "expected")+"  ", "                ", d.Want)
		p.block("      "+p.style.paint(red, "actual")+"    ", "                ", d.Got)
	}
}
