// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"encoding/binary"
	"errors"

	"github.com/tcptune/tcptune/internal/expr"
)

// A blob holds a set of compiled rules: texts and checked expressions, each
// with its length before it, in the order of codec.rule. It has no map and no
// time in it, so the same rules give the same bytes. It is read only by the
// binary that it was built into, so it has no versions.

// errBlob is a blob that ends early or goes on too long.
var errBlob = errors.New("the compiled rules are damaged")

// encodeSet writes a set as a blob.
func encodeSet(s *Set) ([]byte, error) {
	c := &codec{}
	c.set(s)
	return c.data, c.err
}

// decodeSet reads a blob; the programs belong to env and are planned when they
// are first used.
func decodeSet(env *expr.Environment, data []byte) (*Set, error) {
	c := &codec{data: data, env: env}
	s := &Set{}
	c.set(s)
	if c.err == nil && len(c.data) > 0 {
		c.err = errBlob
	}
	if c.err != nil {
		return nil, c.err
	}
	return s, nil
}

// A codec writes values to its data or, where env is set, reads them from it.
// One walk over a rule's fields serves both, so the two cannot disagree. What
// it does after an error does not matter, as long as it ends.
type codec struct {
	env     *expr.Environment // nil when writing
	data    []byte            // what was written, or what is left to read
	forEach string            // of the rule at hand
	err     error
}

// stored is an expression or a template.
type stored interface{ MarshalBinary() ([]byte, error) }

func (c *codec) reading() bool { return c.env != nil }

func (c *codec) count(n *int) {
	if !c.reading() {
		c.data = binary.AppendUvarint(c.data, uint64(*n))
		return
	}
	value, size := binary.Uvarint(c.data)
	// Each thing that is counted takes a byte at least.
	if size <= 0 || value > uint64(len(c.data)-size) {
		*n, c.data, c.err = 0, nil, errBlob
		return
	}
	*n, c.data = int(value), c.data[size:]
}

func (c *codec) text(s *string) {
	n := len(*s)
	c.count(&n)
	if !c.reading() {
		c.data = append(c.data, *s...)
		return
	}
	*s, c.data = string(c.data[:n]), c.data[n:]
}

// bytes writes what s is stored as, nothing where it is absent, and returns
// what there is to read.
func (c *codec) bytes(s stored, absent bool) []byte {
	var data []byte
	if !c.reading() && !absent {
		var err error
		if data, err = s.MarshalBinary(); err != nil && c.err == nil {
			c.err = err
		}
	}
	n := len(data)
	c.count(&n)
	if !c.reading() {
		c.data = append(c.data, data...)
		return nil
	}
	data, c.data = c.data[:n:n], c.data[n:]
	return data
}

func (c *codec) program(p **expr.Program, kind expr.Kind) {
	if data := c.bytes(*p, *p == nil); len(data) > 0 && c.err == nil {
		*p, c.err = c.env.Load(data, kind, c.forEach)
	}
}

func (c *codec) template(t *Text) {
	c.text(&t.Source)
	if data := c.bytes(t.template, t.template == nil); len(data) > 0 && c.err == nil {
		t.template, c.err = c.env.LoadTemplate(data, c.forEach)
	}
}

func walkList[T any](c *codec, list *[]T, each func(*T)) {
	n := len(*list)
	c.count(&n)
	if c.reading() && n > 0 {
		*list = make([]T, n)
	}
	for i := range *list {
		each(&(*list)[i])
	}
}

func (c *codec) set(s *Set) {
	c.text(&s.Version)
	c.text(&s.SHA256)
	walkList(c, &s.Rules, func(r **Rule) {
		if c.reading() {
			*r = &Rule{}
		}
		c.rule(*r)
	})
}

func (c *codec) rule(r *Rule) {
	c.text(&r.ID)
	c.text(&r.Category)
	c.text(&r.ForEach)
	c.forEach = r.ForEach
	c.template(&r.Title)
	c.program(&r.When, expr.Bool)
	c.program(&r.Severity, expr.String)
	c.program(&r.Confidence, expr.String)
	c.program(&r.Verdict, expr.String)
	c.text(&r.Scope)
	c.program(&r.Subject, expr.String)
	walkList(c, &r.Evidence, func(m *Measure) {
		c.text(&m.Name)
		c.program(&m.Value, expr.Scalar)
		c.program(&m.Limit, expr.Scalar)
		c.text(&m.Unit)
		c.program(&m.When, expr.Bool)
	})
	walkList(c, &r.Recommend, c.advice)
	c.text(&r.Why)
	walkList(c, &r.Unless, func(g *Guard) {
		c.text(&g.Text)
		c.program(&g.When, expr.Bool)
	})
	walkList(c, &r.Excludes, c.text)
	walkList(c, &r.References, c.text)
	c.text(&r.Proof)
}

func (c *codec) advice(a *Advice) {
	c.text(&a.Kind)
	c.program(&a.When, expr.Bool)
	c.template(&a.Action)
	c.template(&a.Command)
	c.template(&a.Key)
	c.program(&a.Value, expr.Scalar)
	c.template(&a.File)
	c.text(&a.Risk)
	c.template(&a.Effect)
	c.template(&a.Because)
}
