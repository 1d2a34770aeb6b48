// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// stateOrder lists the states in the order of the kernel's numbers, with the
// listeners first. In capitals they are what the kernel and netstat write.
var stateOrder = []string{
	"listen", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2",
	"time_wait", "close", "close_wait", "last_ack", "closing",
}

// value words a measured value; nil is unknown, never zero.
func value(v any) string {
	switch v := v.(type) {
	case nil:
		return "unknown"
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case int64:
		return thousands(v)
	case int:
		return thousands(int64(v))
	case float64:
		return number(v)
	case string:
		return v
	}
	return fmt.Sprint(v)
}

// number words a fraction with three significant digits.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return thousands(int64(v))
	}
	if math.Abs(v) >= 999.5 { // FormatFloat would write 1e+03
		return thousands(int64(math.Round(v)))
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// thousands groups digits: 18,275. Ports and versions are strings, not numbers.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(int64(n)) + " " + many
}
