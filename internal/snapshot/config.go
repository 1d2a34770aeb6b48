// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/sysctl"
)

// Config is what there is to know about the sysctl files beside their lines. With the
// lines it is enough to tell what each loader leaves in the kernel.
type Config struct {
	Boot    Boot            `json:"boot"`
	Names   []ConfigName    `json:"names"`             // in the order of [sysctl.Files]; their lines are in Snapshot.Lines
	Modules map[string]bool `json:"modules,omitempty"` // whether the module of a congestion control that a line sets, and that is not available, has a file
}

// Boot is the loader that applies the files when the host boots, as sysctl.BootLoader
// tells it.
type Boot struct {
	Loader string `json:"loader,omitempty"` // systemd or procps; empty where it is not one that is modelled
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// ConfigName is one name under which loaders find a file.
type ConfigName struct {
	Path     string `json:"path"`
	Target   string `json:"target,omitempty"` // the file that a link leads to
	Hidden   bool   `json:"hidden,omitempty"`
	MaskedBy string `json:"masked_by,omitempty"`
}

// Line is one active line of a sysctl file that is not masked.
type Line struct {
	File    string `json:"file"`
	Number  int    `json:"line"`
	Key     string `json:"key"`
	RawKey  string `json:"raw_key,omitempty"` // as it is written, where loaders may read that differently
	Value   string `json:"value"`             // blanks folded; empty for a secret
	Ignored bool   `json:"errors_ignored,omitempty"`
	Glob    bool   `json:"glob,omitempty"`
	Exclude bool   `json:"exclude,omitempty"`
	Exists  *bool  `json:"exists,omitempty"` // whether the key exists here; nil when that could not be told
}

// maxLineValues bounds how many values are read because a file has a line about them.
const maxLineValues = 4096

// Secret reports whether the value of a key must not get into a saved window. The kernel
// lets root only read it, and for a reason.
func Secret(key sysctl.Key) bool {
	return key.Short() == "tcp_fastopen_key" || key.Short() == "stable_secret"
}

// readConfig finds the lines of the sysctl files and what is live of their keys.
func (c *Collector) readConfig(s *Snapshot) {
	if etc, _ := c.root.exists("etc"); !etc && !c.Live() {
		s.gap("/etc", fs.ErrNotExist, "")
		return
	}
	files, err := sysctl.FindLines(string(c.root))
	if err != nil {
		s.gap("sysctl.d", err, "")
		return
	}
	for _, p := range files.Problems {
		source := p.File
		if p.Line > 0 {
			source = fmt.Sprintf("%s:%d", p.File, p.Line)
		}
		s.gap(source, errors.New(p.Reason), "")
	}
	s.LinesRead, s.Config = true, newConfig(sysctl.BootLoader(string(c.root)), files)
	r := lineReader{Collector: c, snapshot: s, left: maxLineValues}
	if r.tree, err = c.tree(); err != nil {
		r.tree = nil // there are no live values: the gap of readSysctls says so
	}
	for _, l := range files.Lines {
		if !l.Masked {
			s.Lines = append(s.Lines, r.line(l))
		}
	}
}

// newConfig saves names and loader.
func newConfig(boot sysctl.Boot, files *sysctl.Files) *Config {
	config := &Config{Boot: Boot{string(boot.Loader), boot.Name, boot.Reason}, Names: []ConfigName{}}
	for _, info := range files.Read {
		name := ConfigName{Path: info.Path, Hidden: info.Hidden, MaskedBy: info.MaskedBy}
		if info.Target != info.Path {
			name.Target = info.Target
		}
		config.Names = append(config.Names, name)
	}
	return config
}

// A lineReader saves lines and reads the live values that they are about.
type lineReader struct {
	*Collector
	snapshot *Snapshot
	tree     *sysctl.Tree // nil without live values
	left     int          // values that may still be read
}

func (r *lineReader) line(l sysctl.Line) Line {
	line := Line{
		File: l.File, Number: l.Number, Key: l.Key.String(), Value: string(sysctl.NewValue(l.Value)),
		Ignored: l.IgnoreErrors, Glob: l.Glob, Exclude: l.Exclude,
	}
	plain := line.Key
	if l.IgnoreErrors || l.Exclude {
		plain = "-" + plain
	}
	if l.RawKey != plain {
		line.RawKey = l.RawKey
	}
	if Secret(l.Key) {
		line.Value = ""
	}
	if r.tree == nil || l.Glob {
		return line
	}
	// A saved tree may just lack the file.
	if exists, err := r.tree.Exists(l.Key); err == nil && (exists || r.Live()) {
		line.Exists = &exists
		if exists && l.HasValue && strings.HasPrefix(l.Key.Path(), "net/") {
			r.value(l.Key)
		}
	}
	if line.Key == congestionControl {
		r.module(line.Value)
	}
	return line
}

// value reads a live value, unless it is known already or a secret.
func (r *lineReader) value(key sysctl.Key) {
	name := key.String()
	if _, known := r.snapshot.Sysctls[name]; known || Secret(key) {
		return
	}
	if r.left--; r.left < 0 {
		if r.left == -1 {
			r.snapshot.gap("/proc/sys", fmt.Errorf("lines about more than %d keys: the values of the rest were not read", maxLineValues), "")
		}
		return
	}
	value, err := r.tree.Get(key)
	if err != nil {
		r.snapshot.gap(name, err, "")
		return
	}
	if r.snapshot.Sysctls == nil {
		r.snapshot.Sysctls = map[string]string{}
	}
	r.snapshot.Sysctls[name] = string(value)
}

// congestionControl is the key whose values are names of modules.
const congestionControl = "net.ipv4.tcp_congestion_control"

// module looks for the module of a congestion control that is not available.
func (r *lineReader) module(name string) {
	available, known := r.snapshot.Sysctls["net.ipv4.tcp_available_congestion_control"]
	if !known || r.snapshot.Host == nil || slices.Contains(strings.Fields(available), name) {
		return
	}
	config, module := r.snapshot.Config, sysctl.CongestionModule(name)
	if config.Modules == nil {
		config.Modules = map[string]bool{}
	}
	config.Modules[module] = sysctl.HasModule(string(r.root), r.snapshot.Host.Kernel, module)
}
