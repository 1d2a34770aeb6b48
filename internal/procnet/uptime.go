// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"fmt"
	"io"
	"math"
	"strconv"
)

// ParseUptime parses /proc/uptime (proc_uptime(5)) and returns the seconds since
// boot, suspended time included.
func ParseUptime(r io.Reader) (float64, error) {
	rows, err := readRows(r)
	if err != nil {
		return 0, fmt.Errorf("parse uptime: %w", err)
	}
	if len(rows) != 1 {
		return 0, fmt.Errorf("parse uptime: %d lines, want one", len(rows))
	}
	seconds, err := strconv.ParseFloat(rows[0].fields[0], 64)
	if err != nil || !(seconds >= 0) || math.IsInf(seconds, 0) {
		return 0, fmt.Errorf("parse uptime: %s is not a number of seconds", quote(rows[0].fields[0]))
	}
	return seconds, nil
}
