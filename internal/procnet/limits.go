// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Unlimited is the value of a limit that the kernel prints as "unlimited".
const Unlimited = math.MaxInt64

// A Limit is a soft and a hard resource limit (getrlimit(2)), in the unit of the
// resource. [Unlimited] means that there is none; the kernel's few values above
// int64 are Unlimited too.
type Limit struct {
	Soft int64
	Hard int64
}

// Limits holds /proc/PID/limits (proc_pid_limits(5)) under the kernel's names:
// "Max open files".
type Limits map[string]Limit

// ParseLimits parses /proc/PID/limits. Names contain blanks, so the header says where
// the columns begin (fs/proc/base.c:proc_pid_limits).
func ParseLimits(r io.Reader) (Limits, error) {
	l, err := parseLimits(r)
	if err != nil {
		return nil, fmt.Errorf("parse limits: %w", err)
	}
	return l, nil
}

func parseLimits(r io.Reader) (Limits, error) {
	text, err := readAll(r)
	if err != nil {
		return nil, err
	}
	header, body, _ := strings.Cut(text, "\n")
	column := strings.Index(header, "Soft Limit")
	if column <= 0 || !strings.HasPrefix(header, "Limit") {
		return nil, errors.New("line 1: want the header Limit, Soft Limit, Hard Limit, Units")
	}
	l := Limits{}
	number := 1
	for line := range strings.Lines(body) {
		number++
		line = strings.TrimRight(line, "\n")
		if len(line) <= column {
			return nil, fmt.Errorf("line %d: no values", number)
		}
		name := strings.TrimSpace(line[:column])
		values := strings.Fields(line[column:])
		if name == "" || len(values) < 2 {
			return nil, fmt.Errorf("line %d: want a name, a soft and a hard limit", number)
		}
		if _, ok := l[name]; ok {
			return nil, fmt.Errorf("line %d: %s appears twice", number, quote(name))
		}
		var limit Limit
		if limit.Soft, err = parseLimit(values[0]); err == nil {
			limit.Hard, err = parseLimit(values[1])
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", number, quote(name), err)
		}
		l[name] = limit
	}
	return l, nil
}

func parseLimit(s string) (int64, error) {
	if s == "unlimited" {
		return Unlimited, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is neither an unsigned decimal number nor unlimited", quote(s))
	}
	return int64(min(n, Unlimited)), nil
}
