// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if status, ok := dispatch(); ok {
		os.Exit(status)
	}
	testscript.Main(m, commands())
}
