// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/rules"
)

func TestScreens(t *testing.T) {
	for _, s := range [][2]int{{80, 24}, {100, 30}, {120, 40}, {40, 12}, {40, 10}} {
		name := sizeName(s[0], s[1])
		t.Run(name, func(t *testing.T) { golden(t, "lists-"+name+".txt", shown(s[0], s[1]).Screen()+"\n") })
	}
}

func TestDetails(t *testing.T) {
	tests := []struct {
		name string
		keys []string
	}{
		{"finding", []string{"enter"}},
		{"listener", []string{"tab", "enter"}},
		{"destination", []string{"tab", "tab", "enter"}},
		{"process", []string{"tab", "tab", "tab", "enter"}},
		{"help", []string{"?"}},
		{"gaps", []string{"g"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := shown(80, 60)
			press(t, m, tt.keys...)
			feed(m, round(9, overflow(), leak()))
			golden(t, tt.name+".txt", m.Screen()+"\n")
			press(t, m, "esc")
			if m.overlay.kind != noOverlay {
				t.Error("esc does not go back")
			}
		})
	}
}

// TestDetailsOfWhatIsNotKnown: what a round could not read is not gone.
func TestDetailsOfWhatIsNotKnown(t *testing.T) {
	unread, gone := round(9), round(10)
	unread.Facts.Listeners, unread.Facts.Destinations, unread.Facts.Processes, unread.Sockets = nil, nil, nil, nil
	gone.Facts.Listeners, gone.Facts.Destinations, gone.Facts.Processes = []*facts.Listener{}, []*facts.Destination{}, []*facts.Process{}
	for _, tt := range []struct {
		keys []string
		gone string
	}{
		{[]string{"tab", "enter"}, "nobody listens here any more"},
		{[]string{"tab", "tab", "enter"}, "it has no connection any more"},
		{[]string{"tab", "tab", "tab", "enter"}, "it holds no such socket any more"},
	} {
		m := shown(80, 60)
		press(t, m, tt.keys...)
		feed(m, unread)
		has(t, m, "not known in this round: g shows why", "not", tt.gone)
		feed(m, gone)
		has(t, m, tt.gone, "not", "not known in this round")
		r := round(11)
		r.Sockets = nil
		feed(m, r)
		has(t, m, "Sockets by state")
		if _, after, _ := strings.Cut(m.Screen(), "Sockets by state"); strings.Contains(strings.SplitN(after, "\n", 3)[1], "none") {
			t.Errorf("sockets were not read, but there are none:\n%s", m.Screen())
		}
	}
}

// TestScreenFits draws every screen in many sizes: no line is wider and no screen
// taller than the terminal, with colour and without, and text of the host never
// brings an escape sequence in.
func TestScreenFits(t *testing.T) {
	overlays := [][]string{nil, {"enter"}, {"tab", "enter"}, {"tab", "tab", "enter"}, {"tab", "tab", "tab", "enter"}, {"?"}, {"g"}, {"/", "x"}, {"tab", "s"}, {"space"}}
	for _, keys := range overlays {
		for _, color := range []bool{false, true} {
			m := shown(80, 24)
			m.options.Color = color
			press(t, m, keys...)
			for width := 1; width <= 130; width += 7 {
				for height := 1; height <= 50; height += 5 {
					size(m, width, height)
					checkFits(t, m.Screen(), width, height, color)
				}
			}
		}
	}
}

func checkFits(t *testing.T, screen string, width, height int, color bool) {
	t.Helper()
	lines := strings.Split(screen, "\n")
	if len(lines) > height {
		t.Fatalf("%dx%d: %d lines", width, height, len(lines))
	}
	for _, line := range lines {
		if w := ansi.StringWidth(line); w > width {
			t.Fatalf("%dx%d: a line of %d columns: %q", width, height, w, line)
		}
		if strings.Contains(line, "\x1b") && !color || strings.Contains(ansi.Strip(line), "\x1b") || strings.Contains(line, "\x1b[31m[7]") {
			t.Fatalf("%dx%d: escape sequence in %q", width, height, line)
		}
	}
}

// TestPlain draws with ASCII only where the terminal may not know more.
func TestPlain(t *testing.T) {
	m := shown(80, 24)
	m.options.Unicode = false
	m.round.Facts.Listeners[3].Process = "db[7]"
	for _, keys := range [][]string{nil, {"enter"}, {"esc", "?"}, {"esc", "/", "x"}} {
		press(t, m, keys...)
		for _, r := range m.Screen() {
			if r > 0x7e {
				t.Errorf("after %v the screen has %q:\n%s", keys, r, m.Screen())
				break
			}
		}
	}
	golden(t, "ascii.txt", m.Screen()+"\n")
}

func TestTooSmall(t *testing.T) {
	m := shown(39, 24)
	if got := m.Screen(); !strings.Contains(got, "39x24 is too small") {
		t.Errorf("screen %q", got)
	}
	size(m, 80, 24)
	if got := m.Screen(); !strings.Contains(got, "accept queue overflows") {
		t.Errorf("it does not recover:\n%s", got)
	}
}

