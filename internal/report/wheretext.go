// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/tcptune/tcptune/internal/explain"
	"github.com/tcptune/tcptune/sysctl"
)

// WriteText writes the report for people.
func (w *Where) WriteText(out io.Writer, style Style) error {
	p := &page{out: out, style: style}
	if w.brief {
		p.whereList(w)
	} else {
		for i := range w.Keys {
			if i > 0 {
				p.blank()
			}
			p.whereKey(w, &w.Keys[i])
		}
	}
	p.whereNotes(w)
	return p.err
}

// whereKey prints all that is known about one key.
func (p *page) whereKey(w *Where, k *WhereKey) {
	p.line(p.style.paint(bold, Clean(k.Key.String())))
	for i := range k.Lines {
		p.whereLine(&k.Lines[i])
	}
	if len(k.Lines) == 0 {
		p.line("  no file sets it")
	}
	p.blank()
	rows := []explain.Row{{Name: "live", Value: k.live()}}
	if k.Default != "" {
		rows = append(rows, explain.Row{Name: "kernel default", Value: k.Default})
	}
	for _, winner := range k.Winners {
		rows = append(rows, explain.Row{Name: string(winner.Loader) + " sets", Value: winner.text()})
	}
	p.rows(append(rows, explain.Row{Name: "after the next boot", Value: k.atBoot(w)}))
	for _, text := range k.verdicts(w) {
		p.block("  "+p.style.paint(yellow, "! "), "    ", text)
	}
}

// whereLine prints one line of a file, and below it what is special about it.
func (p *page) whereLine(l *WhereLine) {
	p.block("  ", "      ", place(l.File, l.Line)+": "+l.Text)
	if text := l.standing(); text != "" {
		code := dim
		if len(l.Wins) > 0 {
			code = green
		}
		for _, line := range wrap(text, p.style.width()-6) {
			p.line("      " + p.style.paint(code, line))
		}
	}
}

// standing says who reads the line and for whom it wins; "" if both loaders read it
// and neither takes it.
func (l *WhereLine) standing() string {
	var parts []string
	if l.Found != "" {
		parts = append(parts, "found as "+l.Found)
	}
	switch {
	case l.MaskedBy != "":
		parts = append(parts, "masked by "+l.MaskedBy+": no loader reads it")
	case l.UFW:
		parts = append(parts, "no loader reads it; ufw applies it whenever it starts")
	case len(l.Loaders) == 0:
		parts = append(parts, "no loader reads it")
	case len(l.Loaders) == 1:
		parts = append(parts, string(l.Loaders[0])+" only")
	}
	switch {
	case len(l.Wins) == len(sysctl.Loaders()):
		parts = append(parts, "wins")
	case len(l.Wins) > 0:
		parts = append(parts, "wins under "+string(l.Wins[0]))
	}
	return strings.Join(parts, "; ")
}

func (k *WhereKey) live() string {
	if k.Live == nil {
		return "unknown: " + k.Note
	}
	return valueText(*k.Live)
}

func (winner *WhereWinner) text() string {
	if winner.Value == nil {
		return "nothing"
	}
	return valueText(*winner.Value) + " (" + place(winner.File, winner.Line) + ")"
}

// atBoot words the value after the next boot.
func (k *WhereKey) atBoot(w *Where) string {
	switch {
	case w.Boot.Loader == nil:
		return "unknown: " + w.Boot.Name + " is not modelled"
	case k.AtBoot == nil:
		return "what the kernel starts with: " + w.Boot.Name + " sets nothing"
	}
	return valueText(*k.AtBoot) + ", by " + w.Boot.Name
}

// verdicts are what people should know about the key, one sentence each.
func (k *WhereKey) verdicts(w *Where) []string {
	var texts []string
	if k.Drift != nil && *k.Drift {
		texts = append(texts, fmt.Sprintf("drift: the live value is %s and the next boot makes it %s", valueText(*k.Live), valueText(*k.AtBoot)))
	}
	if k.disagree() {
		text := "the loaders disagree: systemd-sysctl sets " + k.winner(sysctl.Systemd).short() +
			", and whoever runs sysctl --system sets " + k.winner(sysctl.Procps).short()
		texts = append(texts, text)
	}
	return texts
}

func (winner WhereWinner) short() string {
	if winner.Value == nil {
		return "nothing"
	}
	return valueText(*winner.Value)
}

// valueText words a value that may be empty.
func valueText(v sysctl.Value) string {
	if v == "" {
		return "empty"
	}
	return string(v)
}

// place is the place of a line: "/etc/sysctl.conf:3".
func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// whereList prints two lines for each key, in the order of the classes.
func (p *page) whereList(w *Where) {
	titles := map[int]string{
		whereDrift:    "Drift: the next boot changes the live value",
		whereDisagree: "No drift known, but the loaders disagree",
		whereUnknown:  "Set by a file, not compared",
		whereInSync:   "The live value is that of the next boot",
	}
	if len(w.Keys) == 0 {
		p.line("no file sets any key")
	}
	class := -1
	for i := range w.Keys {
		k := &w.Keys[i]
		if c := k.class(); c != class {
			if i > 0 {
				p.blank()
			}
			class = c
			p.line(p.style.paint(bold, titles[c]))
		}
		p.block("  ", "    ", k.Key.String())
		p.block("      ", "        ", k.summary(w))
	}
}

// summary is what `where --all` says about the key.
func (k *WhereKey) summary(w *Where) string {
	text := "live " + k.live()
	if w.Boot.Loader == nil {
		for _, l := range k.Lines {
			text += "; " + place(l.File, l.Line) + ": " + l.Text
		}
		return text
	}
	text += "; next boot: " + k.withPlace(*w.Boot.Loader)
	if !k.disagree() {
		return text
	}
	for _, l := range sysctl.Loaders() {
		if l != *w.Boot.Loader {
			text += "; " + string(l) + ": " + k.withPlace(l)
		}
	}
	return text
}

func (k *WhereKey) withPlace(l sysctl.Loader) string {
	winner := k.winner(l)
	return winner.text()
}

// whereNotes says what the answer leaves out.
func (p *page) whereNotes(w *Where) {
	p.blank()
	p.block("loader of the next boot: ", "  ", w.Boot.Name+" ("+w.Boot.Reason+")")
	if w.Boot.Loader != nil && *w.Boot.Loader == sysctl.Systemd {
		p.block("", "  ", "a credential sysctl.extra, if systemd is given one, wins over every file; tcptune does not look at it")
	}
	if len(w.NotRead) > 0 {
		p.line("not read:")
	}
	for _, text := range w.NotRead {
		p.block("  ", "    ", text)
	}
}
