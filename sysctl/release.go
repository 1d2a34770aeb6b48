// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"slices"
	"strconv"
	"strings"
)

// A Release is the leading numbers of a kernel release: "6.1.0-18-amd64" is 6, 1, 0.
type Release [3]int

// ParseRelease reads up to three leading numbers of "6.14", "5.4.0-99-generic". It
// fails where there is none.
func ParseRelease(s string) (r Release, ok bool) {
	for i := range r {
		end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if end < 0 {
			end = len(s)
		}
		n, err := strconv.Atoi(s[:end])
		if err != nil {
			return r, i > 0
		}
		r[i] = n
		if end == len(s) || s[end] != '.' {
			return r, true
		}
		s = s[end+1:]
	}
	return r, true
}

// AtLeast reports whether r is other or newer.
func (r Release) AtLeast(other Release) bool { return slices.Compare(r[:], other[:]) >= 0 }
