// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"reflect"
	"sync"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// provider knows the types of facts and reads their fields. CEL's own provider
// for Go structs would read a nil pointer as 0 and the field of an unknown as
// garbage.
type provider struct {
	types.Provider                   // of what are no facts
	shapes         map[string]*shape // by CEL type

	mu     sync.Mutex // plans are made lazily, perhaps at the same time
	fields map[fieldKey]*types.FieldType
	lacked []fieldKey // fields that the checker asked for in vain
}

type fieldKey struct{ typ, name string }

func newProvider(base types.Provider, list []shape) *provider {
	p := &provider{Provider: base, shapes: make(map[string]*shape), fields: make(map[fieldKey]*types.FieldType)}
	for i := range list {
		p.shapes[list[i].celType()] = &list[i]
	}
	return p
}

// FindStructType implements types.Provider.
func (p *provider) FindStructType(typ string) (*types.Type, bool) {
	if _, ok := p.shapes[typ]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(typ)), true
	}
	return nil, false
}

// FindStructFieldNames implements types.Provider.
func (p *provider) FindStructFieldNames(typ string) ([]string, bool) {
	s, ok := p.shapes[typ]
	if !ok {
		return nil, false
	}
	names := make([]string, len(s.fields))
	for i, m := range s.fields {
		names[i] = m.name
	}
	return names, true
}

// FindStructFieldType implements types.Provider.
func (p *provider) FindStructFieldType(typ, name string) (*types.FieldType, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := fieldKey{typ, name}
	if f, ok := p.fields[key]; ok {
		return f, true
	}
	s, ok := p.shapes[typ]
	if !ok {
		return nil, false
	}
	for _, m := range s.fields {
		if m.name == name {
			p.fields[key] = s.reader(m)
			return p.fields[key], true
		}
	}
	p.lacked = append(p.lacked, key)
	return nil, false
}

// NewValue implements types.Provider: a fact cannot be made up.
func (p *provider) NewValue(typ string, _ map[string]ref.Val) ref.Val {
	return types.NewErr("%s cannot be made in an expression", typ)
}

// takeLacked returns the fields that were asked for in vain and forgets them.
func (p *provider) takeLacked() []fieldKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	lacked := p.lacked
	p.lacked = nil
	return lacked
}

// reader returns how field m of s is read: unknown when its pointer is nil or
// when there is no struct to read it from.
func (s *shape) reader(m member) *types.FieldType {
	unknown := missing(s.name + "." + m.name)
	read := func(obj any) ref.Val {
		if o, ok := obj.(*object); ok && reflect.TypeOf(o.value).Elem() == s.typ {
			return o.field(m.index, unknown)
		}
		return unknown
	}
	return &types.FieldType{
		Type:  celTypeOf(m.typ),
		IsSet: func(obj any) bool { return !types.IsUnknown(read(obj)) },
		GetFrom: func(obj any) (any, error) {
			if u, ok := obj.(*types.Unknown); ok { // an element of an unknown list
				return u, nil
			}
			return read(obj), nil
		},
	}
}

// celTypeOf is the type of a fact, and of what scalar makes of it.
func celTypeOf(t reflect.Type) *types.Type {
	switch t.Kind() {
	case reflect.Bool:
		return types.BoolType
	case reflect.Int64:
		return types.IntType
	case reflect.Float64:
		return types.DoubleType
	case reflect.String:
		return types.StringType
	}
	return types.ErrorType // does not compile, so the test of the vocabulary finds it
}

func scalar(v reflect.Value) ref.Val {
	switch v.Kind() {
	case reflect.Bool:
		return types.Bool(v.Bool())
	case reflect.Int64:
		return types.Int(v.Int())
	case reflect.Float64:
		return types.Double(v.Float())
	case reflect.String:
		return types.String(v.String())
	}
	return types.NewErr("a fact of type %s has no meaning in an expression", v.Type())
}
