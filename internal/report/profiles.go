// SPDX-License-Identifier: Apache-2.0

package report

import (
	"io"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/profiles"
)

// ProfilesSchemaVersion is the version of the JSON forms of profiles.
const ProfilesSchemaVersion = 1

// ProfileList is the result of `tcptune profiles list`.
type ProfileList struct {
	SchemaVersion int           `json:"schema_version"`
	Profiles      []ProfileLine `json:"profiles"`
}

// ProfileLine is one profile in a list. Settings includes inherited ones.
type ProfileLine struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Inherits string `json:"inherits,omitempty"`
	About    string `json:"about"`
	Settings int    `json:"settings"`
}

// NewProfileList lists the profiles of a set by name.
func NewProfileList(set *profiles.Set) *ProfileList {
	list := &ProfileList{SchemaVersion: ProfilesSchemaVersion, Profiles: []ProfileLine{}}
	for _, name := range set.Names() {
		if p, err := set.Resolve(name); err == nil { // the set named it
			list.Profiles = append(list.Profiles, ProfileLine{p.Name, p.Title, p.Inherits, p.About, len(p.Settings)})
		}
	}
	return list
}

// WriteJSON writes the list as one JSON document.
func (l *ProfileList) WriteJSON(w io.Writer) error { return writeJSON(w, l) }

// WriteText writes the list for people.
func (l *ProfileList) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	for _, line := range l.Profiles {
		p.line(p.style.paint(bold, Clean(line.Name)))
		p.block("    ", "    ", line.Title+". "+line.About)
	}
	return p.err
}

// Profile is the result of `tcptune profiles show`.
type Profile struct {
	SchemaVersion int              `json:"schema_version"`
	Name          string           `json:"name"`
	Title         string           `json:"title"`
	Lineage       []string         `json:"lineage"` // the profile and those that it inherits, the eldest first
	About         string           `json:"about"`
	Inputs        []ProfileInput   `json:"inputs"`
	Settings      []ProfileSetting `json:"settings"`
	Leaves        []profiles.Leave `json:"leaves"`
}

// ProfileInput is how an input gets its value.
type ProfileInput struct {
	Name    string `json:"name"`
	Value   string `json:"value,omitempty"` // an expression
	Default string `json:"default,omitempty"`
	Unit    string `json:"unit,omitempty"`
	Doc     string `json:"doc"`
}

// ProfileSetting is how a key gets its value.
type ProfileSetting struct {
	Key    string `json:"key"`
	Bound  string `json:"bound"`
	Value  string `json:"value"` // with ${expression} parts
	When   string `json:"when,omitempty"`
	Reason string `json:"reason"`
	Source string `json:"source"`
	Risk   string `json:"risk"`
	Effect string `json:"effect"`
	Guard  string `json:"guard,omitempty"`
	From   string `json:"from"`
}

// NewProfile describes a resolved profile.
func NewProfile(p *profiles.Profile) *Profile {
	r := &Profile{SchemaVersion: ProfilesSchemaVersion, Name: p.Name, Title: p.Title, Lineage: p.Lineage(), About: p.About,
		Inputs: []ProfileInput{}, Settings: []ProfileSetting{}, Leaves: notNil(p.Leaves)}
	for _, in := range p.Inputs {
		line := ProfileInput{Name: in.Name, Default: in.Default, Unit: in.Unit, Doc: in.Doc}
		if in.Value != nil {
			line.Value = in.Value.Text()
		}
		r.Inputs = append(r.Inputs, line)
	}
	for _, s := range p.Settings {
		r.Settings = append(r.Settings, profileSetting(s))
	}
	return r
}

func profileSetting(s profiles.Rule) ProfileSetting {
	line := ProfileSetting{Key: s.Key, Bound: s.Bound, Value: s.Value, Reason: s.Reason, Source: s.Source, Risk: s.Risk,
		Effect: s.Effect, Guard: s.Guard, From: s.From}
	if s.When != nil {
		line.When = s.When.Text()
	}
	return line
}

// WriteJSON writes the profile as one JSON document.
func (r *Profile) WriteJSON(w io.Writer) error { return writeJSON(w, r) }

// WriteText writes the profile for people.
func (r *Profile) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	p.line(p.style.paint(bold, Clean(r.Name)))
	p.block("", "", r.Title+". "+r.About)
	if len(r.Lineage) > 1 {
		p.field("inherits", strings.Join(r.Lineage[:len(r.Lineage)-1], ", "))
	}
	p.section("Settings")
	for _, s := range r.Settings {
		p.block("  ", "      ", s.Key+" "+boundText(s.Bound)+s.Value)
		for _, part := range []struct{ name, text string }{
			{"when", s.When}, {"because", s.Reason}, {"mind", s.Guard}, {"effect", s.Effect}, {"risk", s.Risk}, {"source", s.Source}, {"from", s.From},
		} {
			if part.text != "" {
				p.block("      "+part.name+": ", "        ", part.text)
			}
		}
	}
	if len(r.Inputs) > 0 {
		p.section("Inputs")
	}
	for _, in := range r.Inputs {
		p.block("  "+Clean(in.Name)+": ", "      ", in.Doc)
		if in.Value != "" {
			p.block("      = ", "        ", in.Value)
		}
		if in.Default != "" {
			p.block("      unless known: ", "        ", in.Default)
		}
	}
	if len(r.Leaves) > 0 {
		p.section("Left alone on purpose")
	}
	for _, l := range r.Leaves {
		p.block("  ", "      ", l.What+": "+l.Why)
	}
	return p.err
}

