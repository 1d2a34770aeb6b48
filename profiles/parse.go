// SPDX-License-Identifier: Apache-2.0

package profiles

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/yamlfile"
)

// maxNameBytes bounds a profile's name: it names files and columns of reports.
const maxNameBytes = 64

// profileName is what names of profiles and inputs look like.
var profileName = regexp.MustCompile(`^[a-z][a-z0-9]*([-_][a-z0-9]+)*$`)

// badNumber is a number that the kernel would read otherwise than a person:
// octal, hexadecimal or with a sign.
var badNumber = regexp.MustCompile(`^(\+[0-9]|-?0[0-9xX])`)

// Names of the inputs that the command line gives: see Given.
const (
	rateInput = "rate"
	rttInput  = "rtt"
)

// A parser compiles one profile file.
type parser struct {
	yamlfile.Reader
	env    *expr.Environment
	doc    expr.Document
	parent func(name string) (*Profile, error) // finds the profile to inherit; nil and no error if it is broken itself
	inputs expr.Inputs
}

// parse reads and compiles one file, whose name must be the profile's.
func (p *parser) parse(file string, data []byte) (*Profile, error) {
	p.Reader = yamlfile.Reader{File: file}
	p.doc = expr.Document{File: file, Text: data}
	var profile *Profile
	if doc := p.Document(data, "profile"); doc != nil {
		profile = p.profile(doc)
	}
	if err := p.Problems.Err(); err != nil {
		return nil, err
	}
	return profile, nil
}

func (p *parser) profile(doc *yaml.Node) *Profile {
	f := p.Fields(doc, "a profile", "name", "title", "inherits", "about", "inputs", "settings", "leaves")
	p.Require(doc, "the profile", f, "name", "title", "about", "settings")
	q := &Profile{
		Name:     p.name(f["name"]),
		Title:    p.Plain(f["title"], "title"),
		Inherits: p.Plain(f["inherits"], "inherits"),
		About:    p.Plain(f["about"], "about"),
	}
	if q.Inherits != "" {
		parent, err := p.parent(q.Inherits)
		if err != nil {
			p.At(f["inherits"], "%v", err)
		}
		if parent == nil {
			return nil // every input of the parent would be one more problem
		}
		q.parent = parent
	}
	p.declare(q.parent)
	for _, n := range p.List(f["inputs"], "inputs") {
		q.Inputs = append(q.Inputs, p.input(n, q.Inputs))
	}
	for _, n := range p.List(f["settings"], "settings") {
		r := p.rule(n)
		if slices.ContainsFunc(q.Settings, func(other Rule) bool { return r.Key != "" && other.Key == r.Key }) {
			p.At(n, "two settings have the key %s", r.Key)
		}
		r.From = q.Name
		q.Settings = append(q.Settings, r)
	}
	for _, n := range p.List(f["leaves"], "leaves") {
		g := p.Fields(n, "what is left alone", "what", "why")
		p.Require(n, "what is left alone", g, "what", "why")
		q.Leaves = append(q.Leaves, Leave{What: p.Plain(g["what"], "what"), Why: p.Plain(g["why"], "why")})
	}
	return q
}

// name checks that the name is the file's.
func (p *parser) name(n *yaml.Node) string {
	name := p.Plain(n, "name")
	switch base := filepath.Base(p.File); {
	case name == "":
	case len(name) > maxNameBytes || !profileName.MatchString(name):
		p.At(n, "name %q must be lower-case words joined by -, at most %d bytes", name, maxNameBytes)
	case base != name+".yaml":
		p.At(n, "name %q is not the file name: the file is %s", name, base)
	}
	return name
}

// declare makes the inputs of the command line and of the parent known.
func (p *parser) declare(parent *Profile) {
	p.inputs = expr.Inputs{rateInput: expr.Number, rttInput: expr.Number}
	for _, q := range parent.lineage() {
		for _, in := range q.Inputs {
			p.inputs[in.Name] = in.kind()
		}
	}
}

func (s Source) kind() expr.Kind {
	if s.Text {
		return expr.String
	}
	return expr.Number
}

