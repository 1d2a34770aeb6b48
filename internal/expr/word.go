// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"strings"

	"cel.dev/cel-go/common/ast"
)

// CompileWord compiles what must yield one of words: a bare word, or an
// expression that is a literal text or a choice (?:) of them, so that every
// possible result is checked.
func (e *Environment) CompileWord(src Source, words []string, forEach string) (*Program, error) {
	known := func(at Position, word string) Errors {
		for _, w := range words {
			if w == word {
				return nil
			}
		}
		return mistake(at, "%q is not one of %s%s", word, strings.Join(words, ", "), didYouMean(word, words))
	}
	if text := strings.TrimSpace(src.Text); isBareWord(text) {
		if errs := known(src.Position, text); errs != nil {
			return nil, errs
		}
		return &Program{env: e, want: String, text: text, word: true}, nil
	}
	p, errs := e.compile(src.Text, src.at, String, forEach, src.Inputs)
	if errs != nil {
		return nil, errs
	}
	c := &compilation{Environment: e, text: src.Text, at: src.at, ast: p.checked.NativeRep()}
	choices(c.ast.Expr(), func(x ast.Expr) {
		if word, ok := literal(x); ok {
			c.errs = append(c.errs, known(c.start(x), word)...)
			return
		}
		c.errorf(c.start(x), "this must be one of %s, or a choice (?:) of them", strings.Join(words, ", "))
	})
	if len(c.errs) > 0 {
		return nil, c.errs
	}
	return p, nil
}

// isBareWord recognizes what authors write without quotes: warning, config-file.
func isBareWord(text string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return text != "" && strings.Trim(text, letters+"0123456789-") == "" && strings.ContainsAny(text[:1], letters)
}

// choices calls fn for every operand that a chain of ?: may yield.
func choices(x ast.Expr, fn func(ast.Expr)) {
	if x.Kind() == ast.CallKind && x.AsCall().FunctionName() == "_?_:_" {
		choices(x.AsCall().Args()[1], fn)
		choices(x.AsCall().Args()[2], fn)
		return
	}
	fn(x)
}
