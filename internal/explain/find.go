// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"slices"
	"strings"
	"unicode"
)

// maxQuery bounds a query, in bytes. The longest name has about 60.
const maxQuery = 200

// Find returns the page of a topic. The query may be:
//
//   - a name as Topic.Name has it. No two topics share one, so this form always wins;
//   - a state, a counter in any spelling: "close-wait", "ESTAB", "TcpExtListenOverflows";
//   - a key in dotted or slash form, below /proc/sys, as a line "key = value", its last
//     component, or that without tcp_: "net/ipv4/tcp_tw_reuse", "TW_REUSE". Separators
//     may be mixed up but not left out, as sysctl(8) would not forgive that either;
//   - a rule in any case, with hyphens or underscores;
//   - one of these behind a kind and a colon: "rule:rfc1337".
//
// Where several topics fit, the kinds come in the order state, sysctl, counter, rule,
// and the rest is at the head of SeeAlso. The error for an unknown topic is an
// *[UnknownError]; the topic is zero then.
func (l *Library) Find(query string) (Topic, error) {
	found := l.search(query)
	if len(found) == 0 {
		return Topic{}, &UnknownError{Query: query, Suggestions: l.suggest(query)}
	}
	return l.topic(found[0], found[1:])
}

// search returns the entries that a query may mean, best first.
func (l *Library) search(query string) []int {
	if len(query) > maxQuery {
		return nil
	}
	query = strings.TrimSpace(query)
	if kind, rest, ok := strings.Cut(query, ":"); ok && slices.Contains(Kinds(), Kind(strings.ToLower(kind))) {
		return slices.DeleteFunc(l.search(rest), func(i int) bool { return l.entries[i].kind != Kind(strings.ToLower(kind)) })
	}
	query = bare(query)
	found := l.lookup(query)
	if i, ok := l.exact[query]; ok {
		found = append([]int{i}, slices.DeleteFunc(found, func(other int) bool { return other == i })...)
	}
	if len(found) == 0 {
		found = l.interfaceKey(query)
	}
	return found
}

// bare takes off what belongs to a line or a path around a key.
func bare(query string) string {
	query, _, _ = strings.Cut(query, "=")
	return strings.TrimPrefix(strings.TrimSpace(query), "/proc/sys/")
}

// lookup returns the entries of a spelling, in order of precedence.
func (l *Library) lookup(spelling string) []int {
	found := slices.Concat(l.letters[foldLetters(spelling)], l.words[foldWords(spelling)])
	slices.Sort(found)
	return found
}

// interfaceKey finds the pattern of a key that names an interface.
func (l *Library) interfaceKey(query string) []int {
	if l.catalogue == nil {
		return nil
	}
	for _, key := range l.catalogue.Resolve(query) {
		if p, ok := l.catalogue.Lookup(key); ok {
			return []int{l.exact[p.Key.String()]}
		}
	}
	return nil
}

// foldWords makes one of all spellings with the same words: lower case, one kind of
// separator.
func foldWords(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-./ ", r) {
			return '_'
		}
		return unicode.ToLower(r)
	}, s)
}

// foldLetters makes one of all spellings with the same letters and digits.
func foldLetters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}
