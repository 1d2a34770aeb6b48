// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Inputs are the names that input() (Number) and inputText() (String) may have in
// an expression.
type Inputs map[string]Kind

// names lists the inputs of a kind, sorted.
func (in Inputs) names(kind Kind) []string {
	var names []string
	for name, k := range in {
		if k == kind {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// checkInput requires a literal name of a declared input.
func (c *compilation) checkInput(function string, x ast.Expr, want Kind) {
	name, ok := literal(x)
	kind, declared := c.inputs[name]
	switch {
	case c.inputs == nil:
		c.errorf(c.start(x), "%s() is for profiles: nothing declares an input here", function)
	case !ok:
		c.errorf(c.start(x), "the name of %s() must be a literal text, so that it can be checked", function)
	case !declared:
		c.errorf(c.start(x), "unknown input %q%s", name, didYouMean(name, c.inputs.names(want)))
	case kind != want:
		c.errorf(c.start(x), "input %q is %s: %s() does not read it", name, kind, function)
	case !slices.Contains(c.used, name):
		c.used = append(c.used, name)
	}
}

// SetInput gives input NAME its value: float64 or string, or why it is unknown.
// Until then it is unknown under its own name.
func (a *Activation) SetInput(name string, r Result) {
	if a.inputs == nil {
		a.inputs = make(map[string]Result)
	}
	a.inputs[name] = r
}

// input makes the function of a name, which an unknown value is called after.
func (a *Activation) input(function string) cel.LateBoundFunction {
	return func(_ string, args ...ref.Val) ref.Val { return a.inputValue(function, args[0]) }
}

func (a *Activation) inputValue(function string, arg ref.Val) ref.Val {
	name := string(arg.(types.String))
	r, ok := a.inputs[name]
	switch v := r.Value.(type) {
	case float64:
		return types.Double(v)
	case string:
		return types.String(v)
	}
	if !ok || len(r.Missing) == 0 {
		return missingSysctl(function, name)
	}
	u := missing(r.Missing[0])
	for _, more := range r.Missing[1:] {
		u = types.MergeUnknowns(u, missing(more))
	}
	return u
}
