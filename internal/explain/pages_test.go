// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/internal/sockdiag"
	"github.com/tcptune/tcptune/sysctl"
)

// TestPages checks the form of every page.
func TestPages(t *testing.T) {
	l := newLibrary(t)
	for i, e := range l.entries {
		t.Run(e.name, func(t *testing.T) {
			page, err := l.topic(i, nil)
			if err != nil {
				t.Fatal(err)
			}
			if page.Title == "" || len(page.Title) > 120 || strings.HasSuffix(page.Title, ".") || strings.Contains(page.Title, "\n") {
				t.Errorf("title %q: want one line of at most 120 bytes without a full stop", page.Title)
			}
			if len(page.Sections) < 3 {
				t.Errorf("%d sections, want at least 3", len(page.Sections))
			}
			var headings []string
			for _, s := range page.Sections {
				headings = append(headings, s.Heading)
				checkSection(t, s)
			}
			if !slices.Contains(headings, "How to look") {
				t.Errorf("no section says how to look: %q", headings)
			}
			checkSeeAlso(t, l, page)
			checkDepth(t, l, page, headings)
		})
	}
}

// parts are the sections that each page of a kind has.
func parts() map[Kind][]string {
	return map[Kind][]string{
		KindState: {"What it means", "Which side is in it", "Who has to act", "How long it lasts, and what ends it", "A large number, by cause",
			"Settings that act on it", "Popular settings that do not", "Counters", "How to look", "Rules that judge it", "Sources"},
		KindSysctl:  {"What it does", "Who has to act", "Facts", "How to look", "Sources"},
		KindCounter: {"What it says", "What raises it", "When it grows", "Who has to act", "Facts", "How to look"},
		KindRule:    {"Why", "Who has to act", "What to do", "When it fires", "How it was proven", "How to look", "References"},
	}
}

// checkDepth checks that a page says what each of its kind has to, and leads to others.
func checkDepth(t *testing.T, l *Library, page Topic, headings []string) {
	t.Helper()
	for _, part := range parts()[page.Kind] {
		if !slices.Contains(headings, part) {
			t.Errorf("no section %q: %q", part, headings)
		}
	}
	links := len(page.SeeAlso)
	for _, s := range page.Sections {
		for _, r := range s.Rows {
			if _, ok := l.exact[r.Name]; ok {
				links++
			}
		}
	}
	if links == 0 {
		t.Error("the page leads to no other")
	}
}

// TestMeasurements checks that measurements and subjects are of pages that exist, and
// that each measurement compares something.
func TestMeasurements(t *testing.T) {
	l := newLibrary(t)
	titles := map[string]bool{}
	for _, m := range measurements() {
		if titles[m.title] {
			t.Errorf("%q: twice", m.title)
		}
		titles[m.title] = true
		if m.setup == "" || m.shows == "" || len(m.rows) < 2 {
			t.Errorf("%q: want a setup, two rows and what they show", m.title)
		}
		for i, name := range m.about {
			if _, ok := l.exact[name]; !ok || slices.Contains(m.about[:i], name) {
				t.Errorf("%q is about %q: want a topic's name, once", m.title, name)
			}
		}
	}
	for _, name := range slices.Concat(subjects()...) {
		if _, ok := l.exact[name]; !ok {
			t.Errorf("a subject has %q, which is no topic's name", name)
		}
	}
	for _, s := range states() {
		if !slices.ContainsFunc(measurements(), func(m measurement) bool { return slices.Contains(m.about, s.name) }) {
			t.Errorf("nothing was measured about %s", s.name)
		}
	}
}

// TestCounterActors checks that one actor is named for each counter.
func TestCounterActors(t *testing.T) {
	named := map[string]int{}
	for _, a := range counterActors() {
		for _, key := range a.counters {
			named[key]++
		}
	}
	for _, c := range procnet.CounterInfos() {
		if named[c.Key()] != 1 {
			t.Errorf("%d actors for %s, want one", named[c.Key()], c.Key())
		}
		delete(named, c.Key())
	}
	for key := range named {
		t.Errorf("%s is no counter of the catalogue", key)
	}
}

func checkSection(t *testing.T, s Section) {
	t.Helper()
	if s.Heading == "" || s.Text == "" && len(s.Rows) == 0 && len(s.Commands) == 0 {
		t.Errorf("empty section %q", s.Heading)
	}
	texts := []string{s.Text}
	for _, r := range s.Rows {
		if r.Name == "" || r.Value == "" {
			t.Errorf("%s: empty row %+v", s.Heading, r)
		}
		texts = append(texts, r.Value)
	}
	for _, text := range texts {
		if text != prose(text) {
			t.Errorf("%s: not paragraphs: %q", s.Heading, text)
		}
	}
	for _, c := range s.Commands {
		if c == "" || strings.ContainsAny(c, "\n\t") {
			t.Errorf("%s: command %q", s.Heading, c)
		}
	}
}

