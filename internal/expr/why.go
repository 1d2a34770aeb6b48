// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// Operand is a part of an expression and its value in one evaluation.
type Operand struct {
	Text  string
	Value any // bool, int64, float64, string; nil is unknown
}

// Why explains an evaluation by the operands of its comparisons, in the order
// of the text. Literals are left out, and so is what was not evaluated because
// the rest had decided. An exists() is one operand. It compiles the text again
// and evaluates slowly: it is for what is shown to people.
func (p *Program) Why(a *Activation) ([]Operand, error) {
	if p.word {
		return nil, nil
	}
	env, err := p.env.env(p.forEach)
	if err != nil {
		return nil, err
	}
	checked, issues := env.Compile(p.text)
	if err := issues.Err(); err != nil {
		return nil, fmt.Errorf("compile %s: %w", p.text, err)
	}
	opts := []cel.ProgramOption{cel.EvalOptions(cel.OptTrackState)}
	if p.env.costLimit > 0 {
		opts = append(opts, cel.CostLimit(p.env.costLimit))
	}
	plan, err := env.Program(checked, opts...)
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", p.text, err)
	}
	_, details, err := plan.Eval(a)
	if details == nil || details.State() == nil {
		return nil, fmt.Errorf("evaluate %s: %w", p.text, err)
	}
	var list []Operand
	rep := checked.NativeRep()
	operands(rep.Expr(), func(x ast.Expr) {
		v, ok := details.State().Value(x.ID())
		if !ok {
			return
		}
		text, err := cel.ExprToString(x, rep.SourceInfo())
		value, scalar := Scalar.native(v)
		if err != nil || !scalar && !types.IsUnknown(v) {
			return
		}
		if o := (Operand{text, value}); !slices.Contains(list, o) {
			list = append(list, o)
		}
	})
	return list, nil
}

// operands calls fn for what the logical operators and comparisons of x compare.
func operands(x ast.Expr, fn func(ast.Expr)) {
	if x.Kind() == ast.LiteralKind {
		return
	}
	if x.Kind() == ast.CallKind {
		switch call := x.AsCall(); call.FunctionName() {
		case "_&&_", "_||_", "!_", "_?_:_", "_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_", "@in":
			for _, arg := range call.Args() {
				operands(arg, fn)
			}
			return
		}
	}
	fn(x)
}
