// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/tcptune/tcptune/rules"
)

//go:embed html/page.tmpl
var pageTemplate string

//go:embed html/style.css
var pageStyle string

// writeHTML writes one page that needs nothing else: no script, no font, no
// picture from elsewhere; its policy forbids them. html/template escapes what
// came from the host, and Clean takes the characters away that it lets pass.
func (d *document) writeHTML(w io.Writer) error {
	t, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return fmt.Errorf("parse page: %w", err)
	}
	view, err := newHTMLPage(d)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, view); err != nil {
		return fmt.Errorf("fill page: %w", err)
	}
	return writeClean(w, b.String())
}

// htmlPage is what the template sees.
type htmlPage struct {
	Host, About, Verdict, Class, Judged, Proof, Tool string
	CSS                                              template.CSS
	Contents                                         []htmlLink
	Parts                                            []htmlPart
	Quiet, Missed, How                               []htmlPair
}

type htmlPair struct{ Name, Value string }

type htmlLink struct{ ID, Text string }

// htmlPart is one network namespace.
type htmlPart struct {
	ID, Title    string
	Measured     string   // heading of what is not a finding; "" for none
	Compared     []string // with a baseline: what there is to say about it
	Findings     []htmlFinding
	Past         []htmlPast
	States       *htmlStates
	Rates        *htmlRates
	Listeners    *htmlListeners
	Destinations *htmlDestinations
	Settings     *htmlSettings
	Judgement    *htmlJudgement
	Gaps         []string
}

type htmlJudgement struct {
	ID         string
	Waived     []htmlWaived
	Skipped    []htmlPair
	Passed     []string
	PassedText string
}

type htmlWaived struct{ Rule, Subject, Reason, Address, Expires string }

