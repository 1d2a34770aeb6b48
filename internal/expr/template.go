// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"slices"
	"strings"
)

// Template is a text with ${expression} parts.
type Template struct {
	parts []part
}

// part is a piece of text, or an expression.
type part struct {
	text    string
	program *Program
}

// CompileTemplate compiles a text whose ${expression} parts yield a scalar.
// $${ stands for ${ as it is. The error is Errors; the template is nil then.
func (e *Environment) CompileTemplate(src Source, forEach string) (*Template, error) {
	return e.template(src, Scalar, forEach)
}

// CompileValue is CompileTemplate of a text for the kernel, whose parts yield
// whole numbers or texts: for people a double is shortened.
func (e *Environment) CompileValue(src Source) (*Template, error) { return e.template(src, Word, "") }

func (e *Environment) template(src Source, want Kind, forEach string) (*Template, error) {
	runes := []rune(src.Text)
	if len(runes) > maxText {
		return nil, mistake(src.Position, "a text of %d characters; at most %d are allowed", len(runes), maxText)
	}
	t := &Template{}
	var errs Errors
	for rest := runes; len(rest) > 0; {
		text, begin := literalPrefix(rest)
		if text != "" {
			t.parts = append(t.parts, part{text: text})
		}
		if begin == len(rest) {
			break
		}
		base := len(runes) - len(rest) + begin
		length := closingBrace(rest[begin:])
		if length < 0 {
			errs = append(errs, mistake(src.at(base-2), "${ without }; write $${ for the two characters")...)
			break
		}
		at := func(offset int) Position { return src.at(base + offset) }
		p, bad := e.compile(string(rest[begin:begin+length]), at, want, forEach, src.Inputs)
		errs = append(errs, bad...)
		t.parts = append(t.parts, part{program: p})
		rest = rest[begin+length+1:]
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return t, nil
}

// literalPrefix returns the text before the first ${, escapes resolved, and
// where the expression behind it begins; len(text) when there is none.
func literalPrefix(text []rune) (prefix string, begin int) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case hasPrefix(text[i:], "$${"):
			b.WriteString("${")
			i += 2
		case hasPrefix(text[i:], "${"):
			return b.String(), i + 2
		default:
			b.WriteRune(text[i])
		}
	}
	return b.String(), len(text)
}

func hasPrefix(text []rune, prefix string) bool {
	return len(text) >= len(prefix) && string(text[:len(prefix)]) == prefix
}

// closingBrace finds the } that ends an expression: not one in quotes, nor one
// that closes a brace of the expression. It is -1 when there is none.
func closingBrace(text []rune) int {
	depth, quote := 0, rune(0)
	for i := 0; i < len(text); i++ {
		switch r := text[i]; {
		case quote != 0 && r == '\\':
			i++
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == '{':
			depth++
		case r == '}' && depth == 0:
			return i
		case r == '}':
			depth--
		}
	}
	return -1
}

// Eval renders the text for people: ints plain, floats short. Where a part is
// unknown, the text is empty and missing names the facts.
func (t *Template) Eval(a *Activation) (text string, missing []string, err error) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.program == nil {
			b.WriteString(p.text)
			continue
		}
		r := p.program.Eval(a)
		if r.Err != nil {
			return "", nil, r.Err
		}
		missing = append(missing, r.Missing...)
		b.WriteString(render(r.Value))
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return "", slices.Compact(missing), nil
	}
	return b.String(), nil, nil
}

// Inputs lists the inputs that the text reads, as Program.Inputs does.
func (t *Template) Inputs() []string {
	var names []string
	for _, p := range t.parts {
		if p.program != nil {
			names = append(names, p.program.Inputs()...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
