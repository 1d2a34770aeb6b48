// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"path/filepath"
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/yamlfile"
)

// ruleID is what an id looks like: it is a file name and a heading.
var ruleID = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// id checks that the id is the file's name.
func (p *parser) id(n *yaml.Node) string {
	id := p.Plain(n, "id")
	switch base := filepath.Base(p.File); {
	case id == "":
	case len(id) > maxIDBytes || !ruleID.MatchString(id):
		p.At(n, "id %q must be lower-case words joined by -, at most %d bytes", id, maxIDBytes)
	case base != id+".yaml":
		p.At(n, "id %q is not the file name: the file is %s", id, base)
	}
	return id
}

// listName checks the name of a for_each list.
func (p *parser) listName(n *yaml.Node) string {
	return p.Word(n, "for_each", p.env.Lists())
}

// formula compiles an expression; nil where n is nil or wrong.
func (p *parser) formula(n *yaml.Node, field string, kind expr.Kind) *expr.Program {
	if p.Text(n, field) == "" || p.badList {
		return nil
	}
	prog, err := p.env.Compile(p.doc.Source(n), kind, p.forEach)
	p.Note(n, err)
	return prog
}

// choice compiles a bare word or an expression that yields one of allowed.
func (p *parser) choice(n *yaml.Node, field string, allowed []string) *expr.Program {
	if p.Text(n, field) == "" || p.badList {
		return nil
	}
	prog, err := p.env.CompileWord(p.doc.Source(n), allowed, p.forEach)
	p.Note(n, err)
	return prog
}

// template compiles a text with ${expr} parts.
func (p *parser) template(n *yaml.Node, field string) Text {
	source := p.Text(n, field)
	if source == "" || p.badList {
		return Text{}
	}
	template, err := p.env.CompileTemplate(p.doc.Source(n), p.forEach)
	p.Note(n, err)
	return Text{source, template}
}

func (p *parser) measure(n *yaml.Node) Measure {
	f := p.Fields(n, "evidence", "name", "value", "limit", "unit", "when")
	p.Require(n, "evidence", f, "name", "value")
	return Measure{
		Name:  p.Plain(f["name"], "name"),
		Value: p.formula(f["value"], "value", expr.Scalar),
		Limit: p.formula(f["limit"], "limit", expr.Scalar),
		Unit:  p.Plain(f["unit"], "unit"),
		When:  p.formula(f["when"], "when", expr.Bool),
	}
}

func (p *parser) advice(n *yaml.Node) Advice {
	f := p.Fields(n, "a recommendation", "action", "sysctl", "file", "value", "when", "command", "risk", "effect", "because")
	a := Advice{
		Kind:    p.kind(n, f),
		When:    p.formula(f["when"], "when", expr.Bool),
		Action:  p.template(f["action"], "action"),
		Command: p.template(f["command"], "command"),
		Key:     p.key(f["sysctl"]),
		Value:   p.formula(f["value"], "value", expr.Scalar),
		File:    p.template(f["file"], "file"),
		Risk:    p.Word(f["risk"], "risk", Risks()),
		Effect:  p.template(f["effect"], "effect"),
		Because: p.template(f["because"], "because"),
	}
	return a
}

// key compiles a sysctl key that expressions may name too. It may leave the
// interface to an expression: net.ipv4.conf.${it.key}.rp_filter.
func (p *parser) key(n *yaml.Node) Text {
	key := p.template(n, "sysctl")
	if key.Source == "" {
		return key
	}
	if err := p.env.CheckKey(placeholder.ReplaceAllString(key.Source, "IF")); err != nil {
		p.At(n, "%v", err)
	}
	return key
}

// kind tells which of the three recommendations n is, and notes fields that
// do not belong to that one.
func (p *parser) kind(n *yaml.Node, f map[string]*yaml.Node) string {
	if n.Kind != yaml.MappingNode {
		return ""
	}
	kind, forbidden := "action", []string{"value"}
	switch {
	case f["sysctl"] != nil:
		kind, forbidden = "sysctl", []string{"action", "file"}
		p.Require(n, "a sysctl recommendation", f, "value", "risk", "effect")
	case f["file"] != nil:
		kind = "file"
		p.Require(n, "a file recommendation", f, "action")
	case f["action"] == nil:
		p.At(n, "a recommendation needs one of action, sysctl, file")
	}
	for _, name := range forbidden {
		if f[name] != nil {
			p.At(f[name], "field %q does not belong to a recommendation of kind %s", name, kind)
		}
	}
	return kind
}

func (p *parser) guard(n *yaml.Node) Guard {
	f := p.Fields(n, "a guard", "text", "when")
	p.Require(n, "a guard", f, "text")
	return Guard{Text: p.Plain(f["text"], "text"), When: p.formula(f["when"], "when", expr.Bool)}
}

func (p *parser) checkReference(n *yaml.Node) {
	ref := n.Value
	if _, ok := p.references[ref]; ok || ref == "" || isURL(ref) {
		return
	}
	var known []string
	for id := range p.references {
		known = append(known, id)
	}
	slices.Sort(known)
	p.At(n, "unknown reference %q%s; an address starts with https://", ref, yamlfile.DidYouMean(ref, known))
}

func words[T ~string](list []T) []string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return words
}
