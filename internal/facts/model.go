// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/sysctl"
)

// Bounds of the files whose outcome is worked out. Beyond them it is unknown.
const (
	maxModelLines    = 20000
	maxModelPatterns = 256
	maxModelKeys     = 1024
)

// A model knows what the loaders make of the files of a saved window.
type model struct {
	boot     sysctl.Loader // that of the next boot; "" where it is not known
	names    []sysctl.FileInfo
	lines    []sysctl.Line
	byKey    map[sysctl.Key][]int // lines of one key each, no patterns
	patterns []int
}

// newModel returns nil where the files were not read, or are too many.
func newModel(s *snapshot.Snapshot) *model {
	if s.Config == nil || !s.LinesRead || len(s.Lines) > maxModelLines {
		return nil
	}
	m := &model{byKey: map[sysctl.Key][]int{}}
	if l := sysctl.Loader(s.Config.Boot.Loader); slices.Contains(sysctl.Loaders(), l) {
		m.boot = l
	}
	for _, name := range s.Config.Names {
		m.names = append(m.names, sysctl.FileInfo{
			Path: name.Path, Target: cmp.Or(name.Target, name.Path), Symlink: name.Target != "", Hidden: name.Hidden, MaskedBy: name.MaskedBy,
		})
	}
	for _, saved := range s.Lines {
		line, ok := lineOf(saved)
		if !ok {
			continue // no collector writes it
		}
		if line.Glob {
			m.patterns = append(m.patterns, len(m.lines))
		} else {
			m.byKey[line.Key] = append(m.byKey[line.Key], len(m.lines))
		}
		m.lines = append(m.lines, line)
	}
	if len(m.patterns) > maxModelPatterns {
		return nil
	}
	return m
}

// lineOf returns a saved line as the loaders' models want it.
func lineOf(saved snapshot.Line) (sysctl.Line, bool) {
	key, err := sysctl.ParseKey(saved.Key)
	if err != nil {
		return sysctl.Line{}, false
	}
	raw := saved.RawKey
	if raw == "" {
		raw = saved.Key
		if saved.Ignored || saved.Exclude {
			raw = "-" + raw
		}
	}
	return sysctl.Line{
		File: saved.File, Number: saved.Number, Key: key, RawKey: raw, Value: saved.Value,
		HasValue: !saved.Exclude, IgnoreErrors: saved.Ignored, Exclude: saved.Exclude, Glob: saved.Glob,
	}, true
}

// files returns the lines that may concern a key, with their names.
func (m *model) files(key sysctl.Key) *sysctl.Files {
	indexes := slices.Concat(m.byKey[key], m.patterns)
	slices.Sort(indexes)
	files, used := &sysctl.Files{}, map[string]bool{}
	for _, i := range indexes {
		files.Lines = append(files.Lines, m.lines[i])
		used[m.lines[i].File] = true
	}
	for _, name := range m.names {
		if used[name.Target] {
			files.Read = append(files.Read, name)
		}
	}
	return files
}

// winner returns the line whose value a loader leaves; nil if it sets none.
func (m *model) winner(loader sysctl.Loader, key sysctl.Key) *sysctl.Line {
	return m.files(key).Outcome(loader, key).Winner
}

// sameValue reports whether two winners leave the same value.
func sameValue(a, b *sysctl.Line) bool {
	if a == nil || b == nil {
		return a == b
	}
	return sysctl.NewValue(a.Value).Equal(sysctl.NewValue(b.Value))
}

// keys returns the keys of net. and of the catalogue that the files assign a value to,
// sorted. A pattern counts where it stands for one of live, catalogued keys with a value;
// interfaces come and go, and those of a pattern with them. It is not ok if there are too many.
func (m *model) keys(catalogue *sysctl.Catalogue, live []sysctl.Key) (keys []sysctl.Key, ok bool) {
	for key, lines := range m.byKey {
		_, known := catalogue.Lookup(key)
		if !known && !strings.HasPrefix(key.Path(), "net/") || snapshot.Secret(key) {
			continue
		}
		if slices.ContainsFunc(lines, func(i int) bool { return m.lines[i].HasValue }) {
			keys = append(keys, key)
		}
	}
	for _, i := range m.patterns {
		for _, key := range live {
			if m.lines[i].HasValue && m.lines[i].Key.Match(key) {
				keys = append(keys, key)
			}
		}
	}
	slices.SortFunc(keys, sysctl.Key.Compare)
	keys = slices.Compact(keys)
	return keys, len(keys) <= maxModelKeys
}

// confName is the file that procps reads last and systemd-sysctl through a link only.
const confName = "/etc/sysctl.conf"

// readsConf reports whether systemd-sysctl reads /etc/sysctl.conf, through a name in one
// of its directories, or whether there is no such file.
func (m *model) readsConf() bool {
	conf := slices.IndexFunc(m.names, func(n sysctl.FileInfo) bool { return n.Path == confName })
	return conf < 0 || slices.ContainsFunc(m.names, func(n sysctl.FileInfo) bool {
		return n.Path != confName && n.Target == m.names[conf].Target && n.MaskedBy == "" && !n.Hidden && path.Base(path.Dir(n.Path)) == "sysctl.d"
	})
}

// confLines returns the last assignment to each key in /etc/sysctl.conf.
func (m *model) confLines() []sysctl.Line {
	conf := slices.IndexFunc(m.names, func(n sysctl.FileInfo) bool { return n.Path == confName })
	if conf < 0 {
		return nil
	}
	last := map[sysctl.Key]int{}
	var lines []sysctl.Line
	for _, line := range m.lines {
		if line.File != m.names[conf].Target || !line.HasValue || line.Glob {
			continue
		}
		if i, again := last[line.Key]; again {
			lines[i] = line
			continue
		}
		last[line.Key] = len(lines)
		lines = append(lines, line)
	}
	return lines
}
