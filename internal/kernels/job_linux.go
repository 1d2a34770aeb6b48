// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// A job is one run of a test binary in a guest.
type job struct {
	Row     string // what it shows, for the rows that are run by name
	Package string // its directory, such as "internal/sockdiag"
	Pattern string // for -test.run
}

// guestTest begins the names of the tests that are written for a guest. They come
// first, because they look at the kernel as it has booted.
const guestTest = "TestGuest"

// binary is the test binary's place in the guest.
func (j job) binary() string { return "/tests/" + strings.ReplaceAll(j.Package, "/", "-") + ".test" }

// helper is the job whose test binary the lab runs as its helper processes in a
// guest: of all that can it starts soonest.
func helper() job { return job{Package: "internal/lab"} }

// fresh tells whether the job wants the kernel as it has booted.
func (j job) fresh() bool { return strings.HasPrefix(strings.TrimLeft(j.Pattern, "^("), guestTest) }

// elsewhere are packages whose kernel-facing tests need what only a whole
// system has: Ansible, Puppet and the go command.
func elsewhere() []string { return []string{"packaging", "internal/bench"} }

// allJobs returns every kernel-facing test of the repository: those in files
// called *_linux_test.go, those for a guest first.
func allJobs(repository string) ([]job, error) {
	guest, other := map[string][]string{}, map[string][]string{}
	err := filepath.WalkDir(repository, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_linux_test.go") {
			return err
		}
		dir, err := filepath.Rel(repository, filepath.Dir(path))
		if err != nil || slices.Contains(elsewhere(), dir) {
			return err
		}
		names, err := testNames(path)
		for _, name := range names {
			if strings.HasPrefix(name, guestTest) {
				guest[dir] = append(guest[dir], name)
			} else {
				other[dir] = append(other[dir], name)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find the kernel-facing tests: %w", err)
	}
	var jobs []job
	for _, tests := range []map[string][]string{guest, other} {
		for _, dir := range slices.Sorted(maps.Keys(tests)) {
			jobs = append(jobs, job{Package: dir, Pattern: "^(" + strings.Join(tests[dir], "|") + ")$"})
		}
	}
	return jobs, nil
}

// testNames returns the test functions of one file.
func testNames(path string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") && f.Name.Name != "TestMain" {
			names = append(names, f.Name.Name)
		}
	}
	return names, nil
}
