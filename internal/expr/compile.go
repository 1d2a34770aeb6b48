// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"fmt"
	"regexp"
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
	p, errs := e.compile(src.Text, src.at, want, forEach)
	if errs != nil {
		return nil, errs
	}
	return p, nil
}

// compile is Compile of a text whose characters stand at places that at knows.
func (e *Environment) compile(text string, at func(int) Position, want Kind, forEach string) (*Program, Errors) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if strings.TrimSpace(text) == "" {
		return nil, mistake(at(0), "an expression is missing; it must yield %s", want)
	}
	env, err := e.env(forEach)
	if err != nil {
		return nil, mistake(at(0), "%v", err)
	}
	c := &compilation{Environment: e, env: env, text: text, at: at}
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
			return 1000*(a.Position.Line-b.Position.Line) + a.Position.Column - b.Position.Column
		})
		return nil, slices.Compact(c.errs)
	}
	return &Program{env: e, forEach: forEach, want: want, text: text, checked: checked}, nil
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

// The messages of CEL (checker/errors.go, parser) that are worth a better word.
var (
	undefinedField = regexp.MustCompile(`^undefined field '(.*)'$`)
	undeclared     = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	noOverload     = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)
	expectedTokens = regexp.MustCompile(` expecting (\{.*\}|.*)$`)
	factType       = regexp.MustCompile(`facts\.[A-Za-z]+`)
)

func (c *compilation) translate(message string, lacked []fieldKey) string {
	if m := undefinedField.FindStringSubmatch(message); m != nil {
		return c.unknownField(m[1], lacked)
	}
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return c.unknownName(m[1])
	}
	if m := noOverload.FindStringSubmatch(message); m != nil {
		name := m[1]
		if op, ok := operators.FindReverse(name); ok && op != "" {
			name = op
		}
		return fmt.Sprintf("%s does not apply to %s", name, c.readable(m[2]))
	}
	if syntax, ok := strings.CutPrefix(message, "Syntax error: "); ok {
		return "syntax error: " + strings.ReplaceAll(expectedTokens.ReplaceAllString(syntax, ""), "'<EOF>'", "end")
	}
	return c.readable(message)
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
	known := []string{"has", "true", "false"}
	for _, v := range c.env.Variables() {
		known = append(known, v.Name())
	}
	for _, f := range Functions() {
		known = append(known, f.name)
	}
	for _, name := range []string{"size", "int", "double", "string", "bool"} {
		known = append(known, name)
	}
	return fmt.Sprintf("unknown name %q%s", name, didYouMean(name, known))
}

// readable writes the name of a fact instead of its CEL type: kernel, not
// facts.Kernel.
func (c *compilation) readable(text string) string {
	return factType.ReplaceAllStringFunc(text, func(typ string) string {
		if s, ok := c.provider.shapes[typ]; ok {
			return s.name
		}
		return typ
	})
}
