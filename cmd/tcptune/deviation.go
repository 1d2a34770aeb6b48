// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/profiles"
	"github.com/tcptune/tcptune/rules"
	"github.com/tcptune/tcptune/sysctl"
)

// Where findings about deviations from a profile come from.
const (
	deviationRule     = "profile-deviation"
	deviationCategory = "profile"
)

// deviations are the settings of a profile that the live values do not meet.
// Keys that the host does not have, or whose value is unknown, are none.
func deviations(e profiles.Evaluation, f *facts.Facts, catalogue *sysctl.Catalogue) []report.Deviation {
	list := []report.Deviation{}
	for _, s := range e.Settings {
		live, known := f.SysctlText(s.Key)
		key, err := sysctl.ParseKey(s.Key)
		if !known || err != nil {
			continue
		}
		target := bounded(s, live)
		if !catalogue.SameValue(key, sysctl.NewValue(target), sysctl.NewValue(live)) {
			list = append(list, report.Deviation{Key: s.Key, Live: live, Wanted: target, Bound: s.Bound, From: s.From,
				Reason: s.Reason, Source: s.Source, Risk: s.Risk, Effect: s.Effect, Guard: s.Guard, Scope: scopeOf(catalogue, key)})
		}
	}
	return list
}

// scopeOf is the scope of a finding about a key.
func scopeOf(catalogue *sysctl.Catalogue, key sysctl.Key) string {
	if p, ok := catalogue.Lookup(key); ok && p.Scope == sysctl.ScopeNetns {
		return "netns"
	}
	return "host"
}

// bounded is the value that a key is to have, field by field: a larger live value
// passes a floor, a smaller one a ceiling.
func bounded(s profiles.Setting, live string) string {
	wanted, have := strings.Fields(s.Value), strings.Fields(live)
	if s.Bound == "exactly" || len(wanted) != len(have) {
		return s.Value
	}
	for i := range wanted {
		w, err := strconv.ParseInt(wanted[i], 10, 64)
		h, err2 := strconv.ParseInt(have[i], 10, 64)
		if err == nil && err2 == nil && (s.Bound == "at_least" && h > w || s.Bound == "at_most" && h < w) {
			wanted[i] = have[i]
		}
	}
	return strings.Join(wanted, " ")
}

// deviationFindings are deviations as findings of check.
func deviationFindings(profile string, list []report.Deviation, command string) []rules.Finding {
	findings := make([]rules.Finding, len(list))
	for i, d := range list {
		f := rules.Finding{
			Rule: deviationRule, Category: deviationCategory, Severity: rules.Notice, Confidence: "high",
			Verdict: rules.VerdictSysctl, Scope: d.Scope, Subject: d.Key,
			Title:      d.Key + " is not as the profile " + profile + " wants it",
			Evidence:   []rules.Evidence{{Name: d.Key, Value: d.Live, Limit: d.Wanted}},
			Why:        d.Reason,
			References: []string{d.Source},
			Recommendations: []rules.Recommendation{{Kind: "sysctl", Key: d.Key, Current: &d.Live, Proposed: d.Wanted, Risk: d.Risk,
				Effect: d.Effect, Because: d.Reason, Command: command}},
		}
		if d.Guard != "" {
			f.Unless = []string{d.Guard}
		}
		findings[i] = f
	}
	return slices.Clip(findings)
}
