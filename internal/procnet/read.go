// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// MaxBytes is the most that any parser reads. The longest files here have one row
// of about 160 bytes per CPU, so this leaves room for more than 20 000 CPUs.
const MaxBytes = 4 << 20

// readAll returns the whole of r as text, or an error when it is longer than MaxBytes.
func readAll(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return "", err
	}
	if len(data) > MaxBytes {
		return "", fmt.Errorf("longer than %d bytes", MaxBytes)
	}
	return string(data), nil
}

// A row is one line that is not blank: its number in the file, from 1, and its fields.
type row struct {
	number int
	fields []string
}

// readRows splits r into rows.
func readRows(r io.Reader) ([]row, error) {
	text, err := readAll(r)
	if err != nil {
		return nil, err
	}
	var rows []row
	number := 0
	for line := range strings.Lines(text) {
		number++
		if fields := strings.Fields(line); len(fields) > 0 {
			rows = append(rows, row{number, fields})
		}
	}
	return rows, nil
}

// section returns the row's first field without the colon that must end it.
func (r row) section() (string, error) {
	name, ok := strings.CutSuffix(r.fields[0], ":")
	if !ok {
		return "", fmt.Errorf("line %d: %s does not end with a colon", r.number, quote(r.fields[0]))
	}
	return name, r.checkName(name)
}

// checkName refuses a name with characters that the kernel uses in none.
func (r row) checkName(name string) error {
	bad := func(c rune) bool {
		return c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}
	if name == "" || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("line %d: name %s is not made of letters, digits, _ and -", r.number, quote(name))
	}
	return nil
}

// parseInt reads a decimal number. The kernel prints most counters as unsigned 64-bit
// numbers and a few as signed ones (Tcp.MaxConn is -1). Numbers above the range of
// int64 wrap to negative, so the difference of two readings stays right.
func parseInt(s string) (int64, error) {
	if strings.HasPrefix(s, "+") {
		return 0, fmt.Errorf("%s is not a decimal number", quote(s))
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		if u, uerr := strconv.ParseUint(s, 10, 64); uerr == nil {
			return int64(u), nil
		}
		return 0, fmt.Errorf("%s does not fit into 64 bits", quote(s))
	}
	if err != nil {
		return 0, fmt.Errorf("%s is not a decimal number", quote(s))
	}
	return n, nil
}

// parseHex32 reads one column of the files that the kernel prints with %08x.
func parseHex32(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("%s is not a hexadecimal number of 32 bits", quote(s))
	}
	return n, nil
}

// parseHex64 reads one column of the files that the kernel prints with %08lx.
func parseHex64(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is not a hexadecimal number of 64 bits", quote(s))
	}
	return n, nil
}

// quote makes file content fit for an error message: escaped and short.
func quote(s string) string {
	const longest = 40
	if len(s) > longest {
		s = s[:longest] + "..."
	}
	return strconv.Quote(s)
}
