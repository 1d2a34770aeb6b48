// SPDX-License-Identifier: Apache-2.0

package explain

import "strings"

// A Summary is a line of the list of topics.
type Summary struct {
	Kind  Kind   `json:"kind"`
	Name  string `json:"name"`
	Label string `json:"label"` // a short spelling that Find knows
	Title string `json:"title"`
}

// Index lists all topics: the states in the order of a connection, counters in that of
// their catalogue, keys and rules by name.
func (l *Library) Index() []Summary {
	list := make([]Summary, 0, len(l.entries))
	for _, e := range l.entries {
		s := Summary{Kind: e.kind, Name: e.name, Label: e.label}
		switch e.kind {
		case KindState:
			s.Title = l.states[e.index].title
		case KindSysctl:
			s.Title = sysctlTitle(l.parameters[e.index])
		case KindCounter:
			c := &l.counters[e.index]
			s.Title = counterTitle(c)
			if c.Section != "Tcp" && c.Section != "TcpExt" {
				s.Label = s.Name // "drop" alone says too little to a reader
			}
		case KindRule:
			s.Title = plain(l.rules[e.index].Title)
		}
		list = append(list, s)
	}
	return list
}

// KindOf returns the kind that a word names all topics of: "states", "keys" or
// "sysctls", "counters", "rules".
func KindOf(word string) (Kind, bool) {
	switch strings.ToLower(word) {
	case "states":
		return KindState, true
	case "keys", "sysctls":
		return KindSysctl, true
	case "counters":
		return KindCounter, true
	case "rules":
		return KindRule, true
	}
	return "", false
}
