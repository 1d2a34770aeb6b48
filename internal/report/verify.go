// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/tcptune/tcptune/internal/change"
)

// VerifySchemaVersion is the version of the JSON form of a Verify. The schema is
// docs/schema/verify.schema.json.
const VerifySchemaVersion = 1

// Verify is the result of `tcptune verify`.
type Verify struct {
	SchemaVersion int    `json:"schema_version"`
	Tool          string `json:"tool"`
	InSync        bool   `json:"in_sync"`
	*change.Verification
}

// NewVerify reports a verification.
func NewVerify(v *change.Verification, tool string) *Verify {
	return &Verify{SchemaVersion: VerifySchemaVersion, Tool: tool, InSync: v.InSync(), Verification: v}
}

// WriteJSON writes the verification as one JSON document.
func (v *Verify) WriteJSON(w io.Writer) error { return writeJSON(w, v) }

// WriteText writes the verification for people: the keys that are not as wanted, the
// drop-in, and the verdict last.
func (v *Verify) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	if v.Refused != "" {
		p.block("note: ", "  ", v.Refused+": it is not what is verified")
	}
	for _, k := range v.Keys {
		p.verified(k)
	}
	if f := v.File; f != nil && !f.AsWritten {
		for _, problem := range f.Problems {
			place := f.Path
			if problem.Line != 0 {
				place += fmt.Sprintf(":%d", problem.Line)
			}
			p.block("", "  ", place+": "+problem.Reason)
			if problem.Text != "" {
				p.block("  | ", "  | ", problem.Text)
			}
		}
	}
	for _, o := range v.Owners {
		p.block("", "  ", o.Text+atFile(o.File))
	}
	for _, note := range v.Notes {
		p.block("note: ", "  ", note)
	}
	p.verifyVerdict(v)
	return p.err
}

func atFile(name string) string {
	if name == "" {
		return ""
	}
	return " (" + name + ")"
}

// verified writes a key that is not as wanted.
func (p *page) verified(k change.Verified) {
	if k.Status == change.VerifiedOK {
		return
	}
	color := yellow
	if k.Status == change.VerifiedPending || k.Status == change.VerifiedUnsupported {
		color = dim
	}
	p.line(p.style.paint(color, string(k.Status)) + "  " + Clean(k.Key.String()))
	wanted := k.Wanted
	text := "wanted " + bounded(k.Bound) + liveText(&wanted) + ", live " + liveText(k.Live)
	if k.Detail != "" {
		text += ": " + k.Detail
	}
	if k.Owner != "" {
		text += "; " + k.Owner + " writes this key too"
	}
	p.block("    ", "    ", text)
	for _, b := range k.Boot {
		line := fmt.Sprintf("at boot under %s: %s", b.Loader, liveText(b.Value))
		if b.File != "" {
			line += fmt.Sprintf("  (%s:%d)", b.File, b.Line)
		}
		p.block("    ", "      ", line)
	}
}

// bounded is how a bound is said before its value.
func bounded(b change.Bound) string {
	switch b {
	case change.AtLeast:
		return "at least "
	case change.AtMost:
		return "at most "
	}
	return ""
}

func (p *page) verifyVerdict(v *Verify) {
	counts := map[change.VerifiedStatus]int{}
	for _, k := range v.Keys {
		counts[k.Status]++
	}
	if v.Source == "" {
		p.line("nothing to verify: no settings of tcptune were found here")
		return
	}
	source := "the drop-in"
	switch v.Source {
	case "journal":
		source = "entry " + v.Name + " of the journal"
	case "profile":
		source = "profile " + v.Name
	}
	var others []string
	for _, s := range []change.VerifiedStatus{change.VerifiedDrift, change.VerifiedShadowed, change.VerifiedPending, change.VerifiedUnsupported, change.VerifiedUnread} {
		if counts[s] > 0 {
			others = append(others, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	text := fmt.Sprintf("%d of %s as wanted by %s", counts[change.VerifiedOK], plural(len(v.Keys), "key", "keys"), source)
	if len(others) > 0 {
		text += "; " + strings.Join(others, ", ")
	}
	if v.File != nil && !v.File.AsWritten {
		text += "; the drop-in was edited or is gone"
	}
	p.block("", "  ", text)
}
