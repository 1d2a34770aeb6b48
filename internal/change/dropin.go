// SPDX-License-Identifier: Apache-2.0

package change

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tcptune/tcptune/sysctl"
)

// DropInVersion is the version of the form of the drop-in.
const DropInVersion = 1

// The drop-in is comments and assignments that every loader reads alike: ASCII,
// dotted keys, "key = value", no comment at the end of a line, no comment that
// ends in a backslash (busybox joins the next line to it), LF, a final newline.
// What tcptune itself reads back stands in comments with one of these labels.
const (
	headLine       = `# Managed by tcptune. Edits are noticed, not kept: "tcptune apply" changes this file,`
	undoLine       = `# "tcptune rollback" undoes the last change, "tcptune apply --absent" removes them all.`
	formatLabel    = "# format: "
	inputLabel     = "# input "
	blockLabel     = "# --- "
	blockEnd       = " ---"
	reasonLabel    = "# reason: "
	sourceLabel    = "# source: "
	originLabel    = "# origin: "
	boundLabel     = "# bound: "
	overriddenMark = "# overridden: "
)

// maxText bounds a text of a comment, in bytes.
const maxText = 1000

// ErrForeign is what ParseDropIn says about a file that tcptune did not write.
var ErrForeign = errors.New("it was not written by tcptune")

// DropIn returns the drop-in for the state: the same bytes for the same settings,
// whatever the order they come in. Text is cleaned as Normal does it; original
// values are left out. Loaders abandon a file at a value that the kernel refuses
// (busybox), so in each block the settings that may fail come last.
func (s State) DropIn() []byte {
	s = s.Normal()
	var body strings.Builder
	for i, input := range s.Inputs {
		if i == 0 {
			body.WriteString("\n")
		}
		body.WriteString(strings.TrimRight(inputLabel+input.Name+" = "+input.Value, " ") + "\n")
	}
	for _, block := range blocks() {
		s.writeBlock(&body, block)
	}
	return []byte(headLine + "\n" + undoLine + "\n" + formatLine(body.String()) + "\n" + body.String())
}

// formatLine carries the version and a sum that shows edits by hand; it protects
// against nobody.
func formatLine(body string) string {
	sum := sha256.Sum256([]byte(body))
	return formatLabel + strconv.Itoa(DropInVersion) + ", sum " + hex.EncodeToString(sum[:8])
}

func (s State) writeBlock(b *strings.Builder, block Block) {
	settings := slices.DeleteFunc(slices.Clone(s.Settings), func(t Setting) bool { return t.Block != block })
	title := string(block)
	if block == BlockProfile {
		title = strings.TrimSpace(title + " " + s.Profile)
	}
	if len(settings) == 0 && title == string(block) {
		return
	}
	fmt.Fprintf(b, "\n%s%s%s\n", blockLabel, title, blockEnd)
	for _, setting := range settings {
		b.WriteString("\n")
		for _, line := range []struct{ label, text string }{
			{reasonLabel, setting.Reason}, {sourceLabel, setting.Source}, {originLabel, setting.Origin}, {boundLabel, string(setting.Bound)},
		} {
			if line.text != "" {
				b.WriteString(line.label + line.text + "\n")
			}
		}
		if setting.Overridden {
			b.WriteString(overriddenMark)
		}
		b.WriteString(setting.line() + "\n")
	}
}

// line is the assignment as the loaders read it.
func (s Setting) line() string {
	return sysctl.Line{Key: s.Key, Value: string(s.Value), HasValue: true}.String()
}

func blocks() []Block { return []Block{BlockProfile, BlockRecommended, BlockSet} }

