// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"

	"github.com/tcptune/tcptune/internal/explain"
)

// TopicsSchemaVersion is the version of the JSON form of Topics. The schema is
// docs/schema/topics.schema.json.
const TopicsSchemaVersion = 1

// Topics is the result of `tcptune explain` without a topic.
type Topics struct {
	SchemaVersion int               `json:"schema_version"`
	Topics        []explain.Summary `json:"topics"`
}

// NewTopics wraps a list of topics for output.
func NewTopics(list []explain.Summary) *Topics {
	return &Topics{SchemaVersion: TopicsSchemaVersion, Topics: list}
}

// WriteJSON writes the list as one JSON document.
func (t *Topics) WriteJSON(w io.Writer) error { return writeJSON(w, t) }

// WriteText writes the list for people: a line for each topic, kind by kind.
func (t *Topics) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	first := true
	for _, kind := range explain.Kinds() {
		rows := t.rows(kind)
		if len(rows) == 0 {
			continue
		}
		if !first {
			p.blank()
		}
		first = false
		p.line(p.style.paint(bold, kindTitle(kind)) + fmt.Sprintf(" (%d)", len(rows)))
		p.rows(rows)
	}
	return p.err
}

func (t *Topics) rows(kind explain.Kind) []explain.Row {
	var rows []explain.Row
	for _, s := range t.Topics {
		if s.Kind == kind {
			rows = append(rows, explain.Row{Name: s.Label, Value: s.Title})
		}
	}
	return rows
}

// kindTitle names the topics of a kind.
func kindTitle(kind explain.Kind) string {
	switch kind {
	case explain.KindState:
		return "TCP states"
	case explain.KindSysctl:
		return "Sysctl keys"
	case explain.KindCounter:
		return "Kernel counters"
	}
	return "Rules"
}
