// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"fmt"
	"strings"
)

// Error is one mistake in an expression.
type Error struct {
	Position Position
	Message  string // lower case, no full stop; ends in a did-you-mean where one is near
}

// Error implements error: "file:line:col: message".
func (e Error) Error() string { return e.Position.String() + ": " + e.Message }

// Errors are all mistakes of one expression, in the order of the text.
type Errors []Error

// Error implements error: one mistake a line.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the single mistakes to errors.As.
func (es Errors) Unwrap() []error {
	list := make([]error, len(es))
	for i, e := range es {
		list[i] = e
	}
	return list
}

// mistake is a single-element Errors.
func mistake(at Position, format string, args ...any) Errors {
	return Errors{{at, fmt.Sprintf(format, args...)}}
}

// didYouMean ends a message with the known word that was probably meant.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// nearest returns the known word with the fewest edits from word, at most a
// third of its letters; "" when there is none.
func nearest(word string, known []string) string {
	best, bestEdits := "", len(word)/3+1
	for _, name := range known {
		if abs(len(name)-len(word)) >= bestEdits {
			continue
		}
		if e := edits(word, name); e < bestEdits {
			best, bestEdits = name, e
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }

// edits is the Levenshtein distance of a and b in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = min(diagonal, row[j], row[j+1]) + 1
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
