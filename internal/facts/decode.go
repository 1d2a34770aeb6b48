// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/nearest"
)

// Decode reads the `facts:` mapping of a rule fixture. Its keys are the names
// of the vocabulary (the cel tags), and three more: `sysctl` maps dotted keys to
// live values, `defaults` to what sysctlDefault() gives, `absent` lists keys
// that are known not to exist. `files` cannot
// be given: it follows from `lines`, whose addresses default to file:number.
//
// What is left out stays unknown: a nil pointer or a nil list. Decoding is
// strict: an unknown name, a wrong type, null, an alias and a duplicate are
// mistakes. The error is Mistakes, all of them at once; the facts are nil then.
func Decode(file string, node *yaml.Node) (*Facts, error) {
	if node == nil {
		node = &yaml.Node{}
	}
	d := &decoder{file: file}
	f := &Facts{}
	d.facts(f, node)
	if len(d.mistakes) > 0 {
		return nil, d.mistakes
	}
	return f, nil
}

// A Mistake is one mistake in facts that were given. Lines and columns count
// from 1.
type Mistake struct {
	File         string
	Line, Column int
	Text         string
}

// Error returns "file:line:col: text".
func (m Mistake) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Column, m.Text)
}

// Mistakes are all mistakes of one mapping, as one error.
type Mistakes []Mistake

// Error returns one line for each mistake.
func (ms Mistakes) Error() string {
	lines := make([]string, len(ms))
	for i, m := range ms {
		lines[i] = m.Error()
	}
	return strings.Join(lines, "\n")
}

type decoder struct {
	file     string
	mistakes Mistakes
}

func (d *decoder) errorf(n *yaml.Node, format string, args ...any) {
	d.mistakes = append(d.mistakes, Mistake{d.file, n.Line, n.Column, fmt.Sprintf(format, args...)})
}

func (d *decoder) facts(f *Facts, node *yaml.Node) {
	fields := fieldsByName(reflect.TypeFor[Facts]())
	delete(fields, "files")
	d.mapping(node, "facts", func(key, value *yaml.Node) {
		switch index, ok := fields[key.Value]; {
		case key.Value == "sysctl":
			f.values.values = d.sysctl(key.Value, value)
		case key.Value == "defaults":
			f.values.defaults = d.sysctl(key.Value, value)
		case key.Value == "absent":
			f.values.absent = d.absent(value)
		case key.Value == "files":
			d.errorf(key, "files cannot be given: it follows from lines")
		case ok:
			d.value(reflect.ValueOf(f).Elem().Field(index), value, key.Value)
		default:
			d.unknown(key, "facts", append(names(fields), "sysctl", "defaults", "absent"))
		}
	})
	for _, l := range f.Lines {
		if l.Address == "" {
			l.Address = l.File + ":" + strconv.FormatInt(l.Number, 10)
		}
	}
	if f.Lines != nil {
		f.Files = NewFiles(f.Lines)
	}
	for key := range f.values.absent {
		if _, ok := f.values.values[key]; ok {
			d.errorf(node, "%s is in sysctl and in absent", key)
		}
	}
}

// mapping calls field for each pair of a mapping, once for each key.
func (d *decoder) mapping(n *yaml.Node, name string, field func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.errorf(n, "%s must be a mapping, it is %s", name, kind(n))
		return
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.errorf(key, "a name must be a word, it is %s", kind(key))
		case seen[key.Value]:
			d.errorf(key, "duplicate %q in %s", key.Value, name)
		default:
			seen[key.Value] = true
			field(key, value)
		}
	}
}

// value fills one field of the vocabulary: a scalar, a pointer to a scalar or
// to a struct, or a list of pointers to structs.
func (d *decoder) value(dst reflect.Value, n *yaml.Node, name string) {
	switch {
	case dst.Kind() == reflect.Slice:
		d.list(dst, n, name)
	case dst.Kind() == reflect.Pointer:
		dst.Set(reflect.New(dst.Type().Elem()))
		d.value(dst.Elem(), n, name)
	case dst.Kind() == reflect.Struct:
		fields := fieldsByName(dst.Type())
		d.mapping(n, name, func(key, value *yaml.Node) {
			index, ok := fields[key.Value]
			if !ok {
				d.unknown(key, name, names(fields))
				return
			}
			d.value(dst.Field(index), value, name+"."+key.Value)
		})
	default:
		d.scalar(dst, n, name)
	}
}

