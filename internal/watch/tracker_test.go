// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/rules"
)

// TestTracker plays rounds, one letter each: f has the finding, a dot lacks it, u
// has a rule that is not settled. The trace has a letter for each round: + appeared, a
// active, s active and unsure, p pending, - cleared, c cleared before, a blank
// for nothing.
func TestTracker(t *testing.T) {
	tests := []struct {
		name     string
		severity rules.Severity
		rounds   string
		want     string
	}{
		{"at once", rules.Warning, ".f", " +"},
		{"critical at once", rules.Critical, ".ff", " +a"},
		{"mild ones in the second round", rules.Notice, ".ff", " p+"},
		{"mild ones that come and go never show", rules.Info, ".f.f.f.", " p p p "},
		{"all at the start", rules.Info, "ff", "+a"},
		{"flicker does not clear", rules.Warning, "f..f..f", "+aaaaaa"},
		{"three rounds clear", rules.Warning, "f...", "+aa-"},
		{"and it may come back", rules.Warning, "f...f", "+aa-+"},
		{"mild ones come back after two rounds", rules.Notice, "f...ff", "+aa-c+"},
		{"not judged is neither", rules.Warning, "fuuuuuu.uu..", "+ssssssassa-"},
		{"cleared ones stay a minute", rules.Warning, "f..." + strings.Repeat(".", 31), "+aa-" + strings.Repeat("c", 30) + " "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tr tracker
			var trace strings.Builder
			for i, letter := range tt.rounds {
				var findings []rules.Finding
				if letter == 'f' {
					findings = []rules.Finding{{Rule: "x", Severity: tt.severity}}
				}
				appeared, gone := tr.observe(begin().Add(time.Duration(i)*2*time.Second), findings, func(string) bool { return letter == 'u' })
				trace.WriteByte(stateLetter(&tr, len(appeared), len(gone)))
			}
			if diff := cmp.Diff(tt.want, trace.String()); diff != "" {
				t.Errorf("rounds %s (-want +got):\n%s", tt.rounds, diff)
			}
		})
	}
}

func stateLetter(tr *tracker, appeared, gone int) byte {
	switch {
	case appeared > 0:
		return '+'
	case gone > 0:
		return '-'
	case len(tr.list) == 0:
		return ' '
	case tr.list[0].phase == pending:
		return 'p'
	case tr.list[0].phase == cleared:
		return 'c'
	case tr.list[0].unsure:
		return 's'
	}
	return 'a'
}

func TestTrackerTellsSubjectsApart(t *testing.T) {
	var tr tracker
	judged := func(string) bool { return false }
	a, b := rules.Finding{Rule: "x", Subject: "a", Severity: rules.Warning}, rules.Finding{Rule: "x", Subject: "b", Severity: rules.Critical}
	tr.observe(begin(), []rules.Finding{a, b, a}, judged)
	for i := range clearRounds {
		tr.observe(begin().Add(time.Duration(i+1)*time.Second), []rules.Finding{a}, judged)
	}
	var got []string
	for _, f := range tr.shown() {
		got = append(got, fmt.Sprint(f.Subject, " ", f.phase))
	}
	if diff := cmp.Diff([]string{"a 1", "b 2"}, got); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	if n := tr.count(rules.Critical); n != 0 {
		t.Errorf("%d critical, but it has cleared", n)
	}
}

// TestTrackerIsBounded floods it with findings that are never the same: it keeps
// the last ones.
func TestTrackerIsBounded(t *testing.T) {
	for _, unsettled := range []bool{false, true} {
		var tr tracker
		for i := range 100 {
			var findings []rules.Finding
			for n := range 50 {
				findings = append(findings, rules.Finding{Rule: "x", Subject: fmt.Sprint(i, n), Severity: rules.Critical})
			}
			tr.observe(begin().Add(time.Duration(i)*time.Second), findings, func(string) bool { return unsettled })
			if len(tr.list) > maxTracked {
				t.Fatalf("round %d: %d findings are kept", i, len(tr.list))
			}
			for _, f := range findings {
				if !slices.ContainsFunc(tr.list, func(e *tracked) bool { return e.Subject == f.Subject }) {
					t.Fatalf("round %d: %q, just found, is not kept", i, f.Subject)
				}
			}
		}
	}
}
