// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/rules"
)

func TestEvidence(t *testing.T) {
	list := []rules.Evidence{
		{Name: "process", Value: "stuck[42]"},
		{Name: "open descriptors", Value: nil, Unit: "descriptors"},
		{Name: "connection requests dropped because an accept queue was full (ListenOverflows)", Value: 95.5, Unit: "per second", Limit: 5.0},
	}
	tests := []struct {
		name  string
		width int
		list  []rules.Evidence
		want  string
	}{
		{"fits", 80, list[:2], `
    process           stuck[42]
    open descriptors  unknown
`},
		{"long name", 80, list, `
    process                             stuck[42]
    open descriptors                    unknown
    connection requests dropped         95.5 per second (limit 5)
      because an accept queue was full
      (ListenOverflows)
`},
		{"long name and value", 40, list[2:], `
    connection      95.5 per second
      requests      (limit 5)
      dropped
      because an
      accept queue
      was full
      (ListenOverf
      lows)
`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			p := &page{out: &b, style: Style{Width: test.width}}
			p.evidence(test.list)
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for width := MinWidth; width <= MaxWidth; width++ {
		var b bytes.Buffer
		p := &page{out: &b, style: Style{Width: width}}
		p.evidence(list)
		for line := range strings.Lines(b.String()) {
			if n := ansi.StringWidth(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("line of %d columns in %d: %q", n, width, line)
			}
		}
	}
}

// TestUnjudged tells rules that a window would judge from others.
func TestUnjudged(t *testing.T) {
	second := 1.0
	skipped := []rules.Skipped{
		{Rule: "one", Missing: []string{"delta.OutSegs", "rate.ListenDrops"}},
		{Rule: "two", Missing: []string{"machine.softnet_dropped_per_second"}},
		{Rule: "three", Missing: []string{"rate.TW", `sysctlAt("net.ipv4.tcp_mem", 1)`}},
	}
	for _, test := range []struct {
		name    string
		seconds *float64
		skipped []rules.Skipped
		want    string
	}{
		{"nothing", nil, nil, ""},
		{"rates only", nil, skipped[:2], "not judged without a window: one, two; --window 10s on the live host judges\n  them\n"},
		{"both", nil, skipped, `not judged without a window: one, two; --window 10s on the live host judges
  them
not judged:
  three: unknown rate.TW, sysctlAt("net.ipv4.tcp_mem", 1)
`},
		{"with a window", &second, skipped[:1], "not judged:\n  one: unknown delta.OutSegs, rate.ListenDrops\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			p := &page{out: &b, style: Style{Width: 80}}
			p.unjudged(&Check{Window: Window{Seconds: test.seconds}, Skipped: test.skipped})
			if diff := cmp.Diff(test.want, b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRepeatedFinding prints what two findings of one rule share only once.
func TestRepeatedFinding(t *testing.T) {
	leak := rules.Finding{Rule: "leak", Confidence: "high", Severity: rules.Warning, Verdict: rules.VerdictApplication, Title: "A leak", Subject: "a[1]",
		Why: "It does not close.", Recommendations: []rules.Recommendation{{Kind: "action", Action: "restart it"}}}
	other, further := leak, leak
	other.Subject = "b[2]"
	further.Subject, further.Recommendations = "c[3]", []rules.Recommendation{{Kind: "action", Action: "wait"}}
	var b bytes.Buffer
	p := &page{out: &b, style: Style{Width: 80}}
	p.finding(&leak, nil)
	p.finding(&other, &leak)
	p.finding(&further, &other)
	want := `WARNING  A leak
  a[1] (leak, the program must change, no sysctl cures it)
  why: It does not close.
  1. restart it
WARNING  A leak
  b[2] (leak, the program must change, no sysctl cures it)
  why: as above
  what to do: as above
WARNING  A leak
  c[3] (leak, the program must change, no sysctl cures it)
  why: as above
  1. wait
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
