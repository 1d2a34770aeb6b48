// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"reflect"
	"sync"

	"github.com/tcptune/tcptune/internal/facts"
)

// shape is one top-level name of the vocabulary: a group of facts
// (`sockets`), or a list of elements with facts (`listeners`).
type shape struct {
	name   string
	doc    string
	index  int          // of the field in facts.Facts
	list   bool         // a slice of pointers to typ
	typ    reflect.Type // the struct
	fields []member
}

// member is one fact of a group or of a list's elements.
type member struct {
	name    string
	doc     string
	index   int          // of the field in the struct
	typ     reflect.Type // bool, int64, float64, string
	pointer bool         // may be unknown in a known group
}

// shapes is the vocabulary. It is the same for every window, so it is read once.
var shapes = sync.OnceValue(readShapes)

// readShapes reads the vocabulary from the tags of facts.Facts, in order.
func readShapes() []shape {
	var list []shape
	root := reflect.TypeFor[facts.Facts]()
	for i := range root.NumField() {
		field := root.Field(i)
		if !field.IsExported() {
			continue
		}
		s := shape{name: nameOf(field), doc: field.Tag.Get("doc"), index: i, typ: field.Type}
		if s.list = s.typ.Kind() == reflect.Slice; s.list {
			s.typ = s.typ.Elem()
		}
		s.typ = s.typ.Elem()
		for j := range s.typ.NumField() {
			f := s.typ.Field(j)
			if !f.IsExported() {
				continue
			}
			m := member{name: nameOf(f), doc: f.Tag.Get("doc"), index: j, typ: f.Type}
			if m.pointer = m.typ.Kind() == reflect.Pointer; m.pointer {
				m.typ = m.typ.Elem()
			}
			s.fields = append(s.fields, m)
		}
		list = append(list, s)
	}
	return list
}

// celType is the name under which CEL knows the struct; it is never written in
// an expression.
func (s *shape) celType() string { return "facts." + s.typ.Name() }

// nameOf is the `cel` tag; counters have none and keep the kernel's name.
func nameOf(f reflect.StructField) string {
	if name := f.Tag.Get("cel"); name != "" {
		return name
	}
	return f.Name
}
