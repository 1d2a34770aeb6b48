// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/sysctl"
)

// BadValue is a value that apply would refuse to write: a live one, or one of a line.
type BadValue struct {
	Key     string  `cel:"key" doc:"dotted key, or a pattern of the catalogue"`
	Value   string  `cel:"value" doc:"the value"`
	Address string  `cel:"address" doc:"file:line, or the words live value"`
	InFile  bool    `cel:"in_file" doc:"a line has the value"`
	InForce bool    `cel:"in_force" doc:"it is the live value"`
	Live    *string `cel:"live" doc:"live value of the key"`
	Kind    string  `cel:"kind" doc:"partial (a vector with too few numbers), refused (the kernel answers with an error), unavailable (a congestion control that the kernel does not have), not-allowed (one that this network namespace may not choose), exposing (it works, and tells more than it must), or accepted (the kernel takes it, and it makes no sense)"`
	Reason  string  `cel:"reason" doc:"what is wrong with it"`
}

// badValues finds the values that the catalogue's checks refuse.
func (d *derivation) badValues(catalogue *sysctl.Catalogue) {
	if !d.to.LinesRead || d.to.Sysctls == nil {
		return
	}
	j := valueJudge{facts: d.facts, catalogue: catalogue, config: d.to.Config}
	d.facts.BadValues = []*BadValue{}
	for _, line := range d.to.Lines {
		if line.Exclude {
			continue
		}
		if b := j.judge(line.Key, line.Value); b != nil {
			b.Address, b.InFile = address(line.File, line.Number), true
			d.facts.BadValues = append(d.facts.BadValues, b)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.to.Sysctls)) {
		b := j.judge(key, d.to.Sysctls[key])
		written := func(o *BadValue) bool { return o.Key == key && o.InForce }
		if b != nil && !slices.ContainsFunc(d.facts.BadValues, written) {
			b.Address = "live value"
			d.facts.BadValues = append(d.facts.BadValues, b)
		}
	}
}

// A valueJudge judges values.
type valueJudge struct {
	facts     *Facts
	catalogue *sysctl.Catalogue
	config    *snapshot.Config // nil where the window is older than it
}

// judge returns nil for a good value, for a secret, for a key that the catalogue does not
// know, that is gone, or that nobody can write.
func (j *valueJudge) judge(name, value string) *BadValue {
	key, err := sysctl.ParseKey(name)
	if err != nil || snapshot.Secret(key) {
		return nil
	}
	p, known := j.catalogue.Lookup(key)
	if !known || p.Removed != "" || strings.HasPrefix(p.AppliesTo, "read-only") { // nobody's mistake: tcp_ehash_entries is negative in a namespace
		return nil
	}
	b := &BadValue{Key: name, Value: value}
	if live, ok := j.facts.SysctlText(name); ok {
		b.Live = &live
		b.InForce = j.catalogue.SameValue(key, sysctl.Value(value), sysctl.Value(live))
	}
	switch err := j.catalogue.Check(key, sysctl.Value(value)); {
	case err == nil:
		b.Kind, b.Reason = j.odd(name, value)
	case 0 < len(strings.Fields(value)) && len(strings.Fields(value)) < p.Fields:
		b.Kind, b.Reason = "partial", reasonOf(err)
	case b.InForce || j.catalogue.Takes(key, sysctl.Value(value)):
		b.Kind, b.Reason = "accepted", reasonOf(err)
	default:
		b.Kind, b.Reason = "refused", reasonOf(err)
	}
	if b.Kind == "" {
		return nil
	}
	return b
}

// reasonOf drops the key and value from an error of Check.
func reasonOf(err error) string {
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	return err.Error()
}

// odd finds what is wrong with a value that is good in itself.
func (j *valueJudge) odd(name, value string) (kind, reason string) {
	switch {
	case name == "net.ipv4.tcp_timestamps" && value == "2":
		return "exposing", "2 is on, without the random offset of each connection: the timestamps tell how long the host is up"
	case name == "net.ipv4.tcp_congestion_control":
		return j.congestion(value)
	}
	return "", ""
}

// congestion tells whether a congestion control can be chosen here. The initial network
// namespace loads a module that is there; another one chooses among those that the host
// allows (net/ipv4/tcp_cong.c, tcp_set_default_congestion_control).
func (j *valueJudge) congestion(name string) (kind, reason string) {
	available, known := j.facts.SysctlText("net.ipv4.tcp_available_congestion_control")
	initial := j.facts.Netns.Initial
	switch {
	case !known:
		return "", ""
	case !slices.Contains(strings.Fields(available), name):
		if j.config == nil || j.config.Modules[sysctl.CongestionModule(name)] {
			return "", ""
		}
		return "unavailable", fmt.Sprintf("this kernel has %s, and there is no module %s", strings.Join(strings.Fields(available), ", "), sysctl.CongestionModule(name))
	case initial == nil || *initial:
		return "", ""
	}
	allowed, known := j.facts.SysctlText("net.ipv4.tcp_allowed_congestion_control")
	if !known || slices.Contains(strings.Fields(allowed), name) {
		return "", ""
	}
	return "not-allowed", "outside the initial network namespace only those that all programs may use can be chosen: " + strings.Join(strings.Fields(allowed), ", ")
}
