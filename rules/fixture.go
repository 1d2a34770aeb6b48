// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/yamlfile"
)

// A Fixture is a test of one rule: facts, and by its name what the rule must
// say about them. hit: at least one finding; miss: none, and not skipped;
// unknown: skipped with the names of the missing facts. A name may go on with
// a dash: hit-loopback.
type Fixture struct {
	Path    string
	Name    string // of the file, without .yaml
	Comment string
	Facts   *facts.Facts
}

// fixtureKinds are the words that a fixture's name begins with; each rule
// needs one of each.
func fixtureKinds() []string { return []string{"hit", "miss", "unknown"} }

// CheckFixtures runs the fixtures of every rule, which are files
// DIR/<id>/<name>.yaml with the expected outcome in <name>.out. It returns
// what is missing or differs; with update it writes the .out files instead of
// comparing them.
func CheckFixtures(s *Set, dir string, update bool) Problems {
	var problems Problems
	note := func(path, format string, args ...any) {
		problems = append(problems, Problem{File: path, Text: fmt.Sprintf(format, args...)})
	}
	for _, r := range s.Rules {
		folder := filepath.Join(dir, r.ID)
		files, err := filepath.Glob(filepath.Join(escapeGlob(folder), "*.yaml"))
		if err != nil {
			note(folder, "list fixtures: %v", err)
		}
		for _, kind := range fixtureKinds() {
			if !slices.ContainsFunc(files, func(f string) bool { return fixtureKind(f) == kind }) {
				note(folder, "rule %s has no %s fixture", r.ID, kind)
			}
		}
		for _, file := range files {
			if err := checkFixture(r, file, update); err != nil {
				problems = append(problems, asProblems(file, err)...)
			}
		}
	}
	return problems
}

func asProblems(file string, err error) Problems {
	if list, ok := errors.AsType[Problems](err); ok {
		return list
	}
	return Problems{{File: file, Text: err.Error()}}
}

// escapeGlob makes filepath.Glob take a path literally.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// fixtureKind returns the word that a fixture's file name begins with.
func fixtureKind(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), ".yaml")
	kind, _, _ := strings.Cut(name, "-")
	return kind
}

func checkFixture(r *Rule, file string, update bool) error {
	fixture, err := ReadFixture(file)
	if err != nil {
		return err
	}
	outcome, err := fixture.Run(r)
	if err != nil {
		return err
	}
	got, err := outcome.render()
	if err != nil {
		return err
	}
	golden := strings.TrimSuffix(file, ".yaml") + ".out"
	if update {
		return os.WriteFile(golden, got, 0o644)
	}
	want, err := os.ReadFile(golden)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is missing", filepath.Base(golden))
	case err != nil:
		return err
	case !bytes.Equal(want, got):
		return fmt.Errorf("the outcome is not that of %s: %s", filepath.Base(golden), firstDifference(want, got))
	}
	return nil
}

// firstDifference shows the first line that differs.
func firstDifference(want, got []byte) string {
	w, g := bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n"))
	for i := range min(len(w), len(g)) {
		if !bytes.Equal(w[i], g[i]) {
			return fmt.Sprintf("line %d: want %s, got %s", i+1, bytes.TrimSpace(w[i]), bytes.TrimSpace(g[i]))
		}
	}
	return fmt.Sprintf("want %d lines, got %d", len(w), len(g))
}

// ReadFixture reads one fixture file.
func ReadFixture(path string) (*Fixture, error) {
	data, err := readRule(path, anyone)
	if err != nil {
		return nil, err
	}
	r := &yamlfile.Reader{File: path}
	f := &Fixture{Path: path, Name: strings.TrimSuffix(filepath.Base(path), ".yaml")}
	if !slices.Contains(fixtureKinds(), fixtureKind(path)) {
		r.At(nil, "the name of a fixture begins with one of %s", strings.Join(fixtureKinds(), ", "))
	}
	if doc := r.Document(data, "fixture"); doc != nil {
		fields := r.Fields(doc, "a fixture", "comment", "facts")
		r.Require(doc, "the fixture", fields, "comment", "facts")
		f.Comment = r.Text(fields["comment"], "comment")
		f.Facts = readFacts(r, fields["facts"])
	}
	if err := r.Problems.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

// Run evaluates the rule alone on the fixture's facts and says whether it
// judged them as the fixture's name demands.
func (f *Fixture) Run(r *Rule) (Outcome, error) {
	outcome, err := (&Set{Rules: []*Rule{r}}).outcome(f.Facts, Options{})
	if err != nil {
		return outcome, err
	}
	var missing []string
	for _, s := range outcome.Skipped {
		missing = append(missing, s.Missing...)
	}
	switch kind := fixtureKind(f.Name); {
	case kind == "hit" && len(outcome.Findings) == 0:
		return outcome, fmt.Errorf("%s does not fire%s", r.ID, unknownSuffix(missing))
	case kind == "miss" && len(outcome.Findings) > 0:
		return outcome, fmt.Errorf("%s fires: %s", r.ID, outcome.Findings[0].Title)
	case kind == "miss" && len(missing) > 0:
		return outcome, fmt.Errorf("%s is skipped%s", r.ID, unknownSuffix(missing))
	case kind == "unknown" && len(missing) == 0:
		return outcome, fmt.Errorf("%s is not skipped: findings %d", r.ID, len(outcome.Findings))
	}
	return outcome, nil
}
