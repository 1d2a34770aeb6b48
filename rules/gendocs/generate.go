// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/rules"
)

// Where the sources and the results are, from the root of the repository.
const (
	builtinDir = "rules/builtin"
	blobFile   = "rules/builtin.blob"
	rulesDir   = "docs/rules"
	factsPage  = "docs/facts.md"
)

// generate makes everything that follows from the rules and the vocabulary, by
// file name from the root.
func generate(root string) (map[string][]byte, error) {
	env, err := expr.New(sysctlKeys())
	if err != nil {
		return nil, err
	}
	set, blob, err := rules.CompileBuiltin(env, filepath.Join(root, builtinDir))
	if err != nil {
		return nil, err
	}
	refs, err := rules.References()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		blobFile:                             blob,
		factsPage:                            vocabularyPage(),
		filepath.Join(rulesDir, "README.md"): indexPage(set),
	}
	for _, r := range set.Rules {
		files[filepath.Join(rulesDir, r.ID+".md")] = rulePage(r, refs)
	}
	return files, nil
}

// indexPage lists the rules by category.
func indexPage(set *rules.Set) []byte {
	p := &page{}
	p.generated("rules/builtin")
	p.line("# Rules\n")
	p.line("The %d built-in rules of tcptune. Each page says when the rule fires, what it shows, what to do and why.", len(set.Rules))
	p.line("[facts.md](../facts.md) lists what conditions can ask for. Categories marked *core* are those that must be")
	p.line("judged in full before tcptune says that it found no problem.")
	for _, c := range rules.Categories() {
		list, err := set.Select([]string{c.Name}, nil)
		if err != nil || len(list.Rules) == 0 {
			continue
		}
		p.heading(c.Name)
		if c.Core {
			p.line("Core: %s.\n", c.Doc)
		} else {
			p.line("%s.\n", capital(c.Doc))
		}
		p.line("| rule | says | severity | verdict |")
		p.line("| --- | --- | --- | --- |")
		for _, r := range list.Rules {
			p.line("| [%s](%s.md) | %s | %s | %s |", r.ID, r.ID, cell(prose(r.Title)), choices(r.Severity), choices(r.Verdict))
		}
	}
	return p.bytes()
}

func capital(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