func (d *decoder) list(dst reflect.Value, n *yaml.Node, name string) {
	if n.Kind != yaml.SequenceNode {
		d.errorf(n, "%s must be a list, it is %s; an unknown list is left out", name, kind(n))
		return
	}
	dst.Set(reflect.MakeSlice(dst.Type(), len(n.Content), len(n.Content)))
	for i, element := range n.Content {
		d.value(dst.Index(i), element, fmt.Sprintf("%s[%d]", name, i))
	}
}

func (d *decoder) scalar(dst reflect.Value, n *yaml.Node, name string) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		d.errorf(n, "%s must be %s, it is %s; an unknown fact is left out", name, typeName(dst.Kind()), kind(n))
		return
	}
	tag, ok := n.ShortTag(), false
	switch dst.Kind() {
	case reflect.String:
		dst.SetString(n.Value)
		return
	case reflect.Bool:
		var b bool
		if ok = tag == "!!bool" && n.Decode(&b) == nil; ok {
			dst.SetBool(b)
		}
	case reflect.Int64:
		var i int64
		if ok = tag == "!!int" && n.Decode(&i) == nil; ok {
			dst.SetInt(i)
		}
	case reflect.Float64:
		var x float64
		ok = (tag == "!!int" || tag == "!!float") && n.Decode(&x) == nil
		if ok = ok && !math.IsNaN(x) && !math.IsInf(x, 0); ok {
			dst.SetFloat(x)
		}
	}
	if !ok {
		d.errorf(n, "%s must be %s, it is %q", name, typeName(dst.Kind()), n.Value)
	}
}

// sysctl reads values by key, blanks folded as SysctlText promises.
func (d *decoder) sysctl(name string, n *yaml.Node) map[string]string {
	values := make(map[string]string)
	d.mapping(n, name, func(key, value *yaml.Node) {
		if value.Kind != yaml.ScalarNode || value.ShortTag() == "!!null" {
			d.errorf(value, "%s %s must be a value, it is %s; an unknown key is left out", name, key.Value, kind(value))
			return
		}
		values[key.Value] = strings.Join(strings.Fields(value.Value), " ")
	})
	return values
}

func (d *decoder) absent(n *yaml.Node) map[string]bool {
	if n.Kind != yaml.SequenceNode {
		d.errorf(n, "absent must be a list of keys, it is %s", kind(n))
		return nil
	}
	absent := make(map[string]bool)
	for _, key := range n.Content {
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			d.errorf(key, "a key of absent must be a word, it is %s", kind(key))
			continue
		}
		absent[key.Value] = true
	}
	return absent
}

func (d *decoder) unknown(key *yaml.Node, owner string, known []string) {
	if near := nearest.Word(key.Value, known); near != "" {
		d.errorf(key, "unknown fact %q of %s; did you mean %q?", key.Value, owner, near)
		return
	}
	d.errorf(key, "unknown fact %q of %s", key.Value, owner)
}

// fieldsByName maps the names of the vocabulary to field indexes; counters
// have no tag and keep the kernel's name.
func fieldsByName(t reflect.Type) map[string]int {
	fields := make(map[string]int)
	for i := range t.NumField() {
		field := t.Field(i)
		if !field.IsExported() {
			continue
		}
		name := field.Tag.Get("cel")
		if name == "" {
			name = field.Name
		}
		fields[name] = i
	}
	return fields
}

func names(fields map[string]int) []string {
	var list []string
	for name := range fields {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func typeName(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	}
	return "a text"
}

func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias, which is not allowed here"
	case yaml.ScalarNode:
		if n.ShortTag() == "!!null" {
			return "null"
		}
		return strconv.Quote(n.Value)
	}
	return "nothing"
}
