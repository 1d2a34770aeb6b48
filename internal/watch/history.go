// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"math"
	"strings"
)

// historyLength is how many rounds a ring holds: more than a terminal has
// columns for.
const historyLength = 240

// A ring holds the last values of one number.
type ring struct {
	values [historyLength]float64 // NaN: not known in that round
	next   int
	length int
}

// add takes the value of a round; nil is unknown.
func (r *ring) add(v *float64) {
	r.values[r.next] = math.NaN()
	if v != nil {
		r.values[r.next] = *v
	}
	r.next = (r.next + 1) % historyLength
	r.length = min(r.length+1, historyLength)
}

// last returns up to n values, oldest first.
func (r *ring) last(n int) []float64 {
	n = min(n, r.length)
	list := make([]float64, n)
	for i := range list {
		list[i] = r.values[(r.next-n+i+historyLength)%historyLength]
	}
	return list
}

// steps are the heights of a sparkline. Zero is the lowest, and alone there.
var steps = []rune("▁▂▃▄▅▆▇█")

// spark draws the last values of r in at most width columns, the newest at the
// right end. The highest of them fills the height; what is not known is blank.
func (r *ring) spark(width int) string {
	values := r.last(width)
	top := 0.0
	for _, v := range values {
		if v > top { // false for NaN
			top = v
		}
	}
	var b strings.Builder
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			b.WriteByte(' ')
		case v <= 0:
			b.WriteRune(steps[0])
		default:
			b.WriteRune(steps[min(len(steps)-1, max(1, int(math.Ceil(v/top*float64(len(steps)-1)))))])
		}
	}
	return b.String()
}

// ever reports whether any value that is still known was above zero.
func (r *ring) ever() bool {
	for _, v := range r.last(historyLength) {
		if v > 0 {
			return true
		}
	}
	return false
}

// history is the states and rates over the last rounds.
type history struct {
	states map[string]*ring // by state name
	rates  map[string]*ring // by counter name
	detail ring             // the main number of what is drilled into
}

func newHistory() history {
	h := history{states: map[string]*ring{}, rates: map[string]*ring{}}
	for _, s := range stateNames() {
		h.states[s] = &ring{}
	}
	for _, m := range meters() {
		h.rates[m.name] = &ring{}
	}
	return h
}

func (h *history) add(r *Round) {
	for name, ring := range h.states {
		ring.add(float(r.Check.States[name]))
	}
	for _, m := range meters() {
		h.rates[m.name].add(m.value(r))
	}
}

// float makes a count that may be unknown a number that may be.
func float(n *int64) *float64 {
	if n == nil {
		return nil
	}
	f := float64(*n)
	return &f
}