// input compiles an input and declares it for what follows. Its formula sees the
// inputs before it only, and not itself, so there is no circle.
func (p *parser) input(n *yaml.Node, own []Source) Source {
	f := p.Fields(n, "an input", "name", "type", "value", "default", "unit", "doc")
	p.Require(n, "an input", f, "name", "doc")
	in := Source{
		Name: p.Plain(f["name"], "name"),
		Text: p.Word(f["type"], "type", []string{"number", "text"}) == "text",
		Unit: p.Plain(f["unit"], "unit"),
		Doc:  p.Plain(f["doc"], "doc"),
	}
	inherited, known := p.inputs[in.Name]
	switch {
	case in.Name == "":
		return in
	case len(in.Name) > maxNameBytes || !profileName.MatchString(in.Name):
		p.At(f["name"], "name %q must be lower-case words joined by _, at most %d bytes", in.Name, maxNameBytes)
	case in.Name == rateInput || in.Name == rttInput:
		p.At(f["name"], "input %q comes from the command line (--%s)", in.Name, in.Name)
	case slices.ContainsFunc(own, func(other Source) bool { return other.Name == in.Name }):
		p.At(f["name"], "two inputs have the name %q", in.Name)
	case known && inherited != in.kind():
		p.At(n, "input %q is %s in the profile that is inherited", in.Name, inherited)
	}
	if f["value"] == nil && f["default"] == nil {
		p.At(n, "an input needs a value, a default or both")
	}
	if p.Text(f["value"], "value") != "" {
		source := p.doc.Source(f["value"])
		source.Inputs = p.before(in.Name)
		prog, err := p.env.Compile(source, in.kind(), "")
		p.Note(f["value"], err)
		in.Value = prog
	}
	if d := f["default"]; d != nil {
		in.Default, in.hasDefault = strings.TrimSpace(d.Value), true
		if _, err := parseNumber(in.Default); !in.Text && err != nil {
			p.At(d, "default %q of input %q is no number", in.Default, in.Name)
		}
	}
	p.inputs[in.Name] = in.kind()
	return in
}

// before are the inputs that the formula of an input may read. A formula that
// replaces an inherited one may not read it or what the parent has made of it,
// which cannot be told apart here: so only the command line's and the file's own.
func (p *parser) before(name string) expr.Inputs {
	if _, replaces := p.inputs[name]; !replaces {
		return p.inputs
	}
	return expr.Inputs{rateInput: expr.Number, rttInput: expr.Number}
}

// rule compiles one setting.
func (p *parser) rule(n *yaml.Node) Rule {
	f := p.Fields(n, "a setting", "key", "exactly", "at_least", "at_most", "when", "reason", "source", "risk", "effect", "guard")
	p.Require(n, "a setting", f, "key", "reason", "source", "risk", "effect")
	r := Rule{
		Key:    p.Key(f["key"], "key", p.env),
		Reason: p.Plain(f["reason"], "reason"),
		Source: p.Plain(f["source"], "source"),
		Risk:   p.Word(f["risk"], "risk", Risks()),
		Effect: p.Plain(f["effect"], "effect"),
		Guard:  p.Plain(f["guard"], "guard"),
	}
	for _, bound := range Bounds() {
		switch v := f[bound]; {
		case v == nil:
		case r.Bound != "":
			p.At(v, "a setting has one of %s, and this is the second", strings.Join(Bounds(), ", "))
		default:
			r.Bound, r.Value = bound, p.Text(v, bound)
			r.template = p.template(v, r.Value)
		}
	}
	if r.Bound == "" && n.Kind == yaml.MappingNode {
		p.At(n, "a setting needs one of %s", strings.Join(Bounds(), ", "))
	}
	if p.Text(f["when"], "when") != "" {
		source := p.doc.Source(f["when"])
		source.Inputs = p.inputs
		prog, err := p.env.Compile(source, expr.Bool, "")
		p.Note(f["when"], err)
		r.When = prog
	}
	return r
}

// template compiles a value.
func (p *parser) template(n *yaml.Node, text string) *expr.Template {
	for _, field := range strings.Fields(text) {
		if badNumber.MatchString(field) {
			p.At(n, "%q must be a decimal number without + and leading zeros: the kernel reads it otherwise", field)
		}
	}
	if text == "" {
		return nil
	}
	source := p.doc.Source(n)
	source.Inputs = p.inputs
	template, err := p.env.CompileValue(source)
	p.Note(n, err)
	return template
}
