// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"slices"
	"strings"
	"unicode"
)

// mentions returns the names of the topics that texts name, in order of precedence. It
// is stricter than Find, because texts are full of words that are also names: states
// are in capitals, counters are spelled as the kernel does and have a capital, rules
// have a hyphen.
func (l *Library) mentions(texts ...string) []string {
	found := map[int]bool{}
	for _, text := range texts {
		for _, word := range strings.FieldsFunc(text, outsideName) {
			if i, ok := l.mention(strings.Trim(word, ".-/*")); ok {
				found[i] = true
			}
		}
	}
	var order []int
	for i := range found {
		order = append(order, i)
	}
	slices.Sort(order)
	var names []string
	for _, i := range order {
		names = append(names, l.entries[i].name)
	}
	return names
}

func outsideName(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-/*", r)
}

// mention returns the topic of one word. The last component of a path counts too: a
// condition says rate.ListenOverflows, and with a family in front of it,
// tcp_timestamps.
func (l *Library) mention(word string) (int, bool) {
	if i, ok := l.exact[word]; ok {
		return i, true
	}
	last := word[strings.LastIndexAny(word, "./")+1:]
	if len(last) < 2 {
		return 0, false
	}
	for _, i := range l.lookup(last) {
		if e := l.entries[i]; e.mentionedBy(last) {
			return i, true
		}
	}
	return 0, false
}

// mentionedBy reports whether a word of a text, which finds e, means it.
func (e *entry) mentionedBy(word string) bool {
	capital := strings.ToLower(word) != word
	switch e.kind {
	case KindState:
		return strings.ToUpper(word) == word
	case KindSysctl:
		return !capital && strings.HasSuffix(e.name, "."+word)
	case KindCounter:
		return capital && strings.HasSuffix(e.name, "."+word)
	default:
		return e.name == word && strings.Contains(word, "-")
	}
}

// neighbours returns the keys on the same subject, the counters that are described
// together, the rules of the same category, and what else belongs to its subject.
func (l *Library) neighbours(e entry) []string {
	var names []string
	for _, subject := range subjects() {
		if slices.Contains(subject, e.name) {
			names = append(names, subject...)
		}
	}
	switch e.kind {
	case KindSysctl:
		for _, p := range l.parameters {
			if p.Topic == l.parameters[e.index].Topic {
				names = append(names, p.Key.String())
			}
		}
	case KindCounter:
		c := &l.counters[e.index]
		for _, other := range c.Family {
			names = append(names, c.Section+"."+other)
		}
	case KindRule:
		for _, r := range l.rules {
			if r.Category == l.rules[e.index].Category {
				names = append(names, r.ID)
			}
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { _, ok := l.exact[name]; return !ok })
}

// related returns what a page mentions and has no row of.
func (l *Library) related(t *Topic) []string {
	var texts []string
	rows := []string{t.Name}
	for _, s := range t.Sections {
		texts = append(texts, s.Text)
		for _, r := range s.Rows {
			texts = append(texts, r.Value)
			rows = append(rows, r.Name)
		}
	}
	return slices.DeleteFunc(l.mentions(texts...), func(name string) bool { return slices.Contains(rows, name) })
}
