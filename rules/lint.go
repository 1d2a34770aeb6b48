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

// Lint checks a rule file, or every rule file of a directory, and returns all
// that is wrong with position, sorted: what keeps a rule from loading, and
// warnings. known are ids of rules outside path, which excludes may name. The
// error is for what could not be read at all.
func Lint(env *expr.Environment, path string, known []string) (Problems, error) {
	files := []string{path}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("lint rules: %w", err)
	}
	if info.IsDir() {
		names, err := ruleFiles(path, anyone)
		if err != nil {
			return nil, err
		}
		files = files[:0]
		for _, name := range names {
			files = append(files, filepath.Join(path, name))
		}
	}
	refs, err := References()
	if err != nil {
		return nil, err
	}
	l := &linter{ids: slices.Clone(known)}
	for _, file := range files {
		l.ids = append(l.ids, strings.TrimSuffix(filepath.Base(file), ".yaml"))
	}
	for _, file := range files {
		data, err := readRule(file, anyone)
		if err != nil {
			return nil, err
		}
		p := &parser{env: env, references: refs}
		rule, err := p.parse(file, data)
		if err != nil {
			l.problems = append(l.problems, asProblems(file, err)...)
			continue
		}
		l.rules = append(l.rules, rule)
		l.lint(p, rule)
	}
	l.problems.Sort()
	return l.problems, nil
}

type linter struct {
	ids      []string
	rules    []*Rule // those of files before this one
	problems Problems
}

// lint warns about a rule that loads.
func (l *linter) lint(p *parser, r *Rule) {
	warn := func(field string, format string, args ...any) {
		w := Problem{File: p.File, Line: 1, Col: 1, Text: fmt.Sprintf(format, args...), Warning: true}
		if n := p.top[field]; n != nil {
			w.Line, w.Col = n.Line, n.Column
		}
		l.problems = append(l.problems, w)
	}
	if len(r.References) == 0 {
		warn("references", "the rule has no references: what does it rest on?")
	}
	if r.Proof == "" {
		warn("proof", "the rule has no proof: how was its claim measured?")
	}
	if r.ForEach != "" && r.Subject == nil {
		warn("for_each", "a rule with for_each needs a subject, to tell its findings apart")
	}
	if r.ForEach != "" && !strings.Contains(r.When.Text(), "it.") {
		warn("when", "the condition does not look at `it`: every element of %s gets the same answer", r.ForEach)
	}
	for _, pattern := range r.Excludes {
		l.exclude(p, r, pattern)
	}
	for _, other := range l.rules {
		if other.ID != r.ID && other.excludes(r.ID) && r.excludes(other.ID) {
			warn("excludes", "%s and %s exclude each other: where both fire neither is reported", r.ID, other.ID)
		}
	}
}

// exclude warns about a pattern of excludes that names no other rule.
func (l *linter) exclude(p *parser, r *Rule, pattern string) {
	only := &Rule{ID: r.ID, Excludes: []string{pattern}}
	if slices.ContainsFunc(l.ids, only.excludes) {
		return
	}
	i := slices.IndexFunc(p.top["excludes"].Content, func(n *yaml.Node) bool { return strings.TrimSpace(n.Value) == pattern })
	n := p.top["excludes"].Content[i]
	others := slices.DeleteFunc(slices.Clone(l.ids), func(id string) bool { return id == r.ID })
	l.problems = append(l.problems, Problem{File: p.File, Line: n.Line, Col: n.Column, Warning: true,
		Text: fmt.Sprintf("excludes names no other rule: %q%s", pattern, yamlfile.DidYouMean(pattern, others))})
}
