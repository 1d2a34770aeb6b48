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
	names map[string]ref.Val
	lists map[string][]ref.Val // known lists only
	it    ref.Val              // nil where there is none

	functions map[string]cel.LateBoundFunction
	sysctls   map[string]map[string]ref.Val // what a function said, by its name and the key
	inputs    map[string]Result
}

// NewActivation binds f. A group or list that f does not have is unknown; nil
// is a host of which nothing is known.
func NewActivation(f *facts.Facts) *Activation {
	if f == nil {
		f = &facts.Facts{}
	}
	a := &Activation{facts: f, names: make(map[string]ref.Val), lists: make(map[string][]ref.Val), sysctls: make(map[string]map[string]ref.Val)}
	a.functions = map[string]cel.LateBoundFunction{
		"sysctl": a.sysctl, "sysctlAt": a.sysctlAt, "sysctlText": a.sysctlText, "sysctlExists": a.sysctlExists,
		"sysctlDefault": a.sysctlDefault, "sysctlDefaultAt": a.sysctlDefaultAt,
		"input": a.input("input"), "inputText": a.input("inputText"),
	}
	root := reflect.ValueOf(f).Elem()
	for _, s := range shapes() {
		typ, v := types.NewObjectType(s.celType()), root.Field(s.index)
		switch {
		case s.list && v.IsNil():
			a.names[s.name] = missing(s.name)
		case s.list:
			elements := make([]ref.Val, v.Len())
			for i := range elements {
				elements[i] = newObject(typ, v.Index(i).Interface())
			}
			a.names[s.name], a.lists[s.name] = types.NewRefValList(types.DefaultTypeAdapter, elements), elements
		default: // a nil pointer, too: its fields are unknown
			a.names[s.name] = newObject(typ, v.Interface())
		}
	}
	return a
}

// Each returns how many elements a list has, or the list's name when it is
// unknown. An unknown list is not an empty one.
func (a *Activation) Each(list string) (n int, missing []string) {
	elements, ok := a.lists[list]
	if !ok {
		return 0, []string{list}
	}
	return len(elements), nil
}

// Select makes element i of a list the value of `it`; out of range, and for an
// unknown list, `it` has no value.
func (a *Activation) Select(list string, i int) {
	a.it = nil
	if elements := a.lists[list]; i >= 0 && i < len(elements) {
		a.it = elements[i]
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
	fn, ok := a.functions[name]
	return fn, ok
}

func (a *Activation) sysctl(_ string, args ...ref.Val) ref.Val {
	return a.ask("sysctl", args[0], func(key string) (ref.Val, bool) {
		n, ok := a.facts.Sysctl(key, 0)
		return types.Int(n), ok
	})
}

func (a *Activation) sysctlAt(_ string, args ...ref.Val) ref.Val {
	key, index := string(args[0].(types.String)), int(args[1].(types.Int))
	if n, ok := a.facts.Sysctl(key, index); ok {
		return types.Int(n)
	}
	return missing(fmt.Sprintf("sysctlAt(%q, %d)", key, index))
}

func (a *Activation) sysctlText(_ string, args ...ref.Val) ref.Val {
	return a.ask("sysctlText", args[0], func(key string) (ref.Val, bool) {
		text, ok := a.facts.SysctlText(key)
		return types.String(text), ok
	})
}

func (a *Activation) sysctlDefault(_ string, args ...ref.Val) ref.Val {
	return a.ask("sysctlDefault", args[0], func(key string) (ref.Val, bool) {
		n, ok := a.facts.SysctlDefault(key, 0)
		return types.Int(n), ok
	})
}

func (a *Activation) sysctlDefaultAt(_ string, args ...ref.Val) ref.Val {
	key, index := string(args[0].(types.String)), int(args[1].(types.Int))
	if n, ok := a.facts.SysctlDefault(key, index); ok {
		return types.Int(n)
	}
	return missing(fmt.Sprintf("sysctlDefaultAt(%q, %d)", key, index))
}

func (a *Activation) sysctlExists(_ string, args ...ref.Val) ref.Val {
	return a.ask("sysctlExists", args[0], func(key string) (ref.Val, bool) {
		exists, known := a.facts.SysctlExists(key)
		return types.Bool(exists), known
	})
}

// ask remembers what a function says about a key: rules with a list ask again
// for each element.
func (a *Activation) ask(function string, arg ref.Val, read func(key string) (ref.Val, bool)) ref.Val {
	key := string(arg.(types.String))
	v, known := a.sysctls[function][key]
	if !known {
		if v, known = read(key); !known {
			v = missingSysctl(function, key)
		}
		if a.sysctls[function] == nil {
			a.sysctls[function] = make(map[string]ref.Val)
		}
		a.sysctls[function][key] = v
	}
	return v
}
