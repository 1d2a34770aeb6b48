// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestStartCost bounds what the packages that draw on terminals do before main:
// every command pays for it, also those that draw nothing. Some versions of
// go-runewidth fill tables of megabytes there, for 24 ms.
func TestStartCost(t *testing.T) {
	const mostBytes, mostAllocs = 96 << 10, 200
	cmd := exec.Command("tcptune", "version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace strings.Builder
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^init (\S+) @.* clock, (\d+) bytes, (\d+) allocs$`)
	found, bytes, allocs := 0, 0, 0
	for _, m := range line.FindAllStringSubmatch(trace.String(), -1) {
		if !regexp.MustCompile(`^(charm\.land|github\.com/(charmbracelet|mattn|muesli|xo|rivo|clipperhouse|lucasb-eyer))/`).MatchString(m[1]) {
			continue
		}
		b, _ := strconv.Atoi(m[2])
		a, _ := strconv.Atoi(m[3])
		t.Logf("%s: %d bytes, %d allocations", m[1], b, a)
		found, bytes, allocs = found+1, bytes+b, allocs+a
	}
	if found == 0 || bytes > mostBytes || allocs > mostAllocs {
		t.Errorf("%d packages allocate %d bytes (at most %d) in %d pieces (at most %d)", found, bytes, mostBytes, allocs, mostAllocs)
	}
}
