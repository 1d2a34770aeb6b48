// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/rules"
)

// WriteText writes the check for people: the host, the sockets, the findings
// from the most severe on, the verdict, and what could not be judged.
func (c *Check) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style}
	p.checkHead(c)
	for i := range c.Findings {
		var before *rules.Finding
		if i > 0 {
			before = &c.Findings[i-1]
		}
		p.blank()
		p.finding(&c.Findings[i], before)
	}
	p.blank()
	p.verdict(c)
	p.waived(c)
	p.gone(c)
	p.unjudged(c)
	p.gaps(c)
	return p.err
}

func (p *page) checkHead(c *Check) {
	head := c.Host.Hostname
	if head == "" {
		head = "unknown host"
	}
	head += ", Linux " + orUnknown(c.Host.Kernel)
	if u := c.Host.UptimeSeconds; u != nil {
		head += ", up " + duration(*u)
	}
	if n := c.Host.Namespace; n != nil {
		head += ", in the network namespace " + n.Name
	} else if initial := c.Host.InitialNetns; initial != nil && !*initial {
		head += ", in a network namespace of its own"
	}
	if s := c.Window.Seconds; s != nil {
		head += fmt.Sprintf(", window %.3g s", *s)
	} else {
		head += ", no window (rates unknown)"
	}
	p.block("", "  ", head)
	p.wayIn(c)
	p.block("", "  ", "sockets: "+stateLine(c.States))
	p.baseline(c)
}

// stateLine lists the states that have sockets, in the order of the states.
func stateLine(states map[string]*int64) string {
	var parts, unknown []string
	for _, name := range stateOrder {
		switch n := states[name]; {
		case n == nil:
			unknown = append(unknown, strings.ToUpper(name))
		case *n > 0:
			parts = append(parts, fmt.Sprintf("%s %s", thousands(*n), strings.ToUpper(name)))
		}
	}
	if len(parts) == 0 && len(unknown) == 0 {
		return "none"
	}
	if len(unknown) == len(stateOrder) {
		return "unknown"
	}
	line := strings.Join(parts, ", ")
	if len(unknown) > 0 {
		line += "; not counted: " + strings.Join(unknown, ", ")
	}
	return line
}

// finding prints f. What it shares with the finding before, the same rule about
// another subject, is not printed again.
func (p *page) finding(f, before *rules.Finding) {
	label := strings.ToUpper(string(f.Severity))
	head := p.style.paint(severityColor(f.Severity), label) + "  "
	indent := strings.Repeat(" ", 2)
	lines := wrap(f.Title, p.style.width()-len(label)-2)
	for i, line := range lines {
		if i == 0 {
			p.line(head + p.style.paint(bold, line))
			continue
		}
		p.line(strings.Repeat(" ", len(label)+2) + p.style.paint(bold, line))
	}
	id := f.Rule + ", " + answer(f.Verdict)
	if f.Confidence != highConfidence {
		id += ", confidence " + f.Confidence
	}
	if words := statusWords(f); words != "" {
		id = words + ", " + id
	}
	if f.Subject != "" {
		id = f.Subject + "  (" + id + ")"
	} else {
		id = "(" + id + ")"
	}
	p.block(indent, indent+"  ", id)
	p.evidence(f.Evidence)
	same := before != nil && before.Rule == f.Rule
	if same && before.Why == f.Why {
		p.line(indent + "why: as above")
	} else {
		p.block(indent+"why: ", indent+"     ", f.Why)
	}
	if f.Confidence != highConfidence && !same {
		for _, text := range f.Unless {
			p.block(indent+"unless: ", indent+"        ", text)
		}
	}
	if same && len(f.Recommendations) > 0 && reflect.DeepEqual(before.Recommendations, f.Recommendations) {
		p.line(indent + "what to do: as above")
	} else {
		for i, r := range f.Recommendations {
			p.recommendation(i+1, &r)
		}
	}
	for _, o := range f.Because {
		p.block(indent+"because: ", indent+"         ", o.Text+" = "+o.Value)
	}
	if f.More > 0 {
		p.block(indent, indent, fmt.Sprintf("and %d more findings of this rule (all of them: --format json)", f.More))
	}
}

