// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"reflect"
	"strings"
)

// NeedsWindow reports whether a fact is known only where two snapshots were
// compared. The name is that of a missing fact, such as "rate.ListenDrops" or
// "listeners.drops".
func NeedsWindow(name string) bool {
	group, field, _ := strings.Cut(name, ".")
	g, ok := fieldNamed(reflect.TypeFor[Facts](), group)
	if !ok {
		return false
	}
	if g.Tag.Get("window") != "" {
		return true
	}
	t := g.Type
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	f, ok := fieldNamed(t, field)
	return ok && f.Tag.Get("window") != ""
}

// fieldNamed finds the field of a struct that has a name in the vocabulary.
func fieldNamed(t reflect.Type, name string) (reflect.StructField, bool) {
	if t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			if f := t.Field(i); f.Tag.Get("cel") == name {
				return f, true
			}
		}
	}
	return reflect.StructField{}, false
}
