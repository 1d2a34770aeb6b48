// SPDX-License-Identifier: Apache-2.0

package expr

// Entry is one name of the vocabulary, as the page docs/facts.md and
// completion show it.
type Entry struct {
	Name string // sockets, sockets.time_wait, listeners, listeners.backlog
	Type string // "group", "list", bool, int, double, string
	Doc  string // one sentence; empty for a counter, whose name is the kernel's
	// Known says that a field is always known when its list element is.
	Known bool
}

// Vocabulary lists every fact: each group or list, followed by its fields. A
// field of a list is written it.NAME, or x.NAME in list.exists(x, ...).
func Vocabulary() []Entry {
	var entries []Entry
	for _, s := range shapes() {
		typ := "group"
		if s.list {
			typ = "list"
		}
		entries = append(entries, Entry{Name: s.name, Type: typ, Doc: s.doc})
		for _, m := range s.fields {
			entries = append(entries, Entry{
				Name:  s.name + "." + m.name,
				Type:  celTypeOf(m.typ).String(),
				Doc:   m.doc,
				Known: !m.pointer,
			})
		}
	}
	return entries
}
