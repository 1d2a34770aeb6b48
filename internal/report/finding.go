// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/rules"
)

// A detail says how much of a finding is printed; 0 is all of it.
type detail struct {
	evidence int // values
	why      int // lines
	steps    int // recommendations
	step     int // lines of each
}

// detail is what a person reads of a finding before asking for more.
func (s Style) detail(severity rules.Severity) detail {
	d := detail{evidence: 4, why: 2, steps: 2, step: 2}
	switch {
	case s.Verbose:
		return detail{}
	case severity.AtLeast(rules.Warning):
		d.evidence, d.steps = 6, 3
	}
	if s.narrow() {
		d.why, d.step = 4, 4 // as many words
	}
	return d
}

// finding prints f: what, evidence, why, what to do, what to run. What it shares
// with the finding before, the same rule about another subject, is not printed
// again.
func (p *page) finding(f, before *rules.Finding) {
	d := p.style.detail(f.Severity)
	p.findingHead(f)
	p.evidence(f.Evidence, d.evidence)
	same := before != nil && before.Rule == f.Rule
	room := p.style.width() - labelWidth
	if same && before.Why == f.Why {
		p.labelled("why", []string{"as above"})
	} else {
		p.labelled("why", gist(f.Why, room, d.why))
	}
	if p.style.Verbose && !same {
		for _, text := range f.Unless {
			p.labelled("but", wrap("not so if: "+text, room))
		}
	}
	for _, o := range f.Because {
		p.labelled("as", wrap(o.Text+" = "+o.Value, room))
	}
	if same && len(f.Recommendations) > 0 && reflect.DeepEqual(before.Recommendations, f.Recommendations) {
		p.labelled("do", []string{"as above"})
	} else {
		p.steps(f, d)
		p.run(f, d, same)
	}
	if p.style.Verbose && len(f.References) > 0 && !same {
		p.labelled("see", wrap(strings.Join(f.References, ", "), room))
	}
	if f.More > 0 {
		p.block("  ", "  ", fmt.Sprintf("and %s of this rule (--format json has all)", plural(f.More, "more finding", "more findings")))
	}
}

func (p *page) findingHead(f *rules.Finding) {
	label := strings.ToUpper(string(f.Severity))
	rest := strings.Repeat(" ", len(label)+2)
	lines := wrap(f.Title, p.style.width()-len(rest))
	for i, line := range lines {
		head := rest
		if i == 0 {
			head = p.style.paint(badge(f.Severity), label) + "  "
		}
		p.line(head + p.style.paint(bold, line))
	}
	id := f.Rule + ", " + answer(f.Verdict)
	if f.Confidence != highConfidence {
		id += ", confidence " + f.Confidence
	}
	if words := statusWords(f); words != "" {
		id = words + ", " + id
	}
	id = "(" + id + ")"
	if f.Subject != "" {
		id = f.Subject + "  " + id
	}
	p.block("  ", "    ", id)
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

// steps prints what to do, numbered where there is more than one thing.
func (p *page) steps(f *rules.Finding, d detail) {
	list := f.Recommendations
	if d.steps > 0 {
		list = list[:min(len(list), d.steps)]
	}
	var lines []string
	for i := range list {
		number := ""
		if len(f.Recommendations) > 1 {
			number = fmt.Sprintf("%d. ", i+1)
		}
		room := p.style.width() - labelWidth - len(number)
		text := brief(stepText(&list[i]), room, d.step)
		if p.style.Verbose && list[i].Because != "" {
			text = append(text, wrap(list[i].Because, room)...)
		}
		for j, line := range text {
			if j > 0 {
				number = strings.Repeat(" ", len(number))
			}
			lines = append(lines, number+line)
		}
	}
	if more := len(f.Recommendations) - len(list); more > 0 {
		lines = append(lines, p.style.paint(dim, "and "+plural(more, "more step", "more steps")+" (-v)"))
	}
	p.labelled("do", lines)
}

// stepText words a recommendation.
func stepText(r *rules.Recommendation) string {
	text := r.Action
	switch r.Kind {
	case "sysctl":
		text = fmt.Sprintf("set %s = %s (now %s)", r.Key, r.Proposed, current(r.Current))
		if r.Risk != "" {
			text += ", risk " + r.Risk
		}
		if r.Action != "" {
			text += "; " + r.Action
		}
	case "file":
		text = r.File + ": " + r.Action
	}
	if r.Effect != "" {
		text = strings.TrimRight(text, ".") + ". Effect: " + r.Effect
	}
	return text
}

// run prints the commands to go on with.
func (p *page) run(f *rules.Finding, d detail, same bool) {
	var commands []string
	add := func(command string) {
		if command != "" && !slices.Contains(commands, command) {
			commands = append(commands, command)
		}
	}
	builtin := slices.ContainsFunc(rules.Categories(), func(c rules.Category) bool { return c.Name == f.Category })
	if builtin && p.apply != "" {
		add(p.applyOnly(f))
	}
	for i := range f.Recommendations {
		if d.steps == 0 || i < d.steps {
			add(f.Recommendations[i].Command)
		}
	}
	if builtin && !same {
		add("tcptune explain " + f.Rule)
	}
	for i, command := range commands {
		label := ""
		if i == 0 {
			label = "run"
		}
		p.command(label, command)
	}
}

// applyOnly is the command that makes the settings that a finding recommends;
// empty where it recommends none.
func (p *page) applyOnly(f *rules.Finding) string {
	settings, risk := 0, 0
	for _, r := range f.Recommendations {
		if r.Kind == "sysctl" && r.Key != "" && r.Proposed != "" {
			settings++
			risk = max(risk, slices.Index(rules.Risks(), r.Risk))
		}
	}
	if settings == 0 {
		return ""
	}
	command := p.apply + " --only " + f.Rule
	if word := rules.Risks()[risk]; risk > slices.Index(rules.Risks(), "low") {
		command += " --max-risk " + word
	}
	return command
}
