// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"slices"
	"time"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/rules"
)

// A Round is what one interval told: the window that ended with it, what follows
// from it, and what it cost. Nobody changes it once it is made.
type Round struct {
	Taken   time.Time         // when its snapshot was begun
	Cost    time.Duration     // how long collecting took
	Check   *report.Check     // what check would say of the window
	Facts   *facts.Facts      // what the check was made from
	Sockets *snapshot.Sockets // of the end of the window; nil where they could not be read
}

// NewRound puts a window and what was made of it together.
func NewRound(w *snapshot.Window, f *facts.Facts, c *report.Check) *Round {
	return &Round{Taken: w.To.Taken, Cost: w.To.Cost, Check: c, Facts: f, Sockets: w.To.Sockets}
}

// A Source takes the next round. The first one has no window, so it knows no
// rates.
type Source func(context.Context) (*Round, error)

// unsettled reports whether a finding of the rule that this round does not list
// may be there: the rule was not judged in full, or found more than is listed.
func (r *Round) unsettled(rule string) bool {
	return slices.ContainsFunc(r.Check.Skipped, func(s rules.Skipped) bool { return s.Rule == rule }) ||
		slices.ContainsFunc(r.Check.Findings, func(f rules.Finding) bool { return f.Rule == rule && f.More > 0 })
}

// wait is how long to wait after a round that took so long until the next one
// begins: rounds begin an interval apart, and collecting never takes more than
// half of the time.
func wait(interval, took time.Duration) time.Duration { return max(interval-took, took) }
