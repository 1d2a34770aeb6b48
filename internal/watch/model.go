// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Options say how a view looks and how often it is renewed.
type Options struct {
	Interval time.Duration
	Color    bool   // use SGR escape sequences
	Unicode  bool   // draw with block characters
	Netns    string // what --netns got, for the commands that are shown; empty: our own
}

// A Model is the state of a view. Rounds, keys and sizes go in through Update, a
// screen comes out of View.
type Model struct {
	options Options
	collect func() (*Round, error) // nil in tests, which hand rounds in

	round   *Round // the last one; nil before the first
	err     error  // why there is no newer one
	took    time.Duration
	history history
	tracker tracker

	width, height int
	focus         panel
	lower         panel // which list is below the findings where one has room only
	views         [panelCount]view
	filter        string
	filtering     bool // keys go into the filter
	paused        bool
	busy          bool // a round is being collected
	timer         int  // the number of the timer that counts
	overlay       overlay
	interrupted   bool
}

// NewModel makes a view without a round yet.
func NewModel(o Options) *Model {
	return &Model{options: o, history: newHistory(), lower: listenersPanel}
}

// roundMsg is a round that was collected, or why it was not.
type roundMsg struct {
	round *Round
	err   error
	took  time.Duration
}

// timerMsg says that it is time for the next round.
type timerMsg int

// Init begins with the first round.
func (m *Model) Init() tea.Cmd { return m.begin() }

// begin collects a round, unless one is being collected.
func (m *Model) begin() tea.Cmd {
	if m.busy || m.collect == nil {
		return nil
	}
	m.busy = true
	return func() tea.Msg {
		start := time.Now()
		r, err := m.collect()
		return roundMsg{r, err, time.Since(start)}
	}
}

// later begins the next round after a while.
func (m *Model) later(d time.Duration) tea.Cmd {
	m.timer++
	number := m.timer
	return tea.Tick(d, func(time.Time) tea.Msg { return timerMsg(number) })
}

// Update takes one message in.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case roundMsg:
		m.busy = false
		m.err, m.took = msg.err, msg.took
		if msg.err == nil {
			m.take(msg.round)
		}
		return m, m.later(wait(m.options.Interval, msg.took))
	case timerMsg:
		if !m.paused && int(msg) == m.timer {
			return m, m.begin()
		}
	case tea.KeyPressMsg:
		return m, m.press(msg)
	case tea.PasteMsg:
		if m.filtering {
			m.typeFilter(msg.Content)
		}
	}
	return m, nil
}

// take adds a round to what is shown. A paused view stays as it is.
func (m *Model) take(r *Round) (appeared, gone []*tracked) {
	if m.paused {
		return nil, nil
	}
	m.round = r
	m.history.add(r)
	appeared, gone = m.tracker.observe(r.Taken, r.Check.Findings, r.unsettled)
	if s := m.overlay.subject; s != nil {
		m.history.detail.add(s.number(r))
	}
	return appeared, gone
}

// View draws the screen.
func (m *Model) View() tea.View {
	v := tea.NewView(m.Screen())
	v.AltScreen = true
	return v
}

// source makes Update collect from s.
func (m *Model) source(ctx context.Context, s Source) {
	m.collect = func() (*Round, error) { return s(ctx) }
}