// Normal returns the state as a drop-in holds it: settings in the order of their
// lines, one for each key of a block (the last one given), Overridden worked out,
// values canonical, and texts of printable ASCII on one line.
func (s State) Normal() State {
	n := State{Profile: oneLine(s.Profile), Settings: []Setting{}}
	n.Profile = strings.TrimSpace(strings.TrimSuffix(n.Profile, strings.TrimSpace(blockEnd)))
	for _, input := range s.Inputs {
		name := oneLine(strings.ReplaceAll(input.Name, "=", " "))
		n.Inputs = append(n.Inputs, Input{Name: name, Value: oneLine(input.Value)})
	}
	last := map[Block]map[sysctl.Key]int{}
	strongest := map[sysctl.Key]Block{}
	for i, t := range s.Settings {
		if last[t.Block] == nil {
			last[t.Block] = map[sysctl.Key]int{}
		}
		last[t.Block][t.Key] = i
		if rank(t.Block) >= rank(strongest[t.Key]) {
			strongest[t.Key] = t.Block
		}
	}
	for i, t := range s.Settings {
		if last[t.Block][t.Key] != i {
			continue
		}
		t.Value = sysctl.NewValue(oneLine(string(t.Value)))
		t.Origin, t.Reason, t.Source = oneLine(t.Origin), oneLine(t.Reason), oneLine(t.Source)
		if t.Bound == Exactly {
			t.Bound = ""
		}
		t.Overridden = strongest[t.Key] != t.Block
		n.Settings = append(n.Settings, t)
	}
	slices.SortStableFunc(n.Settings, n.compare)
	return n
}

// rank orders blocks, weakest first; no block at all is weaker.
func rank(b Block) int { return slices.Index(blocks(), b) }

// compare orders settings as they stand in the drop-in.
func (s State) compare(a, b Setting) int {
	return cmp.Or(cmp.Compare(rank(a.Block), rank(b.Block)), cmp.Compare(s.order(a), s.order(b)), a.Key.Compare(b.Key))
}

// order puts what the kernel may refuse at boot last in a block, as its module may
// be missing. A congestion control has to be loaded, by being chosen, before it can
// be allowed. The local port range cannot begin under the first unprivileged port,
// which is 1024 at boot: a lower one comes before the range, a higher one after it.
func (s State) order(t Setting) int {
	switch key := t.Key.String(); {
	case key == "net.ipv4.ip_unprivileged_port_start":
		if n, err := t.Value.Ints(); err == nil && n[0] > 1024 {
			return 2
		}
		return 0
	case key == "net.ipv4.ip_local_port_range":
		return 1
	case key == "net.ipv4.tcp_congestion_control", key == "net.core.default_qdisc":
		return 3
	case key == "net.ipv4.tcp_allowed_congestion_control":
		return 4
	case module(t.Key) != "":
		return 5
	}
	return 0
}

