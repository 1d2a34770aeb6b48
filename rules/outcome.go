// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/yamlfile"
)

// An Outcome is what rules say about the facts of a test.
type Outcome struct {
	Findings []Finding `json:"findings"`
	Skipped  []Skipped `json:"skipped"`

	passed []string // ids of rules that were judged and did not fire
}

// outcome evaluates the rules for a test: what a user would see as unknown,
// because a value of it cannot be computed, is an error here.
func (s *Set) outcome(f *facts.Facts, opts Options) (Outcome, error) {
	results, faults := s.evaluate(f, opts)
	o := Outcome{results.Findings, results.Skipped, results.Passed}
	if len(faults) > 0 {
		return o, errors.New(faults[0])
	}
	for _, skipped := range o.Skipped {
		if skipped.Fault != "" {
			return o, fmt.Errorf("%s: condition: %s", skipped.Rule, skipped.Fault)
		}
	}
	return o, nil
}

// readFacts decodes a mapping of given facts; nil where n is nil or wrong.
func readFacts(r *yamlfile.Reader, n *yaml.Node) *facts.Facts {
	if n == nil {
		return nil
	}
	f, err := facts.Decode(r.File, n)
	mistakes, ok := errors.AsType[facts.Mistakes](err)
	if err != nil && !ok {
		r.At(n, "%v", err)
	}
	for _, m := range mistakes {
		r.Problems = append(r.Problems, Problem{File: m.File, Line: m.Line, Col: m.Column, Text: m.Text})
	}
	return f
}

// render writes the outcome as JSON for people: < stays <.
func (o Outcome) render() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(o); err != nil {
		return nil, fmt.Errorf("render the outcome: %w", err)
	}
	return b.Bytes(), nil
}
