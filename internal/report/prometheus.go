// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/tcptune/tcptune/rules"
)

// metrics are the families of a textfile for the node exporter. They have no
// timestamps, which the exporter refuses, and no label with a peer, a process
// or a network namespace, of which there can be any number.
type metrics []*dto.MetricFamily

// gauge adds a family; pairs of labels and values follow with set.
func (m *metrics) gauge(name, help string) *family {
	kind := dto.MetricType_GAUGE
	f := &dto.MetricFamily{Name: &name, Help: &help, Type: &kind}
	*m = append(*m, f)
	return &family{f}
}

type family struct{ *dto.MetricFamily }

// set adds a series: label, value, label, value ...
func (f *family) set(value float64, labels ...string) {
	metric := &dto.Metric{Gauge: &dto.Gauge{Value: &value}}
	for i := 0; i+1 < len(labels); i += 2 {
		text := Clean(labels[i+1])
		metric.Label = append(metric.Label, &dto.LabelPair{Name: &labels[i], Value: &text})
	}
	f.Metric = append(f.Metric, metric)
}

func (d *document) writePrometheus(w io.Writer) error {
	var m metrics
	m.run(d)
	m.judgement(d)
	m.host(d)
	for _, f := range m {
		if len(f.Metric) == 0 {
			continue
		}
		if _, err := expfmt.MetricFamilyToText(w, f); err != nil {
			return fmt.Errorf("write metric %s: %w", f.GetName(), err)
		}
	}
	return nil
}

// run says which program ran, when, and whether it could judge.
func (m *metrics) run(d *document) {
	m.gauge("tcptune_build_info", "The program that checked the host; always 1.").set(1, "version", d.version(), "goversion", runtime.Version())
	if !d.taken.IsZero() {
		m.gauge("tcptune_last_run_timestamp_seconds", "When the host was last looked at, in seconds since 1970.").set(float64(d.taken.UnixMilli()) / 1000)
	}
	cost := time.Duration(0)
	for _, p := range d.parts {
		cost += time.Duration(p.check.Collection.DurationMS * float64(time.Millisecond))
	}
	m.gauge("tcptune_last_run_duration_seconds", "How long it took to read the host, without the window.").set(cost.Seconds())
	if s := d.window.Seconds; s != nil {
		m.gauge("tcptune_last_run_window_seconds", "Time between the two snapshots that were compared.").set(*s)
	}
	m.gauge("tcptune_last_run_success", "Whether the host could be judged.").set(oneIf(d.summary.Judged > 0 && d.status != PluginUnknown))
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// The states of a rule, the one that wins in several network namespaces first.
var ruleStates = []string{"fired", "unknown", "waived", "ok"}

func (m *metrics) judgement(d *document) {
	s := d.summary
	findings := m.gauge("tcptune_findings", "Findings by severity, those that are waived left out.")
	findings.set(float64(s.Critical), "severity", string(rules.Critical))
	findings.set(float64(s.Warning), "severity", string(rules.Warning))
	findings.set(float64(s.Notice), "severity", string(rules.Notice))
	findings.set(float64(s.Info), "severity", string(rules.Info))
	m.gauge("tcptune_findings_waived", "Findings that a waiver takes out of the verdict.").set(float64(s.Waived))
	m.gauge("tcptune_rules_judged", "Rules that could be judged.").set(float64(s.Judged))
	m.gauge("tcptune_rules_unknown", "Rules that could not be judged.").set(float64(s.Skipped))
	states := m.gauge("tcptune_rule_state", "What became of a rule: 1 for the state that it has. The severity is that of the finding, or the worst that the rule knows.")
	for _, r := range d.ruleOutcomes() {
		for _, state := range ruleStates {
			states.set(oneIf(state == r.state), "rule", r.id, "severity", string(r.severity), "state", state)
		}
	}
}

// A ruleOutcome is what became of a rule in all parts of a document.
type ruleOutcome struct {
	id       string
	severity rules.Severity
	state    string
}

func (d *document) ruleOutcomes() []ruleOutcome {
	all := &Check{}
	for _, p := range d.parts {
		all.Findings = append(all.Findings, p.check.Findings...)
		all.Waived = append(all.Waived, p.check.Waived...)
		all.Skipped = append(all.Skipped, p.check.Skipped...)
		all.Passed = append(all.Passed, p.check.Passed...)
	}
	byID := make(map[string]*ruleOutcome)
	var list []*ruleOutcome
	for _, id := range ruleIDs(all) {
		o := &ruleOutcome{id: id, state: "ok", severity: rules.Notice}
		if r := d.ruleset.rule(id); r != nil {
			o.severity = worstSeverity(r)
		}
		byID[id] = o
		list = append(list, o)
	}
	for _, w := range all.Waived {
		o := byID[w.Finding.Rule]
		o.state, o.severity = "waived", w.Finding.Severity
	}
	for _, s := range all.Skipped {
		byID[s.Rule].state = "unknown"
	}
	for _, f := range all.Findings {
		if o := byID[f.Rule]; o.state != "fired" || f.Severity.AtLeast(o.severity) {
			o.state, o.severity = "fired", f.Severity
		}
	}
	outcomes := make([]ruleOutcome, len(list))
	for i, o := range list {
		outcomes[i] = *o
	}
	return outcomes
}

// host is what was measured. Several network namespaces have settings of their
// own, which are left out.
func (m *metrics) host(d *document) {
	sockets := m.gauge("tcptune_sockets", "TCP sockets by state.")
	states := d.states()
	for _, name := range stateOrder {
		if n := states[name]; n != nil {
			sockets.set(float64(*n), "state", name)
		}
	}
	if len(d.parts) > 1 {
		namespaces := m.gauge("tcptune_netns", "Network namespaces, by whether they were examined.")
		namespaces.set(float64(len(d.parts)-1), "state", "examined")
		namespaces.set(float64(len(d.missed)), "state", "not_examined")
		return
	}
	values := m.gauge("tcptune_sysctl_value", "Live values of keys that a sysctl file sets or that are not the kernel's default.")
	drift := m.gauge("tcptune_sysctl_drift", "Whether the live value is not what the boot leaves.")
	for _, s := range d.parts[0].check.details.settings {
		if s.drift != nil {
			drift.set(oneIf(*s.drift), "sysctl", s.key)
		}
		if s.live == nil {
			continue
		}
		for i, field := range strings.Fields(*s.live) {
			if n, err := strconv.ParseFloat(field, 64); err == nil {
				values.set(n, "sysctl", s.key, "index", strconv.Itoa(i))
			}
		}
	}
}
