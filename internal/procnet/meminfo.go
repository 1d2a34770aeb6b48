// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Meminfo holds /proc/meminfo (proc_meminfo(5)) under the kernel's names: "MemTotal",
// "MemAvailable". Lines in kB are bytes here; lines without a unit (HugePages_Total)
// are the printed number.
type Meminfo map[string]int64

// ParseMeminfo parses /proc/meminfo.
func ParseMeminfo(r io.Reader) (Meminfo, error) {
	m, err := parseMeminfo(r)
	if err != nil {
		return nil, fmt.Errorf("parse meminfo: %w", err)
	}
	return m, nil
}

func parseMeminfo(r io.Reader) (Meminfo, error) {
	rows, err := readRows(r)
	if err != nil {
		return nil, err
	}
	m := Meminfo{}
	for _, row := range rows {
		name, ok := strings.CutSuffix(row.fields[0], ":")
		if !ok || name == "" || len(row.fields) < 2 {
			return nil, fmt.Errorf("line %d: want a name, a colon and a number", row.number)
		}
		if _, ok := m[name]; ok {
			return nil, fmt.Errorf("line %d: %s appears twice", row.number, quote(name))
		}
		n, err := parseInt(row.fields[1])
		if err == nil {
			n, err = toBytes(n, row.fields[2:])
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", row.number, quote(name), err)
		}
		m[name] = n
	}
	return m, nil
}

// toBytes multiplies n by its unit, where there is one.
func toBytes(n int64, unit []string) (int64, error) {
	switch {
	case n < 0:
		return 0, fmt.Errorf("%d is negative", n)
	case len(unit) == 0:
		return n, nil
	case len(unit) > 1 || unit[0] != "kB":
		return 0, fmt.Errorf("unit %s is not kB", quote(strings.Join(unit, " ")))
	case n > math.MaxInt64/1024:
		return 0, fmt.Errorf("%d kB is more than 64 bits of bytes", n)
	}
	return n * 1024, nil
}
