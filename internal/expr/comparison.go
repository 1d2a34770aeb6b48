// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"math"

	"cel.dev/cel-go/common/operators"
)

// A relation is how a comparison compares.
type relation uint8

const (
	below relation = iota
	notAbove
	above
	notBelow
	equal
	notEqual
)

func relations() map[string]relation {
	return map[string]relation{
		operators.Less: below, operators.LessEquals: notAbove, operators.Greater: above,
		operators.GreaterEquals: notBelow, operators.Equals: equal, operators.NotEquals: notEqual,
	}
}

// flipped is the relation of the sides when they change places.
func (r relation) flipped() relation {
	switch r {
	case below:
		return above
	case notAbove:
		return notBelow
	case above:
		return below
	case notBelow:
		return notAbove
	}
	return r
}

// opposite is the relation that holds where r does not.
func (r relation) opposite() relation {
	switch r {
	case below:
		return notBelow
	case notAbove:
		return above
	case above:
		return notAbove
	case notBelow:
		return below
	case equal:
		return notEqual
	}
	return equal
}

// A comparison of a part of an expression, known by its text, with a constant.
type comparison struct {
	key      string
	relation relation
	value    any  // bool, int64, float64 or string
	whole    bool // both sides are whole numbers
}

func (c comparison) negated() node {
	c.relation = c.relation.opposite()
	return c
}

// consistent reports whether the comparisons of key can all hold.
func consistent(list []comparison, key string) bool {
	low, high := math.Inf(-1), math.Inf(1)
	var lowOpen, highOpen bool // the bound itself is out
	var is, isNot []any
	for _, c := range list {
		if c.key != key {
			continue
		}
		v, number := asNumber(c.value)
		switch {
		case c.relation == equal:
			is = append(is, c.value)
		case c.relation == notEqual:
			isNot = append(isNot, c.value)
		case !number:
			// The order of texts is not looked at.
		case c.relation == below || c.relation == notAbove:
			v, open := tightened(c, v)
			if v < high || v == high && open {
				high, highOpen = v, open
			}
		default:
			v, open := tightened(c, v)
			if v > low || v == low && open {
				low, lowOpen = v, open
			}
		}
	}
	within := func(v float64) bool { return (v > low || v == low && !lowOpen) && (v < high || v == high && !highOpen) }
	switch {
	case low > high || low == high && (lowOpen || highOpen):
		return false
	case low == high && contains(isNot, low):
		return false
	}
	for _, v := range is {
		if x, number := asNumber(v); number && !within(x) || !equalValues(v, is[0]) || contains(isNot, v) {
			return false
		}
	}
	return !contains(isNot, true) || !contains(isNot, false)
}

// tightened is a bound and whether it is out itself; above 5 is 6 or more of
// whole numbers.
func tightened(c comparison, v float64) (bound float64, open bool) {
	open = c.relation == below || c.relation == above
	if !c.whole {
		return v, open
	}
	switch c.relation {
	case below:
		return math.Ceil(v) - 1, false
	case notAbove:
		return math.Floor(v), false
	case above:
		return math.Floor(v) + 1, false
	}
	return math.Ceil(v), false
}

func contains(list []any, v any) bool {
	for _, element := range list {
		if equalValues(element, v) {
			return true
		}
	}
	return false
}

func equalValues(a, b any) bool {
	x, number := asNumber(a)
	y, alsoNumber := asNumber(b)
	if number && alsoNumber {
		return x == y
	}
	return a == b
}

func asNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
