// SPDX-License-Identifier: Apache-2.0

package explain

import "github.com/tcptune/tcptune/internal/sockdiag"

// A state is what is known about one TCP state: one per state_*.go file. Texts may
// be wrapped anyhow; an empty line separates paragraphs. Keys, counters and rules
// are written as their catalogues do, which tests check.
//
// Numbers of the texts were measured on Linux 6.18 where they are not round.
type state struct {
	id      sockdiag.State
	name    string   // as in include/net/tcp_states.h, without TCP_
	aliases []string // further names, from ss(8), RFC 9293 and BSD, and words that belong to the state
	title   string

	meaning string // what it means
	signs   []Row  // what ss shows, and what that says
	side    string // which side is in it, and why
	actor   string // who has to act
	lasts   string // how long it lasts and what ends it
	limits  []Row  // numbers that belong to lasts
	causes  []Row  // a large number, by what it comes from

	acts    []Row // sysctl keys that act on it
	inert   []Row // popular sysctl keys that do not
	program []Row // what the program can do: calls and socket options
	futile  []Row // popular attempts other than sysctl keys that do not help

	counters []Row // counters that belong to it, and what they say here
	commands []string
	rules    []string // ids
	sources  []string
}

// states are all states, in the order in which a connection passes them.
func states() []state {
	return []state{
		listen(), synSent(), synRecv(), established(),
		finWait1(), finWait2(), closing(), timeWait(),
		closeWait(), lastAck(), closed(),
	}
}

// spellings are the names under which people know the state.
func (s *state) spellings() []string {
	return append([]string{s.name, "TCP_" + s.name}, s.aliases...)
}

// topic lays the state out as a page.
func (s *state) topic(l *Library) Topic {
	t := Topic{Kind: KindState, Name: s.name, Title: s.title}
	t.add(Section{Heading: "What it means", Text: s.meaning, Rows: rowsOf(s.signs...)})
	t.add(Section{Heading: "Which side is in it", Text: s.side})
	t.add(Section{Heading: "Who has to act", Text: s.actor})
	t.add(Section{Heading: "How long it lasts, and what ends it", Text: s.lasts, Rows: rowsOf(s.limits...)})
	t.add(Section{Heading: "A large number, by cause", Rows: rowsOf(s.causes...)})
	acts := Section{Heading: "Settings that act on it", Rows: rowsOf(s.acts...)}
	if len(s.acts) == 0 {
		acts.Text = "None. No sysctl key shortens this state, limits it or ends it."
	}
	t.add(acts)
	t.add(Section{Heading: "Popular settings that do not", Rows: rowsOf(s.inert...)})
	t.add(Section{Heading: "What else does not help", Rows: rowsOf(s.futile...)})
	t.add(Section{Heading: "What the program can do", Rows: rowsOf(s.program...)})
	l.addMeasured(&t)
	t.add(Section{Heading: "Counters", Rows: rowsOf(s.counters...)})
	t.add(Section{Heading: "How to look", Commands: s.commands})
	t.add(Section{Heading: "Rules that judge it", Rows: l.ruleRows(s.rules)})
	t.add(Section{Heading: "Sources", Rows: rowsOf(sourceRows(s.sources)...)})
	return t
}
