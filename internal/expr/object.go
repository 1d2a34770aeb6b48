// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// object is a group of facts or an element of a list, as CEL handles it. A
// group of which nothing is known is an object around a nil pointer, not an
// unknown: then conntrack.count would be missing as "conntrack", and
// has(conntrack.count) would be unknown. Only the provider reads its fields.
//
// An object belongs to one Activation, as it remembers what was read: many
// rules ask for the same few fields of the same elements.
type object struct {
	typ    *types.Type
	value  any       // pointer to a struct of package facts
	fields []ref.Val // those that were read, by the index of the struct's field
}

func newObject(typ *types.Type, value any) *object { return &object{typ: typ, value: value} }

// field reads field i, of which unknown is the value where nothing is known.
func (o *object) field(i int, unknown ref.Val) ref.Val {
	if o.fields == nil {
		o.fields = make([]ref.Val, reflect.TypeOf(o.value).Elem().NumField())
	}
	if o.fields[i] == nil {
		o.fields[i] = unknown
		if s := reflect.ValueOf(o.value); !s.IsNil() {
			if v := s.Elem().Field(i); v.Kind() != reflect.Pointer || !v.IsNil() {
				o.fields[i] = scalar(reflect.Indirect(v))
			}
		}
	}
	return o.fields[i]
}

// ConvertToNative implements ref.Val.
func (o *object) ConvertToNative(t reflect.Type) (any, error) {
	if reflect.TypeOf(o.value) == t {
		return o.value, nil
	}
	return nil, fmt.Errorf("convert %s to %v: not supported", o.typ.TypeName(), t)
}

// ConvertToType implements ref.Val.
func (o *object) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("%s is no %s", o.typ.TypeName(), t.TypeName())
}

// Equal implements ref.Val; objects are never compared by an expression.
func (o *object) Equal(other ref.Val) ref.Val {
	p, ok := other.(*object)
	return types.Bool(ok && o.value == p.value)
}

// Type implements ref.Val.
func (o *object) Type() ref.Type { return o.typ }

// Value implements ref.Val: what the provider's readers get.
func (o *object) Value() any { return o }

// valueOf returns the facts of an object.
func valueOf[T any](v ref.Val) (T, bool) {
	if o, ok := v.(*object); ok {
		facts, ok := o.value.(T)
		return facts, ok
	}
	var none T
	return none, false
}

// adapter makes objects of pointers to facts, and lists of slices of them.
type adapter struct {
	types.Adapter
	types map[reflect.Type]*types.Type // by pointer type
}

func newAdapter(base types.Adapter, list []shape) adapter {
	a := adapter{base, make(map[reflect.Type]*types.Type)}
	for _, s := range list {
		a.types[reflect.PointerTo(s.typ)] = types.NewObjectType(s.celType())
	}
	return a
}

// NativeToValue implements types.Adapter.
func (a adapter) NativeToValue(v any) ref.Val {
	if _, ok := v.(ref.Val); ok || v == nil {
		return a.Adapter.NativeToValue(v)
	}
	t := reflect.TypeOf(v)
	if typ, ok := a.types[t]; ok {
		return newObject(typ, v)
	}
	if t.Kind() == reflect.Slice && a.types[t.Elem()] != nil {
		return types.NewDynamicList(a, v)
	}
	return a.Adapter.NativeToValue(v)
}
