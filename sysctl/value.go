// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Value is the value of a parameter as text: fields joined by one space. The kernel
// separates the numbers of a vector by tabs and people by spaces, so values are
// compared by field, with [Value.Equal].
type Value string

// NewValue makes the canonical Value of a text, such as the content of a file below
// /proc/sys.
func NewValue(s string) Value { return Value(strings.Join(fields(s), " ")) }

// fields splits at the kernel's white space. That of Unicode belongs to a value.
func fields(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool {
		return c == ' ' || c >= '\t' && c <= '\r'
	})
}

// Fields returns the fields of v; none for an empty value.
func (v Value) Fields() []string { return fields(string(v)) }

// Equal reports whether v and other have the same fields.
func (v Value) Equal(other Value) bool { return NewValue(string(v)) == NewValue(string(other)) }

// Ints returns the fields as numbers. Only plain decimal integers are numbers: the
// kernel prints no others, and reads 010 as 8 and 0x10 as 16 (lib/kstrtox.c). An empty
// value is an error.
func (v Value) Ints() ([]int64, error) {
	fields := v.Fields()
	if len(fields) == 0 {
		return nil, errors.New("read numbers: the value is empty")
	}
	ints := make([]int64, len(fields))
	for i, field := range fields {
		n, err := parseDecimal(field)
		if err != nil {
			return nil, fmt.Errorf("read number %s: %w", quote(field), err)
		}
		ints[i] = n
	}
	return ints, nil
}

// parseDecimal parses a number that is written as strconv.FormatInt writes it.
func parseDecimal(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errors.New("it does not fit into 64 bits with a sign")
	case err != nil || strconv.FormatInt(n, 10) != s:
		return 0, errors.New("only decimal integers without + and leading zeros are allowed")
	}
	return n, nil
}
