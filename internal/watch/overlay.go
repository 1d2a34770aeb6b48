// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"strings"

	"github.com/tcptune/tcptune/internal/report"
)

// What covers the lists.
type overlayKind uint8

const (
	noOverlay overlayKind = iota
	helpOverlay
	gapsOverlay
	detailOverlay
)

// maxOverlayLines bounds what an overlay holds, and so how far one can scroll.
const maxOverlayLines = 2000

// An overlay covers the lists with text that can be scrolled.
type overlay struct {
	kind    overlayKind
	subject *subject // of a detail
	top     int      // the first line on the screen
}

func (m *Model) open(o overlay) {
	if o.kind == gapsOverlay && m.round == nil {
		return
	}
	m.overlay = o
}

// overlayLines are all lines of the overlay.
func (m *Model) overlayLines(width int) []string {
	var lines []string
	switch m.overlay.kind {
	case helpOverlay:
		lines = helpLines()
	case gapsOverlay:
		lines = m.gapLines(width)
	case detailOverlay:
		lines = m.overlay.subject.lines(m, width)
	}
	return lines[:min(len(lines), maxOverlayLines)]
}

// covered draws the overlay in height lines.
func (m *Model) covered(width, height int) []string {
	lines := m.overlayLines(width)
	title := map[overlayKind]string{helpOverlay: "HELP", gapsOverlay: "NOT READ, NOT JUDGED"}[m.overlay.kind]
	if s := m.overlay.subject; s != nil {
		title = s.title()
	}
	rows := height - 1
	top := min(m.overlay.top, max(0, len(lines)-rows))
	if len(lines) > rows {
		title += fmt.Sprintf(", lines %d-%d of %d", top+1, min(len(lines), top+rows), len(lines))
	}
	shown := []string{m.rule(title, width, true)}
	for _, line := range lines[top:min(len(lines), top+rows)] {
		shown = append(shown, cut(line, width))
	}
	return fill(shown, height)
}

func helpLines() []string {
	return strings.Split(strings.TrimSpace(`
Keys
  tab, shift-tab    next, previous panel
  up down, j k      move; page up and down, home, end
  enter             look into the finding, listener, destination or process
  esc               back; takes the filter away
  s                 sort by the next column
  /                 show only rows that contain a text; enter keeps it
  p, space          pause: nothing is collected and nothing moves
  g                 what could not be read or judged
  q, ctrl-c         end

What is shown
  Each interval takes one snapshot, as check does, and judges the window
  since the one before. Collecting takes half of the time at most: where
  it takes longer the interval is stretched, and the first line says so.

  A finding of warning or above appears at once, a milder one when two
  rounds in a row have it. It clears when three rounds in a row lack it,
  and stays on the screen for a minute then. "Not judged" is one whose
  rule lacked a fact, or found more than it lists: nobody knows whether
  it still holds.

  "?" is a number that is not known; it is never shown as zero. The
  highest value of a sparkline fills its height; each has its own scale.

  Nothing is changed on this host: tcptune apply does that.`), "\n")
}

// gapLines list what could not be read and which rules could not be judged.
func (m *Model) gapLines(width int) []string {
	c := m.round.Check
	var lines []string
	add := func(text string) {
		for i, line := range wrapText(text, width-4) {
			if i > 0 {
				line = "  " + line
			}
			lines = append(lines, "  "+line)
		}
	}
	lines = append(lines, fmt.Sprintf("%d of %d rules judged", c.Summary.Judged, c.Summary.Judged+c.Summary.Skipped), "", "not read:")
	for _, g := range c.Collection.Gaps {
		text := g.Source + ": " + g.Reason
		if g.Remedy != "" {
			text += " (" + g.Remedy + ")"
		}
		add(text)
	}
	if len(c.Collection.Gaps) == 0 {
		add("everything was read")
	}
	if c.Collection.Closer != "" {
		add("ESTABLISHED and TIME_WAIT were not looked at one by one: " + c.Collection.Closer)
	}
	lines = append(lines, "", "not judged:")
	for _, s := range c.Skipped {
		text := s.Rule + ": " + s.Fault
		if s.Fault == "" {
			text += "unknown " + strings.Join(s.Missing, ", ")
		}
		if s.Elements > 0 {
			text += fmt.Sprintf(" (for %d)", s.Elements)
		}
		add(text)
	}
	if len(c.Skipped) == 0 {
		add("every rule was judged")
	}
	return lines
}

// wrapText breaks cleaned text at blanks.
func wrapText(text string, width int) []string { return report.Wrap(text, width) }
