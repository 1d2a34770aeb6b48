// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// CEL's own + - * / == and != refuse int with double, although < does not.
// They are replaced: adding overloads to them is a signature collision.

// declareOperators declares the arithmetic and the equality of this language.
func declareOperators() []cel.EnvOption {
	texts := cel.Overload("add_string", []*cel.Type{cel.StringType, cel.StringType}, cel.StringType)
	list := cel.ListType(cel.TypeParamType("A"))
	lists := cel.Overload("add_list", []*cel.Type{list, list}, list) // map() and filter() need it
	return []cel.EnvOption{
		cel.Function("_+_", append(numeric("add"), texts, lists, cel.SingletonBinaryBinding(add))...),
		cel.Function("_-_", append(numeric("subtract"), cel.SingletonBinaryBinding(subtract))...),
		cel.Function("_*_", append(numeric("multiply"), cel.SingletonBinaryBinding(multiply))...),
		cel.Function("_/_", append(numeric("divide"), cel.SingletonBinaryBinding(divide))...),
		// No binding: the planner knows the two by name and compares int with double.
		cel.Function("_==_", equality("equals")...),
		cel.Function("_!=_", equality("not_equals")...),
	}
}

// signature is one combination of numeric arguments: int when all are int.
type signature struct {
	id     string
	args   []*cel.Type
	result *cel.Type
}

// signatures lists the 2^n combinations of n numeric arguments.
func signatures(name string, n int) []signature {
	list := []signature{{id: name, result: cel.IntType}}
	for range n {
		var next []signature
		for _, s := range list {
			args := s.args[:len(s.args):len(s.args)]
			next = append(next,
				signature{s.id + "_int", append(args, cel.IntType), s.result},
				signature{s.id + "_double", append(args, cel.DoubleType), cel.DoubleType})
		}
		list = next
	}
	return list
}

func numeric(name string) []cel.FunctionOpt {
	var opts []cel.FunctionOpt
	for _, s := range signatures(name, 2) {
		opts = append(opts, cel.Overload(s.id, s.args, s.result))
	}
	return opts
}

func equality(name string) []cel.FunctionOpt {
	var opts []cel.FunctionOpt
	for _, s := range signatures(name, 2) {
		opts = append(opts, cel.Overload(s.id, s.args, cel.BoolType))
	}
	return append(opts,
		cel.Overload(name+"_string", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType),
		cel.Overload(name+"_bool", []*cel.Type{cel.BoolType, cel.BoolType}, cel.BoolType))
}

func add(x, y ref.Val) ref.Val {
	if a, b, ok := doubles(x, y); ok {
		return a + b
	}
	if a, ok := x.(traits.Adder); ok {
		return a.Add(y)
	}
	return types.MaybeNoSuchOverloadErr(x)
}

func subtract(x, y ref.Val) ref.Val {
	if a, b, ok := doubles(x, y); ok {
		return a - b
	}
	if a, ok := x.(traits.Subtractor); ok {
		return a.Subtract(y)
	}
	return types.MaybeNoSuchOverloadErr(x)
}

func multiply(x, y ref.Val) ref.Val {
	if a, b, ok := doubles(x, y); ok {
		return a * b
	}
	if a, ok := x.(traits.Multiplier); ok {
		return a.Multiply(y)
	}
	return types.MaybeNoSuchOverloadErr(x)
}

func divide(x, y ref.Val) ref.Val {
	if a, b, ok := doubles(x, y); ok {
		if b == 0 {
			return types.NewErr("division by zero")
		}
		return a / b
	}
	if a, ok := x.(traits.Divider); ok {
		return a.Divide(y)
	}
	return types.MaybeNoSuchOverloadErr(x)
}

// doubles converts two numbers of which at least one is a double.
func doubles(x, y ref.Val) (a, b types.Double, ok bool) {
	_, xd := x.(types.Double)
	_, yd := y.(types.Double)
	a, xn := double(x)
	b, yn := double(y)
	return a, b, (xd || yd) && xn && yn
}

func double(v ref.Val) (types.Double, bool) {
	switch v := v.(type) {
	case types.Double:
		return v, true
	case types.Int:
		return types.Double(v), true
	}
	return 0, false
}

