// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"encoding/binary"
	"errors"
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	exprpb "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
	"google.golang.org/protobuf/proto"
)

// The built-in expressions are stored as checked syntax trees, because parsing
// costs ten times as much as loading. The form is private to this package and
// to one version of it: whoever stores it tests that it is up to date.
//
//	program   'p' kind text tree
//	word      'w' kind text
//	template  't' { 'x' text | 'p' program }
//
// text, tree and program are preceded by their length as a varint.
const (
	programTag  = 'p'
	wordTag     = 'w'
	templateTag = 't'
	textTag     = 'x'
)

var errDamaged = errors.New("damaged data")

// MarshalBinary stores the program; the same program gives the same bytes.
func (p *Program) MarshalBinary() ([]byte, error) {
	if p.word {
		return appendField([]byte{wordTag, byte(p.want)}, []byte(p.text)), nil
	}
	tree := p.ast
	if tree == nil {
		var err error
		if tree, err = encodeChecked(p.checked); err != nil {
			return nil, fmt.Errorf("store %s: %w", p.text, err)
		}
	}
	return appendField(appendField([]byte{programTag, byte(p.want)}, []byte(p.text)), tree), nil
}

// Load makes a program from the bytes of MarshalBinary, without copying them.
// The syntax tree is decoded and planned when it is first evaluated: Prepare
// does it sooner.
func (e *Environment) Load(data []byte, want Kind, forEach string) (*Program, error) {
	if len(data) < 2 || data[0] != programTag && data[0] != wordTag {
		return nil, fmt.Errorf("load program: %w", errDamaged)
	}
	if Kind(data[1]) != want {
		return nil, fmt.Errorf("load program: it yields %s, not %s", Kind(data[1]), want)
	}
	if _, err := e.env(forEach); err != nil {
		return nil, fmt.Errorf("load program: %w", err)
	}
	text, rest, ok := takeField(data[2:])
	p := &Program{env: e, forEach: forEach, want: want, text: string(text), word: data[0] == wordTag}
	if ok && !p.word {
		p.ast, rest, ok = takeField(rest)
	}
	if !ok || len(rest) > 0 {
		return nil, fmt.Errorf("load program: %w", errDamaged)
	}
	return p, nil
}

// Prepare decodes and plans the program now, and says whether that works.
func (p *Program) Prepare() error {
	if p.word {
		return nil
	}
	p.once.Do(p.prepare)
	return p.err
}

// MarshalBinary stores the template; the same template gives the same bytes.
func (t *Template) MarshalBinary() ([]byte, error) {
	data := []byte{templateTag}
	for _, p := range t.parts {
		if p.program == nil {
			data = appendField(append(data, textTag), []byte(p.text))
			continue
		}
		program, err := p.program.MarshalBinary()
		if err != nil {
			return nil, err
		}
		data = appendField(append(data, programTag), program)
	}
	return data, nil
}

// LoadTemplate makes a template from the bytes of MarshalBinary.
func (e *Environment) LoadTemplate(data []byte, forEach string) (*Template, error) {
	if len(data) == 0 || data[0] != templateTag {
		return nil, fmt.Errorf("load template: %w", errDamaged)
	}
	t := &Template{}
	for rest := data[1:]; len(rest) > 0; {
		tag := rest[0]
		field, next, ok := takeField(rest[1:])
		switch {
		case !ok || tag != textTag && tag != programTag:
			return nil, fmt.Errorf("load template: %w", errDamaged)
		case tag == textTag:
			t.parts = append(t.parts, part{text: string(field)})
		default:
			p, err := e.Load(field, Scalar, forEach)
			if err != nil {
				return nil, fmt.Errorf("load template: %w", err)
			}
			t.parts = append(t.parts, part{program: p})
		}
		rest = next
	}
	return t, nil
}

func appendField(data, field []byte) []byte {
	return append(binary.AppendUvarint(data, uint64(len(field))), field...)
}

func takeField(data []byte) (field, rest []byte, ok bool) {
	n, size := binary.Uvarint(data)
	if size <= 0 || n > uint64(len(data)-size) {
		return nil, nil, false
	}
	end := size + int(n)
	return data[size:end:end], data[end:], true
}

// encodeChecked stores a checked tree without what the planner does not read:
// the source, and all types but those of objects whose field is selected.
func encodeChecked(checked *cel.Ast) ([]byte, error) {
	pb, err := cel.AstToCheckedExpr(checked)
	if err != nil {
		return nil, err
	}
	pb.SourceInfo = nil
	needed := make(map[int64]bool)
	ast.PreOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		switch x.Kind() {
		case ast.SelectKind:
			needed[x.AsSelect().Operand().ID()] = true
		case ast.CallKind:
			if call := x.AsCall(); call.IsMemberFunction() {
				needed[call.Target().ID()] = true
			} else if len(call.Args()) > 0 {
				needed[call.Args()[0].ID()] = true
			}
		}
	}))
	for id, typ := range pb.TypeMap {
		if !needed[id] || typ.GetMessageType() == "" && typ.GetAbstractType() == nil {
			delete(pb.TypeMap, id)
		}
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(pb)
}

func decodeChecked(data []byte) (*cel.Ast, error) {
	var pb exprpb.CheckedExpr
	if err := proto.Unmarshal(data, &pb); err != nil {
		return nil, err
	}
	return cel.CheckedExprToAstWithSource(&pb, nil)
}
