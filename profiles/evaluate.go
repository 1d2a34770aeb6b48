// SPDX-License-Identifier: Apache-2.0

package profiles

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/facts"
)

// Unknown is the frozen value of an input that was unknown: it stays so until
// somebody refreshes the inputs, or --rate and --rtt tell more.
const Unknown = "unknown"

// Given is what an evaluation gets besides the facts.
type Given struct {
	Frozen map[string]string // values of inputs from an earlier evaluation, which win over the facts
	Rate   *float64          // bits per second, input "rate"
	RTT    *float64          // seconds, input "rtt"
}

// An Evaluation is what a profile means on one host.
type Evaluation struct {
	Profile  string    `json:"profile"`
	Inputs   []Input   `json:"inputs"` // those of the profile, and rate and rtt where it reads them
	Settings []Setting `json:"settings"`
	Left     []Left    `json:"left"`
}

// An Input is one number or text that formulas read.
type Input struct {
	Name  string `json:"name"`
	Value string `json:"value"` // Unknown if it is
	Unit  string `json:"unit,omitempty"`
	Doc   string `json:"doc,omitempty"`
}

// A Setting is a key with the value that the profile wants on this host.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Bound  string `json:"bound"` // of Bounds
	Reason string `json:"reason"`
	Source string `json:"source"`
	Risk   string `json:"risk"`
	Effect string `json:"effect"`
	Guard  string `json:"guard,omitempty"`
	From   string `json:"from"` // the profile that says so, which may be an inherited one
}

// Left is a setting that does not apply to this host.
type Left struct {
	Key     string   `json:"key"`
	Reason  string   `json:"reason"`            // one sentence
	Missing []string `json:"missing,omitempty"` // facts, flags and inputs that are unknown, sorted
}

// Evaluate works out a resolved profile (Set.Resolve) for a host. It is pure. A
// setting whose condition or value is unknown, or not true, is in Left.
func (p *Profile) Evaluate(f *facts.Facts, given Given) Evaluation {
	e := &evaluation{profile: p, given: given, act: expr.NewActivation(f), changed: make(map[string]bool)}
	e.out = Evaluation{Profile: p.Name, Inputs: []Input{}, Settings: []Setting{}, Left: []Left{}}
	e.flag(rateInput, "bit/s", "rate of the path, --rate", given.Rate)
	e.flag(rttInput, "s", "round trip time of the path, --rtt", given.RTT)
	for _, in := range p.Inputs {
		e.input(in)
	}
	for _, r := range p.Settings {
		e.setting(r)
	}
	return e.out
}

type evaluation struct {
	profile *Profile
	given   Given
	act     *expr.Activation
	changed map[string]bool // inputs that are not as they were frozen
	out     Evaluation
}

// flag sets an input of the command line. A flag that is given wins over what is
// frozen, and so do the inputs that read it.
func (e *evaluation) flag(name, unit, doc string, value *float64) {
	if !e.profile.reads(name) {
		return
	}
	frozen, ok := e.given.Frozen[name]
	switch {
	case value != nil:
		text := strconv.FormatFloat(*value, 'f', -1, 64)
		e.changed[name] = ok && frozen != text
		e.add(Source{Name: name, Unit: unit, Doc: doc}, expr.Result{Value: *value})
	case ok && thaw(Source{}, frozen, "").Value != nil:
		e.add(Source{Name: name, Unit: unit, Doc: doc}, thaw(Source{}, frozen, ""))
	default:
		e.add(Source{Name: name, Unit: unit, Doc: doc}, expr.Result{Missing: []string{"--" + name}})
	}
}

// reads reports whether a formula or a condition of the profile reads an input.
func (p *Profile) reads(name string) bool {
	in := func(prog *expr.Program) bool { return prog != nil && slices.Contains(prog.Inputs(), name) }
	return slices.ContainsFunc(p.Inputs, func(s Source) bool { return in(s.Value) }) ||
		slices.ContainsFunc(p.Settings, func(r Rule) bool {
			return in(r.When) || slices.Contains(r.template.Inputs(), name)
		})
}