func boundText(bound string) string {
	switch bound {
	case "at_least":
		return ">= "
	case "at_most":
		return "<= "
	}
	return "= "
}

// ProfileDiff is the result of `tcptune profiles diff` of two profiles.
type ProfileDiff struct {
	SchemaVersion int          `json:"schema_version"`
	From          string       `json:"from"`
	To            string       `json:"to"`
	Settings      []ProfileGap `json:"settings"`
}

// ProfileGap is a key that two profiles do not treat alike; null where one does
// not have it.
type ProfileGap struct {
	Key  string          `json:"key"`
	From *ProfileSetting `json:"from"`
	To   *ProfileSetting `json:"to"`
}

// NewProfileDiff compares two resolved profiles.
func NewProfileDiff(from, to *profiles.Profile) *ProfileDiff {
	d := &ProfileDiff{SchemaVersion: ProfilesSchemaVersion, From: from.Name, To: to.Name, Settings: []ProfileGap{}}
	a, b := NewProfile(from).Settings, NewProfile(to).Settings
	for i := range a {
		g := ProfileGap{Key: a[i].Key, From: &a[i]}
		if j := slices.IndexFunc(b, func(s ProfileSetting) bool { return s.Key == a[i].Key }); j >= 0 {
			g.To = &b[j]
		}
		if g.To == nil || g.From.Bound != g.To.Bound || g.From.Value != g.To.Value || g.From.When != g.To.When {
			d.Settings = append(d.Settings, g)
		}
	}
	for j := range b {
		if !slices.ContainsFunc(a, func(s ProfileSetting) bool { return s.Key == b[j].Key }) {
			d.Settings = append(d.Settings, ProfileGap{Key: b[j].Key, To: &b[j]})
		}
	}
	return d
}

// WriteJSON writes the differences as one JSON document.
func (d *ProfileDiff) WriteJSON(w io.Writer) error { return writeJSON(w, d) }

// WriteText writes the differences for people.
func (d *ProfileDiff) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	if len(d.Settings) == 0 {
		p.block("", "", d.From+" and "+d.To+" are alike.")
	}
	for _, g := range d.Settings {
		p.line(p.style.paint(bold, Clean(g.Key)))
		p.side("- "+d.From, g.From)
		p.side("+ "+d.To, g.To)
	}
	return p.err
}

func (p *page) side(name string, s *ProfileSetting) {
	text := "not set"
	if s != nil {
		text = boundText(s.Bound) + s.Value
		if s.When != "" {
			text += " when " + s.When
		}
	}
	p.block("  "+Clean(name)+": ", "      ", text)
}

// HostDiff is the result of `tcptune profiles diff` of one profile: what it means
// on a host, against the live values.
type HostDiff struct {
	SchemaVersion int              `json:"schema_version"`
	Profile       string           `json:"profile"`
	Inputs        []profiles.Input `json:"inputs"`
	Settings      int              `json:"settings"` // that apply to this host
	Deviations    []Deviation      `json:"deviations"`
	Left          []profiles.Left  `json:"left"`
}

// Deviation is a live value that is not as a profile wants it.
type Deviation struct {
	Key    string `json:"key"`
	Live   string `json:"live"`
	Wanted string `json:"wanted"` // after the bound: a larger live value stays where the profile says at least
	Bound  string `json:"bound"`
	From   string `json:"from"`
	Reason string `json:"reason"`
	Source string `json:"source"`
	Risk   string `json:"risk"`
	Effect string `json:"effect"`
	Guard  string `json:"guard,omitempty"`
	Scope  string `json:"scope"` // netns, or host for a key that is one for the machine
}

// NewHostDiff puts an evaluation and its deviations together.
func NewHostDiff(e profiles.Evaluation, list []Deviation) *HostDiff {
	return &HostDiff{SchemaVersion: ProfilesSchemaVersion, Profile: e.Profile, Inputs: notNil(e.Inputs), Settings: len(e.Settings),
		Deviations: notNil(list), Left: notNil(e.Left)}
}

// WriteJSON writes the differences as one JSON document.
func (d *HostDiff) WriteJSON(w io.Writer) error { return writeJSON(w, d) }

// WriteText writes the differences for people.
func (d *HostDiff) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	if len(d.Deviations) == 0 {
		p.block("", "", "No live value deviates from the profile "+d.Profile+".")
	}
	for _, v := range d.Deviations {
		p.line(p.style.paint(bold, Clean(v.Key)))
		p.block("  live:    ", "           ", v.Live)
		p.block("  wanted:  ", "           ", v.Wanted)
		p.block("  because: ", "           ", v.Reason)
	}
	if len(d.Left) > 0 {
		p.section("Settings that do not apply here")
	}
	for _, l := range d.Left {
		p.block("  ", "      ", l.Key+": "+l.Reason)
	}
	return p.err
}
