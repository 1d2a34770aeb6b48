// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"math"
	"os"
	"strconv"
)

func parseInt(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// clampInt64 keeps counters that the kernel prints unsigned, such as a
// file-max of 2^63 and more, inside an int64.
func clampInt64(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// statDirectory reports whether path is a directory.
func statDirectory(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	return info.IsDir(), nil
}
