// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tcptune/tcptune/internal/snapshot"
)

// maxListed is how many entries a fact that is text lists.
const maxListed = 3

// tally counts things by name. The zero value is empty.
type tally[K comparable] struct {
	counts map[K]int64
}

func (t *tally[K]) add(k K, n int64) {
	if n == 0 {
		return
	}
	if t.counts == nil {
		t.counts = make(map[K]int64)
	}
	t.counts[k] += n
}

// top is the entry with the highest count; of equals the one first by text.
func (t *tally[K]) top(name func(K) string) (top K, n int64) {
	for k, count := range t.counts {
		if count > n || count == n && name(k) < name(top) {
			top, n = k, count
		}
	}
	return top, n
}

// text lists the largest entries: "10.0.0.7 (120), 10.0.0.9 (3), 4 more".
func (t *tally[K]) text(name func(K) string) string {
	return listText(snapshot.Counts(t.counts, name))
}

func listText(list []snapshot.Count) string {
	var parts []string
	for _, c := range list[:min(len(list), maxListed)] {
		parts = append(parts, fmt.Sprintf("%s (%d)", c.Name, c.Count))
	}
	if more := len(list) - maxListed; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, ", ")
}

func set(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

func signed(n *uint64) *int64 {
	if n == nil {
		return nil
	}
	v := int64(min(*n, 1<<63-1))
	return &v
}

// grown is the growth of a counter; nil when a side is unknown or it fell.
func grown(before, now *uint64) *int64 {
	if before == nil || now == nil || *now < *before {
		return nil
	}
	n := *now - *before
	return signed(&n)
}

func address(file string, number int) string { return file + ":" + itoa(number) }

func itoa(n int) string { return strconv.Itoa(n) }

// share is part of whole, 0 when there is no whole.
func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// known is a text that is unknown when it is empty.
func known(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