// oneLine makes text from anywhere fit for a comment or a value: printable ASCII
// without blanks at its ends, repeated ones, or a backslash at the end.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r', r == '\v', r == '\f':
			return ' '
		case r < ' ', r > '~':
			return '?'
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		text = text[:maxText]
	}
	return strings.TrimRight(text, ` \`)
}

// ParseDropIn reads back what State.DropIn wrote. Lines that it did not write are
// returned as problems, without a file name, and leave the rest readable; one without
// an origin is no part of the state. An error
// means that nothing was read: ErrForeign, or a newer tcptune's format.
func ParseDropIn(data []byte) (State, []sysctl.Problem, error) {
	text := string(data)
	if len(data) > sysctl.MaxFileBytes {
		return State{}, nil, fmt.Errorf("parse drop-in: it has %d bytes, at most %d are allowed", len(data), sysctl.MaxFileBytes)
	}
	if !strings.HasPrefix(text, "# Managed by tcptune.") {
		return State{}, nil, fmt.Errorf("parse drop-in: %w", ErrForeign)
	}
	p := dropInParser{block: ""}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		p.number++
		if err := p.parse(line); err != nil {
			return State{}, nil, fmt.Errorf("parse drop-in: line %d: %w", p.number, err)
		}
	}
	if p.formatAt == 0 {
		return State{}, nil, fmt.Errorf("parse drop-in: %w: it has no line %q", ErrForeign, strings.TrimSpace(formatLabel))
	}
	p.flush()
	state := p.state.Normal()
	if len(p.problems) == 0 && !bytes.Equal(state.DropIn(), data) {
		p.problems = append(p.problems, p.difference(text, string(state.DropIn())))
	}
	return state, p.problems, nil
}

// A dropInParser collects what ParseDropIn returns.
type dropInParser struct {
	number   int
	formatAt int // line with the version
	block    Block
	pending  Setting // what the comments say about the next assignment
	labels   int     // comments in pending
	state    State
	problems []sysctl.Problem
}

func (p *dropInParser) refuse(line, reason string) {
	const longest = 200
	p.problems = append(p.problems, sysctl.Problem{Line: p.number, Text: line[:min(len(line), longest)], Reason: reason})
}

const notWritten = "tcptune did not write this line"

// parse takes one line. An error is fatal.
func (p *dropInParser) parse(line string) error {
	for label, field := range map[string]*string{
		reasonLabel: &p.pending.Reason, sourceLabel: &p.pending.Source, originLabel: &p.pending.Origin, boundLabel: (*string)(&p.pending.Bound),
	} {
		if text, ok := strings.CutPrefix(line, label); ok && p.block != "" {
			*field = text
			p.labels++
			return nil
		}
	}
	switch {
	case line == "", line == headLine && p.number == 1, line == undoLine && p.number == 2:
	case strings.HasPrefix(line, formatLabel) && p.formatAt == 0:
		return p.parseFormat(strings.TrimPrefix(line, formatLabel))
	case strings.HasPrefix(line, inputLabel):
		p.parseInput(line)
	case strings.HasPrefix(line, blockLabel) && strings.HasSuffix(line, blockEnd):
		p.parseBlock(line)
	case strings.HasPrefix(line, overriddenMark):
		p.parseSetting(line, strings.TrimPrefix(line, overriddenMark))
	case strings.HasPrefix(line, "#"), strings.HasPrefix(line, ";"):
		p.refuse(line, notWritten)
	default:
		p.parseSetting(line, line)
	}
	return nil
}

func (p *dropInParser) parseFormat(text string) error {
	p.formatAt = p.number
	version, _, _ := strings.Cut(text, ",")
	if version != strconv.Itoa(DropInVersion) {
		return fmt.Errorf("its format is %q, this tcptune reads %d (a newer tcptune wrote it?)", oneLine(version), DropInVersion)
	}
	return nil
}

func (p *dropInParser) parseInput(line string) {
	name, value, ok := strings.Cut(strings.TrimPrefix(line, inputLabel), " =")
	if !ok || p.block != "" {
		p.refuse(line, notWritten)
		return
	}
	p.state.Inputs = append(p.state.Inputs, Input{Name: name, Value: strings.TrimPrefix(value, " ")})
}

func (p *dropInParser) parseBlock(line string) {
	p.flush()
	title := strings.TrimSuffix(strings.TrimPrefix(line, blockLabel), blockEnd)
	name, profile, _ := strings.Cut(title, " ")
	switch block := Block(name); {
	case rank(block) < 0, rank(block) <= rank(p.block), block != BlockProfile && profile != "":
		p.refuse(line, notWritten)
	default:
		p.block = block
		p.state.Profile = cmp.Or(p.state.Profile, profile)
	}
}

// parseSetting takes an assignment, one in a comment too.
func (p *dropInParser) parseSetting(line, assignment string) {
	lines, _ := sysctl.ParseLines("", strings.NewReader(assignment))
	setting := p.pending
	p.pending, p.labels = Setting{}, 0
	if len(lines) != 1 || !lines[0].HasValue || lines[0].Glob || p.block == "" {
		p.refuse(line, notWritten)
		return
	}
	setting.Key, setting.Value, setting.Block = lines[0].Key, sysctl.Value(lines[0].Value), p.block
	if setting.line() != assignment || setting.Origin == "" {
		p.refuse(line, notWritten)
	}
	if setting.Origin == "" {
		return // a line that was added: nobody has asked tcptune for it
	}
	p.state.Settings = append(p.state.Settings, setting)
}

// flush ends a block: comments without an assignment are none of tcptune's.
func (p *dropInParser) flush() {
	if p.labels > 0 {
		p.refuse("", "the comments before it belong to no setting")
	}
	p.pending, p.labels = Setting{}, 0
}

// difference finds the edit of a file whose lines are all of the right form: a line
// that is not as DropIn writes it, else the sum, as a value was changed.
func (p *dropInParser) difference(got, want string) sysctl.Problem {
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i, line := range gotLines {
		if i+1 != p.formatAt && (i >= len(wantLines) || line != wantLines[i]) {
			return sysctl.Problem{Line: i + 1, Text: line, Reason: "the line is not as tcptune wrote it"}
		}
	}
	if len(gotLines) != len(wantLines) {
		return sysctl.Problem{Line: len(gotLines), Reason: "the end of the file is not as tcptune wrote it"}
	}
	return sysctl.Problem{Line: p.formatAt, Text: gotLines[p.formatAt-1], Reason: "a line of the file was changed since tcptune wrote it: the sum is another one"}
}
