// SPDX-License-Identifier: Apache-2.0

package report

import (
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/tcptune/tcptune/internal/explain"
)

// TopicSchemaVersion is the version of the JSON form of a Topic. The schema is
// docs/schema/topic.schema.json.
const TopicSchemaVersion = 1

// Topic is the result of `tcptune explain`.
type Topic struct {
	SchemaVersion int `json:"schema_version"`
	explain.Topic
}

// NewTopic wraps a topic for output.
func NewTopic(t explain.Topic) *Topic { return &Topic{SchemaVersion: TopicSchemaVersion, Topic: t} }

// WriteJSON writes the topic as one JSON document.
func (t *Topic) WriteJSON(w io.Writer) error { return writeJSON(w, t) }

// WriteText writes the topic for people.
func (t *Topic) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	p.topicHead(t)
	p.block("", "", t.Title)
	for _, s := range t.Sections {
		p.section(Clean(s.Heading))
		for i, paragraph := range strings.Split(s.Text, "\n\n") {
			if paragraph == "" {
				continue
			}
			if i > 0 {
				p.blank()
			}
			p.block("  ", "  ", paragraph)
		}
		p.rows(s.Rows)
		for _, c := range s.Commands {
			p.line("  " + p.style.paint(bold, "$ "+Clean(c)))
		}
	}
	if len(t.SeeAlso) > 0 {
		p.section("See also")
		p.block("  ", "  ", strings.Join(t.SeeAlso, ", "))
	}
	return p.err
}

// topicHead prints the name and the kind, on one line where they fit.
func (p *page) topicHead(t *Topic) {
	kind := "(" + string(t.Kind) + ")"
	names := wrap(t.Name, p.style.width())
	last := names[len(names)-1]
	for _, name := range names[:len(names)-1] {
		p.line(p.style.paint(bold, name))
	}
	if ansi.StringWidth(last)+2+len(kind) <= p.style.width() {
		p.line(p.style.paint(bold, last) + "  " + p.style.paint(dim, kind))
		return
	}
	p.line(p.style.paint(bold, last))
	p.line(p.style.paint(dim, kind))
}

// Write writes the topic in a further form, which is markdown.
func (t *Topic) Write(w io.Writer, _ string) error {
	return WriteTopicMarkdown(w, t.Topic, 1, func(string) string { return "" })
}

// maxRowName is the widest column of names; a longer name gets a line.
const maxRowName = 26

// rows prints names with what is said about them, in two columns.
func (p *page) rows(rows []explain.Row) {
	widest := min(maxRowName, p.style.width()/3)
	width := 0
	for _, r := range rows {
		if n := ansi.StringWidth(Clean(r.Name)); n <= widest {
			width = max(width, n)
		}
	}
	if width == 0 {
		width = 2
	}
	indent := strings.Repeat(" ", width+4)
	for _, r := range rows {
		name := Clean(r.Name)
		first := indent
		if n := ansi.StringWidth(name); n <= width {
			first = "  " + name + strings.Repeat(" ", width-n) + "  "
		} else {
			p.block("  ", "    ", name)
		}
		for _, paragraph := range strings.Split(r.Value, "\n\n") {
			p.block(first, indent, paragraph)
			first = indent
		}
	}
}
