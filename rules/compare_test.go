// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// about is a finding of a rule.
func about(rule, subject string) Finding {
	return Finding{Rule: rule, Subject: subject, Severity: Warning, Title: rule}
}

// line is a finding about a line of a file.
func line(subject, text string) Finding {
	f := about("noop-keys", subject)
	f.Evidence = []Evidence{{Name: "line", Value: text}}
	return f
}

// judged is a judgement that passed no rule.
func judged(findings ...Finding) Judgement { return Judgement{Findings: findings} }

func TestCompare(t *testing.T) {
	passed := Judgement{Passed: []string{"a"}}
	more := about("a", "x")
	more.More = 3
	mild := about("a", "x")
	mild.Severity = Notice
	for name, test := range map[string]struct {
		then, now Judgement
		want      []Status // of now's findings
		gone      []string // subjects
		undecided []string
	}{
		"nothing":                   {},
		"new":                       {then: passed, now: judged(about("a", "x")), want: []Status{StatusNew}},
		"gone":                      {then: judged(about("a", "x")), now: passed, gone: []string{"x"}},
		"still":                     {then: judged(about("a", "x")), now: judged(about("a", "x")), want: []Status{StatusStill}},
		"milder":                    {then: judged(about("a", "x")), now: judged(mild), want: []Status{StatusStill}},
		"not judged then":           {now: judged(about("a", "x")), want: []Status{StatusUnknown}},
		"not judged now":            {then: judged(about("a", "x")), undecided: []string{"x"}},
		"another rule":              {then: judged(about("b", "x")), now: judged(about("a", "x")), want: []Status{StatusUnknown}, undecided: []string{"x"}},
		"another subject":           {then: judged(about("a", "x")), now: judged(about("a", "y")), want: []Status{StatusNew}, gone: []string{"x"}},
		"one of two subjects":       {then: judged(about("a", "x"), about("a", "y")), now: judged(about("a", "y")), want: []Status{StatusStill}, gone: []string{"x"}},
		"judged in part then":       {then: Judgement{Findings: []Finding{about("a", "x")}, Skipped: []Skipped{{Rule: "a", Elements: 1}}}, now: judged(about("a", "y")), want: []Status{StatusUnknown}, gone: []string{"x"}},
		"judged in part now":        {then: judged(about("a", "x")), now: Judgement{Skipped: []Skipped{{Rule: "a", Elements: 1}}}, undecided: []string{"x"}},
		"too many to list then":     {then: judged(more), now: judged(about("a", "x"), about("a", "y")), want: []Status{StatusStill, StatusUnknown}},
		"too many to list now":      {then: judged(about("a", "y")), now: judged(more), want: []Status{StatusNew}, undecided: []string{"y"}},
		"restarted":                 {then: judged(about("a", "nginx[7]")), now: judged(about("a", "nginx[8]")), want: []Status{StatusStill}},
		"one of its instances":      {then: judged(about("a", "php[7]"), about("a", "php[8]")), now: judged(about("a", "php[8]")), want: []Status{StatusStill}, gone: []string{"php[7]"}},
		"one more instance":         {then: judged(about("a", "php[8]")), now: judged(about("a", "php[7]"), about("a", "php[8]")), want: []Status{StatusNew, StatusStill}},
		"more workers":              {then: judged(about("a", "nginx[7], nginx[8]")), now: judged(about("a", "nginx[9] and 5 more")), want: []Status{StatusStill}},
		"holders in another order":  {then: judged(about("a", "b[7], c[8]")), now: judged(about("a", "c[1], b[2]")), want: []Status{StatusStill}},
		"another program":           {then: judged(about("a", "nginx[7]")), now: judged(about("a", "redis[7]")), want: []Status{StatusNew}, gone: []string{"nginx[7]"}},
		"an address is no process":  {then: judged(about("a", "[::1]:80")), now: judged(about("a", "[::2]:80")), want: []Status{StatusNew}, gone: []string{"[::1]:80"}},
		"another port":              {then: judged(about("a", "10.0.0.1:80")), now: judged(about("a", "10.0.0.1:81")), want: []Status{StatusNew}, gone: []string{"10.0.0.1:80"}},
		"a line moved":              {then: judged(line("/etc/a.conf:3", "k = 1")), now: judged(line("/etc/a.conf:9", "k = 1")), want: []Status{StatusStill}},
		"another line in its place": {then: judged(line("/etc/a.conf:3", "k = 1")), now: judged(line("/etc/a.conf:3", "l = 1")), want: []Status{StatusNew}, gone: []string{"/etc/a.conf:3"}},
		"the same in another file":  {then: judged(line("/etc/a.conf:3", "k = 1")), now: judged(line("/etc/b.conf:3", "k = 1")), want: []Status{StatusNew}, gone: []string{"/etc/a.conf:3"}},
		"a waiver ran out":          {now: judged(about(waiverRule, "/etc/w.yaml:2")), want: []Status{StatusNew}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Compare(test.then, test.now)
			var statuses []Status
			for _, f := range got.Now {
				statuses = append(statuses, f.Status)
			}
			if diff := cmp.Diff(test.want, statuses); diff != "" {
				t.Errorf("statuses (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(test.gone, subjects(got.Gone)); diff != "" {
				t.Errorf("gone (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(test.undecided, subjects(got.Undecided)); diff != "" {
				t.Errorf("undecided (-want +got)\n%s", diff)
			}
		})
	}
}

func subjects(list []Finding) (subjects []string) {
	for _, f := range list {
		subjects = append(subjects, f.Subject)
	}
	return subjects
}

// TestCompareWas tells a finding that became worse.
func TestCompareWas(t *testing.T) {
	mild := about("a", "x")
	mild.Severity = Notice
	stale := about("a", "x") // of a report that was compared itself
	stale.Status, stale.Was = StatusNew, Critical
	for _, test := range []struct {
		then, now Finding
		want      Severity
	}{{mild, about("a", "x"), Notice}, {about("a", "x"), mild, Warning}, {mild, mild, ""}, {stale, stale, ""}} {
		if got := Compare(judged(test.then), judged(test.now)).Now[0]; got.Was != test.want || got.Status != StatusStill {
			t.Errorf("%s after %s: was %q, %s, want %q", test.now.Severity, test.then.Severity, got.Was, got.Status, test.want)
		}
	}
}

// TestCompareAll loses no finding and makes none, whatever the two sides are.
func TestCompareAll(t *testing.T) {
	finding := rapid.Custom(func(t *rapid.T) Finding {
		subject := rapid.SampledFrom([]string{"", "x", "y", "p[1]", "p[2]", "p[1], q[2]", "p[3] and 4 more", "/f:1", "/f:2"}).Draw(t, "subject")
		f := about(rapid.SampledFrom([]string{"a", "b", waiverRule}).Draw(t, "rule"), subject)
		f.Severity = rapid.SampledFrom(Severities()).Draw(t, "severity")
		f.Evidence = []Evidence{{Name: "line", Value: rapid.SampledFrom([]any{"k", "l", int64(1), nil}).Draw(t, "evidence")}}
		f.More = rapid.SampledFrom([]int{0, 0, 0, 2}).Draw(t, "more")
		return f
	})
	rule := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 0, 2)
	judgement := rapid.Custom(func(t *rapid.T) Judgement {
		j := Judgement{Findings: rapid.SliceOfN(finding, 0, 6).Draw(t, "findings"), Passed: rule.Draw(t, "passed")}
		for _, id := range rule.Draw(t, "skipped") {
			j.Skipped = append(j.Skipped, Skipped{Rule: id})
		}
		return j
	})
	rapid.Check(t, func(t *rapid.T) {
		then, now := judgement.Draw(t, "then"), judgement.Draw(t, "now")
		got := Compare(then, now)
		still := 0
		for i, f := range got.Now {
			switch f.Status {
			case StatusStill:
				still++
			case StatusNew, StatusUnknown:
			default:
				t.Errorf("finding %d of now has the status %q", i, f.Status)
			}
			f.Status, f.Was = "", ""
			if !cmp.Equal(now.Findings[i], f) {
				t.Errorf("finding %d of now became another", i)
			}
		}
		if len(got.Now) != len(now.Findings) {
			t.Errorf("%d findings of %d have a status", len(got.Now), len(now.Findings))
		}
		if n := still + len(got.Gone) + len(got.Undecided); n != len(then.Findings) {
			t.Errorf("%d still, %d gone and %d undecided of %d", still, len(got.Gone), len(got.Undecided), len(then.Findings))
		}
		same := Compare(now, now)
		if slices.ContainsFunc(same.Now, func(f Finding) bool { return f.Status != StatusStill || f.Was != "" }) && len(unlike(now.Findings)) == len(now.Findings) {
			t.Errorf("compared with itself: %+v", same.Now)
		}
		if len(same.Gone)+len(same.Undecided) > 0 {
			t.Errorf("compared with itself, %+v and %+v are left", same.Gone, same.Undecided)
		}
	})
}

// unlike are the findings that no other one is exactly the same as.
func unlike(list []Finding) map[identity]bool {
	names := make(map[identity]bool)
	for i := range list {
		names[list[i].exactly()] = true
	}
	return names
}