// input sets an input: frozen, computed, or its default.
func (e *evaluation) input(in Source) {
	stale := in.Value != nil && slices.ContainsFunc(in.Value.Inputs(), func(name string) bool { return e.changed[name] })
	if frozen, ok := e.given.Frozen[in.Name]; ok && !stale {
		if r := thaw(in, frozen, "input "+in.Name); r.Err == nil {
			e.add(in, e.root(in, r))
			return
		}
	}
	e.changed[in.Name] = stale
	r := expr.Result{Missing: []string{"input " + in.Name}}
	if in.Value != nil {
		r = in.Value.Eval(e.act)
	}
	if r.Err != nil {
		r = expr.Result{Missing: []string{"input " + in.Name}}
	}
	if r.Value == nil && in.hasDefault {
		r = thaw(in, in.Default, "input "+in.Name)
	}
	if n, ok := r.Value.(int64); ok {
		r.Value = float64(n)
	}
	e.add(in, r)
}

// root names what is behind a frozen input that is unknown because of others.
func (e *evaluation) root(in Source, r expr.Result) expr.Result {
	if r.Value != nil || in.Value == nil || len(in.Value.Inputs()) == 0 {
		return r
	}
	if now := in.Value.Eval(e.act); len(now.Missing) > 0 {
		return now
	}
	return r
}

// thaw reads the text of a value; Err is set, and nothing else, for a number that
// is none.
func thaw(in Source, text, name string) expr.Result {
	if text == Unknown {
		return expr.Result{Missing: []string{name}}
	}
	if in.Text {
		return expr.Result{Value: text}
	}
	n, err := parseNumber(text)
	if err != nil {
		return expr.Result{Err: err}
	}
	return expr.Result{Value: n}
}

// parseNumber reads a finite number.
func parseNumber(text string) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err == nil && (math.IsNaN(n) || math.IsInf(n, 0)) {
		err = fmt.Errorf("%q is not finite", text)
	}
	return n, err
}

// add makes the value of an input known to formulas and to the reader.
func (e *evaluation) add(in Source, r expr.Result) {
	text := Unknown
	switch v := r.Value.(type) {
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		text = v
	}
	e.act.SetInput(in.Name, r)
	e.out.Inputs = append(e.out.Inputs, Input{Name: in.Name, Value: text, Unit: in.Unit, Doc: in.Doc})
}

func (e *evaluation) setting(r Rule) {
	if r.When != nil {
		switch result := r.When.Eval(e.act); {
		case result.Err != nil:
			e.left(r, nil, result.Err)
			return
		case len(result.Missing) > 0:
			e.left(r, result.Missing, nil)
			return
		case result.Value != true:
			e.leave(r, "its condition does not hold here: "+oneLine(r.When.Text()), nil)
			return
		}
	}
	text, missing, err := r.template.Eval(e.act)
	if err != nil || len(missing) > 0 {
		e.left(r, missing, err)
		return
	}
	e.out.Settings = append(e.out.Settings, Setting{Key: r.Key, Value: oneLine(text), Bound: r.Bound, Reason: r.Reason,
		Source: r.Source, Risk: r.Risk, Effect: r.Effect, Guard: r.Guard, From: r.From})
}

func (e *evaluation) left(r Rule, missing []string, err error) {
	if err != nil {
		e.leave(r, fmt.Sprintf("it cannot be computed: %v", err), nil)
		return
	}
	verb := " is unknown"
	if len(missing) > 1 {
		verb = " are unknown"
	}
	e.leave(r, strings.Join(missing, ", ")+verb, missing)
}

func (e *evaluation) leave(r Rule, reason string, missing []string) {
	e.out.Left = append(e.out.Left, Left{Key: r.Key, Reason: reason, Missing: missing})
}

// Frozen is what a later Given.Frozen has to hold for the same settings.
func (e Evaluation) Frozen() map[string]string {
	frozen := make(map[string]string, len(e.Inputs))
	for _, in := range e.Inputs {
		frozen[in.Name] = in.Value
	}
	return frozen
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
