// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tcptune/tcptune/sysctl"
)

// sysctlTopic lays a parameter out as a page.
func (l *Library) sysctlTopic(p *sysctl.Parameter) Topic {
	name := p.Key.String()
	t := Topic{Kind: KindSysctl, Name: name, Title: sysctlTitle(p)}
	t.add(Section{Heading: "What it does", Text: p.Summary, Rows: valueRows(p)})
	t.add(Section{Heading: "Who has to act", Text: sysctlActor(p)})
	l.addMeasured(&t)
	t.add(Section{Heading: "Measured: what the kernel takes", Text: takes(p)})
	t.add(Section{Heading: "Facts", Rows: sysctlFacts(p)})
	t.add(Section{Heading: "Risk", Text: p.Risk})
	t.add(Section{Heading: "Common wrong advice", Text: p.Myth + "\n\n" + sysctlAdvice()[name]})
	t.add(Section{Heading: "Related", Text: p.Interactions})
	t.add(Section{Heading: "TCP states", Rows: l.statesOfKey(name)})
	t.add(Section{Heading: "Counters", Rows: l.countersOfKey(p)})
	t.add(Section{Heading: "Rules", Rows: l.rulesNaming(name)})
	t.add(Section{Heading: "How to look", Commands: sysctlCommands(p)})
	t.add(Section{Heading: "Sources", Rows: sourceRows(p.Source)})
	return t
}

func sysctlTitle(p *sysctl.Parameter) string {
	if title := sysctlTitles()[p.Key.String()]; title != "" {
		return title
	}
	return firstSentence(p.Summary)
}

func valueRows(p *sysctl.Parameter) []Row {
	var rows []Row
	for _, v := range slices.Sorted(maps.Keys(p.Values)) {
		rows = append(rows, Row{strconv.Itoa(v), p.Values[v]})
	}
	return rowsOf(rows...)
}

func sysctlFacts(p *sysctl.Parameter) []Row {
	scope := map[sysctl.Scope]string{
		sysctl.ScopeNetns:   "one value per network namespace",
		sysctl.ScopeHost:    "one value for the machine",
		sysctl.ScopeVisible: "one value for the machine, which other network namespaces can see",
	}[p.Scope]
	if p.NetnsSince != "" {
		scope = fmt.Sprintf("%s since Linux %s; before, one for the machine", scope, p.NetnsSince)
	}
	return rowsOf(
		Row{"type", p.Type},
		Row{"unit", p.Unit},
		Row{"smallest value", bound(p.Min, p.MinNote)},
		Row{"largest value", bound(p.Max, p.MaxNote)},
		Row{"default", p.Default},
		Row{"in Linux since", note(p.Since, p.SinceNote)},
		Row{"removed in Linux", p.Removed},
		Row{"scope", note(scope, p.NetnsNote)},
		Row{"seen in a container's network namespace", note(p.ChildView, p.ChildViewNote)},
	)
}

// takes says what was found by writing each bound, and one beyond it.
func takes(p *sysctl.Parameter) string {
	if p.Removed != "" || strings.HasPrefix(p.AppliesTo, "read-only") {
		return ""
	}
	var text string
	switch {
	case p.Min != nil && p.Max != nil:
		text = fmt.Sprintf("Linux 6.18.44 takes %d and %d, and refuses one less and one more with EINVAL.", *p.Min, *p.Max)
	case p.Min != nil:
		text = fmt.Sprintf("Linux 6.18.44 takes %d, and refuses one less with EINVAL.", *p.Min)
	case p.Max != nil:
		text = fmt.Sprintf("Linux 6.18.44 takes %d, and refuses one more with EINVAL.", *p.Max)
	default:
		return ""
	}
	if p.Type == "u8 bool" && p.Max != nil && *p.Max == math.MaxUint8 {
		text += " Numbers from 2 on are stored as they are, and mean what 1 means."
	}
	return text
}

// bound says what the kernel enforces. Where that is not one number only the remark
// knows, and there is none where no number is written.
func bound(n *int64, remark string) string {
	if n == nil {
		return remark
	}
	return note(strconv.FormatInt(*n, 10), remark)
}

// note puts a remark behind a text; either may be empty.
func note(text, remark string) string {
	switch {
	case remark == "":
		return text
	case text == "":
		return remark
	}
	return text + " (" + remark + ")"
}

// sysctlCommands names the interface of a pattern by a word to be filled in.
func sysctlCommands(p *sysctl.Parameter) []string {
	key := strings.ReplaceAll(p.Key.String(), "*", "INTERFACE")
	if p.Removed != "" {
		return []string{"tcptune where " + key}
	}
	return []string{"sysctl " + key, "tcptune where " + key}
}

// statesOfKey says what the key does to each state whose page names it. States of
// which the same is to be said share a row.
func (l *Library) statesOfKey(key string) []Row {
	var rows []Row
	add := func(state, text string) {
		if i := slices.IndexFunc(rows, func(r Row) bool { return r.Value == text }); i >= 0 {
			rows[i].Name += ", " + state
			return
		}
		rows = append(rows, Row{state, text})
	}
	for i := range l.states {
		s := &l.states[i]
		for _, r := range s.acts {
			if r.Name == key {
				add(s.name, prose(r.Value))
			}
		}
		for _, r := range s.inert {
			if r.Name == key {
				add(s.name, "Does not help. "+prose(r.Value))
			}
		}
	}
	return rows
}

// countersOfKey lists counters whose texts name the key, or that the key's texts name.
func (l *Library) countersOfKey(p *sysctl.Parameter) []Row {
	named := l.mentions(p.Summary, p.Interactions, p.Risk)
	var rows []Row
	namedBy := l.namedByCounters()
	for i := range l.counters {
		c := &l.counters[i]
		back := slices.Contains(namedBy[i], p.Key.String())
		if back || slices.Contains(named, c.Key()) {
			rows = append(rows, Row{c.Key(), counterTitle(c)})
		}
	}
	return rows
}
