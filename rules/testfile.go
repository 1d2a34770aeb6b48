// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/yamlfile"
)

// testSuffix ends the name of a file with tests of rules. It cannot end that of
// a rule, so both may lie in one directory.
const testSuffix = "_test.yaml"

// A TestFile holds tests of rules.
type TestFile struct {
	Path  string
	Cases []*TestCase
}

// A Tester reads files with tests.
type Tester struct {
	Environment *expr.Environment                  // compiles the rules that a test names by their files
	Builtin     *Set                               // the rules that a test may name by their ids
	Window      func(string) (*facts.Facts, error) // derives the facts of a window that was saved in a file
}

// TestFiles returns the test files that a path means: itself, or those of a
// directory, not of those below it.
func TestFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read tests: %w", err)
	case !info.IsDir():
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("read tests: %w", err)
	}
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), testSuffix) {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("read tests %s: no *%s file in it: %w", path, testSuffix, fs.ErrNotExist)
	}
	return files, nil
}

// Read reads a test file and the rules that it names. On mistakes the error is
// Problems: all that were found, in the rules also.
func (t *Tester) Read(path string) (*TestFile, error) {
	data, err := yamlfile.Store{Noun: "test", EUID: anyone}.Read(path)
	if err != nil {
		return nil, err
	}
	return t.parse(path, data)
}

func (t *Tester) parse(path string, data []byte) (*TestFile, error) {
	r := &testReader{Reader: yamlfile.Reader{File: path}, Tester: t}
	file := &TestFile{Path: path}
	if doc := r.Document(data, "set of tests"); doc != nil {
		fields := r.Fields(doc, "a test file", "rules", "cases")
		r.Require(doc, "the test file", fields, "rules", "cases")
		r.set = r.rules(fields["rules"])
		for _, n := range r.List(fields["cases"], "cases") {
			file.Cases = append(file.Cases, r.testCase(n))
		}
		r.refuseEmpty(fields["cases"], "cases is empty: a file without a case tests nothing")
	}
	if err := r.Problems.Err(); err != nil {
		return nil, err
	}
	return file, nil
}

// A testReader reads one test file.
type testReader struct {
	yamlfile.Reader
	*Tester
	set *Set // the rules that the file names; nil when they are wrong
}

func (r *testReader) refuseEmpty(n *yaml.Node, text string) {
	if n != nil && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.At(n, "%s", text)
	}
}

// rules loads the rules that a list names: files, directories of them, and ids
// of built-in rules.
func (r *testReader) rules(n *yaml.Node) *Set {
	r.refuseEmpty(n, "rules is empty: name a rule file, a directory of them or a built-in rule")
	before := len(r.Problems)
	var list []*Rule
	for _, element := range r.List(n, "rules") {
		if name := r.Plain(element, "rules"); name != "" {
			list = append(list, r.named(element, name)...)
		}
	}
	set, err := NewSet(list)
	if err != nil {
		r.Problems = append(r.Problems, asProblems(r.File, err)...)
	}
	if len(r.Problems) > before {
		return nil
	}
	return set
}

// named returns the rules of one name.
func (r *testReader) named(n *yaml.Node, name string) []*Rule {
	if rule, ok := r.Builtin.Lookup(name); ok {
		return []*Rule{rule}
	}
	path := r.relative(name)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && ruleID.MatchString(name):
		r.At(n, "no built-in rule is named %q%s; the name of a rule file ends in .yaml", name, yamlfile.DidYouMean(name, r.Builtin.IDs()))
		return nil
	case err != nil:
		r.At(n, "read rules: %v", err)
		return nil
	case info.IsDir():
		set, err := loadDir(r.Environment, path, anyone)
		if err != nil {
			r.noteRules(n, err)
			return nil
		}
		return set.Rules
	}
	data, err := readRule(path, anyone)
	if err != nil {
		r.noteRules(n, err)
		return nil
	}
	rule, err := Parse(r.Environment, path, data)
	if err != nil {
		r.noteRules(n, err)
		return nil
	}
	return []*Rule{rule}
}

// noteRules notes what is wrong with rules: mistakes at their places in the rule
// files, all else at n.
func (r *testReader) noteRules(n *yaml.Node, err error) {
	if found, ok := errors.AsType[Problems](err); ok {
		r.Problems = append(r.Problems, found...)
		return
	}
	r.At(n, "%v", err)
}

// relative is a path of a test file, which counts from where that file is.
func (r *testReader) relative(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.File), path)
}
