// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"testing"

	"pgregory.net/rapid"
)

// TestGroups compares with an exact count: every number lies between its
// bounds, and no key with more than the error is left out.
func TestGroups(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		exact := rapid.IntRange(1, 20).Draw(t, "exact")
		counters := rapid.IntRange(1, exact).Draw(t, "counters")
		keys := rapid.SliceOf(rapid.IntRange(0, 40)).Draw(t, "keys")
		g := newGroups[int, int64](exact, counters)
		want := make(map[int]int64)
		for _, key := range keys {
			want[key]++
			*g.add(key)++
		}
		if most := max(exact, counters); len(g.byKey) > most {
			t.Fatalf("%d groups, at most %d are wanted", len(g.byKey), most)
		}
		if len(want) <= exact && (g.missed() != 0 || len(g.byKey) != len(want)) {
			t.Fatalf("%d keys fit, but only %d are there, and %d sockets may be missed", len(want), len(g.byKey), g.missed())
		}
		if len(want) > exact && g.missed() > int64(len(keys)/counters) {
			t.Fatalf("an error of %d with %d counters for %d sockets", g.missed(), counters, len(keys))
		}
		for key, n := range want {
			entry := g.byKey[key]
			if entry == nil {
				if n > g.missed() {
					t.Errorf("key %d with %d sockets is left out; the error is %d", key, n, g.missed())
				}
				continue
			}
			if entry.key != key || entry.value != entry.seen || n < entry.seen || n > entry.most() {
				t.Errorf("key %d: %+v, want %d", key, entry, n)
			}
		}
	})
}

func TestGroupsOfAMillionKeys(t *testing.T) {
	g := newGroups[int, struct{}](maxExactGroups, maxCounters)
	const keys, heavy = 1_000_000, 50_000
	for i := range keys {
		g.add(i)
		if i%(keys/heavy) == 0 {
			g.add(-1)
		}
	}
	if len(g.byKey) != maxCounters {
		t.Errorf("%d groups", len(g.byKey))
	}
	if got := g.byKey[-1]; got == nil || got.most() < heavy || got.missed > keys/maxCounters+heavy/maxCounters {
		t.Errorf("the large group is %+v", got)
	}
}
