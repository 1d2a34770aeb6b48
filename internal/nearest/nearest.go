// SPDX-License-Identifier: Apache-2.0

// Package nearest finds the name that a misspelt one was probably meant to be.
// It knows words and nothing else, so every package may use it.
package nearest

import (
	"cmp"
	"slices"
	"strings"
)

// maxNames is the most names that Names returns.
const maxNames = 3

// Word returns the known word with the fewest edits from word, at most a third
// of its letters; "" when there is none.
func Word(word string, known []string) string {
	best, bestEdits := "", len(word)/3+1
	for _, name := range known {
		if abs(len(name)-len(word)) >= bestEdits {
			continue
		}
		if e := Distance(word, name); e < bestEdits {
			best, bestEdits = name, e
		}
	}
	return best
}

// Name is a name in several components that a misspelt one may stand for.
type Name struct {
	Full string // what is suggested: "net.ipv4.tcp_fin_timeout"
	Last string // its last component: "tcp_fin_timeout"
}

// Names returns up to three of the known names that are at most a quarter of
// their length away from name in their last component, nearest first. The
// other components decide among equals. Case does not matter.
func Names(name string, known []Name) []string {
	name = strings.ToLower(name)
	last := name[strings.LastIndexAny(name, "./")+1:]
	type match struct {
		name       string
		last, full int
	}
	var matches []match
	for _, k := range known {
		lower := strings.ToLower(k.Last)
		if d := Distance(last, lower); d <= max(1, min(len(last), len(lower))/4) && last != "" {
			matches = append(matches, match{k.Full, d, Distance(name, strings.ToLower(k.Full))})
		}
	}
	slices.SortFunc(matches, func(a, b match) int {
		return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.full, b.full), cmp.Compare(a.name, b.name))
	})
	var names []string
	for _, m := range matches[:min(maxNames, len(matches))] {
		names = append(names, m.name)
	}
	return names
}

// Distance is the number of bytes to insert, delete, replace or swap with a
// neighbour that turns a into b (optimal string alignment).
func Distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

func abs(n int) int { return max(n, -n) }
