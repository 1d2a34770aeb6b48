// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// failures are the tests of a job that failed, with those of their subtests of
// the first level that did. An emulated processor on a busy machine stands still
// for seconds now and then, so they get a second attempt; both are told.
type failures map[string][]string

// read takes a line of the test binary.
func (f failures) read(line string) {
	m := ending.FindStringSubmatch(line)
	if m == nil || m[1] != "FAIL" {
		return
	}
	test, sub, _ := strings.Cut(m[2], "/")
	f[test] = slices.DeleteFunc(append(f[test], sub), func(s string) bool { return s == "" })
}

// list names what is to run once more: of a test with subtests those that failed.
func (f failures) list() []string {
	var names []string
	for _, test := range slices.Sorted(maps.Keys(f)) {
		if len(f[test]) == 0 {
			names = append(names, test)
		}
		for _, sub := range f[test] {
			names = append(names, test+"/"+sub)
		}
	}
	return names
}

// pattern is a -test.run that matches the tests alone.
func pattern(names []string) string {
	var patterns []string
	for _, name := range names {
		test, sub, nested := strings.Cut(name, "/")
		p := "^" + test + "$"
		if nested {
			p += "/^" + regexp.QuoteMeta(sub) + "$"
		}
		patterns = append(patterns, p)
	}
	return strings.Join(patterns, "|")
}
