// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tcptune/tcptune/rules"
)

// The formats that a Check and Checks have besides text and JSON.
const (
	HTML       = "html"
	Markdown   = "markdown"
	SARIF      = "sarif"
	JUnit      = "junit"
	Nagios     = "nagios"
	Prometheus = "prometheus"
)

// Formats are the formats that a Check and Checks have besides text and JSON.
func Formats() []string { return []string{HTML, Markdown, SARIF, JUnit, Nagios, Prometheus} }

// Write writes the check in one of Formats.
func (c *Check) Write(w io.Writer, format string) error { return c.document().write(w, format) }

// Write writes the checks in one of Formats.
func (c *Checks) Write(w io.Writer, format string) error { return c.document().write(w, format) }

// A document is what these formats are written from: a Check, or Checks.
type document struct {
	tool    string
	ruleset Ruleset
	host    Host
	window  Window
	taken   time.Time // zero: unknown
	summary Summary   // of all parts
	parts   []part
	missed  []NotExamined
	hidden  int
	status  int // exit status
}

// A part is one network namespace of a document, or what is about the machine.
type part struct {
	name  string // "" for the only part of a document
	check *Check
}

func (c *Check) document() *document {
	return &document{
		tool: c.Tool, ruleset: c.Ruleset, host: c.Host, window: c.Window, taken: c.details.taken,
		summary: c.Summary, parts: []part{{check: c}}, status: c.ExitStatus,
	}
}

// machinePart names what is about the machine, not about one of its network
// namespaces.
const machinePart = "the machine"

func (c *Checks) document() *document {
	machine := &Check{Tool: c.Tool, Ruleset: c.Ruleset, Host: c.Host, Window: c.Window, Findings: c.Findings, Waived: c.Waived}
	machine.countFindings()
	machine.Summary.Waived = countWaived(c.Waived)
	d := &document{
		tool: c.Tool, ruleset: c.Ruleset, host: c.Host, window: c.Window,
		parts: []part{{machinePart, machine}}, missed: c.NotExamined, hidden: c.Hidden, status: c.ExitStatus,
	}
	for _, check := range c.Namespaces {
		d.parts = append(d.parts, part{check.namespaceName(), check})
		d.taken = check.details.taken
	}
	for _, p := range d.parts {
		d.summary.add(p.check.Summary)
	}
	return d
}

func (c *Check) namespaceName() string {
	if n := c.Host.Namespace; n != nil {
		return n.Name
	}
	return cmp.Or(c.Host.Netns, "unknown network namespace")
}

func (s *Summary) add(o Summary) {
	s.Critical += o.Critical
	s.Warning += o.Warning
	s.Notice += o.Notice
	s.Info += o.Info
	s.Judged += o.Judged
	s.Skipped += o.Skipped
	s.Waived += o.Waived
}

func (d *document) write(w io.Writer, format string) error {
	write := map[string]func(io.Writer) error{
		HTML: d.writeHTML, Markdown: d.writeMarkdown, SARIF: d.writeSARIF, JUnit: d.writeJUnit, Nagios: d.writeNagios, Prometheus: d.writePrometheus,
	}[format]
	if write == nil {
		return fmt.Errorf("no format is named %q", format)
	}
	return write(w)
}

// writeClean writes text whose lines Clean leaves as they are, and those of a
// host that somebody forgot to clean.
func writeClean(w io.Writer, text string) error {
	for line := range strings.Lines(text) {
		if _, err := io.WriteString(w, Clean(strings.TrimSuffix(line, "\n"))+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// hostname is the name of the examined host, or words that say that it has none.
func (d *document) hostname() string { return cmp.Or(d.host.Hostname, "unknown host") }

// findings are those of all parts, most severe first.
func (d *document) findings() []rules.Finding {
	var list []rules.Finding
	for _, p := range d.parts {
		list = append(list, p.check.Findings...)
	}
	return sorted(list)
}

// cannotTell reports whether nothing was found although a core rule, or a whole
// namespace, was not judged.
func (d *document) cannotTell() bool {
	unjudged := func(p part) bool { return len(p.check.CoreSkipped()) > 0 }
	return len(d.missed) > 0 || d.hidden > 0 || slices.ContainsFunc(d.parts, unjudged)
}

// verdict is the sentence that people read first.
func (d *document) verdict() string {
	s := d.summary
	switch {
	case s.Judged == 0:
		return "no rule could be judged"
	case s.Critical+s.Warning+s.Notice > 0:
		return counts(s)
	case d.cannotTell():
		return s.nothing() + ", but not everything that matters could be judged"
	case s.Waived > 0:
		return s.nothing()
	}
	return "no problem found, nothing to tune"
}

// judged says how many rules could be judged.
func (d *document) judged() string {
	text := fmt.Sprintf("judged %d of %d rules", d.summary.Judged, d.summary.Judged+d.summary.Skipped)
	if len(d.parts) > 1 {
		text += " in " + plural(len(d.parts)-1, "network namespace", "network namespaces")
	}
	return text
}

// version is that of the program, without its name.
func (d *document) version() string {
	_, version, _ := strings.Cut(d.tool, " ")
	return version
}

// homepage is where people find out more.
const homepage = "https://github.com/tcptune/tcptune"

// rulePage is the address of the page about a built-in rule; "" for others.
func (r Ruleset) rulePage(id string) string {
	if rule := r.rule(id); rule == nil || rule.File != "" {
		return ""
	}
	return homepage + "/blob/main/docs/rules/" + id + ".md"
}

// step words a recommendation without its command.
func step(r *rules.Recommendation) string {
	text := r.Action
	switch r.Kind {
	case "sysctl":
		text = fmt.Sprintf("set %s = %s (now %s)", r.Key, r.Proposed, current(r.Current))
		if r.Action != "" {
			text += "; " + r.Action
		}
	case "file":
		text = r.File + ": " + r.Action
	}
	if r.Because != "" {
		text += ". " + r.Because
	}
	if r.Effect != "" {
		text += " (effect: " + r.Effect + ")"
	}
	if r.Risk != "" && r.Risk != "none" {
		text += ", risk " + r.Risk
	}
	return text
}
