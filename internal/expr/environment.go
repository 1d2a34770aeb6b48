// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

const (
	// itName is the element that for_each is at.
	itName = "it"
	// maxText bounds one expression and one template, in characters; the longest
	// built-in condition has a few hundred.
	maxText = 10_000
	// maxNodes bounds the syntax tree of one expression.
	maxNodes = 2_000
)

// Environment compiles and loads expressions. It may be used by several
// goroutines; they compile one at a time.
type Environment struct {
	base      *cel.Env
	provider  *provider
	shapes    []shape
	keys      []string
	costLimit uint64

	mu    sync.Mutex          // one compilation at a time
	envs  map[string]*cel.Env // by for_each list, made when needed
	envMu sync.Mutex
}

// Option changes how an Environment evaluates.
type Option func(*Environment)

// CostLimit stops the evaluation of an expression with an error when it costs
// more than n of CEL's units, about one for each operation. It makes every
// evaluation more than twice as slow, so it is for packs from strangers; what
// the built-in rules cost is bounded by a test.
func CostLimit(n uint64) Option {
	return func(e *Environment) { e.costLimit = n }
}

// New makes an environment. keys are the dotted sysctl keys that sysctl() and
// the like may name; a `*` in a key stands for any interface name.
func New(keys []string, options ...Option) (*Environment, error) {
	e := &Environment{shapes: shapes(), keys: slices.Clone(keys), envs: make(map[string]*cel.Env)}
	for _, option := range options {
		option(e)
	}
	env, err := cel.NewCustomEnv(e.options()...)
	if err != nil {
		return nil, fmt.Errorf("set up the expression language: %w", err)
	}
	e.base = env
	return e, nil
}

func (e *Environment) options() []cel.EnvOption {
	values := newAdapter(types.DefaultTypeAdapter, e.shapes)
	opts := []cel.EnvOption{
		standard(),
		cel.CrossTypeNumericComparisons(true),
		cel.EnableMacroCallTracking(), // to print and to place an exists()
		cel.ParserExpressionSizeLimit(maxText),
		cel.ExpressionNodeLimit(maxNodes),
		func(env *cel.Env) (*cel.Env, error) {
			e.provider = newProvider(env.CELTypeProvider(), e.shapes)
			return cel.CustomTypeProvider(e.provider)(env)
		},
		cel.CustomTypeAdapter(values),
	}
	for _, f := range append(hostFunctions(values), numberFunctions()...) {
		opts = append(opts, cel.Function(f.name, f.opts...))
	}
	opts = append(opts, declareOperators()...)
	for i := range e.shapes {
		opts = append(opts, cel.Variable(e.shapes[i].name, e.shapes[i].variable()))
	}
	return opts
}

// variable is the type of the name: an object, or a list of objects.
func (s *shape) variable() *cel.Type {
	object := cel.ObjectType(s.celType())
	if s.list {
		return cel.ListType(object)
	}
	return object
}

// Lists returns the names that for_each may have, sorted.
func (e *Environment) Lists() []string {
	var names []string
	for i := range e.shapes {
		if e.shapes[i].list {
			names = append(names, e.shapes[i].name)
		}
	}
	slices.Sort(names)
	return names
}

// env returns the CEL environment in which `it` is an element of list; without
// a list there is no `it`.
func (e *Environment) env(list string) (*cel.Env, error) {
	if list == "" {
		return e.base, nil
	}
	e.envMu.Lock()
	defer e.envMu.Unlock()
	if env, ok := e.envs[list]; ok {
		return env, nil
	}
	i := slices.IndexFunc(e.shapes, func(s shape) bool { return s.list && s.name == list })
	if i < 0 {
		lists := e.Lists()
		if hint := didYouMean(list, lists); hint != "" {
			return nil, fmt.Errorf("%q is not a list of facts%s", list, hint)
		}
		return nil, fmt.Errorf("%q is not a list of facts; it must be one of %s", list, strings.Join(lists, ", "))
	}
	env, err := e.base.Extend(cel.Variable(itName, cel.ObjectType(e.shapes[i].celType())))
	if err != nil {
		return nil, fmt.Errorf("declare %s of %s: %w", itName, list, err)
	}
	e.envs[list] = env
	return env, nil
}