func checkSeeAlso(t *testing.T, l *Library, page Topic) {
	t.Helper()
	if page.SeeAlso == nil {
		t.Error("SeeAlso is nil")
	}
	for i, name := range page.SeeAlso {
		if _, ok := l.exact[name]; !ok || name == page.Name || slices.Contains(page.SeeAlso[:i], name) {
			t.Errorf("see also %q: want another topic's name, once", name)
		}
	}
}

// TestStates checks that each state has all parts, and that what it names exists.
func TestStates(t *testing.T) {
	l := newLibrary(t)
	seen := sockdiag.States(0)
	for _, s := range states() {
		t.Run(s.name, func(t *testing.T) {
			seen |= sockdiag.StatesOf(s.id)
			if !strings.EqualFold(s.name, s.id.String()) {
				t.Errorf("name %s of state %s", s.name, s.id)
			}
			for what, text := range map[string]string{"title": s.title, "meaning": s.meaning, "side": s.side, "actor": s.actor, "lasts": s.lasts} {
				if strings.TrimSpace(text) == "" {
					t.Errorf("no %s", what)
				}
			}
			for what, n := range map[string]int{"causes": len(s.causes), "inert": len(s.inert), "counters": len(s.counters), "commands": len(s.commands), "rules": len(s.rules), "sources": len(s.sources)} {
				if n == 0 {
					t.Errorf("no %s", what)
				}
			}
			for _, r := range slices.Concat(s.acts, s.inert) {
				if e := l.entries[l.exact[r.Name]]; e.name != r.Name || e.kind != KindSysctl {
					t.Errorf("%q is no key of the catalogue", r.Name)
				}
			}
			for _, r := range s.counters {
				if e := l.entries[l.exact[r.Name]]; e.name != r.Name || e.kind != KindCounter {
					t.Errorf("%q is no counter of the catalogue", r.Name)
				}
			}
		})
	}
	if seen != sockdiag.AllStates {
		t.Errorf("states %s, want %s", seen, sockdiag.AllStates)
	}
}

// TestStateRules checks that every rule that a state names is built in.
func TestStateRules(t *testing.T) {
	l := newLibrary(t)
	for _, s := range states() {
		for _, id := range s.rules {
			if _, ok := l.rule(id); !ok {
				t.Errorf("the page on %s names the rule %s, which is not built in", s.name, id)
			}
		}
	}
}

// TestTables checks that the tables of titles and advice know the catalogues' names.
func TestTables(t *testing.T) {
	keys, counters := map[string]bool{}, map[string]bool{}
	titles := sysctlTitles()
	for _, p := range sysctl.LoadCatalogue().Parameters() {
		keys[p.Key.String()] = true
		if titles[p.Key.String()] == "" {
			t.Errorf("no title for %s", p.Key)
		}
	}
	for _, c := range procnet.CounterInfos() {
		counters[c.Key()] = true
	}
	for _, table := range []struct {
		name  string
		texts map[string]string
		known map[string]bool
	}{
		{"sysctlTitles", titles, keys},
		{"sysctlAdvice", sysctlAdvice(), keys},
		{"sysctlActors", sysctlActors(), keys},
		{"counterTitles", counterTitles(), counters},
		{"counterAdvice", counterAdvice(), counters},
	} {
		for name := range table.texts {
			if !table.known[name] {
				t.Errorf("%s has %q, which is not in the catalogue", table.name, name)
			}
		}
	}
}

