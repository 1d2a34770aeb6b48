// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package change

import (
	"errors"
	"fmt"
)

// readBoottime is an error: only Linux has the clock.
func readBoottime() (float64, error) {
	return 0, fmt.Errorf("read the clock of the time since boot: %w on this system", errors.ErrUnsupported)
}
