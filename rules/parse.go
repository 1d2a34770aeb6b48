// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/expr"
)

// maxRuleBytes bounds one rule file.
const maxRuleBytes = 64 << 10

// maxIDBytes bounds a rule's id: it names files and columns of reports.
const maxIDBytes = 64

// A parser compiles one rule file.
type parser struct {
	reader
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
	p.reader = reader{file: file}
	p.doc = expr.Document{File: file, Text: data}
	p.top = nil
	var rule *Rule
	if doc := p.document(data); doc != nil {
		rule = p.rule(doc)
	}
	if err := p.problems.err(); err != nil {
		return nil, err
	}
	return rule, nil
}

// yamlLine is how yaml.v3 says where a syntax error is.
var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// document returns the root of the only YAML document of a file.
func (r *reader) document(data []byte) *yaml.Node {
	if len(data) > maxRuleBytes {
		r.at(nil, "the file is larger than %d KiB", maxRuleBytes>>10)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		r.at(nil, "the file is empty")
		return nil
	case err != nil:
		r.syntax(err)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		r.at(&second, "a second document starts here; one file holds one rule")
	case !errors.Is(err, io.EOF):
		r.syntax(err)
	}
	return doc.Content[0]
}

func (r *reader) syntax(err error) {
	p := Problem{File: r.file, Text: strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Text = strings.TrimPrefix(err.Error(), m[0])
	}
	r.problems = append(r.problems, p)
}

func (p *parser) rule(doc *yaml.Node) *Rule {
	f := p.fields(doc, "a rule", "id", "title", "category", "for_each", "when", "severity", "confidence", "verdict",
		"scope", "subject", "evidence", "recommend", "why", "unless", "excludes", "references", "proof")
	p.top = f
	p.require(doc, "the rule", f, "id", "title", "category", "when", "severity", "confidence", "verdict", "scope", "evidence", "recommend", "why")
	p.forEach = p.listName(f["for_each"])
	p.badList = f["for_each"] != nil && p.forEach == ""
	r := &Rule{
		ID:         p.id(f["id"]),
		Title:      p.template(f["title"], "title"),
		Category:   p.word(f["category"], "category", categoryNames()),
		ForEach:    p.forEach,
		When:       p.formula(f["when"], "when", expr.Bool),
		Severity:   p.choice(f["severity"], "severity", words(Severities())),
		Confidence: p.choice(f["confidence"], "confidence", Confidences()),
		Verdict:    p.choice(f["verdict"], "verdict", words(Verdicts())),
		Scope:      p.word(f["scope"], "scope", Scopes()),
		Subject:    p.formula(f["subject"], "subject", expr.String),
		Why:        p.plain(f["why"], "why"),
		Excludes:   p.words(f["excludes"], "excludes"),
		References: p.words(f["references"], "references"),
		Proof:      p.plain(f["proof"], "proof"),
	}
	for _, n := range p.list(f["evidence"], "evidence") {
		r.Evidence = append(r.Evidence, p.measure(n))
	}
	if n := f["evidence"]; n != nil && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		p.at(n, "evidence must name at least one value")
	}
	for _, n := range p.list(f["recommend"], "recommend") {
		r.Recommend = append(r.Recommend, p.advice(n))
	}
	for _, n := range p.list(f["unless"], "unless") {
		r.Unless = append(r.Unless, p.guard(n))
	}
	for _, n := range p.list(f["references"], "references") {
		p.checkReference(n)
	}
	return r
}
