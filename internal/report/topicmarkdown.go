// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/tcptune/tcptune/internal/explain"
)

// WriteTopicMarkdown writes a topic as Markdown under a heading of the given level.
// link returns where the page of a topic is, or "" for nowhere.
func WriteTopicMarkdown(w io.Writer, t explain.Topic, level int, link func(name string) string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s\n\n%s.\n", strings.Repeat("#", level), inlineMarkdown(t.Name), inlineMarkdown(t.Title))
	for _, s := range t.Sections {
		fmt.Fprintf(&b, "\n**%s**\n", inlineMarkdown(s.Heading))
		if s.Text != "" {
			fmt.Fprintf(&b, "\n%s\n", paragraphsMarkdown(s.Text, ""))
		}
		if len(s.Rows) > 0 {
			b.WriteString("\n")
		}
		for _, r := range s.Rows {
			fmt.Fprintf(&b, "- **%s**: %s\n", linked(r.Name, link), paragraphsMarkdown(r.Value, "  "))
		}
		if len(s.Commands) > 0 {
			b.WriteString("\n```sh\n")
			for _, c := range s.Commands {
				b.WriteString(Clean(c) + "\n")
			}
			b.WriteString("```\n")
		}
	}
	if len(t.SeeAlso) > 0 {
		names := make([]string, len(t.SeeAlso))
		for i, name := range t.SeeAlso {
			names[i] = linked(name, link)
		}
		fmt.Fprintf(&b, "\n**See also**\n\n%s\n", strings.Join(names, ", "))
	}
	_, err := w.Write(b.Bytes())
	return err
}

func linked(name string, link func(string) string) string {
	if target := link(name); target != "" {
		return "[" + inlineMarkdown(name) + "](" + target + ")"
	}
	return inlineMarkdown(name)
}

// paragraphsMarkdown indents all paragraphs but the first, as an item of a list wants it.
func paragraphsMarkdown(text, indent string) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		paragraphs[i] = inlineMarkdown(p)
	}
	return strings.Join(paragraphs, "\n\n"+indent)
}

// outerUnderscore is one that is not between the letters of a name, where it is no mark.
var outerUnderscore = pattern(`(^|[^\pL\pN])_|_$`)

// inlineMarkdown escapes what Markdown would take for marks.
func inlineMarkdown(text string) string {
	text = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "[", `\[`, "<", "&lt;").Replace(Clean(text))
	return outerUnderscore().ReplaceAllString(text, `$1\_`)
}
