// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"math"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Kind says what an expression must yield.
type Kind uint8

// The kinds of results.
const (
	Bool   Kind = iota + 1
	Int         // int64
	Number      // int64 or float64
	String
	Scalar // any of bool, int64, float64, string
	Word   // int64 or string
)

// String names the kind as an error message does.
func (k Kind) String() string {
	switch k {
	case Bool:
		return "bool"
	case Int:
		return "int"
	case Number:
		return "a number"
	case String:
		return "string"
	case Scalar:
		return "bool, int, double or string"
	case Word:
		return "int or string (ceil(x) and int(x) make an int of a double)"
	}
	return "no kind"
}

// admits reports whether a result of type t is of the kind.
func (k Kind) admits(t ref.Type) bool {
	switch name := t.TypeName(); k {
	case Bool:
		return name == cel.BoolType.TypeName()
	case Int:
		return name == cel.IntType.TypeName()
	case Number:
		return Int.admits(t) || name == cel.DoubleType.TypeName()
	case String:
		return name == cel.StringType.TypeName()
	case Scalar:
		return Bool.admits(t) || Number.admits(t) || String.admits(t)
	case Word:
		return Int.admits(t) || String.admits(t)
	}
	return false
}

// native converts the result v of an evaluation; false when it is not of the
// kind or no finite number.
func (k Kind) native(v ref.Val) (any, bool) {
	if v == nil || !k.admits(v.Type()) {
		return nil, false
	}
	if x, ok := v.(types.Double); ok && (math.IsNaN(float64(x)) || math.IsInf(float64(x), 0)) {
		return nil, false
	}
	return v.Value(), true
}
