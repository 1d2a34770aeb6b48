// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// missing is the value of a fact that is unknown. It is returned from the
// place where the fact is read and is then an ordinary value of the evaluator;
// cel.PartialVars would make a whole list unknown for one unknown field.
func missing(name string) *types.Unknown {
	return types.NewUnknown(unknownID(name), types.NewAttributeTrail(name))
}

// unknownID gives each name its own id, so that merging two unknowns is a
// union of two maps.
func unknownID(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return int64(h.Sum64())
}

// missingSysctl is the value of fn("key") when the key could not be read.
func missingSysctl(fn, key string) *types.Unknown {
	return missing(fmt.Sprintf("%s(%q)", fn, key))
}

// missingNames lists the facts that made u unknown, sorted, each once.
func missingNames(u *types.Unknown) []string {
	var names []string
	for _, id := range u.IDs() {
		trails, _ := u.GetAttributeTrails(id)
		for _, t := range trails {
			names = append(names, t.Variable())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// absent is a group of facts of which nothing is known. It is not an Unknown,
// because then conntrack.count would be missing as "conntrack", and
// has(conntrack.count) would be unknown. Its value is a nil pointer.
type absent struct {
	typ   *cel.Type
	group any
}

// ConvertToNative implements ref.Val.
func (a absent) ConvertToNative(reflect.Type) (any, error) { return a.group, nil }

// ConvertToType implements ref.Val.
func (a absent) ConvertToType(ref.Type) ref.Val { return a }

// Equal implements ref.Val.
func (a absent) Equal(other ref.Val) ref.Val { return types.MaybeNoSuchOverloadErr(other) }

// Type implements ref.Val.
func (a absent) Type() ref.Type { return a.typ }

// Value implements ref.Val.
func (a absent) Value() any { return a.group }
