// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tcptune/tcptune/internal/nearest"
)

// maxSuggestions is the most names that an UnknownError offers.
const maxSuggestions = 3

// An UnknownError says that nothing has the name that was asked for.
type UnknownError struct {
	Query       string   // as it was given: not fit to be printed as it is
	Suggestions []string // at most three, nearest first; Find knows each
}

// Error quotes the query and names the suggestions, or what names look like.
func (e *UnknownError) Error() string {
	query := e.Query
	if len(query) > maxQuery {
		query = query[:maxQuery] + "..."
	}
	hint := "names look like CLOSE_WAIT, tcp_fin_timeout, ListenOverflows or close-wait-leak"
	if n := len(e.Suggestions); n > 0 {
		hint = "did you mean " + e.Suggestions[n-1] + "?"
		if n > 1 {
			hint = "did you mean " + strings.Join(e.Suggestions[:n-1], ", ") + " or " + e.Suggestions[n-1] + "?"
		}
	}
	return fmt.Sprintf("explain %s: no TCP state, sysctl key, counter or rule has this name; %s", strconv.Quote(query), hint)
}

// suggest returns the labels of the topics whose spelling is nearest to the query:
// first those that may be misspelled, then those that contain it.
func (l *Library) suggest(query string) []string {
	if len(query) > maxQuery {
		return nil
	}
	word := foldLetters(bare(strings.TrimSpace(query)))
	type near struct {
		label string
		edits int
	}
	var list []near
	for _, e := range l.entries {
		best := -1
		for _, s := range e.spellings {
			if d, ok := remoteness(word, foldLetters(s)); ok && (best < 0 || d < best) {
				best = d
			}
		}
		if best >= 0 {
			list = append(list, near{e.label, best})
		}
	}
	// Among equals the order of precedence stays.
	slices.SortStableFunc(list, func(a, b near) int { return cmp.Compare(a.edits, b.edits) })
	var labels []string
	for _, n := range list[:min(maxSuggestions, len(list))] {
		labels = append(labels, n.label)
	}
	return labels
}

// remoteness says how far a known spelling is from a word: the number of edits when
// they are at most a quarter of the letters, more than that when it only contains the
// word, else false.
func remoteness(word, known string) (int, bool) {
	const least = 3 // letters of a word that may be a part
	shorter := min(len(word), len(known))
	allowed := max(1, shorter/4)
	if shorter > 1 && max(len(word), len(known))-shorter <= allowed {
		if d := nearest.Distance(word, known); d <= allowed {
			return d, true
		}
	}
	if len(word) >= least && strings.Contains(known, word) {
		return maxQuery + len(known) - len(word), true
	}
	return 0, false
}
