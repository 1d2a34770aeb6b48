// SPDX-License-Identifier: Apache-2.0

package change

import (
	"path"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/sysctl"
)

// maxTunedProfiles is how many profiles are followed along their includes.
const maxTunedProfiles = 32

// findTuned finds tuned's active profiles and the keys of their sysctl sections.
// What tuned does with them is in its plugin_sysctl.py.
func findTuned(host hostFiles, keys []sysctl.Key) []Owner {
	const active = "/etc/tuned/active_profile"
	text, _ := host.text(active)
	names := strings.Fields(text)
	if len(names) == 0 {
		return nil
	}
	t := tunedProfiles{host: host}
	for _, name := range names {
		t.follow(name)
	}
	owner := Owner{Name: "tuned", File: active, Keys: among(keys, t.keys)}
	profile := "tuned (profile " + strings.Join(names, " ") + ")"
	switch reapplies := tunedReapplies(host); {
	case len(t.missing) > 0:
		owner.Text = profile + ": the profile " + strings.Join(t.missing, ", ") + " was not found, so what it sets is not known"
	case len(owner.Keys) == 0:
		owner.Text = profile + " sets none of these keys"
	case reapplies:
		owner.Text = profile + " sets these keys and then loads sysctl.d again, so the drop-in wins (reapply_sysctl); when it stops or changes its profile it writes back what was there when it started"
	default:
		owner.Text = profile + " sets these keys at every start, over the drop-in (reapply_sysctl = 0); when it stops it writes back what was there when it started"
	}
	return []Owner{owner}
}

// tunedReapplies reports whether tuned loads sysctl.d after its profile, which is
// its default.
func tunedReapplies(host hostFiles) bool {
	switch value := host.assignments("/etc/tuned/tuned-main.conf")["reapply_sysctl"]; strings.ToLower(value) {
	case "0", "false", "no", "n", "f", "off":
		return false
	}
	return true
}

// tunedProfiles collects the keys of profiles and of those that they include.
type tunedProfiles struct {
	host    hostFiles
	seen    []string
	missing []string
	keys    []sysctl.Key
}

func (t *tunedProfiles) follow(name string) {
	if slices.Contains(t.seen, name) || len(t.seen) == maxTunedProfiles {
		return
	}
	t.seen = append(t.seen, name)
	text, ok := t.read(name)
	if !ok {
		t.missing = append(t.missing, name)
		return
	}
	for _, s := range iniSections(text) {
		switch {
		case s.name == "main":
			for _, include := range strings.FieldsFunc(s.values["include"], func(c rune) bool { return c == ',' || c == ' ' }) {
				t.follow(strings.TrimPrefix(include, "-")) // - is "if it is there"
			}
		case s.name == "sysctl" && s.values["type"] == "" || s.values["type"] == "sysctl":
			t.add(s)
		}
	}
}

// read reads a profile from where tuned looks for it, best first.
func (t *tunedProfiles) read(name string) (string, bool) {
	if strings.Contains(name, "/") || strings.HasPrefix(name, ".") {
		return "", false
	}
	for _, dir := range []string{"/etc/tuned/profiles", "/etc/tuned", "/usr/lib/tuned/profiles", "/usr/lib/tuned"} {
		if text, ok := t.host.text(path.Join(dir, name, "tuned.conf")); ok {
			return text, true
		}
	}
	return "", false
}

func (t *tunedProfiles) add(s iniSection) {
	for name := range s.values {
		key, err := sysctl.ParseKey(name)
		if err == nil && strings.ContainsAny(name, "./") {
			t.keys = append(t.keys, key)
		}
	}
}

// An iniSection is a section of a configuration file of tuned.
type iniSection struct {
	name   string
	values map[string]string
}

func iniSections(text string) []iniSection {
	var sections []iniSection
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			name, _, _ := strings.Cut(line[1:], "]")
			sections = append(sections, iniSection{name, map[string]string{}})
		case len(sections) > 0:
			key, value, _ := strings.Cut(line, "=")
			sections[len(sections)-1].values[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return sections
}
