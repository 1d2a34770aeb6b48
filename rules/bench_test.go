// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/facts"
)

// fullWindow knows every fact, with n elements in each list, and a value and
// a default for every sysctl key.
func fullWindow(t testing.TB, n int) *facts.Facts {
	t.Helper()
	values := ""
	for _, key := range catalogueKeys() {
		values += fmt.Sprintf("  %q: 1 2 3\n", key)
	}
	f := decodeFacts(t, "sysctl:\n"+values+"defaults:\n"+values)
	root := reflect.ValueOf(f).Elem()
	for i := range root.NumField() {
		if !root.Type().Field(i).IsExported() {
			continue
		}
		field := root.Field(i)
		switch {
		case field.Kind() == reflect.Slice:
			field.Set(reflect.MakeSlice(field.Type(), n, n))
			for j := range n {
				field.Index(j).Set(filled(field.Type().Elem().Elem(), j))
			}
		default:
			field.Set(filled(field.Type().Elem(), i))
		}
	}
	f.Kernel.Release = "6.18.44"
	f.Files = facts.NewFiles(f.Lines)
	return f
}

// filled makes a struct whose every field is known and depends on seed.
func filled(typ reflect.Type, seed int) reflect.Value {
	p := reflect.New(typ)
	for i := range typ.NumField() {
		field := p.Elem().Field(i)
		if !field.CanSet() {
			continue
		}
		if field.Kind() == reflect.Pointer {
			field.Set(reflect.New(field.Type().Elem()))
			field = field.Elem()
		}
		switch field.Kind() {
		case reflect.Bool:
			field.SetBool((seed+i)%2 == 0)
		case reflect.Int64:
			field.SetInt(int64((seed + 1) * (i + 1)))
		case reflect.Float64:
			field.SetFloat(float64((seed+1)*(i+1)) / 3)
		case reflect.String:
			field.SetString(fmt.Sprintf("name%d.%d", seed, i))
		}
	}
	return p
}

// TestBuiltinCost bounds what one evaluation of one built-in expression may
// cost on a large host, in CEL's units (about one for each operation): a loop
// over a list is fine, a loop in a loop is not.
func TestBuiltinCost(t *testing.T) {
	const elements, limit = 1000, 100 * 1000
	env, err := expr.New(catalogueKeys(), expr.CostLimit(limit))
	if err != nil {
		t.Fatal(err)
	}
	set, err := loadDir(env, "builtin", anyone)
	if err != nil {
		t.Fatal(err)
	}
	results, faults := set.evaluate(fullWindow(t, elements), Options{})
	for _, fault := range faults {
		t.Error(fault)
	}
	for _, s := range results.Skipped {
		t.Errorf("%s is skipped though everything is known: missing %v, fault %q", s.Rule, s.Missing, s.Fault)
	}
}

// BenchmarkLoad is what every start of the program pays; the budget is 10 ms.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		env, err := expr.New(nil)
		if err != nil {
			b.Fatal(err)
		}
		set, err := Builtin(env)
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range set.Rules {
			if err := r.When.Prepare(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkEvaluate judges one window of a busy host; the budget is 5 ms.
func BenchmarkEvaluate(b *testing.B) {
	set := builtin(b)
	f := fullWindow(b, 50)
	for b.Loop() {
		set.Evaluate(f, Options{})
	}
}

// BenchmarkEvaluateUnknown judges a host of which nothing is known.
func BenchmarkEvaluateUnknown(b *testing.B) {
	set := builtin(b)
	for b.Loop() {
		set.Evaluate(nil, Options{})
	}
}
