// SPDX-License-Identifier: Apache-2.0

package snapshot

import "math"

// sampleRisk is the probability with which a sample may hide a destination
// that matters, over all destinations of one table together.
const sampleRisk = 1e-9

// shareUpperBound is an upper confidence bound on the share of a group in a
// table of total sockets, when a random sample of n holds k of the group. It
// is the Chernoff bound in its Kullback-Leibler form, with sampleRisk divided
// among as many groups as the table could have; drawing without replacement
// only makes it safer (W. Hoeffding 1963, theorem 1 and section 6).
func shareUpperBound(k int64, n int, total int64) float64 {
	if n <= 0 || total <= 0 {
		return 1
	}
	budget := math.Log(float64(total)/sampleRisk) / float64(n)
	share := float64(k) / float64(n)
	low, high := share, 1.0
	for range 60 {
		middle := (low + high) / 2
		if divergence(share, middle) > budget {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

// sampleBound turns numbers of sockets in a sample of a table into upper
// confidence bounds on their numbers in the table.
type sampleBound struct {
	sample int
	total  int64
	known  map[int64]int64 // groups of one size are many, sizes are few
}

func newSampleBound(sample int, total int64) *sampleBound {
	return &sampleBound{sample: sample, total: total, known: make(map[int64]int64)}
}

// sockets bounds the size of a group with k sockets in the sample.
func (b *sampleBound) sockets(k int64) int64 {
	n, ok := b.known[k]
	if !ok {
		n = int64(math.Ceil(shareUpperBound(k, b.sample, b.total) * float64(b.total)))
		b.known[k] = n
	}
	return n
}

// divergence is the Kullback-Leibler divergence of two coins, in nats.
func divergence(p, q float64) float64 {
	return term(p, q) + term(1-p, 1-q)
}

func term(p, q float64) float64 {
	switch {
	case p == 0:
		return 0
	case q == 0:
		return math.Inf(1)
	}
	return p * math.Log(p/q)
}
