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
type object struct {
	typ   *types.Type
	value any // pointer to a struct of package facts
}

// ConvertToNative implements ref.Val.
func (o object) ConvertToNative(t reflect.Type) (any, error) {
	if reflect.TypeOf(o.value) == t {
		return o.value, nil
	}
	return nil, fmt.Errorf("convert %s to %v: not supported", o.typ.TypeName(), t)
}

// ConvertToType implements ref.Val.
func (o object) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("%s is no %s", o.typ.TypeName(), t.TypeName())
}

// Equal implements ref.Val; objects are never compared by an expression.
func (o object) Equal(other ref.Val) ref.Val {
	p, ok := other.(object)
	return types.Bool(ok && o.value == p.value)
}

// Type implements ref.Val.
func (o object) Type() ref.Type { return o.typ }

// Value implements ref.Val.
func (o object) Value() any { return o.value }

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
		return object{typ, v}
	}
	if t.Kind() == reflect.Slice && a.types[t.Elem()] != nil {
		return types.NewDynamicList(a, v)
	}
	return a.Adapter.NativeToValue(v)
}