func least(args ...ref.Val) ref.Val {
	if a, b, ok := doubles(args[0], args[1]); ok {
		return min(a, b)
	}
	return min(args[0].(types.Int), args[1].(types.Int))
}

func greatest(args ...ref.Val) ref.Val {
	if a, b, ok := doubles(args[0], args[1]); ok {
		return max(a, b)
	}
	return max(args[0].(types.Int), args[1].(types.Int))
}

func clamp(args ...ref.Val) ref.Val {
	x, lo, hi := args[0], args[1], args[2]
	if a, b, _ := numbers(lo, hi); a > b {
		return types.NewErr("clamp: the lower bound %v is above the upper bound %v", lo.Value(), hi.Value())
	}
	xi, okx := x.(types.Int)
	loi, oklo := lo.(types.Int)
	hii, okhi := hi.(types.Int)
	if okx && oklo && okhi {
		return min(max(xi, loi), hii)
	}
	xd, _ := double(x)
	l, h, _ := numbers(lo, hi)
	return min(max(xd, l), h)
}

// numbers converts two numbers of any type.
func numbers(x, y ref.Val) (a, b types.Double, ok bool) {
	a, xn := double(x)
	b, yn := double(y)
	return a, b, xn && yn
}

// maxPower is the largest power of two that an int can hold.
const maxPower = 1 << 62

func pow2ceil(v ref.Val) ref.Val {
	x, _ := double(v)
	if i, ok := v.(types.Int); ok && i > maxPower || float64(x) > maxPower || math.IsNaN(float64(x)) {
		return types.NewErr("pow2ceil: no power of two in range for %v", v.Value())
	}
	power := types.Int(1)
	for power < maxPower && less(power, v) {
		power *= 2
	}
	return power
}

func less(power types.Int, v ref.Val) bool {
	if i, ok := v.(types.Int); ok {
		return power < i
	}
	x, _ := double(v)
	return types.Double(power) < x
}

func ceil(v ref.Val) ref.Val {
	x, ok := v.(types.Double)
	if !ok {
		return v
	}
	c := math.Ceil(float64(x))
	if !(math.Abs(c) < 1<<63) {
		return types.NewErr("ceil: %v is out of range", v.Value())
	}
	return types.Int(c)
}

// maxDigits is the precision of a double.
const maxDigits = 15

func round(v, digits ref.Val) ref.Val {
	d := digits.(types.Int)
	if d < 0 || d > maxDigits {
		return types.NewErr("round: %d digits; 0 to %d are allowed", d, maxDigits)
	}
	x, ok := v.(types.Double)
	if !ok {
		return v
	}
	scale := math.Pow10(int(d))
	if r := math.Round(float64(x)*scale) / scale; !math.IsInf(r, 0) {
		return types.Double(r)
	}
	return x
}

func percent(part, whole ref.Val) ref.Val {
	p, w, _ := numbers(part, whole)
	if w == 0 {
		return types.NewErr("division by zero")
	}
	return 100 * p / w
}

// numberAt is one number of a value of a sysctl file.
func numberAt(text, index ref.Val) ref.Val {
	s, _ := text.(types.String)
	i, _ := index.(types.Int)
	fields := strings.Fields(string(s))
	if i < 0 || int(i) >= len(fields) {
		return types.NewErr("no number %d in %q", i, s)
	}
	n, err := strconv.ParseInt(fields[i], 10, 64)
	if err != nil {
		return types.NewErr("no number %d in %q", i, s)
	}
	return types.Int(n)
}

// bytesText renders n bytes with a decimal unit: "4.7 MB" is 4.7 million.
func bytesText(v ref.Val) ref.Val {
	x, _ := double(v)
	n, unit := float64(x), 0
	units := []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	for ; unit < len(units)-1 && math.Abs(n) >= 999.5; unit++ {
		n /= 1000
	}
	digits := 0
	if unit > 0 && math.Abs(n) < 9.95 {
		digits = 1
	}
	return types.String(trimZeros(strconv.FormatFloat(n, 'f', digits, 64)) + " " + units[unit])
}
