// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"slices"
	"strings"
)

// A Loader is a program that applies the files of sysctl.d(5). It is the text that
// reports use.
type Loader string

// The loaders whose choice is modelled.
const (
	Systemd Loader = "systemd" // systemd-sysctl, at boot
	Procps  Loader = "procps"  // sysctl --system of procps 4
)

// Loaders returns every modelled loader.
func Loaders() []Loader { return []Loader{Systemd, Procps} }

// An Outcome is what one loader makes of one key. Whether the kernel takes the value
// is not part of it, nor are sources that are no files: the credential sysctl.extra of
// systemd and the kernel's command line.
type Outcome struct {
	Loader Loader
	// Winner is the line whose value the loader leaves in the kernel; nil if it sets
	// none. Of several lines that say the same it is the last.
	Winner *Line
	// Lines are the lines that the loader reads and that concern the key, globs and
	// exclusions included, in the order of reading. A file that is read twice has its
	// lines twice.
	Lines []Line
}

// Outcome tells what the loader makes of key, which is no pattern.
func (f *Files) Outcome(l Loader, key Key) Outcome {
	o := Outcome{Loader: l}
	for _, info := range f.Order(l) {
		for _, line := range f.LinesOf(info) {
			if l.concerns(line, key) {
				o.Lines = append(o.Lines, line)
			}
		}
	}
	if l == Systemd {
		o.Winner = systemdWinner(o.Lines)
	} else {
		o.Winner = procpsWinner(o.Lines, key)
	}
	return o
}

// Order returns the files in the order in which the loader reads them. procps reads
// hidden files, and /etc/sysctl.conf after all others even if a link has led to it
// before. systemd reads it through such a link only. /lib counts for both: where it is
// a directory of its own, systemd is built for that.
func (f *Files) Order(l Loader) []FileInfo {
	var order []FileInfo
	for _, info := range f.Read {
		if l.reads(info) {
			order = append(order, info)
		}
	}
	return order
}

// reads reports whether the loader reads the file.
func (l Loader) reads(info FileInfo) bool {
	switch {
	case info.MaskedBy != "", info.Path == ufwConf: // only ufw reads ufwConf
		return false
	case l == Systemd:
		return info.Path != sysctlConf && !info.Hidden
	}
	return true
}

// concerns reports whether the line is about key to the loader.
func (l Loader) concerns(line Line, key Key) bool {
	if !l.understands(line) {
		return false
	}
	if l == Systemd && line.Glob { // glob_extend in src/basic/glob-util.c: GLOB_BRACE
		return slices.ContainsFunc(expandBraces(line.Key.path), func(p string) bool { return Key{p}.Match(key) })
	}
	return line.Key.Match(key)
}

// maxAlternatives bounds what expandBraces makes of a pattern.
const maxAlternatives = 1 << 10

// expandBraces returns what a pattern with braces stands for: a{b,c} is ab and ac. A
// brace without its counterpart stands for itself.
func expandBraces(pattern string) []string {
	done, todo := []string(nil), []string{pattern}
	for len(todo) > 0 && len(done)+len(todo) <= maxAlternatives {
		p := todo[0]
		todo = todo[1:]
		end := strings.IndexByte(p, '}')
		start := strings.LastIndexByte(p[:max(end, 0)], '{')
		if start < 0 {
			done = append(done, p)
			continue
		}
		for alternative := range strings.SplitSeq(p[start+1:end], ",") { // an inner pair holds no other
			todo = append(todo, p[:start]+alternative+p[end+1:])
		}
	}
	return done
}

// understands reports whether the key of line is to the loader what it is to us. To
// procps a blank after the dash is part of the key, and a separator at the end makes a
// directory of it, except in a pattern whose last component has no wildcard: there
// glob(3) of the GNU C library looks no closer.
func (l Loader) understands(line Line) bool {
	if l == Systemd {
		return true
	}
	name := strings.TrimPrefix(line.RawKey, "-")
	directory := strings.HasSuffix(slashed(name), "/") && (!line.Glob || Key{line.Key.Short()}.Glob())
	return strings.TrimLeft(name, blanks) == name && !directory
}

// systemdWinner follows src/sysctl/sysctl.c: an ordered map from key or pattern to
// value. A line with the value that the map has keeps its place there, any other moves
// it to the end. An exclusion is an entry without a value. Patterns pass over keys that
// the map has.
func systemdWinner(lines []Line) *Line {
	var entries []Line
	for _, line := range lines {
		i := slices.IndexFunc(entries, func(e Line) bool { return e.Key == line.Key })
		switch {
		case i < 0:
			entries = append(entries, line)
		case entries[i].Exclude == line.Exclude && entries[i].Value == line.Value:
			entries[i] = line
		default:
			entries = append(slices.Delete(entries, i, i+1), line)
		}
	}
	var winner *Line
	for _, e := range entries {
		switch {
		case !e.Glob && e.Exclude:
			return nil
		case !e.Glob:
			return &e
		case !e.Exclude:
			winner = &e
		}
	}
	return winner
}

// procpsWinner follows procps 4: every line is written in order, but a pattern passes
// over a path that any line without wildcards spells in the same way, assignment or
// exclusion.
func procpsWinner(lines []Line, key Key) *Line {
	named := map[string]bool{}
	for _, line := range lines {
		if !line.Glob {
			named[procpsPath(line, key)] = true
		}
	}
	var winner *Line
	for _, line := range lines {
		switch {
		case line.Exclude:
		case line.Glob && named[procpsPath(line, key)]:
		default:
			winner = &line
		}
	}
	return winner
}

// procpsPath returns the path below /proc/sys that procps makes of a line which
// concerns key. It keeps repeated slashes and compares paths byte by byte.
func procpsPath(line Line, key Key) string {
	components := strings.Split(key.path, "/")
	parts := strings.Split(strings.TrimRight(slashed(strings.TrimPrefix(line.RawKey, "-")), "/"), "/")
	for i, part := range parts {
		if part != "" && len(components) > 0 {
			parts[i], components = components[0], components[1:]
		}
	}
	return strings.Join(parts, "/")
}

// Keys returns the keys without wildcards that any line assigns a value to, masked
// lines included, sorted.
func (f *Files) Keys() []Key {
	var keys []Key
	for _, line := range f.Lines {
		if line.HasValue && !line.Glob {
			keys = append(keys, line.Key)
		}
	}
	slices.SortFunc(keys, Key.Compare)
	return slices.Compact(keys)
}
