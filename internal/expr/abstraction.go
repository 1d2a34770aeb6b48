// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// An abstraction turns a checked expression into a formula.
type abstraction struct {
	program *Program
	ast     *ast.AST
}

// formula is the truth of x, which yields a bool.
func (a abstraction) formula(x ast.Expr) node {
	if truth, ok := a.value(x).(bool); ok {
		return constant(truth)
	}
	switch x.Kind() {
	case ast.ComprehensionKind, ast.UnspecifiedExprKind: // the latter stands for a macro inside a macro
		return a.exists(x)
	case ast.CallKind:
		return a.call(x, x.AsCall().Args())
	}
	return a.opaque(x)
}

func (a abstraction) call(x ast.Expr, args []ast.Expr) node {
	switch op := x.AsCall().FunctionName(); op {
	case operators.LogicalAnd:
		return both{a.formula(args[0]), a.formula(args[1])}
	case operators.LogicalOr:
		return either{a.formula(args[0]), a.formula(args[1])}
	case operators.LogicalNot:
		return negation{a.formula(args[0])}
	case operators.Conditional:
		condition := a.formula(args[0])
		return either{both{condition, a.formula(args[1])}, both{negation{condition}, a.formula(args[2])}}
	case operators.In:
		return a.in(x, args[0], args[1])
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals, operators.Equals, operators.NotEquals:
		return a.comparison(relations()[op], args[0], args[1])
	}
	return a.opaque(x)
}

// opaque is a part of which nothing is seen but whether it is there twice.
func (a abstraction) opaque(x ast.Expr) node {
	return comparison{key: a.text(x), relation: equal, value: true}
}

// exists is false where its condition cannot hold for any element.
func (a abstraction) exists(x ast.Expr) node {
	const args = 2 // variable, condition
	macro, ok := a.ast.SourceInfo().GetMacroCall(x.ID())
	if ok && macro.AsCall().FunctionName() == operators.Exists && len(macro.AsCall().Args()) == args {
		if condition := (Formula{a.formula(macro.AsCall().Args()[1])}); !condition.Possible() {
			return constant(false)
		}
	}
	return a.opaque(x)
}

// in is `element in [a, b]`: it equals one of them.
func (a abstraction) in(x, element, list ast.Expr) node {
	if list.Kind() != ast.ListKind {
		return a.opaque(x)
	}
	parts := either{}
	for _, member := range list.AsList().Elements() {
		parts = append(parts, a.comparison(equal, element, member))
	}
	return parts
}

// comparison of a part with a constant. Where both sides are open, it compares
// their difference with 0.
func (a abstraction) comparison(r relation, left, right ast.Expr) node {
	l, rt := a.value(left), a.value(right)
	whole := a.whole(left) && a.whole(right)
	switch {
	case l == nil && rt != nil:
		return comparison{a.text(left), r, rt, whole}
	case l != nil && rt == nil:
		return comparison{a.text(right), r.flipped(), l, whole}
	}
	first, second := a.text(left), a.text(right)
	if first > second {
		first, second, r = second, first, r.flipped()
	}
	return comparison{first + " - " + second, r, int64(0), whole}
}

// whole reports whether x is a whole number: there is none between two
// neighbours.
func (a abstraction) whole(x ast.Expr) bool { return a.ast.GetType(x.ID()).Kind() == types.IntKind }

func (a abstraction) text(x ast.Expr) string {
	text, err := cel.ExprToString(x, a.ast.SourceInfo())
	if err != nil {
		return "" // cannot happen: x was parsed from a text
	}
	return text
}

// value is what x yields on every host; nil where that depends on the host.
func (a abstraction) value(x ast.Expr) any {
	if x.Kind() == ast.LiteralKind {
		v, _ := Scalar.native(x.AsLiteral())
		return v
	}
	open := false
	ast.PreOrderVisit(x, ast.NewExprVisitor(func(part ast.Expr) {
		open = open || part.Kind() == ast.IdentKind || part.Kind() == ast.UnspecifiedExprKind
	}))
	if open {
		return nil
	}
	p, err := a.program.env.Compile(Source{Text: a.text(x)}, Scalar, a.program.forEach)
	if err != nil {
		return nil
	}
	return p.Eval(NewActivation(nil)).Value // sysctl() and the like are unknown there
}
