// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/yamlfile"
)

// maxIDBytes bounds a rule's id: it names files and columns of reports.
const maxIDBytes = 64

// A parser compiles one rule file.
type parser struct {
	yamlfile.Reader
	env        *expr.Environment
	doc        expr.Document
	references map[string]Reference
	forEach    string
	badList    bool                  // for_each is wrong: every mention of it would be one more problem
	top        map[string]*yaml.Node // fields of the rule, for the positions of warnings
}

// Parse reads and compiles one rule file. The file name, less its directory,
// must be the rule's id and ".yaml"; it also leads the positions of errors. On
// mistakes the rule is nil and the error is Problems: all that were found.
func Parse(env *expr.Environment, file string, data []byte) (*Rule, error) {
	refs, err := References()
	if err != nil {
		return nil, err
	}
	p := &parser{env: env, references: refs}
	return p.parse(file, data)
}

// parse compiles one file; a parser can compile several, one after another.
func (p *parser) parse(file string, data []byte) (*Rule, error) {
	p.Reader = yamlfile.Reader{File: file}
	p.doc = expr.Document{File: file, Text: data}
	p.top = nil
	var rule *Rule
	if doc := p.Document(data, "rule"); doc != nil {
		rule = p.rule(doc)
	}
	if err := p.Problems.Err(); err != nil {
		return nil, err
	}
	return rule, nil
}

func (p *parser) rule(doc *yaml.Node) *Rule {
	f := p.Fields(doc, "a rule", "id", "title", "category", "for_each", "when", "severity", "confidence", "verdict",
		"scope", "subject", "evidence", "recommend", "why", "unless", "excludes", "references", "proof")
	p.top = f
	p.Require(doc, "the rule", f, "id", "title", "category", "when", "severity", "confidence", "verdict", "scope", "evidence", "recommend", "why")
	p.forEach = p.listName(f["for_each"])
	p.badList = f["for_each"] != nil && p.forEach == ""
	r := &Rule{
		File:       p.File,
		ID:         p.id(f["id"]),
		Title:      p.template(f["title"], "title"),
		Category:   p.Word(f["category"], "category", categoryNames()),
		ForEach:    p.forEach,
		When:       p.formula(f["when"], "when", expr.Bool),
		Severity:   p.choice(f["severity"], "severity", words(Severities())),
		Confidence: p.choice(f["confidence"], "confidence", Confidences()),
		Verdict:    p.choice(f["verdict"], "verdict", words(Verdicts())),
		Scope:      p.Word(f["scope"], "scope", Scopes()),
		Subject:    p.formula(f["subject"], "subject", expr.String),
		Why:        p.Plain(f["why"], "why"),
		Excludes:   p.Words(f["excludes"], "excludes"),
		References: p.Words(f["references"], "references"),
		Proof:      p.Plain(f["proof"], "proof"),
	}
	for _, n := range p.List(f["evidence"], "evidence") {
		r.Evidence = append(r.Evidence, p.measure(n))
	}
	if n := f["evidence"]; n != nil && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		p.At(n, "evidence must name at least one value")
	}
	for _, n := range p.List(f["recommend"], "recommend") {
		r.Recommend = append(r.Recommend, p.advice(n))
	}
	for _, n := range p.List(f["unless"], "unless") {
		r.Unless = append(r.Unless, p.guard(n))
	}
	for _, n := range p.List(f["references"], "references") {
		p.checkReference(n)
	}
	return r
}
