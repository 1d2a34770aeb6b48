// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"math"
	"slices"
	"strings"
)

// SameValue reports whether read is what the kernel makes of wrote, or would: it sorts
// lists, merges ranges of ports, rounds what it stores in another unit. Everything else
// has to be equal field by field.
func (c *Catalogue) SameValue(key Key, wrote, read Value) bool {
	if wrote.Equal(read) {
		return true
	}
	if p, ok := c.Lookup(key); ok {
		switch {
		case p.Key.path == fastopenKey:
			return sameParsed(wrote, read, parseFastopenKey)
		case p.Type == "string list":
			return slices.Equal(set(wrote), set(read))
		case strings.HasPrefix(p.Type, "port"):
			return sameParsed(wrote, read, parsePorts)
		}
	}
	w, r, ok := twoNumbers(wrote, read)
	return ok && 0 < w && w <= math.MaxInt32 && rounded(c, key, w, r)
}

// sameParsed tells whether two values mean the same to a parser.
func sameParsed[T comparable](a, b Value, parse func(Value) ([]T, error)) bool {
	x, err := parse(a)
	if err != nil {
		return false
	}
	y, err := parse(b)
	return err == nil && slices.Equal(x, y)
}

// set returns the fields of v, sorted, each once.
func set(v Value) []string {
	fields := v.Fields()
	slices.Sort(fields)
	return slices.Compact(fields)
}

func twoNumbers(a, b Value) (x, y int64, ok bool) {
	first, errA := a.Ints()
	second, errB := b.Ints()
	if errA != nil || errB != nil || len(first) != 1 || len(second) != 1 {
		return 0, 0, false
	}
	return first[0], second[0], true
}

// rounded tells whether the kernel may have rounded wrote to read. It rounds up, by what
// it was built with: HZ and the size of a page.
func rounded(c *Catalogue, key Key, wrote, read int64) bool {
	switch {
	case storedInJiffies(c, key):
		return slices.ContainsFunc([]int64{100, 250, 300, 1000}, func(hz int64) bool {
			return roundUp(wrote*hz, 1000)/1000*1000/hz == read
		})
	case key.path == "net/core/rps_sock_flow_entries": // to a power of two
		return read >= wrote && read&(read-1) == 0 && read/2 < wrote
	case key.path == "net/netfilter/nf_conntrack_buckets": // to a page of 8-byte buckets
		return slices.ContainsFunc([]int64{4096, 16384, 65536}, func(page int64) bool {
			return roundUp(wrote, page/8) == read
		})
	}
	return false
}

// roundUp returns the first multiple of unit that is not less than n.
func roundUp(n, unit int64) int64 { return (n + unit - 1) / unit * unit }

// storedInJiffies tells whether key is written in milliseconds and stored in jiffies.
func storedInJiffies(c *Catalogue, key Key) bool {
	if p, ok := c.Lookup(key); ok {
		return p.Type == "int ms"
	}
	name := key.Short() // neighbour keys, which the catalogue lacks
	return strings.Contains(key.path, "/neigh/") && (name == "base_reachable_time_ms" || name == "retrans_time_ms")
}
