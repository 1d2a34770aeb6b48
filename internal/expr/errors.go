// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"fmt"
	"strings"

	"github.com/tcptune/tcptune/internal/nearest"
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
	if near := nearest.Word(word, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}
