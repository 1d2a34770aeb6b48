// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"strconv"
	"strings"

	"github.com/tcptune/tcptune/internal/procnet"
)

// counterTopic lays a counter out as a page.
func (l *Library) counterTopic(c *procnet.CounterInfo) Topic {
	t := Topic{Kind: KindCounter, Name: c.Key(), Title: counterTitle(c)}
	t.add(Section{Heading: "What it says", Text: c.Meaning})
	t.add(Section{Heading: "What raises it", Text: c.IncrementedBy})
	t.add(Section{Heading: "When it grows", Text: c.Tuning})
	t.add(Section{Heading: "Who has to act", Text: counterActor(c.Key())})
	t.add(Section{Heading: "Common misreading", Text: counterAdvice()[c.Key()]})
	l.addMeasured(&t)
	t.add(Section{Heading: "Facts", Rows: counterFacts(c)})
	t.add(Section{Heading: "TCP states", Rows: l.statesOfCounter(c.Key())})
	t.add(Section{Heading: "Rules", Rows: l.rulesNaming(c.Key())})
	t.add(Section{Heading: "How to look", Commands: counterCommands(c)})
	return t
}

func counterTitle(c *procnet.CounterInfo) string {
	if title, ok := counterTitles()[c.Key()]; ok {
		return title
	}
	return firstSentence(c.Meaning)
}

func counterFacts(c *procnet.CounterInfo) []Row {
	scope := c.Scope
	switch scope {
	case "netns":
		scope = "the network namespace of the reader"
	case "machine":
		scope = "the whole machine, also when read in a container"
	}
	column := ""
	if c.Column > 0 {
		column = strconv.Itoa(c.Column)
	}
	return rowsOf(
		Row{"file", c.File},
		Row{"section", c.Section},
		Row{"column", column},
		Row{"scope", scope},
		Row{"in Linux since", c.Since},
		Row{"removed in Linux", c.Removed},
		Row{"described together", strings.Join(c.Family, ", ")},
	)
}

func counterCommands(c *procnet.CounterInfo) []string {
	switch c.Section {
	case "Tcp", "TcpExt":
		return []string{"nstat -az " + c.Section + c.Name}
	}
	return []string{"cat " + c.File}
}

// statesOfCounter says what the counter tells about each state whose page names it.
func (l *Library) statesOfCounter(key string) []Row {
	var rows []Row
	for i := range l.states {
		for _, r := range l.states[i].counters {
			if r.Name == key {
				rows = append(rows, Row{l.states[i].name, r.Value})
			}
		}
	}
	return rowsOf(rows...)
}
