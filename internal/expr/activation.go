// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/tcptune/tcptune/internal/facts"
)

// Activation binds the names of expressions to the facts of one window. It is
// for one goroutine at a time, because Select changes what `it` is.
type Activation struct {
	facts *facts.Facts
	names map[string]any
	lists map[string]reflect.Value // known lists only
	it    any

	inputs map[string]Result
}

// NewActivation binds f. A group or list that f does not have is unknown; nil
// is a host of which nothing is known.
func NewActivation(f *facts.Facts) *Activation {
	if f == nil {
		f = &facts.Facts{}
	}
	a := &Activation{facts: f, names: make(map[string]any), lists: make(map[string]reflect.Value)}
	root := reflect.ValueOf(f).Elem()
	for i := range root.NumField() {
		field := root.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		name, v := nameOf(field), root.Field(i)
		switch {
		case v.Kind() == reflect.Slice && v.IsNil():
			a.names[name] = missing(name)
		case v.Kind() == reflect.Slice:
			a.names[name], a.lists[name] = v.Interface(), v
		default: // a nil pointer, too: its fields are unknown
			a.names[name] = v.Interface()
		}
	}
	return a
}

// Each returns how many elements a list has, or the list's name when it is
// unknown. An unknown list is not an empty one.
func (a *Activation) Each(list string) (n int, missing []string) {
	v, ok := a.lists[list]
	if !ok {
		return 0, []string{list}
	}
	return v.Len(), nil
}

// Select makes element i of a list the value of `it`; out of range, and for an
// unknown list, `it` has no value.
func (a *Activation) Select(list string, i int) {
	a.it = nil
	if v, ok := a.lists[list]; ok && i >= 0 && i < v.Len() {
		a.it = v.Index(i).Interface()
	}
}

// ResolveName implements cel.Activation.
func (a *Activation) ResolveName(name string) (any, bool) {
	if name == itName {
		return a.it, a.it != nil
	}
	v, ok := a.names[name]
	return v, ok
}

// Parent implements cel.Activation.
func (a *Activation) Parent() cel.Activation { return nil }

// ResolveFunction implements cel.FunctionActivation: these functions depend on
// the host, so they are bound for each evaluation.
func (a *Activation) ResolveFunction(name string) (cel.LateBoundFunction, bool) {
	switch name {
	case "sysctl":
		return a.sysctl, true
	case "sysctlAt":
		return a.sysctlAt, true
	case "sysctlText":
		return a.sysctlText, true
	case "sysctlExists":
		return a.sysctlExists, true
	case "input", "inputText":
		return a.input(name), true
	}
	return nil, false
}

func (a *Activation) sysctl(_ string, args ...ref.Val) ref.Val {
	key := string(args[0].(types.String))
	if n, ok := a.facts.Sysctl(key, 0); ok {
		return types.Int(n)
	}
	return missingSysctl("sysctl", key)
}

func (a *Activation) sysctlAt(_ string, args ...ref.Val) ref.Val {
	key, index := string(args[0].(types.String)), int(args[1].(types.Int))
	if n, ok := a.facts.Sysctl(key, index); ok {
		return types.Int(n)
	}
	return missing(fmt.Sprintf("sysctlAt(%q, %d)", key, index))
}

func (a *Activation) sysctlText(_ string, args ...ref.Val) ref.Val {
	key := string(args[0].(types.String))
	if s, ok := a.facts.SysctlText(key); ok {
		return types.String(s)
	}
	return missingSysctl("sysctlText", key)
}

func (a *Activation) sysctlExists(_ string, args ...ref.Val) ref.Val {
	key := string(args[0].(types.String))
	if exists, known := a.facts.SysctlExists(key); known {
		return types.Bool(exists)
	}
	return missingSysctl("sysctlExists", key)
}
