// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/rules"
	"github.com/tcptune/tcptune/sysctl"
)

// A Library is all that can be explained. It is read-only after New; share one.
type Library struct {
	states     []state
	catalogue  *sysctl.Catalogue // nil for none
	parameters []*sysctl.Parameter
	counters   []procnet.CounterInfo
	rules      []*rules.Rule
	measured   []measurement

	// The topics that each rule and each counter names: worked out when a page is made.
	namedByRules    func() [][]string
	namedByCounters func() [][]string

	entries []entry        // in order of precedence
	exact   map[string]int // by name: index into entries
	words   map[string][]int
	letters map[string][]int
}

// An entry is one topic before its page is made.
type entry struct {
	kind  Kind
	index int    // into the list of its kind
	name  string // of the topic
	label string // the shortest spelling that finds it
	// spellings are all under which it is found; loose ones also when separators are
	// left out or put in.
	spellings []string
	loose     bool
}

// New makes a library. A nil catalogue, no counters or a nil set leave those topics
// out. It takes well under a millisecond, as pages are made when they are asked for.
func New(catalogue *sysctl.Catalogue, counters []procnet.CounterInfo, set *rules.Set) *Library {
	l := &Library{states: states(), catalogue: catalogue, counters: counters, measured: measurements()}
	if catalogue != nil {
		l.parameters = catalogue.Parameters()
	}
	if set != nil {
		l.rules = set.Rules
	}
	l.enter()
	l.index()
	l.namedByRules = sync.OnceValue(func() (all [][]string) {
		for _, r := range l.rules {
			all = append(all, l.mentions(ruleTexts(r)...))
		}
		return all
	})
	l.namedByCounters = sync.OnceValue(func() (all [][]string) {
		for _, c := range l.counters {
			all = append(all, l.mentions(c.IncrementedBy, c.Meaning, c.Tuning))
		}
		return all
	})
	return l
}

// enter lists the topics, kind by kind.
func (l *Library) enter() {
	for i := range l.states {
		s := &l.states[i]
		l.entries = append(l.entries, entry{kind: KindState, index: i, name: s.name, spellings: s.spellings(), loose: true})
	}
	for i, p := range l.parameters {
		name, short := p.Key.String(), p.Key.Short()
		spellings := []string{name, short}
		if rest, ok := strings.CutPrefix(short, "tcp_"); ok {
			spellings = append(spellings, rest)
		}
		l.entries = append(l.entries, entry{kind: KindSysctl, index: i, name: name, spellings: spellings})
	}
	for i := range l.counters {
		c := &l.counters[i]
		exporter := "node_sockstat_" // the names of Prometheus' node_exporter
		if c.Section == "Tcp" || c.Section == "TcpExt" {
			exporter = "node_netstat_"
		}
		spellings := []string{c.Key(), c.Name, exporter + c.Section + "_" + c.Name}
		l.entries = append(l.entries, entry{kind: KindCounter, index: i, name: c.Key(), spellings: spellings, loose: true})
	}
	for i, r := range l.rules {
		l.entries = append(l.entries, entry{kind: KindRule, index: i, name: r.ID, spellings: []string{r.ID}})
	}
}

// index makes the tables for looking up. The first topic of a spelling has precedence.
func (l *Library) index() {
	l.exact = make(map[string]int, len(l.entries))
	l.words = make(map[string][]int, 2*len(l.entries))
	l.letters = make(map[string][]int, len(l.entries))
	for i, e := range l.entries {
		l.exact[e.name] = i
		for _, s := range e.spellings {
			table, folded := l.words, foldWords(s)
			if e.loose {
				table, folded = l.letters, foldLetters(s)
			}
			if !slices.Contains(table[folded], i) {
				table[folded] = append(table[folded], i)
			}
		}
	}
	for i := range l.entries {
		e := &l.entries[i]
		e.label = e.name
		if len(e.spellings) > 1 && e.kind != KindState {
			if found := l.lookup(e.spellings[1]); len(found) > 0 && found[0] == i {
				e.label = e.spellings[1]
			}
		}
	}
}

// topic makes the page of an entry. others are further topics of the same spelling.
func (l *Library) topic(i int, others []int) (Topic, error) {
	e := l.entries[i]
	var t Topic
	switch e.kind {
	case KindState:
		t = l.states[e.index].topic(l)
	case KindSysctl:
		t = l.sysctlTopic(l.parameters[e.index])
	case KindCounter:
		t = l.counterTopic(&l.counters[e.index])
	case KindRule:
		var err error
		if t, err = l.ruleTopic(l.rules[e.index]); err != nil {
			return Topic{}, fmt.Errorf("explain %s: %w", e.name, err)
		}
	}
	t.SeeAlso = []string{}
	for _, other := range others {
		t.SeeAlso = append(t.SeeAlso, l.entries[other].name)
	}
	for _, name := range slices.Concat(l.related(&t), l.neighbours(e)) {
		if name != t.Name && !slices.Contains(t.SeeAlso, name) {
			t.SeeAlso = append(t.SeeAlso, name)
		}
	}
	return t, nil
}

func (l *Library) rule(id string) (*rules.Rule, bool) {
	i, ok := slices.BinarySearchFunc(l.rules, id, func(r *rules.Rule, id string) int { return cmp.Compare(r.ID, id) })
	if !ok {
		return nil, false
	}
	return l.rules[i], true
}

// sourceRows says what kind of document each source is.
func sourceRows(sources []string) []Row {
	var rows []Row
	for _, s := range sources {
		name := "man page"
		switch {
		case strings.HasPrefix(s, "RFC "):
			name = "RFC"
			s = strings.TrimPrefix(s, "RFC ")
		case strings.Contains(s, "/"):
			name = "kernel"
		}
		rows = append(rows, Row{name, s})
	}
	return rows
}

// firstSentence is a text up to its first full stop, without it.
func firstSentence(s string) string {
	s, _, _ = strings.Cut(prose(s), "\n")
	if first, _, ok := strings.Cut(s, ". "); ok {
		return first
	}
	return strings.TrimSuffix(s, ".")
}
