// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A record is what a log keeps: of each test its last run, in order.
type record struct {
	kernels []string // lines that name the kernels
	results []result
}

// A result is a line about a test, or about a test binary that did not end.
type result struct {
	series, pkg, test string // test is "" for the binary
	text              string
}

// kernelLine and resultLine are the lines that are kept of what a report writes.
var (
	kernelLine = regexp.MustCompile(`^([\d.]+) +linux-image-`)
	resultLine = regexp.MustCompile(`^([\d.]+) +(?:ok|skip|FAIL) +([\w/]+)(?: (Test\S+?))?:? .*$`)
)

// read takes lines over. A later one replaces that about the same test, as its
// second attempt does. What was said about a test binary is over when it runs
// again.
func (r *record) read(text, suffix string) {
	r.results = slices.DeleteFunc(r.results, func(old result) bool {
		return old.test == "" && slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
			m := resultLine.FindStringSubmatch(line)
			return m != nil && m[1] == old.series && m[2] == old.pkg
		})
	})
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if kernelLine.MatchString(line) {
			series, _, _ := strings.Cut(line, " ")
			r.kernels = slices.DeleteFunc(r.kernels, func(old string) bool { return strings.HasPrefix(old, series+" ") })
			r.kernels = append(r.kernels, line)
		}
		m := resultLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		r.add(result{m[1], m[2], m[3], line + suffix})
	}
}

// add puts a result in the place of the one before.
func (r *record) add(fresh result) {
	same := func(old result) bool {
		return old.series == fresh.series && old.pkg == fresh.pkg && old.test == fresh.test
	}
	if i := slices.IndexFunc(r.results, same); i >= 0 {
		r.results[i] = fresh
		return
	}
	r.results = append(r.results, fresh)
}

// String is the log: kernel by kernel and package by package. Where subtests
// have lines, their test has none.
func (r *record) String() string {
	parent := func(p result) bool {
		return slices.ContainsFunc(r.results, func(s result) bool {
			return s.series == p.series && s.pkg == p.pkg && p.test != "" && strings.HasPrefix(s.test, p.test+"/")
		})
	}
	var text strings.Builder
	slices.Sort(r.kernels)
	for _, kernel := range r.kernels {
		fmt.Fprintln(&text, kernel)
		series, _, _ := strings.Cut(kernel, " ")
		sorted := slices.Clone(r.results)
		slices.SortStableFunc(sorted, func(a, b result) int { return strings.Compare(a.pkg, b.pkg) })
		for _, s := range sorted {
			if s.series == series && !parent(s) {
				fmt.Fprintln(&text, s.text)
			}
		}
	}
	return text.String()
}

// writeLog writes what the guests said into the log. A run of a part leaves the
// lines about the rest. Each says when its run began.
func (o options) writeLog(began time.Time, said []string) error {
	if o.log == "" {
		return nil
	}
	r := &record{}
	if o.kernels != "" || o.pkg != "" || o.rows {
		old, err := os.ReadFile(o.log)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read the log: %w", err)
		}
		r.read(string(old), "")
	}
	for _, text := range said {
		r.read(text, began.UTC().Format(", 2006-01-02 15:04"))
	}
	if err := os.WriteFile(o.log, []byte(r.String()), 0o644); err != nil {
		return fmt.Errorf("write the log: %w", err)
	}
	return nil
}
