// SPDX-License-Identifier: Apache-2.0

package explain

import "strings"

// A Kind says what a topic is about.
type Kind string

// The kinds, in order of precedence: see [Library.Find].
const (
	KindState   Kind = "state"   // a TCP state, by the kernel's name: CLOSE_WAIT
	KindSysctl  Kind = "sysctl"  // a parameter, in dotted form: net.ipv4.tcp_fin_timeout
	KindCounter Kind = "counter" // a counter, behind its section: TcpExt.ListenOverflows
	KindRule    Kind = "rule"    // a rule, by id: close-wait-leak
)

// Kinds are all kinds, in order of precedence.
func Kinds() []Kind { return []Kind{KindState, KindSysctl, KindCounter, KindRule} }

// A Topic is one page.
type Topic struct {
	Kind     Kind      `json:"kind"`
	Name     string    `json:"name"`  // unique over all kinds; Find returns this topic for it
	Title    string    `json:"title"` // one line, without a full stop
	Sections []Section `json:"sections"`
	SeeAlso  []string  `json:"see_also"` // names of other topics; never nil
}

// A Section is a part of a page under a heading. At least one of Text, Rows and
// Commands is not empty, and they are to be shown in this order.
type Section struct {
	Heading  string   `json:"heading"`
	Text     string   `json:"text,omitempty"` // paragraphs, separated by an empty line; no other line breaks
	Rows     []Row    `json:"rows,omitempty"`
	Commands []string `json:"commands,omitempty"` // for a shell; words in capitals are for the reader to fill in
}

// A Row is a name and what is to be said about it: paragraphs, as in Section.Text.
// Often the name is that of a topic.
type Row struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// add appends a section unless it would be empty. The text may be wrapped anyhow.
func (t *Topic) add(s Section) {
	s.Text = prose(s.Text)
	if s.Text == "" && len(s.Rows) == 0 && len(s.Commands) == 0 {
		return
	}
	t.Sections = append(t.Sections, s)
}

// prose undoes the line breaks of source code: what is left are paragraphs of one
// line each, separated by an empty line.
func prose(s string) string {
	var paragraphs []string
	var words []string
	for line := range strings.Lines(s + "\n\n") {
		if fields := strings.Fields(line); len(fields) > 0 {
			words = append(words, fields...)
		} else if len(words) > 0 {
			paragraphs = append(paragraphs, strings.Join(words, " "))
			words = nil
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// rowsOf drops rows without a value and undoes the line breaks of the others.
func rowsOf(rows ...Row) []Row {
	var kept []Row
	for _, r := range rows {
		if r.Value = prose(r.Value); r.Value != "" {
			kept = append(kept, r)
		}
	}
	return kept
}
