// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/rules"
)

// maxSockets is how many sockets the details list.
const maxSockets = 12

// details is the text about one subject while it is written.
type details struct {
	model *Model
	width int
	lines []string
}

func (d *details) text(text string) { d.lines = append(d.lines, wrapText(text, d.width)...) }

// notKnown stands where the last round could not read what is asked for.
const notKnown = "not known in this round: g shows why"

// absent says why the subject is not in the last round: gone says it where its
// list was read.
func (d *details) absent(read bool, gone string) {
	if !read {
		gone = notKnown
	}
	d.text(gone)
}

func (d *details) heading(text string) {
	d.lines = append(d.lines, "", d.model.paint(bold, text))
}

const nameWidth = 22

// pair is a line with a name and a value of the host.
func (d *details) pair(name, value string) {
	if value == "" {
		value = unknown
	}
	for i, line := range wrapText(value, d.width-nameWidth-1) {
		if i > 0 {
			name = ""
		}
		d.lines = append(d.lines, padRight(name, nameWidth)+" "+line)
	}
}

// spark draws how the number of the subject went since it was opened.
func (d *details) spark(name string) {
	d.pair(name, d.model.history.detail.spark(min(40, max(0, d.width-nameWidth-1))))
}

// count counts the sockets that are neither listening, ESTABLISHED nor TIME_WAIT.
func (d *details) count(is func(*snapshot.Socket) bool) map[string]int64 {
	counts := map[string]int64{}
	if s := d.model.round.Sockets; s != nil {
		for i := range s.Open {
			if is(&s.Open[i]) {
				counts[s.Open[i].State.String()]++
			}
		}
	}
	return counts
}

// states lists counts by state with bars.
func (d *details) states(what string, counts map[string]int64, note string) {
	d.heading("Sockets by state, " + what)
	var most int64
	for _, n := range counts {
		most = max(most, n)
	}
	switch {
	case d.model.round.Sockets == nil:
		d.lines = append(d.lines, "  "+notKnown)
	case most == 0:
		d.lines = append(d.lines, "  none")
	}
	for _, name := range stateNames() {
		if n := counts[name]; n > 0 {
			d.lines = append(d.lines, fmt.Sprintf("  %-11s %8s  %s", strings.ToUpper(name), report.Value(n), strings.TrimRight(barText(float64(n)/float64(most), 20), "░")))
		}
	}
	if note != "" {
		for _, line := range wrapText(note, d.width-2) {
			d.lines = append(d.lines, "  "+d.model.paint(faint, line))
		}
	}
}

// sockets lists some of the sockets one by one.
func (d *details) sockets(is func(*snapshot.Socket) bool) {
	if d.model.round.Sockets == nil {
		return
	}
	list := []*snapshot.Socket{}
	more := 0
	for i := range d.model.round.Sockets.Open {
		switch o := &d.model.round.Sockets.Open[i]; {
		case !is(o):
		case len(list) < maxSockets:
			list = append(list, o)
		default:
			more++
		}
	}
	if len(list) == 0 {
		return
	}
	t := &table{columns: []column{
		{title: "STATE", width: 11}, {title: "LOCAL", width: 21, flex: true}, {title: "PEER", width: 21},
		{title: "RECV-Q", width: 7, right: true}, {title: "SEND-Q", width: 7, right: true, rank: 2}, {title: "HEARD", width: 6, right: true, rank: 1},
	}}
	for _, o := range list {
		heard := unknown
		if o.LastHeard != nil {
			heard = report.Duration(*o.LastHeard)
		}
		t.rows = append(t.rows, row{cells: []string{
			strings.ToUpper(o.State.String()), o.Local.String(), o.Peer.String(), report.Value(int64(o.Receive)), report.Value(int64(o.Send)), heard,
		}})
	}
	d.heading("Sockets")
	d.lines = append(d.lines, t.draw(d.model, &view{}, d.width, len(list)+1, false)...)
	if more > 0 {
		d.lines = append(d.lines, fmt.Sprintf("  and %s more", report.Value(int64(more))))
	}
}

// about adds what to do next, and the findings that are about the words.
func (d *details) about(command string, words ...string) {
	var found []rules.Finding
	for _, f := range d.model.tracker.shown() {
		if f.phase == active && mentions(&f.Finding, words) {
			found = append(found, f.Finding)
		}
	}
	d.next(found, command)
	d.heading("Findings about it")
	for i := range found {
		if i > 0 {
			d.lines = append(d.lines, "")
		}
		d.finding(&found[i])
	}
	if len(found) == 0 {
		d.lines = append(d.lines, "  none")
	}
}

func (d *details) finding(f *rules.Finding) {
	d.lines = append(d.lines, report.FindingLines(f, report.Style{Width: d.width, Color: d.model.options.Color, Unicode: true, Verbose: true})...)
}

// next lists the commands that go on from here: those of the findings, and one
// that always helps. A command is never wrapped.
func (d *details) next(found []rules.Finding, command string) {
	var commands []string
	for i := range found {
		for _, r := range found[i].Recommendations {
			if r.Command != "" {
				commands = append(commands, r.Command)
			}
		}
		commands = append(commands, "tcptune explain "+found[i].Rule)
	}
	if d.model.options.Netns != "" {
		command += " --netns " + d.model.options.Netns
	}
	commands = append(commands, command)
	d.heading("Next")
	for i, c := range commands {
		if !slices.Contains(commands[:i], c) {
			d.lines = append(d.lines, "  $ "+report.Clean(c))
		}
	}
}
