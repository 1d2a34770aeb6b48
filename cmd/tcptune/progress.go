// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/term"

	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
)

// progressTick is how often progress is drawn.
const progressTick = 250 * time.Millisecond

// A progress is the line on standard error that tells a person how much of a
// window is over. It is drawn on a terminal only, and erased at the end.
type progress struct {
	terminal *os.File // nil: there is none
	length   time.Duration
	hint     string
	start    time.Time
	seen     string // what the first snapshot counted
}

func (u *ui) newProgress(length time.Duration) *progress {
	p := &progress{length: length, start: time.Now()}
	if f, ok := u.err.(*os.File); ok && !u.quiet && term.IsTerminal(f.Fd()) {
		p.terminal = f
	}
	return p
}

// draw replaces the line. One that wraps could not be erased, so it is cut.
func (p *progress) draw() {
	if p.terminal == nil {
		return
	}
	width := defaultWidth
	if w, _, err := term.GetSize(p.terminal.Fd()); err == nil && w > 0 {
		width = w
	}
	fmt.Fprint(p.terminal, "\r"+ansi.Truncate(p.line(time.Since(p.start)), width-1, "")+"\x1b[K")
}

func (p *progress) line(elapsed time.Duration) string {
	const cells = 10
	elapsed = min(elapsed, p.length)
	full := int(cells * elapsed / p.length)
	text := fmt.Sprintf("[%s%s] %.0f of %.3g s", strings.Repeat("#", full), strings.Repeat("-", cells-full), elapsed.Truncate(time.Second).Seconds(), p.length.Seconds())
	if p.seen != "" {
		text += ", " + p.seen
	}
	return text + p.hint
}

func (p *progress) erase() {
	if p.terminal != nil {
		fmt.Fprint(p.terminal, "\r\x1b[K")
	}
}

// waitWindow waits for the end of a window, and says how much of it is over;
// seen words what was counted at its start. With cut SIGINT ends it early, else
// the command.
func (u *ui) waitWindow(length time.Duration, cut bool, seen func() string) func(context.Context) error {
	return func(ctx context.Context) error {
		var early <-chan struct{}
		if cut {
			var done func()
			early, done = openWindow(ctx)
			defer done()
		}
		end := time.NewTimer(length)
		defer end.Stop()
		tick := time.NewTicker(progressTick)
		defer tick.Stop()
		p := u.newProgress(length)
		if p.terminal != nil {
			p.seen = report.Clean(seen())
		}
		if cut {
			p.hint = "; Ctrl-C judges what was seen"
		}
		defer p.erase()
		for {
			p.draw()
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-early:
				return snapshot.ErrCutShort
			case <-end.C:
				return nil
			case <-tick.C:
			}
		}
	}
}
