// SPDX-License-Identifier: Apache-2.0

package profiles

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/yamlfile"
)

//go:generate go run ./gendocs
//go:embed builtin/*.yaml
var builtin embed.FS

// A Problem is one mistake in a profile file.
type Problem = yamlfile.Problem

// Problems are all the mistakes of one or more profile files, as one error.
type Problems = yamlfile.Problems

// Builtin returns the built-in profiles. env must know the keys of the catalogue.
func Builtin(env *expr.Environment) (*Set, error) {
	entries, err := builtin.ReadDir("builtin")
	if err != nil {
		return nil, fmt.Errorf("load the built-in profiles: %w", err)
	}
	l := newLoader(env, nil)
	for _, e := range entries {
		data, err := builtin.ReadFile("builtin/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("load the built-in profiles: %w", err)
		}
		l.add("builtin/"+e.Name(), data)
	}
	return l.load()
}

// LoadDir returns the profiles of s and those of every *.yaml file of a
// directory, not of those below it. They can inherit any of them and replace
// none. On mistakes the error is Problems, with those of all files. When the
// caller is root, the directory and its files must be root's: see
// yamlfile.UntrustedError.
func (s *Set) LoadDir(env *expr.Environment, dir string) (*Set, error) {
	return s.loadDir(env, dir, yamlfile.Store{Noun: "profile", EUID: os.Geteuid()})
}

func (s *Set) loadDir(env *expr.Environment, dir string, store yamlfile.Store) (*Set, error) {
	names, err := store.Names(dir)
	if err != nil {
		return nil, err
	}
	l := newLoader(env, s)
	for _, name := range names {
		data, err := store.Read(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		l.add(filepath.Join(dir, name), data)
	}
	return l.load()
}

// Parse reads and compiles one profile file that may inherit a profile of s. The
// error is Problems: all mistakes that were found.
func (s *Set) Parse(env *expr.Environment, file string, data []byte) (*Profile, error) {
	l := newLoader(env, s)
	l.add(file, data)
	set, err := l.load()
	if err != nil {
		return nil, err
	}
	return set.profiles[nameOf(file)], nil
}

// A loader compiles files in the order in which they inherit one another.
type loader struct {
	env      *expr.Environment
	files    map[string]file // by profile name
	done     map[string]*Profile
	open     map[string]bool // begun: a profile that is met again inherits itself
	problems Problems
}

type file struct {
	path string
	data []byte
}

func newLoader(env *expr.Environment, known *Set) *loader {
	l := &loader{env: env, files: make(map[string]file), done: make(map[string]*Profile), open: make(map[string]bool)}
	if known != nil {
		maps.Copy(l.done, known.profiles)
	}
	return l
}

// nameOf is the profile name that a file must have.
func nameOf(path string) string {
	base := filepath.Base(path)
	return base[:len(base)-len(filepath.Ext(base))]
}

func (l *loader) add(path string, data []byte) {
	name := nameOf(path)
	if _, taken := l.done[name]; taken {
		l.problems = append(l.problems, Problem{File: path, Text: fmt.Sprintf("a profile %q is there already; a profile cannot replace another one, but inherit it under a name of its own", name)})
		return
	}
	l.files[name] = file{path, data}
}

func (l *loader) load() (*Set, error) {
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		if _, ok := l.done[name]; !ok {
			l.compile(name)
		}
	}
	if err := l.problems.Err(); err != nil {
		return nil, err
	}
	return &Set{l.done}, nil
}

// compile makes the profile of a file; nil where it has problems.
func (l *loader) compile(name string) *Profile {
	l.open[name] = true
	p := &parser{env: l.env, parent: l.parent}
	profile, err := p.parse(l.files[name].path, l.files[name].data)
	if found, ok := errors.AsType[Problems](err); ok {
		l.problems = append(l.problems, found...)
	}
	l.done[name] = profile
	return profile
}

func (l *loader) parent(name string) (*Profile, error) {
	if p, ok := l.done[name]; ok {
		return p, nil
	}
	if l.open[name] {
		return nil, fmt.Errorf("profile %q inherits itself", name)
	}
	if _, ok := l.files[name]; ok {
		return l.compile(name), nil
	}
	known := slices.Sorted(maps.Keys(l.done))
	for other := range l.files {
		known = append(known, other)
	}
	return nil, fmt.Errorf("no profile is named %q%s", name, yamlfile.DidYouMean(name, known))
}
