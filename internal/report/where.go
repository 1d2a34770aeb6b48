// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"io"
	"slices"

	"github.com/tcptune/tcptune/sysctl"
)

// WhereSchemaVersion is the version of the JSON form of a Where. The schema is
// docs/schema/where.schema.json.
const WhereSchemaVersion = 1

// Where is the result of `tcptune where`.
type Where struct {
	SchemaVersion int        `json:"schema_version"`
	Tool          string     `json:"tool"`
	Boot          WhereBoot  `json:"boot"`
	Keys          []WhereKey `json:"keys"`
	NotRead       []string   `json:"not_read"` // what could not be read of the files, "FILE:LINE: REASON"

	brief bool
}

// WhereBoot is the loader that applies the files at the next boot.
type WhereBoot struct {
	Loader *sysctl.Loader `json:"loader"` // null: it is not one that is modelled
	Name   string         `json:"name"`
	Reason string         `json:"reason"`
}

// WhereKey says where the value of one key comes from.
type WhereKey struct {
	Key     sysctl.Key    `json:"key"`
	Lines   []WhereLine   `json:"lines"`
	Winners []WhereWinner `json:"winners"`             // none if the boot loader is not modelled
	Live    *sysctl.Value `json:"live"`                // null: see live_note
	Note    string        `json:"live_note,omitempty"` // why there is no live value
	Default string        `json:"default"`             // the kernel's, in words; "" when the catalogue does not know
	AtBoot  *sysctl.Value `json:"at_boot"`             // null: no file sets it, or the loader is not modelled
	Agree   *bool         `json:"loaders_agree"`       // null: the boot loader is not modelled
	Drift   *bool         `json:"drift"`               // live differs from at_boot; null: not known
}

// WhereLine is one line that concerns a key.
type WhereLine struct {
	File     string          `json:"file"`
	Line     int             `json:"line"`
	Text     string          `json:"text"`
	Found    string          `json:"found_as,omitempty"` // the name under which the file is read, if that is another
	Loaders  []sysctl.Loader `json:"read_by"`
	Wins     []sysctl.Loader `json:"wins"`
	MaskedBy string          `json:"masked_by,omitempty"`
	UFW      bool            `json:"ufw,omitempty"` // ufw applies it when it starts
}

// WhereWinner is what one loader makes of a key.
type WhereWinner struct {
	Loader sysctl.Loader `json:"loader"`
	Value  *sysctl.Value `json:"value"` // null: the loader leaves the key alone
	File   string        `json:"file,omitempty"`
	Line   int           `json:"line,omitempty"`
}

// NewWhere begins a report on these files. Brief is the form of `where --all`.
func NewWhere(tool string, boot sysctl.Boot, files *sysctl.Files, brief bool) *Where {
	w := &Where{
		SchemaVersion: WhereSchemaVersion, Tool: tool, Keys: []WhereKey{}, NotRead: []string{}, brief: brief,
		Boot: WhereBoot{Name: boot.Name, Reason: boot.Reason},
	}
	if boot.Known {
		w.Boot.Loader = &boot.Loader
	}
	for _, p := range files.Problems {
		w.NotRead = append(w.NotRead, place(p.File, p.Line)+": "+p.Reason)
	}
	return w
}

// Add adds a key. Live is nil where there is no live value, and then note says why;
// same tells whether the kernel shows one value after the other was written.
func (w *Where) Add(files *sysctl.Files, key sysctl.Key, parameter *sysctl.Parameter, live *sysctl.Value, note string, same func(wrote, read sysctl.Value) bool) {
	k := WhereKey{Key: key, Lines: []WhereLine{}, Winners: []WhereWinner{}, Live: live, Note: note}
	if parameter != nil {
		k.Default = parameter.Default
	}
	for _, r := range files.Readings(key) {
		k.Lines = append(k.Lines, w.line(r))
	}
	if w.Boot.Loader != nil {
		k.addWinners(files, *w.Boot.Loader)
	}
	if k.AtBoot != nil && live != nil {
		drift := !same(*k.AtBoot, *live)
		k.Drift = &drift
	}
	w.Keys = append(w.Keys, k)
}

// line describes one reading. Where the boot loader is not modelled nothing wins.
func (w *Where) line(r sysctl.Reading) WhereLine {
	line := WhereLine{File: r.File, Line: r.Number, Text: r.String(), Loaders: notNil(r.Loaders), Wins: []sysctl.Loader{}, MaskedBy: r.MaskedBy, UFW: r.UFW}
	if r.Path != r.File {
		line.Found = r.Path
	}
	if w.Boot.Loader != nil {
		line.Wins = notNil(r.Wins)
	}
	return line
}

// addWinners adds what each loader makes of the key.
func (k *WhereKey) addWinners(files *sysctl.Files, boot sysctl.Loader) {
	agree := true
	for _, l := range sysctl.Loaders() {
		winner := WhereWinner{Loader: l}
		if line := files.Outcome(l, k.Key).Winner; line != nil {
			value := sysctl.NewValue(line.Value)
			winner.Value, winner.File, winner.Line = &value, line.File, line.Number
		}
		k.Winners = append(k.Winners, winner)
		if l == boot {
			k.AtBoot = winner.Value
		}
		first := k.Winners[0].Value
		agree = agree && (first == nil) == (winner.Value == nil) && (first == nil || first.Equal(*winner.Value))
	}
	k.Agree = &agree
}

// disagree reports whether the loaders are known to disagree.
func (k *WhereKey) disagree() bool { return k.Agree != nil && !*k.Agree }

// DriftFirst puts keys with drift first and after them those on which the loaders
// disagree.
func (w *Where) DriftFirst() {
	slices.SortStableFunc(w.Keys, func(a, b WhereKey) int {
		return cmp.Or(cmp.Compare(a.class(), b.class()), a.Key.Compare(b.Key))
	})
}

// The classes of keys, in the order in which they matter to people.
const (
	whereDrift = iota
	whereDisagree
	whereUnknown // whether there is drift is not known
	whereInSync
)

func (k *WhereKey) class() int {
	switch {
	case k.Drift != nil && *k.Drift:
		return whereDrift
	case k.disagree():
		return whereDisagree
	case k.Drift == nil:
		return whereUnknown
	}
	return whereInSync
}

// winner returns what a loader makes of the key.
func (k *WhereKey) winner(l sysctl.Loader) WhereWinner {
	for _, w := range k.Winners {
		if w.Loader == l {
			return w
		}
	}
	return WhereWinner{Loader: l}
}

// WriteJSON writes the report as one JSON document.
func (w *Where) WriteJSON(out io.Writer) error { return writeJSON(out, w) }
