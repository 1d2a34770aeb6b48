// SPDX-License-Identifier: Apache-2.0

package profiles

import (
	"slices"

	"github.com/tcptune/tcptune/internal/expr"
)

// A Profile is one YAML file, decoded, checked and compiled, or what Set.Resolve
// makes of it and those that it inherits. It is not changed after it was loaded.
type Profile struct {
	Name     string
	Title    string
	Inherits string // "" for none
	About    string
	Inputs   []Source
	Settings []Rule
	Leaves   []Leave // what it leaves alone on purpose; not inherited

	parent *Profile
}

// A Source is how an input gets its value.
type Source struct {
	Name    string
	Text    bool          // it is a text, not a number
	Value   *expr.Program // nil if only Default tells
	Default string        // used when Value is unknown
	Unit    string
	Doc     string

	hasDefault bool
}

// A Rule is how a key gets its value.
type Rule struct {
	Key      string
	Bound    string // exactly, at_least, at_most
	Value    string // as it was written, with ${expression} parts
	When     *expr.Program
	Reason   string
	Source   string // where the reason can be read up
	Risk     string // of Risks
	Effect   string // when it takes hold
	Guard    string // when not to do it, in words
	From     string // name of the profile that says so
	template *expr.Template
}

// A Leave is what a profile leaves alone, and why.
type Leave struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// Bounds say how a value relates to the one before; Exactly, then the floors and
// ceilings that a larger or smaller value may pass.
func Bounds() []string { return []string{"exactly", "at_least", "at_most"} }

// Risks are the risks of a setting, lowest first.
func Risks() []string { return []string{"none", "low", "medium", "high"} }

// lineage is the profile and those that it inherits, the eldest first.
func (p *Profile) lineage() []*Profile {
	var list []*Profile
	for ; p != nil; p = p.parent {
		list = append(list, p)
	}
	slices.Reverse(list)
	return list
}

// Lineage names the profile and those that it inherits, the eldest first.
func (p *Profile) Lineage() []string {
	var names []string
	for _, q := range p.lineage() {
		names = append(names, q.Name)
	}
	return names
}

// flatten is the profile with what it inherits. What replaces something stands
// where that stood.
func (p *Profile) flatten() *Profile {
	flat := *p
	flat.Inputs, flat.Settings = nil, nil
	for _, q := range p.lineage() {
		for _, in := range q.Inputs {
			replace(&flat.Inputs, in, func(other Source) bool { return other.Name == in.Name })
		}
		for _, r := range q.Settings {
			replace(&flat.Settings, r, func(other Rule) bool { return other.Key == r.Key })
		}
	}
	return &flat
}

// replace puts x where same holds, else at the end.
func replace[T any](list *[]T, x T, same func(T) bool) {
	if i := slices.IndexFunc(*list, same); i >= 0 {
		(*list)[i] = x
		return
	}
	*list = append(*list, x)
}
