// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"fmt"
	"strings"

	"github.com/tcptune/tcptune/sysctl"
)

// Boot says who loads the sysctl files when the host boots.
type Boot struct {
	Loader *string `cel:"loader" doc:"systemd (systemd-sysctl) or procps (sysctl --system); unknown where neither of them loads the files"`
	Name   string  `cel:"name" doc:"the loader for people"`
	Reason string  `cel:"reason" doc:"what told the loader, or why it is not known"`
	Here   *bool   `cel:"here" doc:"whether the files are for this network namespace: it is the initial one, or that of process 1; false under ip netns exec"`

	ConfLost  *int64 `cel:"conf_lost" doc:"keys that /etc/sysctl.conf sets and whose value the boot does not leave, because systemd-sysctl does not read that file; 0 where it does"`
	ConfKeys  string `cel:"conf_keys" doc:"the first of them, as text"`
	ConfFirst string `cel:"conf_first" doc:"file:line of the first of them"`
}

// config derives what the sysctl files come to.
func (d *derivation) config(catalogue *sysctl.Catalogue) {
	m := newModel(d.to)
	d.boot(m)
	d.settings(m, catalogue)
	d.badValues(catalogue)
}

// boot derives who loads the files.
func (d *derivation) boot(m *model) {
	config := d.to.Config
	if config == nil {
		return
	}
	b := &Boot{Name: config.Boot.Name, Reason: config.Boot.Reason}
	d.facts.Boot = b
	if h := d.to.Host; h != nil {
		if b.Here = h.Pid1; h.Initial != nil && *h.Initial {
			b.Here = h.Initial
		}
	}
	if m == nil {
		return
	}
	if m.boot != "" {
		b.Loader = (*string)(&m.boot)
	}
	switch lines := m.confLines(); {
	case len(lines) == 0, m.boot == sysctl.Procps, m.boot == sysctl.Systemd && m.readsConf():
		b.ConfLost = new(int64)
	case m.boot == sysctl.Systemd:
		b.lost(m, lines)
	}
}

// maxNamed is how many lines or keys a text names.
const maxNamed = 8

// lost finds what only /etc/sysctl.conf sets.
func (b *Boot) lost(m *model, lines []sysctl.Line) {
	var lost []string
	for _, line := range lines {
		system, boot := m.winner(sysctl.Procps, line.Key), m.winner(sysctl.Systemd, line.Key)
		if system == nil || system.File != line.File || system.Number != line.Number || sameValue(system, boot) {
			continue
		}
		if len(lost) == 0 {
			b.ConfFirst = address(line.File, line.Number)
		}
		lost = append(lost, fmt.Sprintf("%s (line %d)", line.Key, line.Number))
	}
	n := int64(len(lost))
	b.ConfLost, b.ConfKeys = &n, some(lost, ", ")
}

// some joins the first of a list, and says how many are left out.
func some(list []string, separator string) string {
	if n := len(list) - maxNamed; n > 0 {
		list = append(list[:maxNamed:maxNamed], fmt.Sprintf("and %d more", n))
	}
	return strings.Join(list, separator)
}
