// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/tcptune/tcptune/rules"
)

// The statuses of a monitoring plugin, as its exit status and in its output.
// Source: Monitoring Plugins Development Guidelines.
const (
	PluginOK       = 0
	PluginWarning  = 1
	PluginCritical = 2
	PluginUnknown  = 3
)

// pluginWords are the words for them.
var pluginWords = [...]string{PluginOK: "OK", PluginWarning: "WARNING", PluginCritical: "CRITICAL", PluginUnknown: "UNKNOWN"}

// maxPluginBytes bounds the output of a plugin: more is cut off by NRPE and
// others.
const maxPluginBytes = 4096

// PluginStatus is the status that the check has for a monitoring system.
func (c *Check) PluginStatus() int { return c.document().pluginStatus() }

// PluginStatus is the status that the checks have for a monitoring system.
func (c *Checks) PluginStatus() int { return c.document().pluginStatus() }

// pluginStatus is OK while nothing at or above --fail-on was found, and UNKNOWN
// where the check failed or was cut short. What could not be read is never OK by itself: it is
// UNKNOWN when nothing was found for that reason.
func (d *document) pluginStatus() int {
	switch {
	case d.summary.Judged == 0, d.status >= PluginUnknown: // such as 130, interrupted
		return PluginUnknown
	case d.status == PluginOK && d.blind():
		return PluginUnknown
	case d.status == PluginOK:
		return PluginOK
	case d.summary.Critical > 0:
		return PluginCritical
	}
	return PluginWarning
}

// blind reports whether the sockets of any part could not be counted at all, or
// whole network namespaces were not seen.
func (d *document) blind() bool {
	if len(d.missed) > 0 || d.hidden > 0 {
		return true
	}
	for _, p := range d.parts {
		unknown := 0
		for _, n := range p.check.States {
			if n == nil {
				unknown++
			}
		}
		if unknown > 0 && unknown == len(p.check.States) {
			return true
		}
	}
	return false
}

func (d *document) writeNagios(w io.Writer) error {
	list := d.findings()
	first := "TCPTUNE " + pluginWords[d.pluginStatus()] + " - " + d.verdict()
	if len(list) > 0 {
		first += ": " + list[0].Title + about(&list[0])
	}
	text := pluginText(first) + " | " + strings.Join(d.perfdata(), " ") + "\n"
	for i := range list {
		line := pluginText(strings.ToUpper(string(list[i].Severity))+": "+list[i].Title+about(&list[i])+" ["+list[i].Rule+"]") + "\n"
		rest := fmt.Sprintf("and %d more\n", len(list)-i)
		if len(text)+len(line)+len(rest) > maxPluginBytes {
			text += rest
			break
		}
		text += line
	}
	_, err := io.WriteString(w, text)
	return err
}

// about names what a finding is about.
func about(f *rules.Finding) string {
	if f.Subject == "" {
		return ""
	}
	return " (" + f.Subject + ")"
}

// pluginText makes text from anywhere one line without the character that
// begins performance data.
func pluginText(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(Clean(text)), " "), "|", "/")
}

// PluginUnknownLine is the output of a check that failed.
func PluginUnknownLine(problem string) string {
	return "TCPTUNE UNKNOWN - " + pluginText(problem) + "\n"
}

// perfdata are 'label'=value[UOM];[warn];[crit];[min];[max]. What is unknown is
// left out.
func (d *document) perfdata() []string {
	s := d.summary
	var list []string
	add := func(label string, value float64, rest string) {
		list = append(list, strings.TrimRight("'"+label+"'="+perfNumber(value)+rest, ";"))
	}
	add("critical", float64(s.Critical), ";;0;0")
	add("warning", float64(s.Warning), ";0;;0")
	add("notice", float64(s.Notice), ";;;0")
	add("info", float64(s.Info), ";;;0")
	add("judged", float64(s.Judged), fmt.Sprintf(";;;0;%d", s.Judged+s.Skipped))
	states := d.states()
	for _, name := range stateOrder {
		if n := states[name]; n != nil {
			add(name, float64(*n), ";;;0")
		}
	}
	if len(d.parts) != 1 {
		return list
	}
	details := &d.parts[0].check.details
	if l := details.listeners; len(l) > 0 && l[0].Backlog != nil {
		add("fullest_accept_queue", round(100*fill(&l[0])), "%;;;0")
	}
	if l := details.destinations; len(l) > 0 {
		add("most_local_ports", round(100*l[0].Use), "%;;;0;100")
	}
	for _, r := range details.rates {
		if r.counter == "ListenOverflows" || r.counter == "RetransSegs" || r.counter == "OutSegs" {
			add(strings.ToLower(r.counter)+"_per_second", round(r.perSecond), ";;;0")
		}
	}
	return list
}

// round keeps two decimals.
func round(v float64) float64 { return math.Round(100*v) / 100 }

func perfNumber(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// states are the sockets of all parts by state; nil where those of one are
// unknown.
func (d *document) states() map[string]*int64 {
	sum := make(map[string]*int64)
	for _, name := range stateOrder {
		var n int64
		known, unknown := false, false
		for _, p := range d.parts {
			if p.check.States == nil {
				continue // what is about the machine has no sockets
			}
			if count := p.check.States[name]; count != nil {
				n += *count
				known = true
			} else {
				unknown = true
			}
		}
		if known && !unknown {
			sum[name] = &n
		}
	}
	return sum
}
