// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"fmt"
	"hash/fnv"
	"slices"

	"cel.dev/cel-go/common/types"
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
