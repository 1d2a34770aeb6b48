// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"strconv"
	"strings"
)

// Kernel is the running kernel.
type Kernel struct {
	Release string `cel:"release" doc:"uname -r"`
}

// AtLeast reports whether the release is version ("5.4", "6.14") or newer.
// Only the leading numbers are compared, so vendor suffixes do not matter;
// vendor kernels carry backports, so a rule should test for the key first.
// The second result is false when either of the two is not a version.
func (k *Kernel) AtLeast(version string) (atLeast, known bool) {
	have, ok := versionNumbers(k.Release)
	want, ok2 := versionNumbers(version)
	if !ok || !ok2 {
		return false, false
	}
	for i := range want {
		if have[i] != want[i] {
			return have[i] > want[i], true
		}
	}
	return true, true
}

// versionNumbers reads up to three leading numbers: "6.1.0-18-amd64" is 6, 1, 0.
func versionNumbers(s string) (numbers [3]int, ok bool) {
	for i := range numbers {
		end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if end < 0 {
			end = len(s)
		}
		n, err := strconv.Atoi(s[:end])
		if err != nil {
			return numbers, i > 0
		}
		numbers[i] = n
		if end == len(s) || s[end] != '.' {
			return numbers, true
		}
		s = s[end+1:]
	}
	return numbers, true
}