// TestMisconceptions checks that the pages contradict what popular articles claim. The
// words may change; that each page speaks of the matter may not.
func TestMisconceptions(t *testing.T) {
	l := newLibrary(t)
	tests := []struct {
		query   string
		heading string // "" for anywhere
		want    []string
	}{
		{"CLOSE_WAIT", "Who has to act", []string{"Our program", "close()"}},
		{"CLOSE_WAIT", "Settings that act on it", []string{"None"}},
		{"CLOSE_WAIT", "How long it lasts, and what ends it", []string{"no timer"}},
		{"CLOSE_WAIT", "What it means", []string{"Recv-Q 0", "Recv-Q 1", "Recv-Q above 1"}},
		{"CLOSE_WAIT", "", []string{"EMFILE"}},
		{"TIME_WAIT", "How long it lasts, and what ends it", []string{"60 s", "No sysctl"}},
		{"TIME_WAIT", "Popular settings that do not", []string{"net.ipv4.tcp_fin_timeout", "Removed in Linux 4.12"}},
		{"TIME_WAIT", "What else does not help", []string{"SO_LINGER", "ECONNRESET"}},
		{"TIME_WAIT", "Settings that act on it", []string{"net.ipv4.tcp_max_tw_buckets", "net.ipv4.tcp_tw_reuse"}},
		{"SYN_SENT", "How long it lasts, and what ends it", []string{"134 s", "19.5 s"}},
		{"SYN_SENT", "A large number, by cause", []string{"dead backend", "scan"}},
		{"FIN_WAIT2", "Settings that act on it", []string{"net.ipv4.tcp_fin_timeout"}},
		{"tcp_tw_recycle", "Common wrong advice", []string{"do not, on any kernel", "NAT", "4.12"}},
		{"tcp_tw_recycle", "Facts", []string{"4.12"}},
		{"tcp_fin_timeout", "Common wrong advice", []string{"TIME_WAIT takes 60 s"}},
		{"tcp_fin_timeout", "TCP states", []string{"FIN_WAIT2", "Does not help"}},
		{"tcp_tw_reuse", "Facts", []string{"2 (since 4.18); 0 before", "largest value: 2"}},
		{"tcp_syncookies", "Common wrong advice", []string{"accepts too slowly"}},
		{"tcp_syncookies", "Counters", []string{"TcpExt.TCPReqQFullDrop"}},
		{"ListenOverflows", "TCP states", []string{"LISTEN"}},
	}
	for _, tt := range tests {
		t.Run(tt.query+"/"+tt.heading, func(t *testing.T) {
			var text strings.Builder
			for _, s := range find(t, l, tt.query).Sections {
				if tt.heading == "" || s.Heading == tt.heading {
					text.WriteString(s.Text + "\n")
					for _, r := range s.Rows {
						text.WriteString(r.Name + ": " + r.Value + "\n")
					}
				}
			}
			for _, want := range tt.want {
				if !strings.Contains(text.String(), want) {
					t.Errorf("%q is missing in\n%s", want, text.String())
				}
			}
		})
	}
}

// TestNoAdviceToRecycle checks that no page tells anybody to set tcp_tw_recycle.
func TestNoAdviceToRecycle(t *testing.T) {
	l := newLibrary(t)
	for i := range l.entries {
		page, err := l.topic(i, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Sections {
			for _, c := range s.Commands {
				if strings.Contains(c, "-w") && strings.Contains(c, "tcp_tw_recycle") {
					t.Errorf("%s: command %q", page.Name, c)
				}
			}
		}
	}
}

// TestCommands runs every ss command of the pages, which only read, so that none has a
// filter that ss does not know.
func TestCommands(t *testing.T) {
	if _, err := exec.LookPath("ss"); err != nil {
		require(t, "ss", "ss is not installed: its filters cannot be checked")
	}
	words := strings.NewReplacer("PORT", "80", "ADDRESS", "192.0.2.1")
	for _, s := range states() {
		for _, command := range s.commands {
			if !strings.HasPrefix(command, "ss ") {
				continue
			}
			command, _, _ = strings.Cut(words.Replace(command), " | ")
			t.Run(command, func(t *testing.T) {
				out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", command).CombinedOutput()
				if err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

// TestCommandNames checks that pages name no program that a reader may not have.
func TestCommandNames(t *testing.T) {
	known := []string{"tcptune", "ss", "nstat", "cat", "ls", "grep", "lsof", "sysctl"}
	groupings := []string{"listener", "destination", "process"}
	l := newLibrary(t)
	for i := range l.entries {
		page, err := l.topic(i, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Sections {
			for _, c := range s.Commands {
				program, rest, _ := strings.Cut(c, " ")
				if !slices.Contains(known, program) {
					t.Errorf("%s: %q", page.Name, c)
				}
				if by, ok := strings.CutPrefix(rest, "states --by "); ok && !slices.Contains(groupings, by) {
					t.Errorf("%s: %q", page.Name, c)
				}
			}
		}
	}
}

func TestMentions(t *testing.T) {
	l := newLibrary(t)
	tests := []struct {
		name string
		text string
		want []string
	}{
		{"states in capitals", "FIN_WAIT_2 and (CLOSE_WAIT), not close or listen", []string{"FIN_WAIT2", "CLOSE_WAIT"}},
		{"keys", "tcp_fin_timeout=60, net.core.somaxconn.", []string{"net.core.somaxconn", "net.ipv4.tcp_fin_timeout"}},
		{"condition", `rate.ListenOverflows > 0 && sysctl("net.ipv4.tcp_syncookies") == 0`, []string{"net.ipv4.tcp_syncookies", "TcpExt.ListenOverflows"}},
		{"ordinary words", "the drop of entries in mem, orphan and cpu; a retry", nil},
		{"rule", "see close-wait-leak.", []string{"close-wait-leak"}},
		{"nothing", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, l.mentions(tt.text)); diff != "" {
				t.Errorf("mentions(%q) (-want +got)\n%s", tt.text, diff)
			}
		})
	}
}

func TestProse(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty", " \n\n ", ""},
		{"wrapped", "\na\n\tb  c\n", "a b c"},
		{"paragraphs", "a\nb\n\n\nc\n", "a b\n\nc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, prose(tt.in)); diff != "" {
				t.Errorf("prose (-want +got)\n%s", diff)
			}
		})
	}
}
