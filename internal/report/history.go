// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tcptune/tcptune/internal/change"
)

// HistorySchemaVersion is the version of the JSON form of a History. The schema is
// docs/schema/history.schema.json.
const HistorySchemaVersion = 1

// History is the result of `tcptune history` and `tcptune history show ID`.
type History struct {
	SchemaVersion int            `json:"schema_version"`
	Tool          string         `json:"tool"`
	Entries       []change.Entry `json:"entries"` // newest first
}

// NewHistory lists entries, which come oldest first.
func NewHistory(entries []change.Entry, tool string) *History {
	h := &History{SchemaVersion: HistorySchemaVersion, Tool: tool, Entries: []change.Entry{}}
	for _, e := range slices.Backward(entries) {
		e.Changes = notNil(e.Changes)
		e.Prior.Settings, e.State.Settings = notNil(e.Prior.Settings), notNil(e.State.Settings)
		h.Entries = append(h.Entries, e)
	}
	return h
}

// WriteJSON writes the entries as one JSON document.
func (h *History) WriteJSON(w io.Writer) error { return writeJSON(w, h) }

// WriteText writes one line or two for each entry.
func (h *History) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	if len(h.Entries) == 0 {
		p.line("no changes yet")
	}
	for i := range h.Entries {
		p.entryHead(&h.Entries[i])
	}
	return p.err
}

// WriteEntries writes the entries with everything that they changed.
func (h *History) WriteEntries(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	for i := range h.Entries {
		if i > 0 {
			p.blank()
		}
		p.entry(&h.Entries[i])
	}
	return p.err
}

const entryTime = "2006-01-02 15:04:05 MST"

func (p *page) entryHead(e *change.Entry) {
	head := fmt.Sprintf("%4d  %s  %s", e.ID, e.Started.Format(entryTime), p.style.paint(phaseColor(e.Phase), string(e.Phase)))
	p.line(head)
	text := string(e.Kind)
	if e.Summary != "" {
		text += " " + e.Summary
	}
	var what []string
	if len(e.Changes) > 0 || e.File == nil {
		what = append(what, plural(len(e.Changes), "live value", "live values"))
	}
	if e.File != nil {
		what = append(what, e.File.Path)
	}
	text += ": " + strings.Join(what, ", ")
	p.block("      ", "        ", text)
}

func phaseColor(phase change.Phase) ink {
	switch phase {
	case change.PhaseApplied:
		return green
	case change.PhasePartial:
		return red
	case change.PhasePending, change.PhaseTrial, change.PhaseFailed:
		return yellow
	}
	return dim
}

func (p *page) entry(e *change.Entry) {
	p.entryHead(e)
	p.field("by", e.Tool)
	p.field("host", strings.TrimSpace(e.Host.Hostname+" "+e.Host.Kernel))
	p.field("boot", e.Host.BootID)
	p.field("namespace", e.Host.Netns)
	p.field("changes", modeText(e.Mode))
	if e.Ended != nil {
		p.field("took", e.Ended.Sub(e.Started).Round(time.Millisecond).String())
	}
	if t := e.Trial; t != nil {
		p.field("trial", fmt.Sprintf("of %d s, until %s (%s)", t.Seconds, t.Deadline.Format(entryTime), t.Watchdog))
	}
	p.field("undid", strings.Trim(fmt.Sprint(e.Undoes), "[]"))
	p.field("failure", e.Failure)
	for _, left := range e.Left {
		p.field("left", left)
	}
	for _, c := range e.Changes {
		before, after := c.Before, c.After
		p.block("  ", "      ", c.Key.String()+"  "+liveText(&before)+" -> "+liveText(&after))
	}
	if e.File != nil {
		p.block("  ", "      ", e.File.Path+"  "+fileText(e.File.Before)+" -> "+fileText(e.File.After))
	}
}

func modeText(m change.Mode) string {
	switch m {
	case change.ModeBoth:
		return "live values and the drop-in"
	case change.ModeRuntime:
		return "live values only"
	case change.ModePersist:
		return "the drop-in only"
	}
	return string(m)
}

func fileText(content *string) string {
	if content == nil {
		return "no file"
	}
	return plural(len(*content), "byte", "bytes")
}
