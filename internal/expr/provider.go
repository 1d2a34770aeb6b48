// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"reflect"
	"sync"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// provider reads the fields of facts. It wraps CEL's provider for Go structs,
// which would read a nil pointer as 0 and the field of an unknown as garbage.
type provider struct {
	types.Provider
	shapes map[string]*shape // by CEL type

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
	base, ok := p.Provider.FindStructFieldType(typ, name)
	if !ok {
		p.lacked = append(p.lacked, key)
		return nil, false
	}
	f := s.reader(name, base.Type)
	p.fields[key] = f
	return f, true
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

// reader returns how field name of s is read: unknown when its pointer is nil
// or when its owner is absent.
func (s *shape) reader(name string, typ *types.Type) *types.FieldType {
	unknown := missing(s.name + "." + name)
	index, pointer := s.field(name)
	return &types.FieldType{
		Type: typ,
		IsSet: func(obj any) bool {
			v, ok := s.structOf(obj)
			return ok && (!pointer || !v.Field(index).IsNil())
		},
		GetFrom: func(obj any) (any, error) {
			if u, ok := obj.(*types.Unknown); ok { // an element of an unknown list
				return u, nil
			}
			v, ok := s.structOf(obj)
			if !ok || pointer && v.Field(index).IsNil() {
				return unknown, nil
			}
			if v = v.Field(index); pointer {
				v = v.Elem()
			}
			return scalar(v), nil
		},
	}
}

// field finds a member by its name; the name must be one of them.
func (s *shape) field(name string) (index int, pointer bool) {
	for i := range s.typ.NumField() {
		if f := s.typ.Field(i); f.IsExported() && nameOf(f) == name {
			return i, f.Type.Kind() == reflect.Pointer
		}
	}
	return -1, false
}

// structOf unwraps a *Listener and the like; a nil pointer is none.
func (s *shape) structOf(obj any) (reflect.Value, bool) {
	v := reflect.ValueOf(obj)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Type().Elem() != s.typ {
		return reflect.Value{}, false
	}
	return v.Elem(), true
}

// scalar converts the four types that facts have.
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
