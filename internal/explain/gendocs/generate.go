// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/tcptune/tcptune/internal/explain"
	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/rules"
	"github.com/tcptune/tcptune/sysctl"
)

// A file is one generated page: all topics of a kind.
type file struct {
	kind  explain.Kind
	name  string
	title string
	intro string
}

func files() []file {
	return []file{
		{explain.KindState, "states.md", "TCP states", "What each state means, who has to act, what acts on it and what does not."},
		{explain.KindSysctl, "keys.md", "Sysctl keys", "What each key of the catalogue does, who has to act, what was measured, and which popular advice is wrong."},
		{explain.KindCounter, "counters.md", "Kernel counters", "What each counter counts, who has to act when it grows, and how it is misread."},
	}
}

// generate makes the pages, by file name from the root of the repository.
func generate() (map[string][]byte, error) {
	env, err := expr.New(nil)
	if err != nil {
		return nil, err
	}
	set, err := rules.Builtin(env)
	if err != nil {
		return nil, err
	}
	library := explain.New(sysctl.LoadCatalogue(), procnet.CounterInfos(), set)
	links := linksOf(library.Index())
	pages := make(map[string][]byte)
	for _, f := range files() {
		data, err := f.page(library, links)
		if err != nil {
			return nil, err
		}
		pages["docs/"+f.name] = data
	}
	return pages, nil
}

// page lists the topics and then shows each.
func (f *file) page(library *explain.Library, links map[string]string) ([]byte, error) {
	var index, body bytes.Buffer
	link := func(name string) string { return strings.TrimPrefix(links[name], f.name) }
	for _, s := range library.Index() {
		if s.Kind != f.kind {
			continue
		}
		fmt.Fprintf(&index, "| [%s](%s) | %s |\n", strings.ReplaceAll(s.Name, "*", `\*`), link(s.Name), strings.ReplaceAll(s.Title, "|", `\|`))
		topic, err := library.Find(s.Name)
		if err != nil {
			return nil, err
		}
		body.WriteString("\n")
		if err := report.WriteTopicMarkdown(&body, topic, 2, link); err != nil {
			return nil, err
		}
	}
	head := fmt.Sprintf(`<!-- Generated from internal/explain and the catalogues; "go generate ./internal/explain" writes it. -->

# %s

%s `+"`tcptune explain NAME`"+` shows the same, with the value of the host that it runs on. Measured means: on Linux 6.18.44, in
network namespaces made for it; counts repeat elsewhere, rates serve to compare.

| name | |
| --- | --- |
`, f.title, f.intro)
	return append(append([]byte(head), index.Bytes()...), body.Bytes()...), nil
}

// linksOf says where the page of each topic is, seen from docs.
func linksOf(index []explain.Summary) map[string]string {
	links := make(map[string]string, len(index))
	for _, s := range index {
		links[s.Name] = "rules/" + s.Name + ".md"
		for _, f := range files() {
			if f.kind == s.Kind {
				links[s.Name] = f.name + "#" + anchor(s.Name)
			}
		}
	}
	return links
}

// outsideAnchor is what GitHub leaves out of the anchor of a heading.
var outsideAnchor = regexp.MustCompile(`[^a-z0-9_-]`)

func anchor(name string) string {
	return outsideAnchor.ReplaceAllString(strings.ToLower(name), "")
}
