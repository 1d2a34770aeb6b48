// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tcptune/tcptune/rules"
)

// A sarifWriter fills one run: results may name a rule before it is known.
type sarifWriter struct {
	document *document
	run      sarifRun
	index    map[string]int // of rules by id
	seen     map[string]int // results by fingerprint
}

func (d *document) writeSARIF(w io.Writer) error {
	host := Clean(d.hostname())
	s := sarifWriter{document: d, index: make(map[string]int), seen: make(map[string]int)}
	s.run = sarifRun{
		Automation: sarifAutomation{ID: "tcptune/" + url.PathEscape(host) + "/"}, // the slash: it is a category, not one run of it
		BaseIDs:    map[string]sarifArtifact{sarifRoot: {URI: "file:///"}},
		Logical:    []sarifLogical{{Name: host, Full: host, Kind: "module"}},
		Results:    []sarifResult{}, ColumnKind: "unicodeCodePoints",
		Properties: map[string]any{"kernel": d.host.Kernel, "window": d.window.words(), "ruleset": d.ruleset.Version, "rulesetSha256": d.ruleset.SHA256},
	}
	s.run.Tool.Driver = sarifDriver{Name: "tcptune", Version: d.version(), InformationURI: homepage, Rules: []sarifRule{}}
	if semantic().MatchString(d.version()) {
		s.run.Tool.Driver.SemanticVersion = d.version()
	}
	if d.ruleset.set != nil {
		for _, r := range d.ruleset.set.Rules {
			s.rule(r.ID)
		}
	}
	s.results()
	s.invocation()
	return writeJSON(w, sarifLog{Schema: sarifSchema, Version: sarifVersion, Runs: []sarifRun{s.run}})
}

