// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/sysctl"
)

// Setting is one key that the sysctl files set, as `tcptune where` tells it.
type Setting struct {
	Key         string `cel:"key" doc:"dotted key, of net. or of the catalogue; a pattern counts where it stands for a catalogued key"`
	Lines       int64  `cel:"lines" doc:"lines that assign a value to it and that systemd-sysctl or sysctl --system reads"`
	Assignments string `cel:"assignments" doc:"these lines in the order of reading, as text: FILE:LINE = VALUE"`
	Admin       bool   `cel:"admin" doc:"a line of the administrator wins under one of the two: not in /usr/lib, nor in a file whose name begins with a number below 50, which sysctl.d(5) leaves to the system"`

	Boot        *string `cel:"boot" doc:"value that the boot leaves; unknown where no line sets it at boot, or the loader is unknown"`
	BootAddress *string `cel:"boot_address" doc:"file:line of that value, empty where the boot leaves the key alone; unknown where the loader is unknown"`
	Ignored     bool    `cel:"ignored" doc:"that line has the prefix -, so it may fail"`
	Valid       bool    `cel:"valid" doc:"the value that the boot leaves is none of bad_values"`

	System        *string `cel:"system" doc:"value that sysctl --system leaves; unknown where it leaves the key alone"`
	SystemAddress string  `cel:"system_address" doc:"file:line of that value, empty where it leaves the key alone"`
	SystemConf    bool    `cel:"system_conf" doc:"that line is in /etc/sysctl.conf"`
	Agree         *bool   `cel:"agree" doc:"systemd-sysctl and sysctl --system leave the same value; unknown where the loader is unknown"`

	Live       *string `cel:"live" doc:"live value"`
	Drift      *bool   `cel:"drift" doc:"the live value is not what the boot leaves; false where the boot leaves the key alone, or the key does not exist"`
	LiveSystem bool    `cel:"live_system" doc:"the live value is what sysctl --system leaves"`
	LiveUFW    bool    `cel:"live_ufw" doc:"the live value is what ufw sets when the firewall starts"`
	Apply      string  `cel:"apply" doc:"the command that makes the value of the boot live; empty where a name or value is none to paste into a shell"`

	Conflict bool   `cel:"conflict" doc:"a line of the administrator loses to another value"`
	Loser    string `cel:"loser" doc:"the first such line, file:line"`

	Own      string `cel:"own" doc:"line of tcptune's drop-in (a file *tcptune.conf) that sets it, file:line; empty where there is none"`
	OwnValue string `cel:"own_value" doc:"value of that line"`
	OwnLoses *bool  `cel:"own_loses" doc:"the boot leaves another value than that line's; false where there is no such line, unknown where the loader is unknown"`
}

// settings derives what the loaders make of each key.
func (d *derivation) settings(m *model, catalogue *sysctl.Catalogue) {
	if m == nil {
		return
	}
	var live []sysctl.Key
	for name := range d.to.Sysctls {
		key, err := sysctl.ParseKey(name)
		if p, known := catalogue.Lookup(key); err == nil && known && p.Key == key {
			live = append(live, key)
		}
	}
	keys, ok := m.keys(catalogue, live)
	if !ok {
		return
	}
	judge := valueJudge{facts: d.facts, catalogue: catalogue, config: d.to.Config}
	d.facts.Settings = []*Setting{}
	for _, key := range keys {
		if !plainText.MatchString(key.String()) {
			continue // no kernel has it, and texts quote it in commands
		}
		s := settler{model: m, facts: d.facts, catalogue: catalogue, judge: judge, key: key, setting: &Setting{Key: key.String()}}
		d.facts.Settings = append(d.facts.Settings, s.settle())
	}
}

// A settler works out one setting.
type settler struct {
	*model
	facts     *Facts
	catalogue *sysctl.Catalogue
	judge     valueJudge
	key       sysctl.Key
	setting   *Setting
	lines     []sysctl.Reading // assignments that a loader reads, each once
	wins      map[sysctl.Loader]*sysctl.Reading
}

func (s *settler) settle() *Setting {
	s.read()
	s.loaders()
	s.live()
	s.conflict()
	s.own()
	return s.setting
}

