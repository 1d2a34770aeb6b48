// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/exp/teatest/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/rules"
)

// patience is how long a test waits for what takes no time.
const patience = 30 * time.Second

// has fails unless the screen contains all the words and none after "not".
func has(t *testing.T, m *Model, words ...string) {
	t.Helper()
	screen, want := m.Screen(), true
	for _, w := range words {
		if w == "not" {
			want = false
			continue
		}
		if strings.Contains(screen, w) != want {
			t.Errorf("screen has %q: %v:\n%s", w, !want, screen)
		}
	}
}

func TestFindingsComeAndGo(t *testing.T) {
	m := shown(100, 30)
	has(t, m, "CRITICAL A listener's accept queue overflows")
	feed(m, round(10, leak()), round(11, leak()))
	has(t, m, "CRITICAL A listener's accept queue overflows", "unseen 8 s")
	feed(m, round(12, leak()))
	has(t, m, "cleared  A listener's accept queue overflows", "0 s ago", "● 1 warning")
	feed(m, round(13, leak(), overflow()))
	has(t, m, "CRITICAL", "0 s (x2)")
}

// TestUnsettledDoesNotClear: a finding that a round lacks has not cleared where its
// rule was not judged for everything, or found more than is listed.
func TestUnsettledDoesNotClear(t *testing.T) {
	first := overflow()
	first.Subject = "198.18.0.1:1"
	capped := first
	capped.More = 5
	for _, tt := range []struct {
		name     string
		skipped  []rules.Skipped
		findings []rules.Finding
		verdict  string
		cleared  bool
	}{
		{"some elements were not judged", []rules.Skipped{{Rule: "accept-queue-overflow", Elements: 1}}, []rules.Finding{first}, "● 2 critical", false},
		{"nothing was judged", []rules.Skipped{{Rule: "accept-queue-overflow"}}, nil, "● 2 critical", false},
		{"more than is listed", nil, []rules.Finding{capped}, "● 6 critical", false},
		{"another rule was not judged", []rules.Skipped{{Rule: "close-wait-leak", Elements: 1}}, []rules.Finding{first}, "● 1 critical", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := NewModel(Options{Interval: 2 * time.Second, Unicode: true})
			size(m, 100, 30)
			last := overflow()
			if tt.verdict == "● 6 critical" {
				last.More = 4 // as of then
			}
			feed(m, round(0, first, last))
			for i := range clearRounds + 1 {
				r := round(i+1, tt.findings...)
				r.Check.Skipped = tt.skipped
				feed(m, r)
			}
			has(t, m, tt.verdict)
			if got := strings.Contains(m.Screen(), "cleared"); got != tt.cleared {
				t.Errorf("cleared: %v, want %v:\n%s", got, tt.cleared, m.Screen())
			}
			if got := strings.Contains(m.Screen(), "not judged"); got == tt.cleared {
				t.Errorf("not judged: %v:\n%s", got, m.Screen())
			}
		})
	}
}

func TestSortAndFilter(t *testing.T) {
	m := shown(100, 30)
	order := func() (keys []string) {
		for _, r := range m.table(listenersPanel).rows {
			keys = append(keys, r.key)
		}
		return keys
	}
	press(t, m, "tab")
	tests := []struct {
		keys []string
		want []string
	}{
		{nil, []string{"198.18.0.1:8080", "198.18.0.1:9090", "[::]:22", "127.0.0.1:5432"}},
		{[]string{"s", "s"}, []string{"198.18.0.1:9090", "198.18.0.1:8080", "[::]:22", "127.0.0.1:5432"}}, // CLOSE_WAIT
		{[]string{"s"}, []string{"127.0.0.1:5432", "198.18.0.1:8080", "198.18.0.1:9090", "[::]:22"}},      // address
		{[]string{"s", "/", "S", "T", "U"}, []string{"198.18.0.1:8080"}},
		{[]string{"backspace", "x"}, nil},
		{[]string{"esc"}, []string{"198.18.0.1:8080", "198.18.0.1:9090", "[::]:22", "127.0.0.1:5432"}},
	}
	for _, tt := range tests {
		press(t, m, tt.keys...)
		if diff := cmp.Diff(tt.want, order()); diff != "" {
			t.Errorf("after %v (-want +got):\n%s", tt.keys, diff)
		}
	}
	press(t, m, "/", "q", "enter")
	has(t, m, "filter: q", "none of 4 contains \"q\"")
	if m.filtering {
		t.Error("enter does not end the filter")
	}
}

// TestCursorStays follows a row wherever sorting and new rounds put it.
func TestCursorStays(t *testing.T) {
	m := shown(100, 30)
	press(t, m, "tab", "down")
	has(t, m, "▸ 198.18.0.1:9090")
	r := round(20)
	r.Facts.Listeners[2].Queue = 50 * 3
	feed(m, r)
	has(t, m, "▸ 198.18.0.1:9090")
	press(t, m, "enter")
	has(t, m, "LISTENER 198.18.0.1:9090", "150/50")
	r = round(21)
	r.Facts.Listeners = r.Facts.Listeners[:1]
	feed(m, r)
	has(t, m, "nobody listens here any more")
	press(t, m, "esc")
	has(t, m, "▸ [::]:22")
	press(t, m, "end", "pgup", "home", "up", "enter", "esc", "tab", "tab", "tab", "tab")
	if m.focus != listenersPanel {
		t.Errorf("four tabs lead to panel %d", m.focus)
	}
}