// semantic is a version of semver.org.
var semantic = pattern(`^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

func (s *sarifWriter) results() {
	for _, p := range s.document.parts {
		for i := range p.check.Findings {
			s.result(p, &p.check.Findings[i], nil)
		}
		for i := range p.check.Waived {
			s.result(p, &p.check.Waived[i].Finding, &p.check.Waived[i].Waiver)
		}
		for i := range p.check.Gone {
			s.result(p, &p.check.Gone[i], nil)
		}
	}
}

// rule returns the place of a rule in the list, and puts it there if it is new.
func (s *sarifWriter) rule(id string) int {
	if i, ok := s.index[id]; ok {
		return i
	}
	list := &s.run.Tool.Driver.Rules
	s.index[id] = len(*list)
	*list = append(*list, s.document.ruleset.sarifRule(id))
	return s.index[id]
}

func (r Ruleset) sarifRule(id string) sarifRule {
	rule := r.rule(id)
	if rule == nil { // made by the program: an expired waiver, a deviation from a profile
		return sarifRule{ID: id, Short: sarifText{Text: id}, Configuration: sarifConfig{"warning"}}
	}
	level := sarifLevel(worstSeverity(rule))
	problem := level
	if level == "note" {
		problem = "recommendation"
	}
	help := sarifText{Text: Clean(joinWords(rule.Why)), Markdown: escapeMarkdown(rule.Why)}
	for _, g := range rule.Unless {
		help.Text += "\nUnless: " + Clean(joinWords(g.Text))
		help.Markdown += "\n\n*Unless:* " + escapeMarkdown(g.Text)
	}
	return sarifRule{
		ID: id, Short: sarifText{Text: Clean(rule.Title.Marked("<", ">"))}, Full: &sarifText{Text: Clean(joinWords(rule.Why))},
		Help: &help, HelpURI: r.rulePage(id), Configuration: sarifConfig{level},
		Properties: map[string]any{"tags": []string{"tcp", rule.Category}, "problem.severity": problem},
	}
}

// joinWords folds line ends into blanks.
func joinWords(text string) string { return strings.Join(strings.Fields(text), " ") }

// worstSeverity is the most severe word that the severity of a rule can be.
func worstSeverity(r *rules.Rule) rules.Severity {
	for _, s := range slices.Backward(rules.Severities()) {
		if strings.Contains(r.Severity.Text(), string(s)) {
			return s
		}
	}
	return rules.Notice
}

// sarifLevel is the level of a severity; the severity itself is a property.
func sarifLevel(s rules.Severity) string {
	switch s {
	case rules.Critical:
		return "error"
	case rules.Warning:
		return "warning"
	}
	return "note"
}

// sarifBaseline says how a finding stands to the baseline; empty without one,
// and where that is unknown.
func sarifBaseline(f *rules.Finding) string {
	switch {
	case f.Status == rules.StatusNew:
		return "new"
	case f.Status == rules.StatusGone:
		return "absent"
	case f.Status != rules.StatusStill:
		return ""
	case f.Was != "":
		return "updated"
	}
	return "unchanged"
}

func (s *sarifWriter) result(p part, f *rules.Finding, waiver *rules.Waiver) {
	print := s.fingerprint(p.name, f)
	r := sarifResult{
		Baseline: sarifBaseline(f), RuleID: f.Rule, RuleIndex: s.rule(f.Rule), Level: sarifLevel(f.Severity), Message: sarifMessage(f),
		Fingerprints: map[string]string{"primaryLocationLineHash": print, "tcptune/v1": print},
		Properties: map[string]any{"severity": f.Severity, "confidence": f.Confidence, "verdict": f.Verdict, "scope": f.Scope,
			"subject": f.Subject, "evidence": f.Evidence},
	}
	logical := s.logical(p.name, f.Subject)
	for i, l := range p.check.details.locate(f) {
		at := sarifLocation{Physical: &sarifPhysical{
			Artifact: sarifArtifact{URI: (&url.URL{Path: strings.TrimPrefix(l.path, "/")}).String(), BaseID: sarifRoot},
			Region:   sarifRegion{StartLine: l.line},
		}}
		if i == 0 {
			at.Logical = logical
			r.Locations = []sarifLocation{at}
			continue
		}
		at.Message = &sarifText{Text: Clean(l.path)}
		r.Related = append(r.Related, at)
	}
	if r.Locations == nil {
		r.Locations = []sarifLocation{{Logical: logical}}
	}
	if waiver != nil {
		r.Suppressions = []sarifSuppression{{Kind: "external", Status: "accepted", Justification: Clean(joinWords(waiver.Reason)),
			Properties: map[string]any{"expires": waiver.Expires, "waiver": waiver.Address}}}
	}
	s.run.Results = append(s.run.Results, r)
}

// logical names host, network namespace and subject.
func (s *sarifWriter) logical(namespace, subject string) []sarifLogical {
	full := s.run.Logical[0].Full
	if namespace != "" && namespace != machinePart {
		full += "/" + Clean(namespace)
	}
	l := sarifLogical{Name: full, Full: full, Kind: "module"}
	if subject != "" {
		l = sarifLogical{Name: Clean(subject), Full: full + "/" + strings.TrimPrefix(Clean(subject), "/"), Kind: "resource"}
	}
	return []sarifLogical{l}
}

func sarifMessage(f *rules.Finding) sarifText {
	m := sarifText{Text: Clean(f.Title), Markdown: "**" + escapeMarkdown(f.Title) + "**"}
	if f.Subject != "" {
		m.Text += ": " + Clean(f.Subject)
		m.Markdown += " " + code(f.Subject)
	}
	m.Text += "."
	for _, e := range f.Evidence {
		m.Text += "\n" + Clean(joinWords(e.Name+": "+evidenceText(e)))
		m.Markdown += "\n- " + escapeMarkdown(e.Name+": "+evidenceText(e))
	}
	for i := range f.Recommendations {
		r := &f.Recommendations[i]
		m.Text += fmt.Sprintf("\n%d. %s", i+1, Clean(joinWords(step(r))))
		m.Markdown += fmt.Sprintf("\n%d. %s", i+1, escapeMarkdown(step(r)))
		if r.Command != "" {
			m.Text += "\n   $ " + Clean(r.Command)
			m.Markdown += " " + code(r.Command)
		}
	}
	return m
}

// fingerprint is the same for the same finding of two runs, also when a process
// has a new number or a file a new line above; the number at its end tells
// findings apart that would have the same one.
func (s *sarifWriter) fingerprint(namespace string, f *rules.Finding) string {
	sum := sha256.Sum256([]byte(namespace + "\x00" + f.Rule + "\x00" + f.StableSubject()))
	print := hex.EncodeToString(sum[:8])
	s.seen[print]++
	return fmt.Sprintf("%s:%d", print, s.seen[print])
}

// invocation says how the run ended, and what it could not judge or read.
func (s *sarifWriter) invocation() {
	d := s.document
	i := sarifInvocation{Successful: d.summary.Judged > 0, ExitCode: d.status, Machine: Clean(d.host.Hostname)}
	if !d.taken.IsZero() {
		i.EndTime = d.taken.UTC().Format(time.RFC3339)
	}
	note := func(where, text, rule string) {
		n := sarifNotification{Level: "note", Message: sarifText{Text: Clean(cmp.Or(where, d.hostname()) + ": " + text)}}
		if rule != "" {
			n.Rule = &sarifDescriptor{ID: rule, Index: s.rule(rule)}
		}
		i.Notifications = append(i.Notifications, n)
	}
	for _, p := range d.parts {
		for _, skipped := range p.check.Skipped {
			note(p.name, "not judged: "+skipReason(skipped), skipped.Rule)
		}
		for _, g := range p.check.Collection.Gaps {
			note(p.name, "not read: "+gapText(g), "")
		}
	}
	for _, m := range d.missed {
		note(m.Namespace.Name, "not examined: "+m.Reason, "")
	}
	s.run.Invocations = []sarifInvocation{i}
}
