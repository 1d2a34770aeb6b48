// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// Compile parses and type-checks an expression that must yield want. forEach
// is the list of which `it` is an element, or "". The error is Errors, all
// mistakes at once, and the program is nil then.
func (e *Environment) Compile(src Source, want Kind, forEach string) (*Program, error) {
	p, errs := e.compile(src.Text, src.at, want, forEach, src.Inputs)
	if errs != nil {
		return nil, errs
	}
	return p, nil
}

// compile is Compile of a text whose characters stand at places that at knows.
func (e *Environment) compile(text string, at func(int) Position, want Kind, forEach string, inputs Inputs) (*Program, Errors) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if strings.TrimSpace(text) == "" {
		return nil, mistake(at(0), "an expression is missing; it must yield %s", want)
	}
	env, err := e.env(forEach)
	if err != nil {
		return nil, mistake(at(0), "%v", err)
	}
	c := &compilation{Environment: e, env: env, text: text, at: at, inputs: inputs}
	e.provider.takeLacked()
	checked, issues := env.Compile(text)
	c.report(issues.Errors(), e.provider.takeLacked())
	if len(c.errs) == 0 {
		c.ast = checked.NativeRep()
		ast.PreOrderVisit(c.ast.Expr(), ast.NewExprVisitor(c.visit))
		if t := checked.OutputType(); len(c.errs) == 0 && !want.admits(t) {
			c.errorf(at(0), "this must be %s, it is %s", want, c.readable(t.String()))
		}
	}
	if len(c.errs) > 0 {
		slices.SortStableFunc(c.errs, func(a, b Error) int {
			return cmp.Or(cmp.Compare(a.Position.Line, b.Position.Line), cmp.Compare(a.Position.Column, b.Position.Column))
		})
		return nil, slices.Compact(c.errs)
	}
	return &Program{env: e, forEach: forEach, want: want, text: text, checked: checked, inputs: c.used}, nil
}

// compilation collects the mistakes of one expression.
type compilation struct {
	*Environment
	env  *cel.Env
	text string
	at   func(int) Position
	ast  *ast.AST // after the type check
	errs Errors

	dynamic bool // a dynamic type was reported
	inputs  Inputs
	used    []string // inputs that the expression reads
}

func (c *compilation) errorf(at Position, format string, args ...any) {
	c.errs = append(c.errs, Error{at, fmt.Sprintf(format, args...)})
}

// place converts a location of CEL: lines from 1, columns from 0.
func (c *compilation) place(l common.Location) Position {
	offset, line := 0, 1
	for _, r := range c.text {
		if line >= l.Line() {
			break
		}
		if r == '\n' {
			line++
		}
		offset++
	}
	return c.at(offset + max(l.Column(), 0))
}

// report turns what CEL reports into this tool's words.
func (c *compilation) report(issues []*cel.Error, lacked []fieldKey) {
	for _, issue := range issues {
		c.errorf(c.place(issue.Location), "%s", c.translate(issue.Message, lacked))
	}
}

// translate finds a better word for a message of CEL (checker/errors.go and
// parser); one that it does not know stays as it is.
func (c *compilation) translate(message string, lacked []fieldKey) string {
	if name, _, ok := quoted(message, "undefined field "); ok {
		return c.unknownField(name, lacked)
	}
	if name, _, ok := quoted(message, "undeclared reference to "); ok {
		return c.unknownName(name)
	}
	if name, rest, ok := quoted(message, "found no matching overload for "); ok {
		if op, ok := operators.FindReverse(name); ok && op != "" {
			name = op
		}
		args, _, _ := quoted(rest, " applied to ")
		return fmt.Sprintf("%s does not apply to %s", name, c.readable(args))
	}
	if syntax, ok := strings.CutPrefix(message, "Syntax error: "); ok {
		syntax, _, _ = strings.Cut(syntax, " expecting ") // a list of all tokens
		return "syntax error: " + strings.ReplaceAll(syntax, "'<EOF>'", "end")
	}
	return c.readable(message)
}

// quoted reads: prefix 'name' rest.
func quoted(message, prefix string) (name, rest string, ok bool) {
	if message, ok = strings.CutPrefix(message, prefix+"'"); !ok {
		return "", "", false
	}
	return strings.Cut(message, "'")
}

func (c *compilation) unknownField(name string, lacked []fieldKey) string {
	for _, l := range lacked {
		if l.name != name {
			continue
		}
		s := c.provider.shapes[l.typ]
		var known []string
		for _, m := range s.fields {
			known = append(known, m.name)
		}
		return fmt.Sprintf("unknown fact %q of %s%s", name, s.name, didYouMean(name, known))
	}
	return fmt.Sprintf("unknown fact %q", name)
}

func (c *compilation) unknownName(name string) string {
	name, _, _ = strings.Cut(name, ".")
	if name == itName {
		return "unknown name \"it\"; it stands for an element of the list that for_each names"
	}
	known := []string{"true", "false", "has", "size", "int", "double", "string", "bool"}
	for _, v := range c.env.Variables() {
		known = append(known, v.Name())
	}
	for _, f := range numberFunctions() {
		known = append(known, f.name)
	}
	known = append(known, "sysctl", "sysctlAt", "sysctlText", "sysctlDefault", "sysctlDefaultAt", "sysctlExists", "input", "inputText")
	return fmt.Sprintf("unknown name %q%s", name, didYouMean(name, known))
}

// readable writes the name of a fact instead of its CEL type: kernel, not
// facts.Kernel.
func (c *compilation) readable(text string) string {
	for i := range c.shapes {
		text = strings.ReplaceAll(text, c.shapes[i].celType(), c.shapes[i].name)
	}
	return text
}
