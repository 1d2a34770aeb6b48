// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// A reader walks the YAML nodes of one file and collects every problem that
// it meets. Nodes are walked by hand because yaml.v3's own decoding reports
// neither columns nor unknown fields with a suggestion, and resolves aliases.
type reader struct {
	file     string
	problems Problems
}

// at notes a problem at a node; the file as a whole where n is nil.
func (r *reader) at(n *yaml.Node, format string, args ...any) {
	p := Problem{File: r.file, Text: fmt.Sprintf(format, args...)}
	if n != nil {
		p.Line, p.Col = n.Line, n.Column
	}
	r.problems = append(r.problems, p)
}

// fields returns the values of a mapping by name. It notes what is no
// mapping, is not known, is null or comes twice.
func (r *reader) fields(n *yaml.Node, owner string, known ...string) map[string]*yaml.Node {
	values := make(map[string]*yaml.Node)
	if n.Kind != yaml.MappingNode {
		r.at(n, "%s must be a mapping, it is %s", owner, describe(n))
		return values
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.at(key, "a field name must be a word, it is %s", describe(key))
		case !slices.Contains(known, key.Value):
			r.at(key, "unknown field %q of %s%s", key.Value, owner, didYouMean(key.Value, known))
		case values[key.Value] != nil:
			r.at(key, "duplicate field %q of %s", key.Value, owner)
		case describe(value) == "null":
			r.at(value, "field %q of %s is empty", key.Value, owner)
			values[key.Value] = value
		default:
			values[key.Value] = value
		}
	}
	return values
}

// require notes the fields of names that fields did not find in n.
func (r *reader) require(n *yaml.Node, owner string, fields map[string]*yaml.Node, names ...string) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for _, name := range names {
		if fields[name] == nil {
			r.at(n, "%s lacks the field %q", owner, name)
		}
	}
}

// text returns a scalar as it stands; "" where n is nil or wrong.
func (r *reader) text(n *yaml.Node, field string) string {
	if n == nil || describe(n) == "null" {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		r.at(n, "%s must be a text, it is %s", field, describe(n))
		return ""
	}
	if strings.TrimSpace(n.Value) == "" {
		r.at(n, "%s is empty", field)
	}
	return strings.TrimSpace(n.Value)
}

// plain returns a text that cannot hold ${expr}, and notes one that tries.
func (r *reader) plain(n *yaml.Node, field string) string {
	s := r.text(n, field)
	if strings.Contains(s, "${") {
		r.at(n, "%s is plain text: ${ is not replaced here", field)
	}
	return s
}

// word returns a scalar that must be one of allowed.
func (r *reader) word(n *yaml.Node, field string, allowed []string) string {
	s := r.text(n, field)
	if s != "" && !slices.Contains(allowed, s) {
		r.at(n, "%s %q is not one of %s%s", field, s, strings.Join(allowed, ", "), didYouMean(s, allowed))
		return ""
	}
	return s
}

// list returns the elements of a sequence; none where n is nil or wrong.
func (r *reader) list(n *yaml.Node, field string) []*yaml.Node {
	if n == nil || describe(n) == "null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.at(n, "%s must be a list, it is %s", field, describe(n))
		return nil
	}
	return n.Content
}

// words returns the elements of a sequence of plain texts, each once.
func (r *reader) words(n *yaml.Node, field string) []string {
	var words []string
	for _, element := range r.list(n, field) {
		switch word := r.plain(element, field); {
		case word == "":
		case slices.Contains(words, word):
			r.at(element, "%s names %q twice", field, word)
		default:
			words = append(words, word)
		}
	}
	return words
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias, which is not allowed here"
	}
	if n.ShortTag() == "!!null" {
		return "null"
	}
	return strconv.Quote(n.Value)
}
