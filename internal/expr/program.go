// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"fmt"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// Program is a compiled expression. It may be evaluated by several goroutines,
// each with an Activation of its own.
type Program struct {
	env     *Environment
	forEach string
	want    Kind
	text    string

	inputs []string // that it reads; not stored in a blob

	word bool   // text is the result
	ast  []byte // checked expression that is not decoded yet

	once    sync.Once // guards the rest: planning waits for the first use
	checked *cel.Ast
	plan    cel.Program
	err     error
}

// Result is what an evaluation yields: a Value, or the names of Missing facts,
// or an Err such as a division by zero. Exactly one of the three is set.
type Result struct {
	Value   any      // bool, int64, float64 or string
	Missing []string // sorted; not empty when the value is unknown
	Err     error
}

// Text is the expression as it was written.
func (p *Program) Text() string { return p.text }

// Inputs lists the inputs that the expression reads, each once. Only a compiled
// program knows them, not one that was loaded.
func (p *Program) Inputs() []string { return p.inputs }

// Eval evaluates the expression for a host. A missing fact makes the result
// unknown only where it matters: false && unknown is false. Where one operand
// is unknown and the other an error, the result is unknown.
func (p *Program) Eval(a *Activation) Result {
	if p.word {
		return Result{Value: p.text}
	}
	p.once.Do(p.prepare)
	if p.err != nil {
		return Result{Err: p.err}
	}
	out, _, err := p.plan.Eval(a)
	if u, ok := out.(*types.Unknown); ok {
		return Result{Missing: missingNames(u)}
	}
	if err != nil {
		return Result{Err: fmt.Errorf("evaluate %s: %w", p.text, err)}
	}
	v, ok := p.want.native(out)
	if !ok {
		return Result{Err: fmt.Errorf("evaluate %s: the result %v is not %s", p.text, out.Value(), p.want)}
	}
	return Result{Value: v}
}

// prepare decodes and plans.
func (p *Program) prepare() {
	var env *cel.Env
	if env, p.err = p.env.env(p.forEach); p.err != nil {
		return
	}
	if p.checked == nil {
		if p.checked, p.err = decodeChecked(p.ast); p.err != nil {
			p.err = fmt.Errorf("load %s: %w", p.text, p.err)
			return
		}
	}
	opts := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)} // compiles literal regular expressions once
	if p.env.costLimit > 0 {
		opts = append(opts, cel.CostLimit(p.env.costLimit))
	}
	if p.plan, p.err = plan(env, p.checked, opts); p.err != nil {
		p.err = fmt.Errorf("plan %s: %w", p.text, p.err)
	}
}

// plan makes a program. CEL's planner trusts a tree to come from its checker
// and panics on some that do not, which a damaged blob may hold.
func plan(env *cel.Env, checked *cel.Ast, opts []cel.ProgramOption) (p cel.Program, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("%w: %v", errDamaged, r)
		}
	}()
	return env.Program(checked, opts...)
}
