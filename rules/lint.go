// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/yamlfile"
)

// Lint checks rule files, and every rule file of directories, and returns all
// that is wrong with position, sorted: what keeps a rule from loading, and
// warnings. beside are the rules that are there already: no file may take the id
// of one, and excludes may name them. The error is for what could not be read at
// all.
func Lint(env *expr.Environment, paths []string, beside *Set) (Problems, error) {
	var files []string
	for _, path := range paths {
		more, err := lintedFiles(path)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	refs, err := References()
	if err != nil {
		return nil, err
	}
	l := &linter{beside: beside, files: make(map[string]string)}
	for _, r := range beside.Rules {
		l.ids = append(l.ids, r.ID)
	}
	for _, file := range files {
		l.ids = append(l.ids, strings.TrimSuffix(filepath.Base(file), ".yaml"))
	}
	for _, file := range files {
		data, err := readRule(file, anyone)
		if err != nil {
			return nil, err
		}
		l.parser = parser{env: env, references: refs}
		rule, err := l.parse(file, data)
		if err != nil {
			l.problems = append(l.problems, asProblems(file, err)...)
			continue
		}
		l.lint(rule)
		l.rules = append(l.rules, rule)
	}
	l.problems.Sort()
	return l.problems, nil
}

// lintedFiles lists the rule files that a path means.
func lintedFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("lint rules: %w", err)
	case !info.IsDir():
		return []string{path}, nil
	}
	names, err := ruleFiles(path, anyone)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		names[i] = filepath.Join(path, name)
	}
	return names, nil
}

// A linter looks at rules that load, one after another.
type linter struct {
	parser   // of the rule at hand
	beside   *Set
	ids      []string          // of all rules
	rules    []*Rule           // those of files before this one
	files    map[string]string // by id: the file that has it
	problems Problems
}

// warn warns about a node, or about the file where n is nil.
func (l *linter) warn(n *yaml.Node, format string, args ...any) {
	w := Problem{File: l.File, Line: 1, Col: 1, Text: fmt.Sprintf(format, args...), Warning: true}
	if n != nil {
		w.Line, w.Col = n.Line, n.Column
	}
	l.problems = append(l.problems, w)
}

func (l *linter) lint(r *Rule) {
	l.lintID(r)
	l.lintDocs(r)
	l.lintElements(r)
	l.lintConditions(r)
	l.lintExcludes(r)
}

// lintID finds two rules with one id: the second one could not be loaded.
func (l *linter) lintID(r *Rule) {
	file, twice := l.files[r.ID]
	if _, ok := l.beside.Lookup(r.ID); ok {
		file, twice = "", true
	}
	if twice {
		n := l.top["id"]
		l.problems = append(l.problems, Problem{File: l.File, Line: n.Line, Col: n.Column, Text: taken(r.ID, file)})
	}
	l.files[r.ID] = l.File
}

// The longest title that fits into a line of a list, and the shortest
// explanation that can explain.
const (
	maxTitle = 100
	minWhy   = 40
)

// lintDocs finds what a reader of a finding would miss.
func (l *linter) lintDocs(r *Rule) {
	if len(r.References) == 0 {
		l.warn(l.top["references"], "the rule has no references: what does it rest on?")
	}
	if r.Proof == "" {
		l.warn(l.top["proof"], "the rule has no proof: how was its claim measured?")
	}
	title := oneLine(r.Title.Source)
	if n := len([]rune(placeholder.ReplaceAllString(title, "..."))); n > maxTitle {
		l.warn(l.top["title"], "the title has %d characters; a list of findings has room for %d", n, maxTitle)
	}
	if strings.HasSuffix(title, ".") {
		l.warn(l.top["title"], "the title ends with a full stop: it is a heading")
	}
	if why := oneLine(r.Why); len(why) < minWhy || strings.EqualFold(strings.TrimRight(why, "."), title) {
		l.warn(l.top["why"], "why explains nothing: say how it comes about, and why the recommendation is right")
	}
}

// lintElements finds a rule that says the same about every element of its list.
func (l *linter) lintElements(r *Rule) {
	if r.ForEach == "" {
		return
	}
	if r.Subject == nil {
		l.warn(l.top["for_each"], "a rule with for_each needs a subject, to tell its findings apart")
	}
	if !strings.Contains(r.When.Text(), "it.") {
		l.warn(l.top["when"], "the condition does not look at `it`: every element of %s gets the same answer", r.ForEach)
	}
}

// lintExcludes finds patterns of excludes that name no other rule, and rules that
// silence each other.
func (l *linter) lintExcludes(r *Rule) {
	for i, n := range l.List(l.top["excludes"], "excludes") {
		pattern := &Rule{ID: r.ID, Excludes: r.Excludes[i : i+1]}
		if !slices.ContainsFunc(l.ids, pattern.excludes) {
			others := slices.DeleteFunc(slices.Clone(l.ids), func(id string) bool { return id == r.ID })
			l.warn(n, "excludes names no other rule: %q%s", r.Excludes[i], yamlfile.DidYouMean(r.Excludes[i], others))
		}
	}
	for _, other := range slices.Concat(l.beside.Rules, l.rules) {
		if other.ID != r.ID && other.excludes(r.ID) && r.excludes(other.ID) {
			l.warn(l.top["excludes"], "%s and %s exclude each other: where both fire neither is reported", r.ID, other.ID)
		}
	}
}
