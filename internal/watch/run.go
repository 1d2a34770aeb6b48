// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/tcptune/tcptune/internal/report"
)

// ErrInterrupted is the end of a view by ctrl-c.
var ErrInterrupted = errors.New("interrupted")

// Run shows the view on a terminal until somebody ends it. The terminal is as it
// was before when it returns: nil after q, ErrInterrupted after ctrl-c, the error
// of the context when that ends.
func Run(ctx context.Context, s Source, o Options, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // a round that is being collected
	m := NewModel(o)
	m.source(ctx, s)
	profile := colorprofile.ASCII
	if o.Color {
		profile = colorprofile.ANSI
	}
	_, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out),
		tea.WithColorProfile(profile), tea.WithoutSignalHandler()).Run()
	switch {
	case m.interrupted:
		return ErrInterrupted
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("show the view: %w", err)
	}
	return nil
}

// window hands m the first round that has a window, and no other: a mild finding
// would have to be seen twice then.
func (m *Model) window(ctx context.Context, s Source) error {
	start := time.Now()
	if _, err := s(ctx); err != nil {
		return err
	}
	if err := sleep(ctx, wait(m.options.Interval, time.Since(start))); err != nil {
		return err
	}
	start = time.Now()
	r, err := s(ctx)
	if err != nil {
		return err
	}
	m.took = time.Since(start)
	m.take(r)
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// maxOnceRows is how many rows of each list Once prints.
const maxOnceRows = 20

// Once waits for one window and prints what a screen of that width would show,
// as tall as it needs. It returns the round, so that the caller can answer.
func Once(ctx context.Context, s Source, o Options, width int, out io.Writer) (*Round, error) {
	m := NewModel(o)
	if err := m.window(ctx, s); err != nil {
		return nil, err
	}
	m.width = max(width, minWidth)
	if _, err := io.WriteString(out, m.drawn(m.page())); err != nil {
		return nil, fmt.Errorf("write to standard output: %w", err)
	}
	return m.round, nil
}

// page is the screen without an end at the bottom.
func (m *Model) page() string {
	m.focus = panelCount     // nobody moves here
	m.history = newHistory() // nor is there any
	lines := append(m.headLines(), m.top(m.width, stacked)...)
	for p := range panelCount {
		t := m.table(p)
		rows := 1 + min(len(t.rows), maxOnceRows)
		if len(t.rows) == 0 {
			rows = len(wrapText(t.empty, m.width-2))
		}
		lines = append(lines, m.list(p, m.width, 1+rows)...)
	}
	var b strings.Builder
	for _, line := range lines {
		if line = strings.TrimRight(line, " "); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// WriteLines writes a line for each interval until the context ends or out takes
// no more. The first one comes when there is a window.
func WriteLines(ctx context.Context, s Source, o Options, out io.Writer) error {
	m := NewModel(o)
	if _, err := s(ctx); err != nil {
		return err
	}
	for took := time.Duration(0); ; {
		if err := sleep(ctx, wait(o.Interval, took)); err != nil {
			return err
		}
		start := time.Now()
		r, err := s(ctx)
		if err != nil {
			return err
		}
		took = time.Since(start)
		if _, err := io.WriteString(out, m.line(r)+"\n"); err != nil {
			return fmt.Errorf("write to standard output: %w", err)
		}
	}
}

// line words a round: the time, the length of the window, the sockets by state,
// the rates, how many findings there are, and which appeared (+) or cleared (-).
// The fields and their order are always the same, findings aside.
func (m *Model) line(r *Round) string {
	appeared, gone := m.take(r)
	parts := []string{r.Taken.UTC().Format(time.RFC3339)}
	add := func(name, value string) { parts = append(parts, name+"="+value) }
	add("seconds", plainNumber(r.Check.Window.Seconds))
	for _, name := range stateNames() {
		add(name, plainNumber(float(r.Check.States[name])))
	}
	for _, meter := range meters() {
		add(meter.name, plainNumber(meter.value(r)))
	}
	add("cost_ms", fmt.Sprintf("%.0f", float64(r.Cost.Microseconds())/1000))
	add("findings", fmt.Sprint(m.active()))
	for _, list := range []struct {
		sign     string
		findings []*tracked
	}{{"+", appeared}, {"-", gone}} {
		for _, f := range list.findings {
			text := list.sign + string(f.Severity) + ":" + f.Rule
			if f.Subject != "" {
				text += "@" + strings.ReplaceAll(f.Subject, " ", "_")
			}
			parts = append(parts, report.Clean(text))
		}
	}
	return strings.Join(parts, " ")
}

// active counts the findings that are there.
func (m *Model) active() (n int) {
	for _, f := range m.tracker.list {
		if f.phase == active {
			n++
		}
	}
	return n
}

// plainNumber words a number for programs: no grouping of digits.
func plainNumber(v *float64) string {
	if v == nil {
		return unknown
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.1f", *v), "0"), ".")
}
