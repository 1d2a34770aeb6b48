// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/rules"
)

// WriteText writes the check for people: the verdict, the host and its sockets,
// the findings from the most severe on, and what could not be judged.
func (c *Check) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style, apply: c.applyCommand()}
	p.verdict(c)
	p.checkHead(c)
	for i := range c.Findings {
		var before *rules.Finding
		if i > 0 {
			before = &c.Findings[i-1]
		}
		p.blank()
		p.finding(&c.Findings[i], before)
	}
	p.rest(func() {
		p.waived(c)
		p.gone(c)
		p.unjudged(c)
		p.gaps(c)
		if style.Verbose {
			p.passed(c)
			p.collection(c)
		}
	})
	return p.err
}

// applyCommand is the beginning of the command that applies recommendations.
func (c *Check) applyCommand() string {
	command := "tcptune apply --recommended"
	if c.Root != "" {
		return command + " --root " + shellQuote(c.Root)
	}
	if initial := c.Host.InitialNetns; initial != nil && !*initial {
		command += " --runtime-only" // the files are those of another network namespace
	}
	return command
}

// rest prints what comes behind the findings, if anything, after a blank line.
func (p *page) rest(print func()) {
	var b strings.Builder
	out := p.out
	p.out = &b
	print()
	p.out = out
	if b.Len() > 0 && p.err == nil {
		_, p.err = io.WriteString(out, "\n"+b.String())
	}
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
	head += ", " + c.Window.words()
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

// verdict is the line that people read first: it says that all is well only
// when every core rule was judged.
func (p *page) verdict(c *Check) {
	s := c.Summary
	judged := fmt.Sprintf("judged %d of %d rules", s.Judged, s.Judged+s.Skipped)
	core := c.CoreSkipped()
	switch {
	case s.Judged == 0:
		p.paintedBlock(bold, "no rule could be judged: "+judged)
	case s.Critical+s.Warning+s.Notice > 0:
		p.paintedBlock(worstInk(s), counts(s)+"; "+cures(c.Findings)+"; "+judged)
	case len(core) > 0:
		p.paintedBlock(bold, fmt.Sprintf("%s, but %s could not be judged, so this is no clean bill of health: %s", s.nothing(), plural(len(core), "core rule", "core rules"), judged))
	case s.Waived > 0:
		p.paintedBlock(bold, s.nothing()+": "+judged)
	default:
		p.paintedBlock(green, "no problem found, nothing to tune: "+judged)
		if len(c.numbers) > 0 {
			p.block("", "  ", "measured: "+strings.Join(c.numbers, ", "))
		}
	}
}

// nothing words that there are no findings, or none that counts.
func (s *Summary) nothing() string {
	if s.Waived > 0 {
		return "nothing found that is not waived"
	}
	return "nothing found"
}

// paintedBlock is block without a prefix, in one ink.
func (p *page) paintedBlock(i ink, text string) {
	for n, line := range wrap(text, p.style.width()-2) {
		if n > 0 {
			line = "  " + line
		}
		p.line(p.style.paint(i, line))
	}
}

func worstInk(s Summary) ink {
	switch {
	case s.Critical > 0:
		return red
	case s.Warning > 0:
		return yellow
	}
	return blue
}

// cures says of how many findings what the cure is.
func cures(findings []rules.Finding) string {
	count := make(map[rules.Verdict]int)
	for _, f := range findings {
		count[f.Verdict]++
	}
	var parts []string
	for _, v := range rules.Verdicts() {
		if n := count[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, cure(v)))
		}
	}
	return "the cure: " + strings.Join(parts, ", ")
}