func TestErrorIsShown(t *testing.T) {
	m := NewModel(Options{Interval: time.Second})
	size(m, 80, 24)
	m.Update(roundMsg{err: errors.New("enter it: no such\x1b namespace")})
	if got := m.Screen(); !strings.Contains(got, `no such\x1b namespace`) {
		t.Errorf("before a round:\n%s", got)
	}
	m = shown(80, 24)
	m.Update(roundMsg{err: errors.New("gone")})
	if got := m.Screen(); !strings.Contains(got, "cannot collect: gone") || !strings.Contains(got, "stuck[120]") {
		t.Errorf("after some rounds:\n%s", got)
	}
	feed(m, round(9))
	if got := m.Screen(); strings.Contains(got, "cannot collect") {
		t.Errorf("after the error:\n%s", got)
	}
}

// TestStretched says so when collecting takes more than half of the interval.
func TestStretched(t *testing.T) {
	tests := []struct{ interval, took, want time.Duration }{
		{2 * time.Second, 100 * time.Millisecond, 1900 * time.Millisecond},
		{2 * time.Second, time.Second, time.Second},
		{2 * time.Second, 1500 * time.Millisecond, 1500 * time.Millisecond},
		{2 * time.Second, 5 * time.Second, 5 * time.Second},
	}
	for _, tt := range tests {
		if got := wait(tt.interval, tt.took); got != tt.want {
			t.Errorf("a round took %s of %s: wait %s, want %s", tt.took, tt.interval, got, tt.want)
		}
	}
	m := shown(120, 24)
	m.Update(roundMsg{round: round(9), took: 5 * time.Second})
	if got, want := m.Screen(), "every 10.0s, not 2s: collecting takes 5.0s"; !strings.Contains(got, want) {
		t.Errorf("the screen lacks %q:\n%s", want, got)
	}
}

func TestVerdict(t *testing.T) {
	m := NewModel(Options{})
	feed(m, round(0))
	if got := m.verdict().text; !strings.HasPrefix(got, "nothing found yet") {
		t.Errorf("without a window: %q", got)
	}
	feed(m, round(1))
	if got, want := m.verdict().text, "no problem found, nothing to tune; 95 of 96 rules judged"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	r := round(2)
	r.Check.Summary.Waived = 2
	feed(m, r)
	if got, want := m.verdict(), (verdict{"nothing found that is not waived; 95 of 96 rules judged, 2 waived", plain}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	feed(m, round(3, overflow(), leak()))
	if got, want := m.verdict().text, "● 1 critical, 1 warning; 95 of 96 rules judged"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSpark(t *testing.T) {
	var r ring
	for _, v := range []*float64{nil, ptr(0.0), ptr(1.0), ptr(100.0), ptr(50.0)} {
		r.add(v)
	}
	if diff := cmp.Diff(" ▁▂█▅", r.spark(8)); diff != "" {
		t.Errorf("sparkline (-want +got):\n%s", diff)
	}
	for i := range 3 * historyLength {
		r.add(ptr(float64(i)))
	}
	if last := r.last(2); last[1] != 3*historyLength-1 || last[0] != 3*historyLength-2 || len(r.last(1000)) != historyLength {
		t.Errorf("last values %v, %d of them", last, len(r.last(1000)))
	}
}

func TestLine(t *testing.T) {
	m := NewModel(Options{Interval: 2 * time.Second})
	feed(m, round(0))
	var got []string
	for i, findings := range [][]int{{1}, {1, 2}, {2}, {2}, {2}} {
		r := round(i + 1)
		for _, n := range findings {
			r.Check.Findings = append(r.Check.Findings, []func() rules.Finding{nil, overflow, leak}[n]())
		}
		got = append(got, m.line(r))
	}
	golden(t, "lines.txt", strings.Join(got, "\n")+"\n")
}

func TestPage(t *testing.T) {
	m := NewModel(Options{Interval: 2 * time.Second})
	feed(m, round(0, overflow()), round(1, overflow(), leak()))
	m.width = 80
	golden(t, "once.txt", m.page())
}

func TestHasWord(t *testing.T) {
	for _, tt := range []struct {
		text, word string
		want       bool
	}{
		{"198.18.0.1:8080", "198.18.0.1:80", false}, {"198.18.0.1:80", "198.18.0.1:80", true}, {"198.18.0.1:80, other", "198.18.0.1:80", true},
		{"a[12], b[3]", "b[3]", true}, {"ab[3]", "b[3]", false}, {"b[3]", "b[3]x", false}, {"xb b", "b", true},
	} {
		if got := hasWord(tt.text, tt.word); got != tt.want {
			t.Errorf("%q has the word %q: %v", tt.text, tt.word, got)
		}
	}
}
