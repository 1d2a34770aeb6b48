// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/tcptune/tcptune/internal/report"
)

// maxFilter bounds the text of the filter, in bytes.
const maxFilter = 100

// press does what a key stands for.
func (m *Model) press(key tea.KeyPressMsg) tea.Cmd {
	name := key.String()
	switch name {
	case "ctrl+c":
		m.interrupted = true
		return tea.Quit
	case "ctrl+z":
		return tea.Suspend
	case "alt+esc":
		name = "esc" // twice in a row, too fast to tell apart
	}
	if m.filtering {
		m.pressFilter(name, key.Text)
		return nil
	}
	if m.overlay.kind != noOverlay && m.pressOverlay(name) {
		return nil
	}
	switch name {
	case "q":
		return tea.Quit
	case "p", "space":
		m.paused = !m.paused
		if !m.paused {
			return m.begin()
		}
	case "?", "h":
		m.open(overlay{kind: helpOverlay})
	case "g":
		m.open(overlay{kind: gapsOverlay})
	default:
		if m.round != nil {
			m.pressList(name)
		}
	}
	return nil
}

// pressFilter edits the filter. It works while one types.
func (m *Model) pressFilter(name, text string) {
	switch name {
	case "enter":
		m.filtering = false
	case "esc":
		m.filtering, m.filter = false, ""
	case "backspace":
		_, size := utf8.DecodeLastRuneInString(m.filter)
		m.filter = m.filter[:len(m.filter)-size]
	case "ctrl+u":
		m.filter = ""
	default:
		m.typeFilter(text)
	}
}

func (m *Model) typeFilter(text string) {
	if text = report.Clean(text); len(m.filter)+len(text) <= maxFilter {
		m.filter += text
	}
}

// pressList moves in the list with the focus.
func (m *Model) pressList(name string) {
	v := &m.views[m.focus]
	t := m.table(m.focus)
	page := max(1, m.pageRows())
	switch name {
	case "up", "k":
		v.move(t.rows, -1)
	case "down", "j":
		v.move(t.rows, 1)
	case "pgup", "ctrl+b":
		v.move(t.rows, -page)
	case "pgdown", "ctrl+f":
		v.move(t.rows, page)
	case "home":
		v.move(t.rows, -len(t.rows))
	case "end", "G":
		v.move(t.rows, len(t.rows))
	case "tab", "right", "l":
		m.turn(1)
	case "shift+tab", "left":
		m.turn(-1)
	case "s":
		v.sort = (v.sort + 1) % len(t.sorts)
	case "/":
		m.filtering = true
	case "esc":
		m.filter = ""
	case "enter":
		if len(t.rows) > 0 {
			m.drill(t.rows[v.find(t.rows)].key)
		}
	}
	v.top = v.scroll(m.table(m.focus).rows, page)
}

// turn moves the focus to the next panel.
func (m *Model) turn(by int) {
	m.focus = (m.focus + panel(by) + panelCount) % panelCount
	if m.focus != findingsPanel {
		m.lower = m.focus
	}
}

// pressOverlay does what a key stands for while something covers the lists; false
// for a key that does the same everywhere.
func (m *Model) pressOverlay(name string) bool {
	o := &m.overlay
	page := max(1, m.height-3)
	switch name {
	case "esc", "backspace", "enter", "left":
		m.overlay = overlay{}
	case "up", "k":
		o.top--
	case "down", "j":
		o.top++
	case "pgup", "ctrl+b":
		o.top -= page
	case "pgdown", "ctrl+f":
		o.top += page
	case "home":
		o.top = 0
	case "end", "G":
		o.top = maxOverlayLines
	case "?", "h", "g":
		if o.kind == helpOverlay || o.kind == gapsOverlay {
			m.overlay = overlay{}
			return true
		}
		return false
	default:
		return name == "tab" || name == "shift+tab" || name == "/" || name == "s" || strings.HasPrefix(name, "shift+")
	}
	o.top = min(max(0, o.top), max(0, len(m.overlayLines(m.width))-page))
	return true
}
