// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/yamlfile"
)

// A Waiver takes findings of one rule out of the verdict for a reason, until it
// expires. The findings stay visible.
type Waiver struct {
	Rule    string `json:"rule"`
	Subject string `json:"subject,omitempty"` // of the findings, * stands for any text; "" for every finding of the rule
	Reason  string `json:"reason"`
	Expires string `json:"expires"` // the last day on which it holds, YYYY-MM-DD, in UTC
	Address string `json:"address"` // file:line

	until   time.Time      // it holds before this instant
	subject *regexp.Regexp // nil without a Subject
}

// A Waived is a finding that a waiver took out of the verdict.
type Waived struct {
	Finding Finding `json:"finding"`
	Waiver  Waiver  `json:"waiver"`
}

// Where findings about waivers come from: they are no rule of the set.
const (
	waiverRule     = "waiver-expired"
	waiverCategory = "waiver"
)

// LoadWaivers reads one file of waivers. known are the ids of the rules that
// they may name. No file is an error that is fs.ErrNotExist; on mistakes the
// error is Problems. When the caller is root, the file must be root's: see
// UntrustedError.
func LoadWaivers(path string, known []string) ([]Waiver, error) {
	return loadWaivers(path, known, os.Geteuid())
}

func loadWaivers(path string, known []string, euid int) ([]Waiver, error) {
	data, err := yamlfile.Store{Noun: "waiver", EUID: euid}.Read(path)
	if err != nil {
		return nil, err
	}
	return ParseWaivers(path, data, known)
}

// ParseWaivers reads the text of a file of waivers. The error is Problems: all
// mistakes that were found.
func ParseWaivers(file string, data []byte, known []string) ([]Waiver, error) {
	p := &waiverParser{Reader: yamlfile.Reader{File: file}, known: known}
	list := p.parse(data)
	if err := p.Problems.Err(); err != nil {
		return nil, err
	}
	return list, nil
}

type waiverParser struct {
	yamlfile.Reader
	known []string
}

func (p *waiverParser) parse(data []byte) (list []Waiver) {
	doc := p.Document(data, "list of waivers")
	if doc == nil {
		return nil
	}
	const owner = "the file"
	fields := p.Fields(doc, owner, "waivers")
	p.Require(doc, owner, fields, "waivers")
	for _, n := range p.List(fields["waivers"], "waivers") {
		w := p.waiver(n)
		if slices.ContainsFunc(list, func(other Waiver) bool { return other.Rule == w.Rule && other.Subject == w.Subject }) && w.Rule != "" {
			p.At(n, "%s is waived twice for the same subject", w.Rule)
		}
		list = append(list, w)
	}
	return list
}

func (p *waiverParser) waiver(n *yaml.Node) Waiver {
	const owner = "a waiver"
	fields := p.Fields(n, owner, "rule", "subject", "reason", "expires")
	p.Require(n, owner, fields, "rule", "reason", "expires")
	w := Waiver{
		Rule:    p.Plain(fields["rule"], "rule"),
		Subject: p.Plain(fields["subject"], "subject"),
		Reason:  p.Plain(fields["reason"], "reason"),
		Expires: p.Plain(fields["expires"], "expires"),
		Address: fmt.Sprintf("%s:%d", p.File, n.Line),
	}
	if w.Rule != "" && !slices.Contains(p.known, w.Rule) {
		p.At(fields["rule"], "no rule is named %q%s", w.Rule, yamlfile.DidYouMean(w.Rule, p.known))
	}
	if w.Expires != "" {
		day, err := time.Parse(time.DateOnly, w.Expires)
		if err != nil {
			p.At(fields["expires"], "expires %q is not a day such as 2030-12-31", w.Expires)
		}
		w.until = day.AddDate(0, 0, 1)
	}
	if w.Subject != "" {
		w.subject = regexp.MustCompile(`\A(?s:` + strings.ReplaceAll(regexp.QuoteMeta(w.Subject), `\*`, `.*`) + `)\z`)
	}
	return w
}

// Expired reports whether the waiver holds no more.
func (w *Waiver) Expired(now time.Time) bool { return !now.Before(w.until) }

// waives reports whether the waiver is about a finding. One that stands for
// further findings, whose subjects nobody has looked at, is waived as a whole
// or not at all.
func (w *Waiver) waives(f *Finding) bool {
	return w.Rule == f.Rule && (w.subject == nil || f.More == 0 && w.subject.MatchString(f.Subject))
}

// Waive parts findings into those that count and those that a waiver takes out
// of the verdict. An expired waiver waives nothing.
func Waive(findings []Finding, waivers []Waiver, now time.Time) (kept []Finding, waived []Waived) {
	for i := range findings {
		f := &findings[i]
		n := slices.IndexFunc(waivers, func(w Waiver) bool { return !w.Expired(now) && w.waives(f) })
		if n < 0 {
			kept = append(kept, *f)
			continue
		}
		waived = append(waived, Waived{*f, waivers[n]})
	}
	return kept, waived
}

// ExpiredWaivers returns a finding for each waiver that has expired, so that
// nobody believes that it still holds.
func ExpiredWaivers(waivers []Waiver, now time.Time) (findings []Finding) {
	for i := range waivers {
		if w := &waivers[i]; w.Expired(now) {
			findings = append(findings, w.expiry())
		}
	}
	return findings
}

func (w *Waiver) expiry() Finding {
	f := Finding{
		Rule: waiverRule, Category: waiverCategory, Severity: Notice, Confidence: "high",
		Verdict: VerdictConfigFile, Scope: "host", Subject: w.Address,
		Title: "A waiver of " + w.Rule + " has expired",
		Evidence: []Evidence{
			{Name: "rule", Value: w.Rule},
			{Name: "last day on which it held (UTC)", Value: w.Expires},
			{Name: "reason that it gave", Value: w.Reason},
		},
		Why: "A waiver holds until the day that it names, so that an exception is looked at again. Findings of the rule count again.",
		Recommendations: []Recommendation{{Kind: "file", File: w.Address, Risk: "none",
			Action: "delete the waiver if its reason is gone, or give it a new day if somebody still stands by it"}},
		References: []string{},
	}
	if w.Subject != "" {
		f.Evidence = append(f.Evidence, Evidence{Name: "subject", Value: w.Subject})
	}
	return f
}
