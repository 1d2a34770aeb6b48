// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/rules"
)

func TestEvidence(t *testing.T) {
	list := []rules.Evidence{
		{Name: "process", Value: "stuck[42]"},
		{Name: "open descriptors", Value: nil, Unit: "descriptors"},
		{Name: "accept queue", Value: int64(65), Unit: "connections", Limit: int64(64)},
		{Name: "entries", Value: int64(300), Unit: "entries", Limit: int64(1000)},
		{Name: "net.ipv4.tcp_timestamps", Value: int64(0), Limit: int64(1)},
		{Name: "connection requests dropped because an accept queue was full (ListenOverflows)", Value: 1095.5, Unit: "per second", Limit: 5.0},
		{Name: "growth", Value: int64(0), Unit: "sockets"},
	}
	tests := []struct {
		name  string
		style Style
		most  int
		want  string
	}{
		{"all", Style{Width: 80}, 0, `
  process                  stuck[42]
  open descriptors         unknown
  accept queue                65 connections  ##########+ limit 64
  entries                    300 entries      ###-------  limit 1,000
  net.ipv4.tcp_timestamps      0                          limit 1
  connection requests dropped because an accept queue was full (ListenOverflows)
                           1,096 per second   ##########+ limit 5
  growth                       0 sockets
`},
		{"the most telling", Style{Width: 80}, 5, `
  process                  stuck[42]
  accept queue                65 connections  ##########+ limit 64
  entries                    300 entries      ###-------  limit 1,000
  net.ipv4.tcp_timestamps      0                          limit 1
  connection requests dropped because an accept queue was full (ListenOverflows)
                           1,096 per second   ##########+ limit 5
  2 more values (-v)
`},
		{"block characters", Style{Width: 80, Unicode: true}, 1, `
  accept queue  65 connections  ██████████+ limit 64
  6 more values (-v)
`},
		{"narrow", Style{Width: 40}, 0, `
  process           stuck[42]
  open descriptors  unknown
  accept queue         65 connections
                    ######+ limit 64
  entries             300 entries
                    #-----  limit 1,000
  net.ipv4.tcp_timestamps
                        0
                    limit 1
  connection requests dropped because an
  accept queue was full
  (ListenOverflows)
                    1,096 per second
                    ######+ limit 5
  growth                0 sockets
`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			p := &page{out: &b, style: test.style}
			p.evidence(list, test.most)
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
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
			p := &page{out: &b, style: Style{Width: 80, Verbose: true}}
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
  why  It does not close.
  do   restart it
WARNING  A leak
  b[2] (leak, the program must change, no sysctl cures it)
  why  as above
  do   as above
WARNING  A leak
  c[3] (leak, the program must change, no sysctl cures it)
  why  as above
  do   wait
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
