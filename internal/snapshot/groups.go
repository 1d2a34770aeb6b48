// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"container/heap"
	"slices"
)

// Bounds of groups. Memory is bounded by the first whatever the number of keys.
const (
	maxExactGroups = 65536 // so many are counted exactly
	maxCounters    = 4096  // the counters of Space-Saving beyond that
)

// groups counts sockets by key: exactly up to a number of keys, beyond that the
// largest with a known error. A socket of a key that has no counter then takes
// over the smallest one, as Space-Saving does (Metwally, Agrawal, El Abbadi:
// Efficient Computation of Frequent and Top-k Elements in Data Streams, 2005).
type groups[K comparable, V any] struct {
	exact, counters int
	byKey           map[K]*group[K, V]
	last            *group[K, V]     // that of the last socket: those of one key often follow each other
	smallest        leastFirst[K, V] // empty as long as every key is there
}

// A group is the sockets of one key. Their number is between seen and
// seen + missed.
type group[K comparable, V any] struct {
	key    K
	value  V     // what is known of the sockets that were seen
	seen   int64 // since the key has had a counter
	missed int64 // at most so many before that
	index  int   // in the heap
}

func newGroups[K comparable, V any](exact, counters int) *groups[K, V] {
	return &groups[K, V]{exact: exact, counters: counters, byKey: make(map[K]*group[K, V])}
}

// add counts one socket and returns what is known of its group.
func (g *groups[K, V]) add(key K) *V {
	entry := g.last
	if entry == nil || entry.key != key {
		entry = g.byKey[key]
	}
	switch {
	case entry != nil:
	case g.smallest == nil && len(g.byKey) < g.exact:
		entry = &group[K, V]{key: key}
		g.byKey[key] = entry
	default:
		entry = g.replace(key)
	}
	g.last = entry
	entry.seen++
	if g.smallest != nil {
		heap.Fix(&g.smallest, entry.index)
	}
	return &entry.value
}

// replace gives the counter of the smallest group to another key.
func (g *groups[K, V]) replace(key K) *group[K, V] {
	if g.smallest == nil {
		g.shrink()
	}
	entry := g.smallest[0]
	delete(g.byKey, entry.key)
	*entry = group[K, V]{key: key, missed: entry.most(), index: entry.index}
	g.byKey[key] = entry
	return entry
}

// shrink keeps the largest groups only.
func (g *groups[K, V]) shrink() {
	all := g.list()
	slices.SortFunc(all, func(a, b *group[K, V]) int { return cmp.Compare(b.seen, a.seen) })
	clear(g.byKey)
	for i, entry := range all[:min(len(all), g.counters)] {
		entry.index = i
		g.byKey[entry.key] = entry
		g.smallest = append(g.smallest, entry)
	}
	heap.Init(&g.smallest)
}

// list returns the groups in no order.
func (g *groups[K, V]) list() []*group[K, V] {
	list := make([]*group[K, V], 0, len(g.byKey))
	for _, entry := range g.byKey {
		list = append(list, entry)
	}
	return list
}

// seen is the number of sockets that were seen of each key that has a group.
func (g *groups[K, V]) seen() map[K]int64 {
	seen := make(map[K]int64, len(g.byKey))
	for key, entry := range g.byKey {
		seen[key] = entry.seen
	}
	return seen
}

// most is how many sockets any key has at most.
func (g *groups[K, V]) most() int64 {
	most := g.missed()
	for _, entry := range g.byKey {
		most = max(most, entry.most())
	}
	return most
}

// count is how many sockets a key has at most.
func (g *groups[K, V]) count(key K) int64 {
	if entry := g.byKey[key]; entry != nil {
		return entry.most()
	}
	return g.missed()
}

// missed is how many sockets a key without a group has at most; 0 where every
// key has one.
func (g *groups[K, V]) missed() int64 {
	if len(g.smallest) == 0 {
		return 0
	}
	return g.smallest[0].most()
}

// most is how many sockets the group has at most.
func (g *group[K, V]) most() int64 { return g.seen + g.missed }

// leastFirst is a heap of groups.
type leastFirst[K comparable, V any] []*group[K, V]

func (h leastFirst[K, V]) Len() int           { return len(h) }
func (h leastFirst[K, V]) Less(i, j int) bool { return h[i].most() < h[j].most() }

func (h leastFirst[K, V]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface; the heap never grows after it was made.
func (h *leastFirst[K, V]) Push(x any) { *h = append(*h, x.(*group[K, V])) }

// Pop implements heap.Interface.
func (h *leastFirst[K, V]) Pop() any {
	last := len(*h) - 1
	entry := (*h)[last]
	*h = (*h)[:last]
	return entry
}
