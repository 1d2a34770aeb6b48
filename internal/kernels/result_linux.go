// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A report writes what one guest says: a line for each test as it ends, and what
// it wrote if it failed.
type report struct {
	series string
	jobs   []job
	out    io.Writer
	lab    string    // a directory for the outcomes of the lab; may be empty
	all    io.Writer // gets each line that a test writes, as it comes

	output strings.Builder // of the test that is running
	last   string          // the line before
	failed string          // what the tests of the job wrote that failed
	passed int             // tests of the job that is running
	again  bool            // it is its second attempt
	bad    int             // jobs that failed
	ended  int             // jobs
}

// ending is how the testing package ends a test, or a subtest of the first
// level. What is farther in belongs to an isolated test.
var ending = regexp.MustCompile(`^(?:    )?--- (PASS|FAIL|SKIP): (\S+) \(([\d.]+)s\)$`)

// message is the file and line that a test's words begin with.
var message = regexp.MustCompile(`^\s*\w+\.go:\d+: `)

// outcome is what the lab prints of a row that it has shown, as JSON.
var outcome = regexp.MustCompile(`: outcome: (\{.*\})$`)

// absent is what the lab prints of a row that this kernel cannot show: its name
// and the reason.
var absent = regexp.MustCompile(`: not here: (.+?): (.*)$`)

// add takes one event.
func (r *report) add(e event) {
	switch {
	case e.Ended != "":
		r.end(e)
		return
	case e.Again != nil:
		r.again, r.failed = true, ""
		r.output.Reset()
		fmt.Fprintf(r.out, "%-5s again %s %s\n", r.series, r.jobs[e.Job].Package, strings.Join(e.Again, " "))
		return
	}
	if m := outcome.FindStringSubmatch(e.Output); m != nil && r.lab != "" {
		r.keep(m[1])
	}
	j := r.jobs[e.Job]
	if m := absent.FindStringSubmatch(e.Output); m != nil && j.Row == "" {
		fmt.Fprintf(r.out, "%-5s skip %s TestLab/%s: %s\n", r.series, j.Package, strings.ReplaceAll(m[1], " ", "_"), m[2])
	}
	fmt.Fprintf(r.all, "%-5s | %s\n", r.series, e.Output)
	fmt.Fprintln(&r.output, e.Output)
	if m := ending.FindStringSubmatch(e.Output); m != nil {
		r.test(j, m[1], m[2], m[3])
	}
	r.last = e.Output
}

// keep writes an outcome of the lab into a file of its own.
func (r *report) keep(text string) {
	var row struct{ Rule, Variant string }
	err := json.Unmarshal([]byte(text), &row)
	if err == nil {
		name := strings.Join([]string{r.series, row.Rule, strings.ReplaceAll(row.Variant, "/", "-"), "json"}, ".")
		err = os.WriteFile(filepath.Join(r.lab, name), []byte(text+"\n"), 0o644)
	}
	if err != nil {
		r.bad++
		fmt.Fprintf(r.out, "%-5s FAIL keep an outcome of the lab: %v\n", r.series, err)
	}
}

// test writes the line of one test.
func (r *report) test(j job, outcome, name, seconds string) {
	line := j.Package + " " + name
	switch outcome {
	case "PASS":
		r.passed++
		outcome = "ok"
	case "SKIP":
		outcome = "skip"
		line += ": " + message.ReplaceAllString(r.last, "")
	}
	inner := strings.Contains(name, "/")
	if j.Row != "" && outcome != "skip" && !inner {
		line += ": " + j.Row
	}
	line = fmt.Sprintf("%-5s %-4s %s (%s s)", r.series, outcome, line, seconds)
	if r.again {
		line += ", second attempt"
	}
	line += "\n"
	if outcome == "FAIL" && !inner {
		r.failed += r.output.String()
	}
	if !inner {
		r.output.Reset()
	}
	fmt.Fprint(r.out, line)
}

// end writes what is to be said of a job that has ended.
func (r *report) end(e event) {
	j := r.jobs[e.Job]
	switch {
	case e.Ended != succeeded:
		r.bad++
		fmt.Fprintf(r.out, "%-5s FAIL %s: %s\n%s", r.series, j.Package, e.Ended, r.failed+r.output.String())
	case r.passed == 0:
		r.bad++
		fmt.Fprintf(r.out, "%-5s FAIL %s: nothing passed of %s\n", r.series, j.Package, j.Pattern)
	}
	r.ended++
	r.output.Reset()
	r.last, r.failed, r.passed, r.again = "", "", 0, false
}

// verdict is nil when every job has run and passed.
func (r *report) verdict() error {
	if r.bad > 0 || r.ended != len(r.jobs) {
		return fmt.Errorf("tests on %s: of %d test binaries %d ran and %d failed", r.series, len(r.jobs), r.ended, r.bad)
	}
	return nil
}
