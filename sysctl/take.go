// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Takes reports whether the kernel stores v, or a part of it, when it is written to key,
// whatever the sense of it: [Catalogue.Check] judges that. False is a write that fails.
// It is advice, as bounds differ between kernels and a list of names depends on modules;
// a value that is live is the proof. The kernel takes what the catalogue does not know.
func (c *Catalogue) Takes(key Key, v Value) bool {
	p, ok := c.Lookup(key)
	switch {
	case !ok:
		return true
	case p.Removed != "":
		return false
	case p.Key.path == fastopenKey, strings.HasPrefix(p.Type, "string"), strings.HasPrefix(p.Type, "port"):
		return p.check(v) == nil
	}
	return p.takesNumbers(v.Fields())
}

// takesNumbers follows proc_dointvec_minmax and its kin (kernel/sysctl.c): as many fields
// as there are, each a number in any base; what is too much is dropped.
func (p *Parameter) takesNumbers(fields []string) bool {
	if len(fields) == 0 {
		return false
	}
	if p.Fields > 0 {
		fields = fields[:min(len(fields), p.Fields)]
	}
	var numbers []int64
	for _, field := range fields {
		n, ok := kernelNumber(field)
		if !ok || !p.stores(n) {
			return false
		}
		numbers = append(numbers, n)
	}
	return p.Key.path != portRange || slices.IsSorted(numbers)
}

// kernelNumber reads a number as strtoul_lenient does: 010 is 8, +1 is none.
func kernelNumber(s string) (int64, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits[0] < '0' || digits[0] > '9' || strings.ContainsAny(digits, "_bBoO") {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 0, 64)
	return n, err == nil
}

// stores reports whether n is within the bounds that the kernel enforces, and fits where
// it is kept.
func (p *Parameter) stores(n int64) bool {
	if p.Min != nil && n < *p.Min || p.Max != nil && n > *p.Max {
		return false
	}
	word, flavour, _ := strings.Cut(p.Type, " ")
	switch {
	case flavour == "jiffies":
		return -maxJiffies*10 <= n && n <= maxJiffies*10 // HZ is 100 to 1000
	case word == "uint" && p.Unit == "s": // in jiffies, too
		return 0 <= n && n <= math.MaxUint32/100
	case word == "u8":
		return 0 <= n && n <= math.MaxUint8
	case word == "uint":
		return 0 <= n && n <= math.MaxUint32
	case word == "ulong":
		return 0 <= n
	}
	return math.MinInt32 <= n && n <= math.MaxInt32
}
