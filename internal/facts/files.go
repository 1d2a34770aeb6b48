// SPDX-License-Identifier: Apache-2.0

package facts

import "strconv"

// Files gives access to the lines of the sysctl files by key.
type Files struct {
	byKey map[string][]*Line
}

// NewFiles indexes lines by key.
func NewFiles(lines []*Line) *Files {
	f := &Files{byKey: make(map[string][]*Line)}
	for _, l := range lines {
		f.byKey[l.Key] = append(f.byKey[l.Key], l)
	}
	return f
}

// Lines returns the lines that set the dotted key, in the order in which the
// files were read; none is an empty list.
func (f *Files) Lines(key string) []*Line {
	return f.byKey[key]
}

func parseInt(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