// read sorts the lines out.
func (s *settler) read() {
	s.wins = map[sysctl.Loader]*sysctl.Reading{}
	var texts []string
	for _, r := range s.files(s.key).Readings(s.key) {
		for _, loader := range r.Wins {
			s.wins[loader] = &r
		}
		if live, ok := s.facts.SysctlText(s.setting.Key); r.UFW && r.HasValue && ok {
			s.setting.LiveUFW = s.same(r.Value, live)
		}
		again := slices.ContainsFunc(s.lines, func(o sysctl.Reading) bool { return o.File == r.File && o.Number == r.Number })
		if !r.HasValue || len(r.Loaders) == 0 || again {
			continue
		}
		s.lines = append(s.lines, r)
		texts = append(texts, fmt.Sprintf("%s = %s", address(r.File, r.Number), sysctl.NewValue(r.Value)))
	}
	s.setting.Lines, s.setting.Assignments = int64(len(s.lines)), some(texts, ", ")
}

// loaders tells what each loader leaves.
func (s *settler) loaders() {
	t := s.setting
	for _, r := range s.wins {
		t.Admin = t.Admin || administered(*r)
	}
	system := s.wins[sysctl.Procps]
	if system != nil {
		t.System, t.SystemAddress, t.SystemConf = valueOf(system), address(system.File, system.Number), system.Path == confName
	}
	t.Valid = true
	if s.boot == "" {
		return
	}
	t.BootAddress = new(string)
	if w := s.wins[s.boot]; w != nil {
		t.Boot, t.Ignored = valueOf(w), w.IgnoreErrors
		*t.BootAddress = address(w.File, w.Number)
		t.Valid = s.judge.judge(t.Key, *t.Boot) == nil
		t.Apply = applyCommand(t.Key, *t.Boot)
	}
	agree := sameValue(lineIn(s.wins[sysctl.Systemd]), lineIn(system))
	t.Agree = &agree
}

// live compares with the kernel.
func (s *settler) live() {
	t := s.setting
	live, known := s.facts.SysctlText(t.Key)
	if known {
		t.Live = &live
		t.LiveSystem = t.System != nil && s.same(*t.System, live)
	}
	drift := false
	switch {
	case s.boot == "":
		return
	case t.Boot == nil:
	case known:
		drift = !s.same(*t.Boot, live)
	case !s.absent():
		return
	}
	t.Drift = &drift
}

// absent reports whether the kernel is known not to have the key.
func (s *settler) absent() bool {
	if exists, known := s.facts.SysctlExists(s.setting.Key); known {
		return !exists
	}
	lines := s.facts.Files.Lines(s.setting.Key)
	return slices.ContainsFunc(lines, func(l *Line) bool { return !slices.Contains([]string{"exists", "read-only", "unread"}, l.Status) })
}

func (s *settler) same(wrote, read string) bool {
	return s.catalogue.SameValue(s.key, sysctl.Value(wrote), sysctl.Value(read))
}

// conflict looks for a line that somebody wrote for this host and that another value
// beats. A default of the system is there to be beaten.
func (s *settler) conflict() {
	for _, r := range s.lines {
		if !administered(r) {
			continue
		}
		for _, loader := range r.Loaders {
			if w := s.wins[loader]; w != nil && !sameValue(&r.Line, &w.Line) {
				s.setting.Conflict, s.setting.Loser = true, address(r.File, r.Number)
				return
			}
		}
	}
}

// own looks for tcptune's own line.
func (s *settler) own() {
	t := s.setting
	loses := false
	for _, r := range s.lines {
		if strings.HasSuffix(path.Base(r.Path), "tcptune.conf") {
			t.Own, t.OwnValue = address(r.File, r.Number), string(sysctl.NewValue(r.Value))
			loses = !sameValue(&r.Line, lineIn(s.wins[s.boot]))
		}
	}
	if s.boot != "" || t.Own == "" {
		t.OwnLoses = &loses
	}
}

// defaultName is what the system calls its files: sysctl.d(5) recommends numbers of 10 to
// 40 for those in /usr, and 60 to 90 for an administrator's.
var defaultName = regexp.MustCompile(`^[0-4][0-9]`)

// administered reports whether a line is not a default of the system.
func administered(r sysctl.Reading) bool {
	vendor := strings.HasPrefix(r.Path, "/usr/lib/") || strings.HasPrefix(r.Path, "/lib/")
	return !vendor && !defaultName.MatchString(path.Base(r.Path))
}

func valueOf(r *sysctl.Reading) *string {
	value := string(sysctl.NewValue(r.Value))
	return &value
}

func lineIn(r *sysctl.Reading) *sysctl.Line {
	if r == nil {
		return nil
	}
	return &r.Line
}

// plainText is what a shell takes as it is.
var plainText = regexp.MustCompile(`^[A-Za-z0-9_.,/ -]+$`)

// applyCommand returns the command that sets a live value.
func applyCommand(key, value string) string {
	if !plainText.MatchString(key + value) {
		return ""
	}
	if strings.Contains(value, " ") {
		value = `"` + value + `"`
	}
	return "sysctl -w " + key + "=" + value
}
