// SPDX-License-Identifier: Apache-2.0

package yamlfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/nearest"
)

// MaxBytes bounds one file.
const MaxBytes = 64 << 10

// A Reader walks the YAML nodes of one file and collects every problem that
// it meets. Nodes are walked by hand because yaml.v3's own decoding reports
// neither columns nor unknown fields with a suggestion, and resolves aliases.
type Reader struct {
	File     string
	Problems Problems
}

// At notes a problem at a node; the file as a whole where n is nil.
func (r *Reader) At(n *yaml.Node, format string, args ...any) {
	p := Problem{File: r.File, Text: fmt.Sprintf(format, args...)}
	if n != nil {
		p.Line, p.Col = n.Line, n.Column
	}
	r.Problems = append(r.Problems, p)
}

// Fields returns the values of a mapping by name. It notes what is no
// mapping, is not known, is null or comes twice.
func (r *Reader) Fields(n *yaml.Node, owner string, known ...string) map[string]*yaml.Node {
	values := make(map[string]*yaml.Node)
	if n.Kind != yaml.MappingNode {
		r.At(n, "%s must be a mapping, it is %s", owner, Describe(n))
		return values
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.At(key, "a field name must be a word, it is %s", Describe(key))
		case !slices.Contains(known, key.Value):
			r.At(key, "unknown field %q of %s%s", key.Value, owner, DidYouMean(key.Value, known))
		case values[key.Value] != nil:
			r.At(key, "duplicate field %q of %s", key.Value, owner)
		case Describe(value) == "null":
			r.At(value, "field %q of %s is empty", key.Value, owner)
			values[key.Value] = value
		default:
			values[key.Value] = value
		}
	}
	return values
}

// Require notes the fields of names that Fields did not find in n.
func (r *Reader) Require(n *yaml.Node, owner string, fields map[string]*yaml.Node, names ...string) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for _, name := range names {
		if fields[name] == nil {
			r.At(n, "%s lacks the field %q", owner, name)
		}
	}
}

// Text returns a scalar as it stands; "" where n is nil or wrong.
func (r *Reader) Text(n *yaml.Node, field string) string {
	if n == nil || Describe(n) == "null" {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		r.At(n, "%s must be a text, it is %s", field, Describe(n))
		return ""
	}
	if strings.TrimSpace(n.Value) == "" {
		r.At(n, "%s is empty", field)
	}
	return strings.TrimSpace(n.Value)
}

// Plain returns a text that cannot hold ${expr}, and notes one that tries.
func (r *Reader) Plain(n *yaml.Node, field string) string {
	s := r.Text(n, field)
	if strings.Contains(s, "${") {
		r.At(n, "%s is plain text: ${ is not replaced here", field)
	}
	return s
}

// Word returns a scalar that must be one of allowed.
func (r *Reader) Word(n *yaml.Node, field string, allowed []string) string {
	s := r.Text(n, field)
	if s != "" && !slices.Contains(allowed, s) {
		r.At(n, "%s %q is not one of %s%s", field, s, strings.Join(allowed, ", "), DidYouMean(s, allowed))
		return ""
	}
	return s
}

// List returns the elements of a sequence; none where n is nil or wrong.
func (r *Reader) List(n *yaml.Node, field string) []*yaml.Node {
	if n == nil || Describe(n) == "null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.At(n, "%s must be a list, it is %s", field, Describe(n))
		return nil
	}
	return n.Content
}

// Words returns the elements of a sequence of plain texts, each once.
func (r *Reader) Words(n *yaml.Node, field string) []string {
	var words []string
	for _, element := range r.List(n, field) {
		switch word := r.Plain(element, field); {
		case word == "":
		case slices.Contains(words, word):
			r.At(element, "%s names %q twice", field, word)
		default:
			words = append(words, word)
		}
	}
	return words
}

// Describe says what a node is, for messages.
func Describe(n *yaml.Node) string {
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

// DidYouMean is "; did you mean ...?", or "" when no name is near.
func DidYouMean(word string, known []string) string {
	if near := nearest.Word(word, known); near != "" {
		return "; did you mean \"" + near + "\"?"
	}
	return ""
}
