// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// A Formula is the truth of conditions with everything that a host decides left
// open: enough to see that some cannot hold on any host. The zero Formula is true.
type Formula struct{ node node }

// node is a part of a formula: constant, both, either, negation or comparison.
type node interface {
	// negated is the opposite, without a negation at its top.
	negated() node
}

type (
	constant bool
	both     []node // each part holds
	either   []node // at least one part holds
	// negation says that its part does not hold. It is resolved when the search
	// comes to it: a?b:c has a twice, and resolved at once a chain of them
	// would be twice as large with each.
	negation struct{ node }
)

func (c constant) negated() node { return !c }
func (b both) negated() node     { return either(negations(b)) }
func (e either) negated() node   { return both(negations(e)) }
func (n negation) negated() node { return n.node }

func negations(list []node) []node {
	negated := make([]node, len(list))
	for i, n := range list {
		negated[i] = negation{n}
	}
	return negated
}

// And is true where all of the formulas are.
func And(formulas ...Formula) Formula {
	var parts both
	for _, f := range formulas {
		parts = append(parts, f.get())
	}
	return Formula{parts}
}

// Not is true where f is false.
func (f Formula) Not() Formula { return Formula{negation{f.get()}} }

func (f Formula) get() node {
	if f.node == nil {
		return constant(true)
	}
	return f.node
}

// maxSteps bounds the search of Possible; a rule takes a few hundred.
const maxSteps = 10_000

// Possible reports whether the formula can be true on some host, as far as can
// be seen: false is certain, true is not. Parts of conditions are told apart by
// their text only, so that `a > 5 && a < 3` is seen, and not what two facts have
// to do with each other.
func (f Formula) Possible() bool {
	s := search{steps: maxSteps}
	return s.possible([]node{f.get()}, nil, nil)
}

// A search looks for a way to make formulas true.
type search struct{ steps int }

// possible makes goals true, and of each of choices one part, beside what is
// taken for true already.
func (s *search) possible(goals []node, choices []either, taken []comparison) bool {
	for len(goals) > 0 {
		if s.steps--; s.steps < 0 {
			return true
		}
		goal := goals[len(goals)-1]
		goals = goals[:len(goals)-1]
		switch goal := goal.(type) {
		case constant:
			if !goal {
				return false
			}
		case negation:
			goals = append(goals, goal.node.negated())
		case both:
			goals = append(goals, goal...)
		case either:
			choices = append(choices[:len(choices):len(choices)], goal)
		case comparison:
			taken = append(taken[:len(taken):len(taken)], goal)
			if !consistent(taken, goal.key) {
				return false
			}
		}
	}
	if len(choices) == 0 {
		return true
	}
	last := len(choices) - 1
	for _, part := range choices[last] {
		if s.possible([]node{part}, choices[:last], taken) {
			return true
		}
	}
	return false
}

// Formula is the truth of a compiled expression that yields a bool; true where p
// is nil. Programs that were loaded are not known.
func (p *Program) Formula() Formula {
	if p == nil || p.checked == nil {
		return Formula{}
	}
	a := abstraction{p, p.checked.NativeRep()}
	return Formula{a.formula(a.ast.Expr())}
}

// An Outcome is a word that an expression may yield, and when it does.
type Outcome struct {
	Word string
	When Formula
}

// Outcomes lists what a program of CompileWord may yield, in the order of the
// text; none for one that was loaded.
func (p *Program) Outcomes() []Outcome {
	switch {
	case p.word:
		return []Outcome{{Word: p.text}}
	case p.checked == nil:
		return nil
	}
	a := abstraction{p, p.checked.NativeRep()}
	var list []Outcome
	var walk func(ast.Expr, Formula)
	walk = func(x ast.Expr, when Formula) {
		if x.Kind() == ast.CallKind && x.AsCall().FunctionName() == operators.Conditional {
			args := x.AsCall().Args()
			condition := Formula{a.formula(args[0])}
			walk(args[1], And(when, condition))
			walk(args[2], And(when, condition.Not()))
			return
		}
		word, _ := literal(x)
		list = append(list, Outcome{word, when})
	}
	walk(a.ast.Expr(), Formula{})
	return list
}
