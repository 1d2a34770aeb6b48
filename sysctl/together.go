// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"fmt"
	"slices"
	"strings"
)

// A TogetherError says that values which are good one by one do not go together.
type TogetherError struct {
	Keys   []Key // whose values they are
	Reason string
}

// Error returns the reason, which names the keys.
func (e *TogetherError) Error() string { return e.Reason }

// CheckTogether returns what is wrong between the values that are to be, each a
// *TogetherError. Value returns the one of a key: the new one if it is to change, else the
// live one; false if it is not known, which is never wrong.
func (c *Catalogue) CheckTogether(value func(Key) (Value, bool)) []error {
	var errs []error
	for _, o := range orders() {
		low, lowOK := number(value, o.low)
		high, highOK := number(value, o.high)
		if lowOK && highOK && low > high {
			reason := fmt.Sprintf("%s is %d and %s %d: %s", o.low, low, o.high, high, o.reason)
			errs = append(errs, &TogetherError{[]Key{o.low, o.high}, reason})
		}
	}
	if err := checkReserved(value); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// An order is two keys of which the first number of one must not exceed that of the
// other.
type order struct {
	low, high Key
	reason    string
}

func orders() []order {
	pair := func(low, high, reason string) order { return order{Key{low}, Key{high}, reason} }
	const neigh = "net/ipv4/neigh/default/gc_thresh"
	const thresholds = "the limits of the neighbour table must not decrease"
	return []order{
		pair(unprivilegedPort, portRange, "ports that are chosen for programs must not be privileged, the kernel refuses it"),
		pair("net/ipv4/tcp_reordering", "net/ipv4/tcp_max_reordering", "it starts above its own limit"),
		pair(neigh+"1", neigh+"2", thresholds),
		pair(neigh+"2", neigh+"3", thresholds),
	}
}

// number returns the first number of a value.
func number(value func(Key) (Value, bool), key Key) (int64, bool) {
	v, ok := value(key)
	if !ok {
		return 0, false
	}
	ints, err := v.Ints()
	if err != nil {
		return 0, false // Check says what is wrong
	}
	return ints[0], true
}

// checkReserved refuses a list of reserved ports that leaves no port to choose.
func checkReserved(value func(Key) (Value, bool)) error {
	list, listOK := value(Key{reservedPorts})
	all, rangeOK := value(Key{portRange})
	if !listOK || !rangeOK {
		return nil
	}
	reserved, err := parsePorts(list)
	if err != nil {
		return nil
	}
	ints, err := all.Ints()
	if err != nil || len(ints) != 2 {
		return nil
	}
	if contains(reserved, []ports{{int(ints[0]), int(ints[1])}}) {
		keys := []Key{{reservedPorts}, {portRange}}
		return &TogetherError{keys, fmt.Sprintf("%s contains all of %s, %s: no program could connect", keys[0], keys[1], NewValue(string(all)))}
	}
	return nil
}

// WriteOrder returns keys in an order in which they can be written: from and to return a
// key's value before and after. Between two writes no value contradicts another, so
// that the kernel takes each, and no port is up for use that is about to be reserved.
// What a write changes in other keys comes first: ip_forward, then conf.all, then
// conf.default, then the interfaces. Otherwise the order stays as it is.
//
// To undo, swap from and to.
func WriteOrder(keys []Key, from, to func(Key) (Value, bool)) []Key {
	sorted := slices.Clone(keys)
	slices.SortStableFunc(sorted, func(a, b Key) int { return reach(a) - reach(b) })
	pairs := precedences(from, to)
	for moved := true; moved; { // ends: the pairs have no cycle
		moved = false
		for _, pair := range pairs {
			moved = moveBefore(sorted, pair[0], pair[1]) || moved
		}
	}
	return sorted
}

// reach is small for a key whose write changes other keys, ip-sysctl.rst.
func reach(k Key) int {
	switch {
	case k.path == "net/ipv4/ip_forward":
		return 0
	case strings.HasPrefix(k.path, "net/ipv4/conf/all/"), strings.HasPrefix(k.path, "net/ipv6/conf/all/"):
		return 1
	case strings.HasPrefix(k.path, "net/ipv4/conf/default/"), strings.HasPrefix(k.path, "net/ipv6/conf/default/"):
		return 2
	}
	return 3
}

// precedences returns pairs of keys of which the first has to be written first.
func precedences(from, to func(Key) (Value, bool)) [][2]Key {
	pairs := [][2]Key{{{congestionControl}, {allowedCongestion}}} // what is chosen gets loaded, what is allowed has to be
	for _, o := range orders() {
		low, lowOK := number(to, o.low)
		high, highOK := number(from, o.high)
		if !lowOK || !highOK {
			continue
		}
		if low <= high {
			pairs = append(pairs, [2]Key{o.low, o.high})
		} else {
			pairs = append(pairs, [2]Key{o.high, o.low})
		}
	}
	if shrinks(from, to) {
		return append(pairs, [2]Key{{portRange}, {reservedPorts}})
	}
	return append(pairs, [2]Key{{reservedPorts}, {portRange}})
}

// shrinks tells whether fewer ports are to be reserved.
func shrinks(from, to func(Key) (Value, bool)) bool {
	before, _ := from(Key{reservedPorts})
	after, _ := to(Key{reservedPorts})
	was, err := parsePorts(before)
	if err != nil {
		return false
	}
	is, err := parsePorts(after)
	return err == nil && contains(was, is) && !slices.Equal(was, is)
}

// moveBefore puts first directly before second if it stands behind it.
func moveBefore(keys []Key, first, second Key) bool {
	i, j := slices.Index(keys, first), slices.Index(keys, second)
	if i < 0 || j < 0 || i < j {
		return false
	}
	copy(keys[j+1:i+1], keys[j:i])
	keys[j] = first
	return true
}
