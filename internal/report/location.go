// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strconv"

	"github.com/tcptune/tcptune/rules"
)

// A location is a line of a file of the examined host.
type location struct {
	path string // absolute
	line int
}

// fileLine is how facts and rules write a location. Paths may have blanks.
var fileLine = pattern(`\A(/.*[^/]):([1-9][0-9]{0,8})\z`)

func parseLocation(text string) (location, bool) {
	m := fileLine().FindStringSubmatch(text)
	if m == nil {
		return location{}, false
	}
	line, err := strconv.Atoi(m[2])
	return location{m[1], line}, err == nil
}

// locate finds the lines that a finding is about: those that it names itself,
// else the one that sets the key that it wants changed.
func (d *details) locate(f *rules.Finding) []location {
	var list []location
	add := func(text string) {
		l, ok := parseLocation(text)
		for _, other := range list {
			ok = ok && other != l
		}
		if ok {
			list = append(list, l)
		}
	}
	add(f.Subject)
	for _, r := range f.Recommendations {
		add(r.File)
	}
	for _, e := range f.Evidence {
		if text, ok := e.Value.(string); ok {
			add(text)
		}
	}
	if len(list) > 0 {
		return list
	}
	for _, r := range f.Recommendations {
		add(d.address(r.Key))
	}
	return list
}
