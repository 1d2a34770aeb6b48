// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// tickRate is the kernel's CONFIG_HZ: a coarse clock moves once in each tick,
// so its resolution is the length of one (kernel/time/posix-timers.c:
// posix_get_coarse_res). nil where that cannot be told.
func tickRate() *int64 {
	var tick unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &tick); err != nil || tick.Nano() <= 0 {
		return nil
	}
	hz := int64(math.Round(float64(time.Second) / float64(tick.Nano())))
	return &hz
}
