// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/tcptune/tcptune/internal/netns"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/rules"
)

// maxListedNamespaces bounds how many namespaces that were not examined get a
// line; JSON has them all.
const maxListedNamespaces = 10

// WriteText writes the checks for people: the verdict, what is about the
// machine, a heading for each namespace that has something to say, the worst
// first, and what was not examined or judged.
func (c *Checks) WriteText(w io.Writer, style Style) error {
	p := &page{out: w, style: style, apply: "tcptune apply --recommended"}
	p.namespaceVerdict(c)
	p.block("", "  ", c.head())
	t := namespaceText{page: p, last: make(map[string]*rules.Finding)}
	for _, check := range c.worstFirst() {
		machine := check.Host.Namespace == nil
		if len(check.Findings) > 0 && (machine || style.Verbose || !check.quiet()) {
			t.section(check)
		}
	}
	p.rest(func() {
		p.quietNamespaces(c)
		p.missedNamespaces(c.NotExamined, c.Hidden)
		p.unjudgedSomewhere(c)
		p.gapsSomewhere(c)
	})
	return p.err
}

// worstFirst are the checks from the one with the most severe finding on, and
// among them one that is in no namespace: what is about the machine.
func (c *Checks) worstFirst() []*Check {
	machine := &Check{Findings: c.Findings}
	machine.countFindings()
	list := append([]*Check{machine}, c.Namespaces...)
	slices.SortStableFunc(list, func(a, b *Check) int {
		x, y := a.Summary, b.Summary
		return cmp.Or(cmp.Compare(y.Critical, x.Critical), cmp.Compare(y.Warning, x.Warning), cmp.Compare(y.Notice, x.Notice))
	})
	return list
}

// section prints what one namespace, or the machine, has to say.
func (t *namespaceText) section(check *Check) {
	t.blank()
	t.apply = "tcptune apply --recommended"
	if check.Host.Namespace == nil {
		t.line(t.style.paint(bold, "the whole machine"))
	} else {
		t.apply = check.applyCommand()
		t.paintedBlock(bold, namespaceHeading(check))
		t.wayIn(check)
		t.block("", "  ", "sockets: "+stateLine(check.States))
	}
	for i := range check.Findings {
		f := &check.Findings[i]
		t.blank()
		t.finding(f, t.last[f.Rule])
		t.last[f.Rule] = f
	}
}

func (c *Checks) head() string {
	head := cmp.Or(c.Host.Hostname, "unknown host") + ", Linux " + orUnknown(c.Host.Kernel)
	if u := c.Host.UptimeSeconds; u != nil {
		head += ", up " + duration(*u)
	}
	head += ", " + plural(c.Summary.Namespaces, "network namespace", "network namespaces")
	return head + ", " + c.Window.words()
}

// namespaceHeading names a namespace, and who lives in it where the name does
// not say.
func namespaceHeading(c *Check) string {
	n := c.Host.Namespace
	heading := "network namespace " + n.Name
	first := fmt.Sprintf("%s[%d]", n.Command, n.PID)
	switch {
	case n.Kind == netns.KindHost:
		return heading + ", " + plural(n.Processes, "process", "processes")
	case n.Processes == 0:
		return heading + ", no process"
	case n.Name == first && n.Processes == 1:
		return heading
	case n.Processes == 1:
		return heading + ", " + first
	}
	return heading + ", " + plural(n.Processes, "process", "processes") + ", the first is " + first
}

// wayIn says how to run commands in the namespace of a check.
func (p *page) wayIn(c *Check) {
	if n := c.Host.Namespace; n != nil && n.Enter != "" && len(c.Findings) > 0 {
		p.block("", "  ", "commands run in it with "+n.Enter+" COMMAND")
	}
}

// namespaceText prints findings; what one shares with the last one of the same
// rule, in whatever namespace, is not printed again.
type namespaceText struct {
	*page
	last map[string]*rules.Finding
}

