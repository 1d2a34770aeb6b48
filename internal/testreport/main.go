// SPDX-License-Identifier: Apache-2.0

// Command testreport reads `go test -json` on standard input and prints the
// closing line of every package, the whole output of what failed, and the
// tests that were skipped with their reasons. It fails when a test failed or
// when the skipped ones are not those of the file that it is given:
//
//	go test -json ./... | go run ./internal/testreport .ci/expected-skips
//
// Out of scope: running tests, and output that is not JSON but a compiler's,
// which is passed on.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// maxLine bounds one line of input.
const maxLine = 4 << 20

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go test -json ./... | testreport EXPECTED-SKIPS")
		os.Exit(2)
	}
	expected, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = report(os.Stdin, os.Stdout, string(expected))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "testreport: %v\n", err)
		os.Exit(1)
	}
}

// An event is one line of `go test -json`; go doc test2json describes it.
type event struct {
	Action     string
	Package    string
	ImportPath string // of a package that does not compile
	Test       string
	Output     string
}

// name is the test with its package, as expected-skips writes it.
func (e event) name() string { return e.Package + " " + e.Test }

// A summary is what is kept of a run: the output of tests that have not passed.
type summary struct {
	output  map[string]string // by event.name
	skipped []string
	failed  bool
	passed  int
}

func report(in io.Reader, out io.Writer, expected string) error {
	s := &summary{output: make(map[string]string)}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(out, lines.Text())
			continue
		}
		s.add(out, e)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read test events: %w", err)
	}
	return s.judge(out, expected)
}

// add prints what can be said at once and keeps what may be wanted.
func (s *summary) add(out io.Writer, e event) {
	switch e.Action {
	case "build-output":
		fmt.Fprint(out, e.Output)
	case "build-fail":
		s.failed = true
	case "output":
		if e.Test == "" && closing(e.Output) {
			fmt.Fprint(out, e.Output)
		} else {
			s.output[e.name()] += e.Output
		}
	case "pass":
		delete(s.output, e.name())
		if e.Test != "" {
			s.passed++
		}
	case "fail":
		s.failed = true
		fmt.Fprint(out, s.output[e.name()])
		delete(s.output, e.name())
	case "skip":
		if e.Test != "" { // without a test: a package that has none
			s.skipped = append(s.skipped, e.name())
		}
	}
}

// closing reports whether a line is what go test says last of a package.
func closing(line string) bool {
	return strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "FAIL\t") || strings.HasPrefix(line, "?   \t")
}

// judge prints the skipped tests and compares them with the expected ones:
// package and test on a line, # begins a comment.
func (s *summary) judge(out io.Writer, expected string) error {
	var want []string
	for line := range strings.Lines(expected) {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 0 {
			want = append(want, strings.Join(fields, " "))
		}
	}
	slices.Sort(want)
	slices.Sort(s.skipped)
	for _, name := range s.skipped {
		fmt.Fprintf(out, "skipped: %s\n", name)
		if !slices.Contains(want, name) {
			fmt.Fprint(out, s.output[name])
		}
	}
	fmt.Fprintf(out, "%d tests passed, %d skipped\n", s.passed, len(s.skipped))
	switch {
	case s.failed:
		return errors.New("tests failed")
	case s.passed == 0:
		return errors.New("no test ran")
	case !slices.Equal(s.skipped, want):
		return fmt.Errorf("the skipped tests are not the expected ones:\n%s", strings.Join(want, "\n"))
	}
	return nil
}
