// SPDX-License-Identifier: Apache-2.0

package report

import (
	"slices"
	"strings"

	"github.com/tcptune/tcptune/rules"
)

// The words that the live view shares with the reports.

// StateNames lists the states in the order in which they are printed.
func StateNames() []string { return slices.Clone(stateOrder) }

// ShortState is what heads a narrow column of a state.
func ShortState(name string) string { return shortState[name] }

// Value words a measured value with at most three significant digits; nil is unknown.
func Value(v any) string { return value(v) }

// Duration words seconds: "42 s", "17 min", "5 h", "12 d".
func Duration(seconds float64) string { return duration(seconds) }

// Answer words a verdict.
func Answer(v rules.Verdict) string { return answer(v) }

// FindingLines are the lines that check prints about a finding.
func FindingLines(f *rules.Finding, style Style) []string {
	var b strings.Builder
	p := &page{out: &b, style: style}
	p.finding(f, nil)
	return strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
}

// Wrap cleans text and breaks it at blanks into lines of width columns.
func Wrap(text string, width int) []string { return wrap(text, width) }
