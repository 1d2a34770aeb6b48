// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"cmp"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// advicePart is one field of a recommendation under the name that it has in a rule.
type advicePart struct {
	name string
	got  func(*Recommendation) string
}

func adviceParts() []advicePart {
	return []advicePart{
		{"sysctl", func(a *Recommendation) string { return a.Key }},
		{"value", func(a *Recommendation) string { return a.Proposed }},
		{"file", func(a *Recommendation) string { return a.File }},
		{"action", func(a *Recommendation) string { return a.Action }},
		{"command", func(a *Recommendation) string { return a.Command }},
		{"risk", func(a *Recommendation) string { return a.Risk }},
		{"effect", func(a *Recommendation) string { return a.Effect }},
		{"because", func(a *Recommendation) string { return a.Because }},
	}
}

// instead says what a recommendation is about when it is not about this part.
func (p advicePart) instead(a *Recommendation) string {
	switch {
	case p.name != "sysctl" && p.name != "file" && p.name != "action":
		return ""
	case a.Key != "":
		return "none, but sysctl " + a.Key + " = " + a.Proposed
	case a.File != "":
		return "none, but file " + a.File
	}
	return "none, but action " + oneLine(a.Action)
}

// wantedRecommendations reads the recommendations, all of them and in order, in
// the words of a rule: sysctl and value, action, or file and action.
func (r *testReader) wantedRecommendations(w *wantedFinding, n *yaml.Node) {
	list := r.List(n, "recommendations")
	w.expect("recommendations", int64(len(list)), func(f *Finding) any { return int64(len(f.Recommendations)) })
	var names []string
	for _, part := range adviceParts() {
		names = append(names, part.name)
	}
	for i, element := range list {
		fields := r.Fields(element, "a recommendation", names...)
		for _, part := range adviceParts() {
			if fields[part.name] == nil {
				continue
			}
			want := oneLine(r.Text(fields[part.name], part.name))
			w.expect(fmt.Sprintf("recommendation %d, %s", i+1, part.name), want, func(f *Finding) any {
				if i >= len(f.Recommendations) {
					return absent{}
				}
				return cmp.Or(oneLine(part.got(&f.Recommendations[i])), part.instead(&f.Recommendations[i]))
			})
		}
	}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
