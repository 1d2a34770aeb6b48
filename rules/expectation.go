// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// A wantedFinding is a finding that a test expects. What the test does not
// mention may be anything.
type wantedFinding struct {
	rule   string
	fields []expectation
}

// An expectation is one value of a finding.
type expectation struct {
	name string
	want any
	got  func(*Finding) any
}

// absent is the value of what a finding does not have.
type absent struct{}

// wantedFinding reads one element of findings.
func (r *testReader) wantedFinding(n *yaml.Node, set *Set) *wantedFinding {
	f := r.Fields(n, "a finding", "rule", "severity", "confidence", "verdict", "scope", "subject", "title", "evidence", "recommendations")
	w := &wantedFinding{}
	if n.Kind != yaml.MappingNode {
		return w
	}
	w.rule = r.ruleName(n, f["rule"], set)
	word := func(name string, allowed []string, got func(*Finding) string) {
		if word := r.Word(f[name], name, allowed); word != "" {
			w.expect(name, word, func(f *Finding) any { return got(f) })
		}
	}
	word("severity", words(Severities()), func(f *Finding) string { return string(f.Severity) })
	word("confidence", Confidences(), func(f *Finding) string { return f.Confidence })
	word("verdict", words(Verdicts()), func(f *Finding) string { return string(f.Verdict) })
	word("scope", Scopes(), func(f *Finding) string { return f.Scope })
	text := func(name string, got func(*Finding) string) {
		if f[name] != nil {
			w.expect(name, r.Text(f[name], name), func(f *Finding) any { return got(f) })
		}
	}
	text("subject", func(f *Finding) string { return f.Subject })
	text("title", func(f *Finding) string { return f.Title })
	if f["evidence"] != nil {
		r.wantedEvidence(w, f["evidence"], set)
	}
	if f["recommendations"] != nil {
		r.wantedRecommendations(w, f["recommendations"])
	}
	return w
}

func (w *wantedFinding) expect(name string, want any, got func(*Finding) any) {
	w.fields = append(w.fields, expectation{name, want, got})
}

// wantedEvidence reads values by name: {queue: 60}, or {queue: {value: 60, limit: 64}}.
func (r *testReader) wantedEvidence(w *wantedFinding, n *yaml.Node, set *Set) {
	if n.Kind != yaml.MappingNode {
		r.At(n, "evidence must be a mapping of names to values")
		return
	}
	known := evidenceNames(set, w.rule)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key.Value
		if known != nil && !slices.Contains(known, name) {
			r.At(key, "%s", unknownName("evidence", name, known))
			continue
		}
		if value.Kind != yaml.MappingNode {
			w.expectEvidence(r, name, "value", value)
			continue
		}
		fields := r.Fields(value, "evidence", "value", "limit", "unit")
		for _, part := range []string{"value", "limit", "unit"} {
			if fields[part] != nil {
				w.expectEvidence(r, name, part, fields[part])
			}
		}
	}
}

// expectEvidence expects one part of a line of evidence.
func (w *wantedFinding) expectEvidence(r *testReader, name, part string, n *yaml.Node) {
	label := "evidence " + strconv.Quote(name)
	if part != "value" {
		label += ", " + part
	}
	w.expect(label, r.scalar(n, label), func(f *Finding) any {
		i := slices.IndexFunc(f.Evidence, func(e Evidence) bool { return e.Name == name })
		if i < 0 {
			return absent{}
		}
		switch e := f.Evidence[i]; part {
		case "limit":
			return e.Limit
		case "unit":
			return e.Unit
		default:
			return e.Value
		}
	})
}

// evidenceNames are the names that the evidence of a rule has; nil when the
// rule is not known.
func evidenceNames(set *Set, id string) []string {
	if set == nil {
		return nil
	}
	rule, ok := set.Lookup(id)
	if !ok {
		return nil
	}
	var names []string
	for _, m := range rule.Evidence {
		names = append(names, m.Name)
	}
	return names
}

// scalar reads a value as evidence has it; null is an unknown one.
func (r *testReader) scalar(n *yaml.Node, what string) any {
	var v any
	if n.Kind != yaml.ScalarNode || n.Decode(&v) != nil {
		r.At(n, "%s must be a number, a text, true, false, or null for an unknown value", what)
		return nil
	}
	switch v := v.(type) {
	case int:
		return int64(v)
	case nil, bool, float64:
		return v
	}
	return n.Value
}

// differences are the fields of a finding that are not as expected.
func (w *wantedFinding) differences(f *Finding) []Difference {
	var list []Difference
	for _, field := range w.fields {
		if got := field.got(f); !same(field.want, got) {
			list = append(list, Difference{Rule: f.Rule, Subject: f.Subject, Field: field.name, Want: shown(field.want), Got: shown(got)})
		}
	}
	return list
}

// same compares two values of evidence: numbers by their value, whole or not.
func same(a, b any) bool {
	x, isNumber := number(a)
	y, alsoNumber := number(b)
	if isNumber && alsoNumber {
		const tolerance = 1e-9 // of what a decimal number in a file loses
		return math.Abs(x-y) <= tolerance*max(1, math.Abs(x), math.Abs(y))
	}
	return a == b
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// shown writes a value for people.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "unknown"
	case absent:
		return "none"
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		if v == "" {
			return "none"
		}
	}
	return fmt.Sprint(v)
}

// text describes the finding that is wanted.
func (w *wantedFinding) text() string {
	if len(w.fields) == 0 {
		return "any"
	}
	var parts []string
	for _, field := range w.fields {
		parts = append(parts, field.name+" "+shown(field.want))
	}
	return strings.Join(parts, ", ")
}
