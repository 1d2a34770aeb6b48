// SPDX-License-Identifier: Apache-2.0

package change

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// readBoottime asks the kernel for the time since boot in seconds, sleep included.
func readBoottime() (float64, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0, fmt.Errorf("read the clock of the time since boot: %w", err)
	}
	return float64(t.Sec) + float64(t.Nsec)/1e9, nil
}
