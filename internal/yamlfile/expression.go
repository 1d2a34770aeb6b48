// SPDX-License-Identifier: Apache-2.0

package yamlfile

import (
	"errors"

	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/expr"
)

// Note notes what the compiler of an expression in n said, under its own
// positions; nothing where err is nil.
func (r *Reader) Note(n *yaml.Node, err error) {
	list, ok := errors.AsType[expr.Errors](err)
	if err != nil && !ok {
		r.At(n, "%v", err)
	}
	for _, e := range list {
		r.Problems = append(r.Problems, Problem{File: r.File, Line: e.Position.Line, Col: e.Position.Column, Text: e.Message})
	}
}

// Key returns a literal sysctl key that expressions may name too.
func (r *Reader) Key(n *yaml.Node, field string, env *expr.Environment) string {
	key := r.Plain(n, field)
	if key == "" {
		return ""
	}
	if err := env.CheckKey(key); err != nil {
		r.At(n, "%v", err)
	}
	return key
}