func (p *page) namespaceVerdict(c *Checks) {
	s := c.Summary
	quiet := plural(s.Quiet, "namespace is", "namespaces are") + " quiet"
	core := 0
	all := slices.Clone(c.Findings)
	for _, check := range c.Namespaces {
		all = append(all, check.Findings...)
		if check.quiet() && len(check.CoreSkipped()) > 0 {
			core++
		}
	}
	if core > 0 {
		quiet += fmt.Sprintf(", %d of them with core rules that could not be judged", core)
	}
	found := Summary{Critical: s.Critical, Warning: s.Warning, Notice: s.Notice, Info: s.Info, Waived: s.Waived}
	switch {
	case s.Critical+s.Warning+s.Notice > 0:
		p.paintedBlock(worstInk(found), counts(found)+"; "+cures(all)+"; "+quiet)
	case core > 0 || !c.Complete:
		p.paintedBlock(bold, found.nothing()+", but this is no clean bill of health; "+quiet)
	case s.Waived > 0:
		p.paintedBlock(bold, found.nothing()+"; "+quiet)
	default:
		p.paintedBlock(green, "no problem found, nothing to tune: "+quiet)
	}
}

// quietNamespaces says what of the findings was not shown.
func (p *page) quietNamespaces(c *Checks) {
	if c.Summary.Waived > 0 {
		p.block("", "  ", "waived: "+plural(c.Summary.Waived, "finding", "findings")+" (--format json shows them)")
	}
	unshown := 0
	for _, check := range c.Namespaces {
		if check.quiet() {
			unshown += check.Summary.Info
		}
	}
	if unshown > 0 && !p.style.Verbose {
		p.block("", "  ", "not shown: "+plural(unshown, "finding", "findings")+" of severity info in quiet namespaces (-v)")
	}
}

// missedNamespaces lists the namespaces that were not examined, and counts the
// processes whose namespace is hidden.
func (p *page) missedNamespaces(list []NotExamined, hidden int) {
	if n := len(list); n > 0 {
		p.line(fmt.Sprintf("not examined: %d", n))
		for _, m := range list[:min(n, maxListedNamespaces)] {
			p.block("  ", "    ", m.Namespace.Name+": "+m.Reason)
		}
		if n > maxListedNamespaces {
			p.line(fmt.Sprintf("  and %d more (--format json names all)", n-maxListedNamespaces))
		}
	}
	if hidden > 0 {
		p.block("", "  ", fmt.Sprintf("not examined: network namespaces of %s that are hidden (run as root, or with CAP_SYS_PTRACE)", plural(hidden, "process", "processes")))
	}
}

// unjudgedSomewhere lists the rules that could not be judged in some
// namespaces, with the number of these.
func (p *page) unjudgedSomewhere(c *Checks) {
	rates, others := make(map[string]int64), make(map[string]int64)
	for _, check := range c.Namespaces {
		for _, s := range check.Skipped {
			if c.Window.Seconds == nil && lacksWindow(s) {
				rates[s.Rule]++
			} else {
				others[s.Rule]++
			}
		}
	}
	if len(rates) > 0 {
		p.block("", "  ", "not judged without a window: "+plural(len(rates), "rule", "rules")+" (--window 10s judges them)")
	}
	if len(others) == 0 {
		return
	}
	if len(others) > maxNamedRules && !p.style.Verbose {
		p.block("", "  ", "not judged in some namespaces: "+plural(len(others), "rule", "rules")+" (-v names them)")
		return
	}
	text := ""
	for _, n := range snapshot.Counts(others, func(rule string) string { return rule }) {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%s (%d)", n.Name, n.Count)
	}
	p.block("", "  ", "not judged, and in how many namespaces: "+text)
}

// gapsSomewhere lists what could not be read, and where it was not everywhere,
// in how many namespaces.
func (p *page) gapsSomewhere(c *Checks) {
	count := make(map[snapshot.Gap]int)
	for _, check := range c.Namespaces {
		for _, g := range check.Collection.Gaps {
			count[g]++
		}
	}
	gaps := slices.SortedFunc(maps.Keys(count), func(a, b snapshot.Gap) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Reason, b.Reason))
	})
	p.gapList(len(gaps), func(i int) string {
		return fmt.Sprintf("%s (in %s)", gapText(gaps[i]), plural(count[gaps[i]], "namespace", "namespaces"))
	})
}