// highConfidence is the confidence that goes without saying.
const highConfidence = "high"

// answer words a verdict.
func answer(v rules.Verdict) string {
	switch v {
	case rules.VerdictSysctl:
		return "a kernel setting"
	case rules.VerdictApplication:
		return "the program must change, no sysctl cures it"
	case rules.VerdictOperator:
		return "for a person to look into"
	case rules.VerdictConfigFile:
		return "a line of a file"
	case rules.VerdictHarmless:
		return "harmless"
	}
	return string(v)
}

// evidence prints names and values in two columns, each wrapped.
func (p *page) evidence(list []rules.Evidence) {
	const indent, gap = 4, 2
	column := 0
	for _, e := range list {
		column = max(column, ansi.StringWidth(Clean(e.Name)))
	}
	column = min(column, p.style.width()/2-indent-gap)
	for _, e := range list {
		names := []string{Clean(e.Name)}
		if ansi.StringWidth(names[0]) > column {
			names = wrap(e.Name, column-gap)
		}
		values := wrap(evidenceText(e), p.style.width()-indent-column-gap)
		for i := range max(len(names), len(values)) {
			line := strings.Repeat(" ", indent)
			if i > 0 {
				line += strings.Repeat(" ", gap) // a name goes on
			}
			if i < len(names) {
				line += names[i]
			}
			if i < len(values) {
				line += strings.Repeat(" ", indent+column+gap-ansi.StringWidth(line)) + values[i]
			}
			p.line(line)
		}
	}
}

func evidenceText(e rules.Evidence) string {
	text := value(e.Value)
	if e.Value != nil && e.Unit != "" {
		text += " " + e.Unit
	}
	if e.Limit != nil {
		text += " (limit " + value(e.Limit) + ")"
	}
	return text
}

func (p *page) recommendation(number int, r *rules.Recommendation) {
	prefix := fmt.Sprintf("  %d. ", number)
	rest := strings.Repeat(" ", len(prefix))
	switch r.Kind {
	case "sysctl":
		text := fmt.Sprintf("set %s = %s (now %s)", r.Key, r.Proposed, current(r.Current))
		if r.Risk != "" {
			text += ", risk " + r.Risk
		}
		p.block(prefix, rest, text)
		if r.Action != "" {
			p.block(rest, rest, r.Action)
		}
	case "file":
		p.block(prefix, rest, r.File+": "+r.Action)
	default:
		p.block(prefix, rest, r.Action)
	}
	if r.Effect != "" {
		p.block(rest, rest, "effect: "+r.Effect)
	}
	if r.Because != "" {
		p.block(rest, rest, r.Because)
	}
	if r.Command != "" {
		// A command is copied and pasted: it is never broken.
		p.line(rest + p.style.paint(bold, "$ "+Clean(r.Command)))
	}
}

// verdict is the one line that people read first: it says that all is well
// only when every core rule was judged.
func (p *page) verdict(c *Check) {
	s := c.Summary
	judged := fmt.Sprintf("judged %d of %d rules", s.Judged, s.Judged+s.Skipped)
	problems := s.Critical + s.Warning + s.Notice
	core := c.CoreSkipped()
	switch {
	case problems > 0:
		p.block("", "  ", fmt.Sprintf("%s: %s", counts(s), judged))
	case s.Waived > 0:
		p.block("", "  ", "nothing found that is not waived: "+judged)
	case len(core) > 0:
		p.block("", "  ", fmt.Sprintf("nothing found, but %s could not be judged, so this is no clean bill of health: %s", plural(len(core), "core rule", "core rules"), judged))
	default:
		text := "no problem found, nothing to tune: " + judged
		if len(c.numbers) > 0 {
			text += "; " + strings.Join(c.numbers, ", ")
		}
		lines := wrap(text, p.style.width()-2)
		for i, line := range lines {
			if i > 0 {
				line = "  " + line
			}
			p.line(p.style.paint(green, line))
		}
	}
}

