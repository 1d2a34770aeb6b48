// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/profiles"
	"github.com/tcptune/tcptune/sysctl"
)

// generate makes all pages, by file name.
func generate() (map[string][]byte, error) {
	var keys []string
	for _, p := range sysctl.LoadCatalogue().Parameters() {
		keys = append(keys, p.Key.String())
	}
	env, err := expr.New(keys)
	if err != nil {
		return nil, err
	}
	set, err := profiles.Builtin(env)
	if err != nil {
		return nil, err
	}
	index := &page{}
	index.generated("profiles/builtin")
	index.line("# Profiles\n")
	index.line("The %d built-in profiles of tcptune. Each page says which settings a profile means, why, and what it leaves alone", len(set.Names()))
	index.line("on purpose. A setting is *exactly* a value, or *at least* one: then a larger value that is there already stays.\n")
	index.line("Profiles of your own go to `/etc/tcptune/profiles.d/NAME.yaml`, in the form of the files in `profiles/builtin`. They can")
	index.line("inherit one profile, and their settings and inputs replace those of the same key or name; they cannot take the name of")
	index.line("a built-in one. `tcptune profiles diff NAME` shows what a profile would change on a host.\n")
	index.line("| profile | for | inherits |")
	index.line("| --- | --- | --- |")
	pages := make(map[string][]byte)
	for _, name := range set.Names() {
		p, err := set.Lookup(name)
		if err != nil {
			return nil, err
		}
		index.line("| %s | %s | %s |", link(name), cell(p.Title+". "+p.About), link(p.Inherits))
		pages[name+".md"] = profilePage(p)
	}
	pages["README.md"] = index.bytes()
	return pages, nil
}

// page collects the lines of a Markdown page.
type page struct{ text strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }

func (p *page) bytes() []byte { return []byte(p.text.String()) }

// generated says where a page comes from.
func (p *page) generated(source string) {
	p.line("<!-- Made by `go generate ./profiles` from %s: edit that, not this. -->", source)
}

// profilePage is the page of one profile: what its own file says.
func profilePage(q *profiles.Profile) []byte {
	p := &page{}
	p.generated("profiles/builtin/" + q.Name + ".yaml")
	p.line("# %s\n", q.Title)
	p.line("Profile `%s`. %s", q.Name, q.About)
	if q.Inherits != "" {
		p.line("\nIt inherits %s: the settings there hold too, unless this page has the same key.", link(q.Inherits))
	}
	p.line("\n## Settings\n")
	p.line("| key | value | why | mind | risk | takes effect | source |")
	p.line("| --- | --- | --- | --- | --- | --- | --- |")
	for _, s := range q.Settings {
		p.line("| `%s` | %s | %s | %s | %s | %s | %s |", s.Key, value(s), cell(s.Reason), cell(s.Guard), s.Risk, cell(s.Effect), cell(s.Source))
	}
	p.inputs(q)
	if len(q.Leaves) > 0 {
		p.line("\n## What it leaves alone\n")
	}
	for _, l := range q.Leaves {
		p.line("- %s: %s", l.What, l.Why)
	}
	return p.bytes()
}

func (p *page) inputs(q *profiles.Profile) {
	if len(q.Inputs) == 0 {
		return
	}
	p.line("\n## Inputs\n")
	p.line("What the formulas read. The values are frozen when the profile is applied, and read again with `--refresh`;")
	p.line("[facts.md](../facts.md) lists the facts.\n")
	p.line("| input | value | unless known | |")
	p.line("| --- | --- | --- | --- |")
	for _, in := range q.Inputs {
		text := ""
		if in.Value != nil {
			text = code(in.Value.Text())
		}
		p.line("| `%s` | %s | %s | %s |", in.Name, cell(text), in.Default, cell(in.Doc))
	}
}

// value is the bound, the value and the condition of a setting.
func value(s profiles.Rule) string {
	text := strings.ReplaceAll(s.Bound, "_", " ") + " " + code(s.Value)
	if s.When != nil {
		text += ", when " + code(s.When.Text())
	}
	return cell(text)
}

func link(name string) string {
	if name == "" {
		return ""
	}
	return "[" + name + "](" + name + ".md)"
}

func code(text string) string { return "`" + strings.Join(strings.Fields(text), " ") + "`" }

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
