// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"os"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
)

// TestMain gives the lab the first word: it starts the test binary again.
func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }
