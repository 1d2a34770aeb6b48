// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/sysctl"
)

// sysctlKeys are the keys that rules may name: those of the catalogue.
func sysctlKeys() []string {
	var keys []string
	for _, p := range sysctl.LoadCatalogue().Parameters() {
		keys = append(keys, p.Key.String())
	}
	return keys
}

// vocabularyPage lists the facts and functions of expressions.
func vocabularyPage() []byte {
	p := &page{}
	p.generated("internal/facts and internal/expr")
	p.line("# Facts\n")
	p.line("What the conditions and formulas of rules and profiles can ask for. A fact that this kernel does not have, or that")
	p.line("could not be read, is unknown, never zero: a rule that needs it is skipped and names it. `has(FACT)` asks whether")
	p.line("it is known. Facts marked *always* are known whenever the element they belong to is.")
	p.line("\nFields of a list are written `it.NAME` where `for_each` names the list, and `x.NAME` in `LIST.exists(x, ...)`.")
	p.heading("Functions")
	p.line("| function | yields |")
	p.line("| --- | --- |")
	for _, f := range expr.Functions() {
		p.line("| `%s` | %s |", cell(f.Signature), cell(f.Doc))
	}
	group, list := "", false
	for _, e := range expr.Vocabulary() {
		if e.Type == "group" || e.Type == "list" {
			group, list = e.Name, e.Type == "list"
			p.heading(group)
			if list {
				p.line("A list: %s.", e.Doc)
			} else {
				p.line("%s.", capital(e.Doc))
			}
			continue
		}
		if list {
			e.Name = strings.TrimPrefix(e.Name, group+".")
		}
		p.fact(group, e)
	}
	return p.bytes()
}

// fact is a row of a group's table; the first one brings the head along.
func (p *page) fact(group string, e expr.Entry) {
	if p.table != group {
		p.table = group
		p.line("\n| fact | type | |")
		p.line("| --- | --- | --- |")
	}
	doc := e.Doc
	if doc == "" {
		doc = "kernel counter"
	}
	if e.Known {
		doc += " (always)"
	}
	p.line("| `%s` | %s | %s |", e.Name, e.Type, cell(doc))
}
