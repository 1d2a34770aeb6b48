// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/rules"
)

// The JUnit form has a suite for each network namespace and a case for each
// rule. It is what Jenkins and GitLab read; testdata/junit.xsd describes it.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr,omitempty"`
	Hostname   string          `xml:"hostname,attr"`
	Properties []junitProperty `xml:"properties>property,omitempty"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Classname string        `xml:"classname,attr"`
	Name      string        `xml:"name,attr"`
	Time      string        `xml:"time,attr"`
	Skipped   *junitOutcome `xml:"skipped"`
	Error     *junitOutcome `xml:"error"`
	Failure   *junitOutcome `xml:"failure"`
	Output    string        `xml:"system-out,omitempty"`
}

type junitOutcome struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

func (d *document) writeJUnit(w io.Writer) error {
	suites := junitSuites{Name: "tcptune"}
	for _, p := range d.parts {
		suites.add(d.suite(p))
	}
	if len(d.missed) > 0 {
		suites.add(d.missedSuite())
	}
	data, err := xml.MarshalIndent(suites, "", "  ")
	if err != nil {
		return fmt.Errorf("write XML: %w", err)
	}
	_, err = io.WriteString(w, xml.Header+string(data)+"\n")
	return err
}

func (s *junitSuites) add(suite junitSuite) {
	for _, c := range suite.Cases {
		suite.Tests++
		switch {
		case c.Error != nil:
			suite.Errors++
		case c.Failure != nil:
			suite.Failures++
		case c.Skipped != nil:
			suite.Skipped++
		}
	}
	s.Tests, s.Failures = s.Tests+suite.Tests, s.Failures+suite.Failures
	s.Errors, s.Skipped = s.Errors+suite.Errors, s.Skipped+suite.Skipped
	s.Suites = append(s.Suites, suite)
}

func (d *document) suite(p part) junitSuite {
	c := p.check
	suite := junitSuite{Name: Clean(d.hostname()), Hostname: Clean(d.hostname()), Time: fmt.Sprintf("%.3f", c.Collection.DurationMS/1000)}
	if p.name != "" {
		suite.Name += "/" + Clean(p.name)
	}
	if !d.taken.IsZero() {
		suite.Timestamp = d.taken.UTC().Format("2006-01-02T15:04:05")
	}
	suite.Properties = []junitProperty{
		{"tool", Clean(d.tool)}, {"kernel", Clean(c.Host.Kernel)}, {"window", c.Window.words()},
		{"ruleset", Clean(d.ruleset.Version)}, {"ruleset.sha256", Clean(d.ruleset.SHA256)},
	}
	for _, id := range ruleIDs(c) {
		suite.Cases = append(suite.Cases, d.ruleset.testcase(c, id))
	}
	return suite
}

// missedSuite has an error for each network namespace that was not examined.
func (d *document) missedSuite() junitSuite {
	suite := junitSuite{Name: Clean(d.hostname()) + "/not examined", Hostname: Clean(d.hostname()), Time: "0"}
	for _, m := range d.missed {
		suite.Cases = append(suite.Cases, junitCase{Classname: "tcptune.netns", Name: Clean(m.Namespace.Name), Time: "0",
			Error: &junitOutcome{Message: Clean(m.Reason), Type: "not examined"}})
	}
	return suite
}

// ruleIDs are the rules that a check has anything about, sorted.
func ruleIDs(c *Check) []string {
	ids := slices.Clone(c.Passed)
	for _, f := range c.Findings {
		ids = append(ids, f.Rule)
	}
	for _, s := range c.Skipped {
		ids = append(ids, s.Rule)
	}
	for _, w := range c.Waived {
		ids = append(ids, w.Finding.Rule)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// testcase is what became of one rule: its findings come before what could not
// be judged, and that before what is waived. A finding of severity info
// explains something that is in order, so the case succeeds.
func (r Ruleset) testcase(c *Check, id string) junitCase {
	t := junitCase{Classname: "tcptune", Name: Clean(id), Time: "0"}
	if rule := r.rule(id); rule != nil {
		t.Classname += "." + rule.Category
	}
	var findings []rules.Finding
	for _, f := range c.Findings {
		if f.Rule == id {
			findings = append(findings, f)
		}
	}
	skipped := slices.IndexFunc(c.Skipped, func(s rules.Skipped) bool { return s.Rule == id })
	waived := slices.IndexFunc(c.Waived, func(w rules.Waived) bool { return w.Finding.Rule == id })
	switch {
	case len(findings) > 0 && findings[0].Severity == rules.Info:
		t.Output = findingTexts(findings)
	case len(findings) > 0:
		title := Clean(findings[0].Title)
		if n := len(findings) + findings[len(findings)-1].More; n > 1 {
			title += fmt.Sprintf(" (%d findings)", n)
		}
		t.Failure = &junitOutcome{Message: title, Type: string(findings[0].Severity), Text: findingTexts(findings)}
	case skipped >= 0:
		t.Skipped = &junitOutcome{Message: Clean(skipReason(c.Skipped[skipped]))}
	case waived >= 0:
		w := c.Waived[waived].Waiver
		t.Skipped = &junitOutcome{Message: Clean(fmt.Sprintf("waived until %s: %s", w.Expires, w.Reason))}
	}
	return t
}

// findingTexts are findings as the text report writes them.
func findingTexts(findings []rules.Finding) string {
	var b strings.Builder
	p := &page{out: &b, style: Style{Width: MaxWidth}}
	for i := range findings {
		p.blank()
		p.finding(&findings[i], nil)
	}
	return b.String()
}
