// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"math"
	"strconv"
	"strings"
)

// render writes a value for people: an int plain, a float short.
func render(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return short(v)
	case string:
		return v
	}
	return ""
}

// short writes x with about three digits: 53.5, 0.0123, 6291456.
func short(x float64) string {
	format, digits := byte('f'), 0
	switch size := math.Abs(x); {
	case size >= 1e15:
		format, digits = 'g', 3
	case size >= 100:
	case size >= 10:
		digits = 1
	case size >= 1:
		digits = 2
	case size > 0:
		format, digits = 'g', 3
	}
	return trimZeros(strconv.FormatFloat(x, format, digits, 64))
}

// trimZeros drops zeros behind the decimal point.
func trimZeros(number string) string {
	if !strings.Contains(number, ".") || strings.Contains(number, "e") {
		return number
	}
	return strings.TrimSuffix(strings.TrimRight(number, "0"), ".")
}
