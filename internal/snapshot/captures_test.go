// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the windows of testdata/captures")

const capturesDir = "testdata/captures"

// captures lists them all, with the times that README.md and results.jsonl state.
func captures() []capture {
	return []capture{
		{name: "accept-queue-overflow/1-before-app64-somax4096", seconds: 0.2}, // after the connects began
		{name: "accept-queue-overflow/3-app1024-somax128", seconds: 0.2},
		{name: "accept-queue-overflow/6-after-app1024-somax4096", seconds: 0.2},
		{name: "accept-queue-overflow/7-app64-abort_on_overflow1", seconds: 0.2},
		{name: "close-wait-leak/before-200", seconds: 60, aged: true}, // the age is given, not measured
		{name: "close-wait-leak/before-emfile", seconds: 60, aged: true},
		{name: "close-wait-leak/after-fixed", seconds: 60},
		{name: "conntrack-table-full/1-before-max1000", seconds: 9.1}, // result.s
		{name: "conntrack-table-full/2-after-max20000", seconds: 0.1},
		{name: "conntrack-table-full/3-max1000-time_wait-timeout5", seconds: 20.5},
		{name: "ephemeral-port-exhaustion/1-before-reuse0", seconds: 6}, // result.seconds
		{name: "ephemeral-port-exhaustion/3-after-reuse1", seconds: 16}, // and 10 s after the load had ended
		{name: "ephemeral-port-exhaustion/4-reuse1-delay100ms", seconds: 16},
		{name: "ephemeral-port-exhaustion/5-reuse1-timestamps-off", seconds: 6.01},
		{name: "ephemeral-port-exhaustion/6-after-wide-range", seconds: 6.01},
		{name: "fin-timeout-myth/fin_timeout5-t10", seconds: 10}, // t
		{name: "fin-timeout-myth/fin_timeout5-t64", seconds: 64},
		{name: "fin-wait2-pileup/fa-fin_timeout60-t1", seconds: 1},
		{name: "fin-wait2-pileup/fa-fin_timeout60-t13", seconds: 13},
		{name: "fin-wait2-pileup/fb-fin_timeout10-t1", seconds: 1},
		{name: "fin-wait2-pileup/fb-fin_timeout10-t13", seconds: 13},
		{name: "fin-wait2-pileup/fc-fin_timeout10-t1", seconds: 1, aged: true},
		{name: "fin-wait2-pileup/fc-fin_timeout10-t13", seconds: 13, aged: true},
		{name: "syn-flood/1-before-cookies0-maxsyn256", seconds: 3}, // of SYNs
		{name: "syn-flood/3-after-cookies1-backlog128", seconds: 3},
		{name: "time-wait-bucket-overflow/before", seconds: 0.025}, // 1000 connections, 39727 a second
		{name: "time-wait-bucket-overflow/after", seconds: 0.032},  // 31463 a second
	}
}

// TestCaptures turns each capture into a window and compares it with the one
// that is committed beside it; -update writes those.
func TestCaptures(t *testing.T) {
	var known []string
	for _, c := range captures() {
		t.Run(c.name, func(t *testing.T) {
			var got, want bytes.Buffer
			window, err := c.window(t)
			if err != nil {
				t.Fatal(err)
			}
			if err := window.Encode(&want); err != nil {
				t.Fatal(err)
			}
			if err := json.Compact(&got, want.Bytes()); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			golden := c.path("window.json")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			text, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(text, got.Bytes()) {
				committed, err := Decode(bytes.NewReader(text))
				t.Errorf("%s is not current (%v); go test ./internal/snapshot -run TestCaptures -update (-committed +now)\n%s", golden, err, cmp.Diff(committed, window))
			}
		})
		known = append(known, c.path("window.json"))
	}
	files, err := filepath.Glob(filepath.Join(capturesDir, "*", "*.window.json"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(known)
	if diff := cmp.Diff(known, files); diff != "" {
		t.Errorf("windows (-of captures +in %s)\n%s", capturesDir, diff)
	}
}
