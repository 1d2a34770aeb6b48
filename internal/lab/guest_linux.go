// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os"
	"slices"
	"strings"
)

// guestWord on the kernel's command line marks a virtual machine that was
// booted for one run of the lab and is thrown away.
const guestWord = "tcptune.guest"

// Guest tells whether this is such a machine: keys of the whole host may be
// changed. The environment variable TCPTUNE_GUEST must say so, and the command
// line that the kernel was booted with, which no process can change.
func Guest() bool {
	line, err := os.ReadFile("/proc/cmdline")
	return err == nil && os.Getenv("TCPTUNE_GUEST") == "1" && slices.Contains(strings.Fields(string(line)), guestWord)
}