func TestPause(t *testing.T) {
	m := shown(100, 30)
	m.source(t.Context(), func(context.Context) (*Round, error) { return round(1), nil })
	if cmd := press(t, m, "p"); cmd != nil {
		t.Error("pausing collects")
	}
	has(t, m, "PAUSED")
	before := m.Screen()
	feed(m, round(30, leak())) // was being collected
	if diff := cmp.Diff(before, m.Screen()); diff != "" {
		t.Errorf("a paused screen moves:\n%s", diff)
	}
	if _, cmd := m.Update(timerMsg(m.timer)); cmd != nil {
		t.Error("a paused view collects")
	}
	if cmd := press(t, m, "space"); cmd == nil {
		t.Error("going on does not collect at once")
	}
	if cmd := press(t, m, "space", "space"); cmd != nil {
		t.Error("two rounds are collected at a time")
	}
	has(t, m, "not", "PAUSED")
}

// TestTimers collects once for each interval, whatever timers are left over.
func TestTimers(t *testing.T) {
	m := NewModel(Options{Interval: time.Second})
	m.source(t.Context(), func(context.Context) (*Round, error) { return round(1), nil })
	if m.Init() == nil {
		t.Fatal("nothing is collected at the start")
	}
	feed(m, round(1))
	old := m.timer
	feed(m, round(2))
	if _, cmd := m.Update(timerMsg(old)); cmd != nil {
		t.Error("an old timer collects")
	}
	if _, cmd := m.Update(timerMsg(m.timer)); cmd == nil {
		t.Error("the timer does not collect")
	}
}

// TestWatchForLong plays a day of rounds with findings and listeners that are
// never the same: memory stays what it was.
func TestWatchForLong(t *testing.T) {
	m := shown(100, 30)
	heap := func() uint64 {
		var s runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	var before uint64
	for i := range 3000 {
		if i == 1000 {
			before = heap()
		}
		r, f := round(i), overflow()
		f.Subject = strings.Repeat("x", i%50)
		r.Check.Findings = append(r.Check.Findings, f)
		r.Facts.Listeners[0].Address = f.Subject
		feed(m, r)
		if i%100 == 0 {
			press(t, m, "tab", "enter")
			m.Screen()
			press(t, m, "esc")
		}
	}
	const more = 1 << 20
	if after := heap(); after > before+more {
		t.Errorf("%d bytes after 3000 rounds, %d after 1000", after, before)
	}
}

// rounds is a source that makes them up; the finding is there from the second to
// the fourth.
func rounds() Source {
	i := -1
	return func(ctx context.Context) (*Round, error) {
		i++
		if i >= 1 && i <= 3 {
			return round(i, overflow()), ctx.Err()
		}
		return round(i), ctx.Err()
	}
}

// TestProgram runs the view in a program, as a person sees it.
func TestProgram(t *testing.T) {
	m := NewModel(Options{Interval: 50 * time.Millisecond, Unicode: true})
	m.source(t.Context(), rounds())
	tm := teatest.NewTestModel(t, m, teatest.WithInitialTermSize(80, 24))
	wait := func(text string) {
		t.Helper()
		teatest.WaitFor(t, tm.Output(), func(out []byte) bool { return bytes.Contains(out, []byte(text)) },
			teatest.WithDuration(patience), teatest.WithCheckInterval(10*time.Millisecond))
	}
	wait("CRITICAL")
	wait("cleared")
	tm.Send(tea.KeyPressMsg{Code: tea.KeyTab})
	tm.Send(tea.KeyPressMsg{Code: tea.KeyEnter})
	wait("Findings about it")
	tm.Send(tea.KeyPressMsg{Code: tea.KeyEscape})
	tm.Send(tea.WindowSizeMsg{Width: 20, Height: 5})
	wait("too small")
	tm.Type("q")
	tm.WaitFinished(t, teatest.WithFinalTimeout(patience))
}

// TestRunEnds ends with the context, whatever is being collected.
func TestRunEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	began := make(chan bool)
	source := func(ctx context.Context) (*Round, error) {
		close(began)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	in, keyboard := io.Pipe()
	defer keyboard.Close()
	done := make(chan error)
	go func() { done <- Run(ctx, source, Options{Interval: time.Second}, in, io.Discard) }()
	<-began
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("it ends with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
}

func TestWriteLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 5100*time.Millisecond)
		defer cancel()
		if err := WriteLines(ctx, rounds(), Options{Interval: time.Second}, &out); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ends with %v", err)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 5 || !strings.Contains(lines[0], " +critical:accept-queue-overflow@") || strings.Contains(out.String(), "\x1b") {
			t.Errorf("%d lines:\n%s", len(lines), out.String())
		}
	})
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriteLinesEndsWithItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if err := WriteLines(t.Context(), rounds(), Options{Interval: time.Second}, closed{}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("it ends with %v", err)
		}
	})
}

// TestOnceShowsMildFindings: one window has to do, there is no second one.
func TestOnceShowsMildFindings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := -1
		source := func(context.Context) (*Round, error) {
			if i++; i == 0 {
				return round(i), nil
			}
			return round(i, mild()), nil
		}
		var out bytes.Buffer
		if _, err := Once(t.Context(), source, Options{Interval: 2 * time.Second, Unicode: true}, 80, &out); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); !strings.Contains(got, "● 1 notice") || !strings.Contains(got, mild().Title) || strings.Contains(got, "no problem found") {
			t.Errorf("the page hides the finding:\n%s", got)
		}
	})
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		start := time.Now()
		r, err := Once(t.Context(), rounds(), Options{Interval: 2 * time.Second}, 80, &out)
		if err != nil || len(r.Check.Findings) != 1 || !strings.Contains(out.String(), "CRITICAL") {
			t.Errorf("%v, %v:\n%s", r, err, out.String())
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}
