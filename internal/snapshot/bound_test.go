// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestShareUpperBound(t *testing.T) {
	tests := []struct {
		name  string
		k     int64
		n     int
		total int64
		want  float64
	}{
		{"no sample", 0, 0, 1000, 1},
		{"no table", 0, 10, 0, 1},
		// Nothing seen: 1-(risk/total)^(1/n).
		{"none seen", 0, 16384, 1_000_000, 1 - math.Pow(1e-9/1e6, 1.0/16384)},
		{"all seen", 100, 100, 100, 1},
		// Where 1/4 ln(1/4 : p) + 3/4 ln(3/4 : 1-p) is ln(1e6/1e-9) / 2000.
		{"a quarter", 500, 2000, 1_000_000, 0.335_581},
		{"more than the sample has", 200, 100, 1000, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := shareUpperBound(tt.k, tt.n, tt.total); math.Abs(got-tt.want) > 1e-6 {
				t.Errorf("shareUpperBound(%d, %d, %d) = %.6f, want %.6f", tt.k, tt.n, tt.total, got, tt.want)
			}
		})
	}
}

func TestShareUpperBoundMonotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20000).Draw(t, "n")
		total := rapid.Int64Range(int64(n), 10_000_000).Draw(t, "total")
		k := rapid.Int64Range(0, int64(n)-1).Draw(t, "k")
		got := shareUpperBound(k, n, total)
		if share := float64(k) / float64(n); !(got >= share && got <= 1) {
			t.Fatalf("bound %v of share %v", got, share)
		}
		if more := shareUpperBound(k+1, n, total); more < got {
			t.Errorf("bound %v of %d, %v of %d", got, k, more, k+1)
		}
		if larger := shareUpperBound(k, n, 2*total); larger < got {
			t.Errorf("bound %v in %d, %v in %d", got, total, larger, 2*total)
		}
		b := newSampleBound(n, total)
		if first, again := b.sockets(k), b.sockets(k); first != again || float64(first) < got*float64(total) {
			t.Errorf("sockets(%d) = %d, then %d, share %v of %d", k, first, again, got, total)
		}
	})
}

// TestShareUpperBoundCovers draws many samples: not one may be above its bound.
func TestShareUpperBoundCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const total, n = 40000, 1000
	for _, group := range []int{1, 100, 4000, 20000} {
		for range 200 {
			var k int64
			for range n {
				if random.IntN(total) < group {
					k++
				}
			}
			if bound := shareUpperBound(k, n, total); bound*total < float64(group) {
				t.Errorf("%d of a sample of %d bound the group to %.0f, it has %d", k, n, bound*total, group)
			}
		}
	}
}
