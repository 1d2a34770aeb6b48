// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"bytes"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Position is a place in a text file. Line and Column count from 1; a column
// is a character, not a byte.
type Position struct {
	File   string
	Line   int
	Column int
}

// String writes file:line:col, as compilers do.
func (p Position) String() string {
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Source is an expression and where its first character stands. Later lines
// of Text begin at the same column, as those of a YAML block do.
type Source struct {
	Text     string
	Position Position
	Inputs   Inputs // what input() and inputText() may name; rules have none
}

// at returns where character offset of the text stands in the file.
func (s Source) at(offset int) Position {
	p := s.Position
	for i, r := range []rune(s.Text) {
		if i == offset {
			break
		}
		p.Column++
		if r == '\n' {
			p.Line++
			p.Column = s.Position.Column
		}
	}
	return p
}

// Document is a YAML file, from which nodes were parsed. Text may be empty:
// then the lines of a block scalar (|) count as indented by two.
type Document struct {
	File string
	Text []byte
}

// FromNode returns the expression in a scalar node of file: Document.Source
// for a caller that does not have the file's text.
func FromNode(file string, n *yaml.Node) Source {
	return Document{File: file}.Source(n)
}

// Source returns the expression in a scalar node: plain, quoted, or a literal
// block (|). Columns are off behind an escape in a quoted scalar, in a folded
// one, and behind an anchor or a tag, because a node does not keep where its
// characters came from. A node that is no scalar has no text, which does not
// compile.
func (d Document) Source(n *yaml.Node) Source {
	if n == nil {
		return Source{Position: Position{d.File, 1, 1}}
	}
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	s := Source{Position: Position{d.File, n.Line, n.Column}}
	if n.Kind != yaml.ScalarNode {
		return s
	}
	s.Text = n.Value
	switch n.Style &^ yaml.TaggedStyle {
	case yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle:
		s.Position.Column++
	case yaml.LiteralStyle, yaml.FoldedStyle:
		s.Position.Line++
		s.Position.Column = d.indent(s) + 1
	}
	return s
}

// indent is by how much the block s is indented in the file.
func (d Document) indent(s Source) int {
	const usual = 2
	first, _, _ := strings.Cut(s.Text, "\n")
	line := d.line(s.Position.Line)
	if at := bytes.Index(line, []byte(first)); at >= 0 && len(bytes.Trim(line[:at], " ")) == 0 && first != "" {
		return at
	}
	return usual
}

// line returns line number n, from 1, without its end; nil when there is none.
func (d Document) line(n int) []byte {
	rest := d.Text
	for ; n > 1 && len(rest) > 0; n-- {
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	return line
}