// waived says how many findings are waived, by rule.
func (p *page) waived(c *Check) {
	if c.Summary.Waived == 0 {
		return
	}
	byRule := make(map[string]int64)
	for _, w := range c.Waived {
		byRule[w.Finding.Rule] += 1 + int64(w.Finding.More)
	}
	var parts []string
	for _, n := range snapshot.Counts(byRule, func(rule string) string { return rule }) {
		parts = append(parts, fmt.Sprintf("%d of %s", n.Count, n.Name))
	}
	p.block("", "  ", fmt.Sprintf("%s waived, %s (--format json shows them)", plural(c.Summary.Waived, "finding", "findings"), strings.Join(parts, ", ")))
}

func counts(s Summary) string {
	var parts []string
	for _, c := range []struct {
		n    int
		name string
	}{{s.Critical, "critical"}, {s.Warning, "warning"}, {s.Notice, "notice"}, {s.Info, "info"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	return strings.Join(parts, ", ")
}

// maxListedRules is how many unjudged rules get a line with what they lack.
const maxListedRules = 10

// maxListedFacts bounds the list of missing facts in text; JSON has them all.
const maxListedFacts = 4

func (p *page) unjudged(c *Check) {
	var rates, others []rules.Skipped
	for _, s := range c.Skipped {
		if c.Window.Seconds == nil && lacksWindow(s) {
			rates = append(rates, s)
		} else {
			others = append(others, s)
		}
	}
	if len(rates) > 0 {
		p.block("", "  ", fmt.Sprintf("not judged without a window: %s; --window 10s on the live host judges them", ruleNames(rates)))
	}
	if len(others) > maxListedRules {
		p.block("not judged: ", "  ", ruleNames(others))
		p.block("  ", "  ", "(--format json names what each of them lacks)")
		return
	}
	if len(others) > 0 {
		p.line("not judged:")
	}
	for _, s := range others {
		p.block("  ", "    ", s.Rule+": "+skipReason(s))
	}
}

func skipReason(s rules.Skipped) string {
	if s.Fault != "" {
		return s.Fault
	}
	missing := s.Missing[:min(len(s.Missing), maxListedFacts)]
	text := "unknown " + strings.Join(missing, ", ")
	if more := len(s.Missing) - len(missing); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if s.Elements > 0 {
		text += fmt.Sprintf(" (for %s)", plural(s.Elements, "subject", "subjects"))
	}
	return text
}

// lacksWindow reports whether a window would tell all that a rule lacks.
func lacksWindow(s rules.Skipped) bool {
	if s.Fault != "" || len(s.Missing) == 0 {
		return false
	}
	for _, m := range s.Missing {
		if !facts.NeedsWindow(m) {
			return false
		}
	}
	return true
}

func ruleNames(list []rules.Skipped) string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = s.Rule
	}
	return strings.Join(names, ", ")
}

func (p *page) gaps(c *Check) {
	if len(c.Collection.Gaps) == 0 {
		return
	}
	p.line("not read:")
	for _, g := range c.Collection.Gaps {
		p.block("  ", "    ", gapText(g))
	}
}

func gapText(g snapshot.Gap) string {
	text := g.Source + ": " + g.Reason
	if g.Remedy != "" {
		text += " (" + g.Remedy + ")"
	}
	return text
}

// current words the live value of a key.
func current(v *string) string {
	switch {
	case v == nil:
		return "unknown"
	case *v == "":
		return "empty"
	}
	return *v
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// duration words seconds: "42 s", "17 min", "5 h", "12 d".
func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	return fmt.Sprintf("%.0f d", d.Hours()/24)
}
