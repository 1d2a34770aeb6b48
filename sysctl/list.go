// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A ports is a range of port numbers, both ends included.
type ports struct{ first, last int }

// maxPortList is the most that proc_do_large_bitmap takes: a page with the newline and a 0
// at the end. Some machines have larger pages.
const maxPortList = 4096 - 2

// parsePorts parses a list as ip_local_reserved_ports takes it, "80,8000-8010", and
// returns it as the kernel prints it: sorted, ranges that overlap or touch merged. Empty
// is a list of none.
func parsePorts(v Value) ([]ports, error) {
	switch len(v.Fields()) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, errors.New("a list of ports is separated by commas, without blanks")
	}
	if n := len(v.Fields()[0]); n > maxPortList {
		return nil, fmt.Errorf("the list has %d bytes, the kernel takes %d at most and drops the rest [join neighbours to ranges]", n, maxPortList)
	}
	var list []ports
	for item := range strings.SplitSeq(v.Fields()[0], ",") {
		p, err := parseRange(item)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return merge(list), nil
}

func parseRange(s string) (ports, error) {
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	var p ports
	var err error
	if p.first, err = parsePort(first); err == nil {
		p.last, err = parsePort(last)
	}
	if err != nil {
		return ports{}, err
	}
	if p.first > p.last {
		return ports{}, fmt.Errorf("the range %s ends before it begins", quote(s))
	}
	return p, nil
}

func parsePort(s string) (int, error) {
	n, err := parseDecimal(s)
	if err != nil || n < 0 || n > math.MaxUint16 {
		return 0, fmt.Errorf("%s is not a port, 0 to 65535, nor a range such as 8000-8010", quote(s))
	}
	return int(n), nil
}

// merge sorts list and joins what overlaps or touches.
func merge(list []ports) []ports {
	slices.SortFunc(list, func(a, b ports) int { return cmp.Compare(a.first, b.first) })
	merged := list[:0]
	for _, p := range list {
		if n := len(merged); n > 0 && p.first <= merged[n-1].last+1 {
			merged[n-1].last = max(merged[n-1].last, p.last)
			continue
		}
		merged = append(merged, p)
	}
	return merged
}

// contains tells whether every port of others is in the merged list.
func contains(list, others []ports) bool {
	for _, o := range others {
		within := func(p ports) bool { return p.first <= o.first && o.last <= p.last }
		if !slices.ContainsFunc(list, within) {
			return false
		}
	}
	return true
}

// maxNameLength is what the kernel keeps of a name: TCP_CA_NAME_MAX and IFNAMSIZ are 16,
// with the 0 at the end.
const maxNameLength = 15

// checkNames checks the name of a congestion control or a qdisc, or a list of them.
func (p *Parameter) checkNames(v Value) error {
	names := v.Fields()
	switch {
	case len(names) == 0:
		return errors.New("it is empty, a name is needed")
	case p.Fields == 1 && len(names) > 1:
		return fmt.Errorf("it has %d names, one is needed", len(names))
	}
	for _, name := range names {
		if err := checkName(name); err != nil {
			return err
		}
	}
	return nil
}

// checkName checks one name. The kernel compares it byte by byte with those of its
// modules, after having asked modprobe for it.
func checkName(name string) error {
	if len(name) > maxNameLength {
		return fmt.Errorf("the name %s has %d bytes, at most %d are allowed", quote(name), len(name), maxNameLength)
	}
	for _, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '_' && c != '-' && c != '.' {
			return fmt.Errorf("the name %s contains %+q; letters, digits, _, - and . are allowed", quote(name), c)
		}
	}
	return nil
}

var errFastopenKey = errors.New("it is not one key or two, separated by a comma, of 4 groups of up to 8 hexadecimal digits, separated by -")

// parseFastopenKey returns the 4 numbers of a key, or the 8 of a key and its backup.
func parseFastopenKey(v Value) ([]uint64, error) {
	keys := strings.Split(string(NewValue(string(v))), ",")
	if len(keys) > 2 {
		return nil, errFastopenKey
	}
	var numbers []uint64
	for _, key := range keys {
		groups := strings.Split(key, "-")
		if len(groups) != 4 {
			return nil, errFastopenKey
		}
		for _, group := range groups {
			n, err := strconv.ParseUint(group, 16, 32)
			if err != nil || len(group) > 8 {
				return nil, errFastopenKey
			}
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}