func cure(v rules.Verdict) string {
	switch v {
	case rules.VerdictSysctl:
		return "by a kernel setting"
	case rules.VerdictApplication:
		return "in a program"
	case rules.VerdictOperator:
		return "for a person to look into"
	case rules.VerdictConfigFile:
		return "in a file"
	case rules.VerdictHarmless:
		return "needs none"
	}
	return string(v)
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
	p.block("", "  ", fmt.Sprintf("waived: %s, %s", plural(c.Summary.Waived, "finding", "findings"), strings.Join(parts, ", ")))
	if p.style.Verbose {
		for _, w := range c.Waived {
			p.block("  ", "    ", strings.TrimSpace(w.Finding.Rule+" "+w.Finding.Subject)+": "+w.Waiver.Reason)
		}
	}
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

// maxListedFacts bounds the list of missing facts in text; -v has them all.
const maxListedFacts = 4

// unjudged says how many rules could not be judged, and with Verbose which, and
// for want of what.
func (p *page) unjudged(c *Check) {
	var rates, others []rules.Skipped
	for _, s := range c.Skipped {
		if c.Window.Seconds == nil && lacksWindow(s) {
			rates = append(rates, s)
		} else {
			others = append(others, s)
		}
	}
	if !p.style.Verbose {
		p.countUnjudged(rates, others)
		return
	}
	if len(rates) > 0 {
		p.block("", "  ", fmt.Sprintf("not judged without a window: %s; --window 10s on the live host judges them", ruleNames(rates)))
	}
	if len(others) > 0 {
		p.line("not judged:")
	}
	for _, s := range others {
		p.block("  ", "    ", s.Rule+": "+lacks(s, 0))
	}
}

// maxNamedRules is how many rules that were not judged are named.
const maxNamedRules = 3

func (p *page) countUnjudged(rates, others []rules.Skipped) {
	if len(rates) > 0 {
		text := ruleCount(rates)
		if len(rates) <= maxNamedRules {
			text = ruleNames(rates)
		}
		p.block("", "  ", fmt.Sprintf("not judged without a window: %s (--window 10s on the live host does it)", text))
	}
	switch {
	case len(others) > maxNamedRules:
		p.block("", "  ", fmt.Sprintf("not judged: %s (-v names them, and what they lack)", ruleCount(others)))
	default:
		for _, s := range others {
			p.block("", "  ", "not judged: "+s.Rule+": "+skipReason(s))
		}
	}
}

// ruleCount counts rules, those of the core categories among them.
func ruleCount(list []rules.Skipped) string {
	core := 0
	for _, s := range list {
		if rules.Core(s.Category) {
			core++
		}
	}
	text := plural(len(list), "rule", "rules")
	if core > 0 {
		text += fmt.Sprintf(", %d of them core", core)
	}
	return text
}

// skipReason says why a rule was not judged.
func skipReason(s rules.Skipped) string { return lacks(s, maxListedFacts) }

// lacks is skipReason with a bound on the facts, 0 for none.
func lacks(s rules.Skipped, most int) string {
	if s.Fault != "" {
		return s.Fault
	}
	missing := s.Missing
	if most > 0 {
		missing = missing[:min(len(missing), most)]
	}
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

// maxListedGaps is how many things that could not be read get a line.
const maxListedGaps = 3

func (p *page) gaps(c *Check) {
	p.gapList(len(c.Collection.Gaps), func(i int) string { return gapText(c.Collection.Gaps[i]) })
}

// gapList prints what could not be read; with Verbose all of it.
func (p *page) gapList(n int, text func(int) string) {
	most := maxListedGaps
	if p.style.Verbose {
		most = n
	}
	for i := range min(n, most) {
		p.block("not read: ", "  ", text(i))
	}
	if n > most {
		p.line(fmt.Sprintf("not read: %d more (-v)", n-most))
	}
}

// passed lists the rules that found nothing.
func (p *page) passed(c *Check) {
	if len(c.Passed) > 0 {
		p.block("", "  ", fmt.Sprintf("passed: %s: %s", plural(len(c.Passed), "rule", "rules"), strings.Join(c.Passed, ", ")))
	}
}

// collection says how the sockets were counted and what it cost.
func (p *page) collection(c *Check) {
	how := c.Collection
	if how.Method == "" {
		return
	}
	text := fmt.Sprintf("read: %s by %s in %.3g ms", plural(how.Sockets, "socket", "sockets"), how.Method, how.DurationMS)
	if how.Closer != "" {
		text += "; " + how.Closer
	}
	p.block("", "  ", text+"; "+c.Tool)
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