func newHTMLPage(d *document) (*htmlPage, error) {
	references, err := rules.References()
	if err != nil {
		return nil, err
	}
	about := []string{"Linux " + orUnknown(d.host.Kernel)}
	if u := d.host.UptimeSeconds; u != nil {
		about = append(about, "up "+duration(*u))
	}
	about = append(about, d.window.words())
	if !d.taken.IsZero() {
		about = append(about, d.taken.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	page := &htmlPage{
		Host: d.hostname(), About: strings.Join(about, ", "), Verdict: d.verdict(), Class: d.class(), Judged: d.judged(),
		Tool: d.tool, CSS: template.CSS(pageStyle), How: d.how(), //nolint:gosec // the style sheet is ours
	}
	if len(d.parts) == 1 && page.Class == "ok" {
		page.Proof = strings.Join(d.parts[0].check.numbers, ", ")
	}
	for i, p := range d.parts {
		if p.name != "" && p.check.silent() {
			if p.name != machinePart {
				page.Quiet = append(page.Quiet, htmlPair{p.name, stateLine(p.check.States)})
			}
			continue
		}
		part := newHTMLPart(p, i, references)
		page.Parts = append(page.Parts, part)
		page.Contents = append(page.Contents, part.contents()...)
	}
	for _, m := range d.missed {
		page.Missed = append(page.Missed, htmlPair{m.Namespace.Name, m.Reason})
	}
	if len(page.Quiet) > 0 {
		page.Contents = append(page.Contents, htmlLink{"quiet", "Quiet network namespaces"})
	}
	if len(page.Missed) > 0 {
		page.Contents = append(page.Contents, htmlLink{"missed", "Not examined"})
	}
	page.Contents = append(page.Contents, htmlLink{"how", "How it was collected"})
	return page, nil
}

// class is the colour of the verdict.
func (d *document) class() string {
	s := d.summary
	switch {
	case s.Critical > 0:
		return string(rules.Critical)
	case s.Warning > 0:
		return string(rules.Warning)
	case s.Notice > 0:
		return string(rules.Notice)
	case s.Judged == 0 || s.Waived > 0 || d.cannotTell():
		return string(rules.Info)
	}
	return "ok"
}

func newHTMLPart(p part, number int, references map[string]rules.Reference) htmlPart {
	c := p.check
	id := func(name string) string { return fmt.Sprintf("p%d-%s", number, name) }
	v := htmlPart{ID: id("part"), Title: "Findings", Measured: "What was measured"}
	switch {
	case p.name == machinePart:
		v.Title, v.Measured = "About the whole machine", ""
	case p.name != "":
		v.Title, v.Measured = "Network namespace "+p.name, "Measured in "+p.name
	}
	if b := c.Baseline; b != nil {
		v.Compared = append([]string{"Findings " + b.with() + ": " + b.counts()}, b.Notes...)
	}
	for i := range c.Findings {
		v.Findings = append(v.Findings, newHTMLFinding(&c.Findings[i], references))
	}
	for _, past := range c.past() {
		v.Past = append(v.Past, newHTMLPast(past))
	}
	if p.name != machinePart || len(c.Waived) > 0 {
		v.Judgement = newHTMLJudgement(id("judged"), c)
	}
	if p.name == machinePart {
		return v
	}
	v.States = newHTMLStates(id("states"), c)
	v.Rates = newHTMLRates(id("rates"), c)
	v.Listeners = newHTMLListeners(id("listeners"), c.details.listeners)
	v.Destinations = newHTMLDestinations(id("destinations"), c.details.destinations)
	v.Settings = newHTMLSettings(id("settings"), c.details.settings)
	for _, g := range c.Collection.Gaps {
		v.Gaps = append(v.Gaps, gapText(g))
	}
	return v
}

// silent reports whether there is nothing to tell but that all is well.
func (c *Check) silent() bool {
	return len(c.Findings)+len(c.Waived)+len(c.CoreSkipped())+len(c.Collection.Gaps) == 0
}

// contents are the links to a part and what it has.
func (v *htmlPart) contents() []htmlLink {
	links := []htmlLink{{v.ID, v.Title}}
	if v.Title != "Findings" {
		return links
	}
	add := func(id, text string) { links = append(links, htmlLink{id, text}) }
	add(v.States.ID, "Sockets")
	add(v.Rates.ID, "Counters")
	if v.Listeners != nil {
		add(v.Listeners.ID, "Listeners")
	}
	if v.Destinations != nil {
		add(v.Destinations.ID, "Destinations")
	}
	if v.Settings != nil {
		add(v.Settings.ID, "Settings")
	}
	add(v.Judgement.ID, "What was judged")
	return links
}

func newHTMLJudgement(id string, c *Check) *htmlJudgement {
	v := &htmlJudgement{ID: id, Passed: c.Passed, PassedText: plural(len(c.Passed), "rule was", "rules were") + " judged and found nothing"}
	for _, w := range c.Waived {
		v.Waived = append(v.Waived, htmlWaived{w.Finding.Rule, w.Finding.Subject, w.Waiver.Reason, w.Waiver.Address, w.Waiver.Expires})
	}
	for _, s := range c.Skipped {
		v.Skipped = append(v.Skipped, htmlPair{s.Rule, skipReason(s)})
	}
	return v
}

// how says where the numbers come from and what they cost.
func (d *document) how() []htmlPair {
	list := []htmlPair{{"Collected by", d.tool}}
	add := func(name, value string) {
		if value != "" {
			list = append(list, htmlPair{name, value})
		}
	}
	add("Rules", "version "+orUnknown(d.ruleset.Version)+", SHA-256 "+orUnknown(d.ruleset.SHA256))
	add("Kernel", d.host.Kernel)
	add("Boot", d.host.BootID)
	add("Privilege", d.host.Privilege)
	add("Time between the two snapshots", d.window.words())
	if len(d.parts) == 1 {
		c := d.parts[0].check.Collection
		add("Network namespace", d.host.Netns)
		add("Socket table", map[string]string{"sock_diag": "asked over sock_diag", "proc": "read from /proc/net/tcp"}[c.Method])
		add("Sockets received", thousands(int64(c.Sockets)))
		add("ESTABLISHED and TIME_WAIT counted by", map[string]string{"sockstat": "the kernel's totals (sockstat)", "dump": "looking at each socket"}[c.Counted])
		add("Why not each of them was looked at", c.Closer)
		add("Time to read the host", fmt.Sprintf("%.1f ms", c.DurationMS))
		add("All sockets read", value(c.Complete))
	}
	if d.hidden > 0 {
		add("Hidden", "the network namespaces of "+plural(d.hidden, "process", "processes"))
	}
	return list
}
