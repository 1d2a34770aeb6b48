// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if status, ok := dispatch(); ok {
		os.Exit(status)
	}
	testscript.Main(m, commands())
}

// require fails the test when TCPTUNE_REQUIRE names the capability, else it skips.
func require(t *testing.T, capability, reason string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("TCPTUNE_REQUIRE"), ","), capability) {
		t.Fatal(reason)
	}
	t.Skip(reason)
}
