// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"cmp"
	"slices"
	"strings"
)

// This file is the same in package sysctl: neither package imports anything local.

// A candidate is a name that a misspelt one may stand for.
type candidate struct {
	name  string // what is suggested
	short string // the part after the last separator
}

// nearest returns the names of up to three candidates that are at most a quarter of
// their length away from name in their last component, nearest first. The other
// components decide among equals.
func nearest(name string, candidates []candidate) []string {
	const most = 3
	short := name[strings.LastIndexAny(name, "./")+1:]
	type match struct {
		name        string
		short, long int
	}
	var matches []match
	for _, c := range candidates {
		lower := strings.ToLower(c.short)
		if d := distance(short, lower); d <= max(1, min(len(short), len(lower))/4) && short != "" {
			matches = append(matches, match{c.name, d, distance(name, strings.ToLower(c.name))})
		}
	}
	slices.SortFunc(matches, func(a, b match) int {
		return cmp.Or(cmp.Compare(a.short, b.short), cmp.Compare(a.long, b.long), cmp.Compare(a.name, b.name))
	})
	var names []string
	for _, m := range matches[:min(most, len(matches))] {
		names = append(names, m.name)
	}
	return names
}

// distance is the number of bytes to insert, delete, replace or swap with a neighbour
// that turns a into b (optimal string alignment).
func distance(a, b string) int {
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
