// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/sysctl"
)

// AppliedSchemaVersion is the version of the JSON form of an Applied. The schema
// is docs/schema/applied.schema.json.
const AppliedSchemaVersion = 1

// Applied is the result of `tcptune apply` and `tcptune rollback`.
type Applied struct {
	SchemaVersion int                `json:"schema_version"`
	Tool          string             `json:"tool"`
	Command       change.Kind        `json:"command"` // apply or rollback
	Changed       bool               `json:"changed"`
	Entry         int                `json:"entry,omitempty"` // number in the journal; 0 if nothing was changed
	Persisted     bool               `json:"persisted"`
	File          string             `json:"file,omitempty"`
	Diff          Diff               `json:"diff"`
	Keys          []change.KeyResult `json:"keys"`
	Trial         *change.Trial      `json:"trial,omitempty"`
	Reload        *change.Reload     `json:"reload,omitempty"`
	Notes         []string           `json:"notes"`
	Error         string             `json:"error,omitempty"` // why it failed
	ExitStatus    int                `json:"exit_status"`

	Root     string `json:"-"` // directory tree that was changed; "" for the host
	ShowDiff bool   `json:"-"` // the text has the diff of the drop-in

	kept bool // whether a trial was confirmed
}

// A Diff is the content of the drop-in before and after; null for no file.
type Diff struct {
	Before *string `json:"before"`
	After  *string `json:"after"`
}

// NewApplied reports a run; result may be nil if it failed early.
func NewApplied(kind change.Kind, result *change.Result, tool string) *Applied {
	if result == nil {
		result = &change.Result{}
	}
	return &Applied{
		SchemaVersion: AppliedSchemaVersion, Tool: tool, Command: kind,
		Changed: result.Changed, Entry: result.Entry, Persisted: result.Persisted, File: result.File,
		Diff: Diff{result.Before, result.After}, Keys: notNil(result.Keys), Trial: result.Trial,
		Reload: result.Reload, Notes: notNil(result.Notes), kept: result.Kept,
	}
}

// WriteJSON writes the run as one JSON document.
func (a *Applied) WriteJSON(w io.Writer) error { return writeJSON(w, a) }

// WriteText writes the run for people.
func (a *Applied) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	p.line(p.style.paint(bold, a.headline()))
	for _, k := range a.Keys {
		p.keyResult(k)
	}
	switch {
	case a.Error != "" || a.File == "" || sameText(a.Diff.Before, a.Diff.After):
	case a.Diff.After == nil:
		p.line("removed " + Clean(a.File))
	default:
		p.line("wrote " + Clean(a.File))
	}
	if a.ShowDiff && a.Error == "" {
		p.planDiff(unified(a.File, a.Diff.Before, a.Diff.After))
	}
	if a.Reload != nil {
		p.block("ran: ", "  ", strings.Join(a.Reload.Command, " "))
		for _, k := range a.Reload.Collateral {
			p.keyResult(k)
		}
	}
	for _, note := range a.Notes {
		p.block("note: ", "  ", note)
	}
	if a.Trial != nil {
		p.block("", "  ", fmt.Sprintf("until %s only: tcptune confirm keeps it, otherwise everything goes back", a.Trial.Deadline.Format("15:04:05 MST")))
	}
	if a.Changed && a.Trial == nil && a.Error == "" && a.Command == change.KindApply {
		undo := "undo: tcptune rollback"
		if a.Root != "" {
			undo += " --root " + Clean(a.Root)
		}
		p.line(undo)
	}
	return p.err
}

func sameText(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

func (a *Applied) headline() string {
	changed, unable := 0, 0
	for _, k := range a.Keys {
		switch k.Status {
		case change.Changed:
			changed++
		case change.Unchanged:
		default:
			unable++
		}
	}
	switch {
	case a.Error != "":
		return "failed"
	case !a.Changed && a.Command == change.KindRollback:
		return "nothing to undo"
	case !a.Changed && unable > 0:
		return "nothing changed: " + plural(unable, "key", "keys") + " cannot be set here now"
	case !a.Changed:
		return "nothing to do: everything is as wanted"
	}
	verb := "changed"
	switch {
	case a.Trial != nil:
		verb = "changed on trial"
	case a.kept:
		verb = "kept"
	case a.Command == change.KindRollback:
		verb = "rolled back"
	}
	text := verb
	if changed > 0 {
		text += " " + plural(changed, "key", "keys")
	}
	if a.Entry != 0 {
		text += fmt.Sprintf(" (entry %d)", a.Entry)
	}
	return text
}

// keyResult writes one key; those that stayed as they were need no line.
func (p *page) keyResult(k change.KeyResult) {
	if k.Status == change.Unchanged && !k.Shadowed && k.Detail == "" {
		return
	}
	text := liveText(k.Before) + " -> " + liveText(k.After)
	switch {
	case k.Status != change.Changed:
		text = string(k.Status)
		if k.Wanted != nil {
			text += ", wanted " + liveText(k.Wanted)
		}
	case liveText(k.Before) == liveText(k.After) && k.Wanted != nil:
		text = liveText(k.Wanted) + ", in the file"
	case liveText(k.Before) == liveText(k.After):
		text = "taken out of the file"
	}
	if k.Shadowed {
		text += ", shadowed at the next boot"
	}
	if k.Detail != "" {
		text += " (" + k.Detail + ")"
	}
	name := "  " + Clean(k.Key.String()) + "  "
	if ansi.StringWidth(name)+ansi.StringWidth(text) <= p.style.width() {
		p.line(name + Clean(text))
		return
	}
	p.line(name)
	p.block("      ", "      ", text)
}

// liveText is a live value for people.
func liveText(v *sysctl.Value) string {
	switch {
	case v == nil:
		return "none"
	case *v == "":
		return "(empty)"
	}
	return string(*v)
}
