// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// With returns a copy of f in which the file that loaders find at name is a regular
// file with this content, or is gone for nil. What it masks, or masked, follows. Name
// is the path from inside the root of a *.conf file in a sysctl.d directory, or
// /etc/sysctl.conf. A symbolic link at name is replaced, as by rename(2), and what it
// led to stays.
func (f *Files) With(name string, content *string) *Files {
	w := &Files{
		Lines:    slices.Clone(f.Lines),
		Problems: slices.DeleteFunc(slices.Clone(f.Problems), func(p Problem) bool { return p.File == name }),
		Read:     f.names(),
	}
	target := name
	w.Read = slices.DeleteFunc(w.Read, func(info FileInfo) bool {
		if info.Path == name && !info.Symlink {
			target = info.Target // the directory may be a link
		}
		return info.Path == name
	})
	w.Lines = slices.DeleteFunc(w.Lines, func(l Line) bool { return l.File == target })
	if content != nil {
		w.Read = append(w.Read, FileInfo{Path: name, Target: target, Hidden: strings.HasPrefix(path.Base(name), ".")})
		lines, problems := ParseLines(target, strings.NewReader(*content))
		w.Lines = append(w.Lines, lines...)
		w.Problems = append(w.Problems, problems...)
	}
	w.arrange()
	return w
}

// names returns Read with every alias as a name of its own and nothing masked.
func (f *Files) names() []FileInfo {
	var names []FileInfo
	for _, info := range f.Read {
		aliases := info.Aliases
		info.Aliases, info.MaskedBy = nil, ""
		names = append(names, info)
		for _, alias := range aliases {
			names = append(names, FileInfo{Path: alias, Target: info.Target, Symlink: alias != info.Target, Hidden: info.Hidden})
		}
	}
	return names
}

// arrange sorts and masks the names of Read, and orders and marks Lines to match.
func (f *Files) arrange() {
	rank := func(info FileInfo) int { return slices.Index(Directories(), path.Dir(info.Path)) }
	var outside []FileInfo
	for _, single := range singles() {
		for _, info := range f.Read {
			if info.Path == single {
				outside = append(outside, info)
			}
		}
	}
	f.Read = slices.DeleteFunc(f.Read, func(info FileInfo) bool { return rank(info) < 0 })
	slices.SortFunc(f.Read, func(a, b FileInfo) int {
		return cmp.Or(cmp.Compare(path.Base(a.Path), path.Base(b.Path)), cmp.Compare(rank(a), rank(b)))
	})
	finder := finder{files: f}
	finder.mask()
	f.Read = append(f.Read, outside...)

	var lines []Line
	for i, info := range f.Read {
		if slices.ContainsFunc(f.Read[:i], func(earlier FileInfo) bool { return earlier.Target == info.Target }) {
			continue
		}
		active := slices.ContainsFunc(f.Read, func(other FileInfo) bool { return other.Target == info.Target && other.MaskedBy == "" })
		for _, line := range f.LinesOf(info) {
			line.Masked = !active
			lines = append(lines, line)
		}
	}
	f.Lines = lines
}
