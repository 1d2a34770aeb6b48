// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/tcptune/tcptune/internal/facts"
)

// visit checks one node of the syntax tree for what types cannot say.
func (c *compilation) visit(x ast.Expr) {
	if c.ast.GetType(x.ID()).Kind() == types.DynKind && !c.dynamic {
		c.dynamic = true // once: it spreads to what is around it
		c.errorf(c.start(x), "the type of this is not known: a list or map must not mix types")
	}
	switch x.Kind() {
	case ast.StructKind:
		c.errorf(c.start(x), "%s cannot be made in an expression", c.readable(x.AsStruct().TypeName()))
	case ast.ComprehensionKind:
		c.checkVariable(x)
	case ast.CallKind:
		call := x.AsCall()
		switch name := call.FunctionName(); name {
		case "sysctl", "sysctlAt", "sysctlText", "sysctlDefault", "sysctlDefaultAt", "sysctlExists", "lines":
			c.checkKey(name, call.Args()[0])
		case "input":
			c.checkInput(name, call.Args()[0], Number)
		case "inputText":
			c.checkInput(name, call.Args()[0], String)
		case "atLeast":
			c.checkVersion(call.Args()[0])
		case "matches":
			c.checkRegexp(call.Args()[len(call.Args())-1])
		}
	}
}

// start is where the text of x begins.
func (c *compilation) start(x ast.Expr) Position {
	return c.place(c.ast.SourceInfo().GetStartLocation(x.ID()))
}

// checkVariable refuses exists(sockets, ...): CEL lets the variable hide the
// fact.
func (c *compilation) checkVariable(x ast.Expr) {
	name, place := x.AsComprehension().IterVar(), c.start(x)
	if macro, ok := c.ast.SourceInfo().GetMacroCall(x.ID()); ok && len(macro.AsCall().Args()) > 0 {
		place = c.start(macro.AsCall().Args()[0])
	}
	isFact := slices.ContainsFunc(c.shapes, func(s shape) bool { return s.name == name })
	if isFact || name == itName {
		c.errorf(place, "variable %q hides the fact of that name; call it otherwise", name)
	}
}

// checkKey requires a literal key that the catalogue knows.
func (c *compilation) checkKey(function string, x ast.Expr) {
	key, ok := literal(x)
	if !ok {
		c.errorf(c.start(x), "the key of %s() must be a literal text, so that it can be checked", function)
		return
	}
	if function == "lines" && slices.Contains(c.keys, key) {
		return // the lines of a pattern
	}
	if err := c.CheckKey(key); err != nil {
		c.errorf(c.start(x), "%v", err)
	}
}

// CheckKey refuses a dotted key that sysctl() may not name: one that is not known,
// or a pattern.
func (e *Environment) CheckKey(key string) error {
	switch {
	case !slices.ContainsFunc(e.keys, func(known string) bool { return matchKey(known, key) }):
		return fmt.Errorf("unknown sysctl key %q%s", key, didYouMean(key, e.keys))
	case strings.Contains(key, "*"):
		return fmt.Errorf("sysctl key %q is a pattern; it must name one interface", key)
	}
	return nil
}

// matchKey compares a key with a known one, in which * is one component: an
// interface name has no dots in a dotted key (sysctl.d(5) writes / for them).
func matchKey(known, key string) bool {
	if known == key {
		return true
	}
	if !strings.Contains(known, "*") {
		return false
	}
	k, parts := strings.Split(known, "."), strings.Split(key, ".")
	return slices.EqualFunc(k, parts, func(pattern, part string) bool {
		return pattern == part || pattern == "*" && part != ""
	})
}

func (c *compilation) checkVersion(x ast.Expr) {
	version, ok := literal(x)
	if !ok {
		c.errorf(c.start(x), "the release of atLeast() must be a literal text")
		return
	}
	if _, known := (&facts.Kernel{Release: "1"}).AtLeast(version); !known {
		c.errorf(c.start(x), "%q is not a kernel release such as \"5.4\"", version)
	}
}

func (c *compilation) checkRegexp(x ast.Expr) {
	text, ok := literal(x)
	if !ok {
		c.errorf(c.start(x), "the regular expression of matches() must be a literal text")
		return
	}
	if _, err := regexp.Compile(text); err != nil {
		c.errorf(c.start(x), "bad regular expression: %v", err)
	}
}

// literal returns the value of a text constant.
func literal(x ast.Expr) (string, bool) {
	if x.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := x.AsLiteral().(types.String)
	return string(s), ok
}
