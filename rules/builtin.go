// SPDX-License-Identifier: Apache-2.0

package rules

import (
	_ "embed"
	"fmt"

	"github.com/tcptune/tcptune/internal/expr"
)

// Version is the version of the built-in rules. It is raised with every
// release in which a rule says something else than before.
const Version = "1"

// builtinBlob is builtin/*.yaml, compiled. Compiling them at each start would
// take 50 ms; loading the blob takes less than 10.
//
//go:generate go run ./gendocs
//go:embed builtin.blob
var builtinBlob []byte // never written: a string would be copied at each start

// Builtin returns the built-in rules. The keys of env do not matter: they were
// checked when the rules were compiled.
func Builtin(env *expr.Environment) (*Set, error) {
	s, err := decodeSet(env, builtinBlob)
	if err != nil {
		return nil, fmt.Errorf("load the built-in rules: %w", err)
	}
	return s, nil
}

// CompileBuiltin compiles the rules of dir into what Builtin loads. It is for
// go generate, and for the test that keeps the committed blob from going stale.
func CompileBuiltin(env *expr.Environment, dir string) (*Set, []byte, error) {
	s, err := loadDir(env, dir, anyone)
	if err != nil {
		return nil, nil, err
	}
	s.Version = Version
	data, err := encodeSet(s)
	if err != nil {
		return nil, nil, fmt.Errorf("compile %s: %w", dir, err)
	}
	return s, data, nil
}
