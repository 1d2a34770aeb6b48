// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"strings"
	"testing"
	"time"
)

// TestBudget: when the time is up, what was not read is said, and the rest
// stands.
func TestBudget(t *testing.T) {
	d := captureTree(t, "close-wait")
	c, err := NewCollector(Options{Root: string(d), Budget: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Window(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if w.To.Sockets != nil || len(w.To.Counters) == 0 {
		t.Errorf("sockets %+v, %d counters", w.To.Sockets, len(w.To.Counters))
	}
	const want = "walking the socket table took longer than 1ns"
	said := false
	for _, g := range w.To.Gaps {
		said = said || g.Source == "TCP sockets" && g.Reason == want
	}
	if !said {
		t.Errorf("gaps %+v, want %q", w.To.Gaps, want)
	}
	if table, err := c.Table(t.Context(), ByState); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("table %+v, %v", table, err)
	}
}
