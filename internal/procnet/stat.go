// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// UserHZ is the number of clock ticks in a second wherever /proc counts in ticks.
// It is 100 on every architecture that Go supports, whatever CONFIG_HZ is (time(7)).
const UserHZ = 100

// A Stat is the part of /proc/PID/stat (proc_pid_stat(5)) that tells processes apart:
// the same pid with another start time is another process.
type Stat struct {
	PID        int
	Comm       string // command name: any bytes, blanks, newlines and parentheses included
	State      byte   // R, S, D, Z ...
	PPID       int
	StartTicks uint64 // start time in ticks since boot: see UserHZ
}

// ParseStat parses /proc/PID/stat. The command name ends at the last parenthesis,
// since it may itself contain ") ".
func ParseStat(r io.Reader) (Stat, error) {
	s, err := parseStat(r)
	if err != nil {
		return Stat{}, fmt.Errorf("parse stat: %w", err)
	}
	return s, nil
}

func parseStat(r io.Reader) (Stat, error) {
	text, err := readAll(r)
	if err != nil {
		return Stat{}, err
	}
	pid, rest, ok := strings.Cut(text, " (")
	end := strings.LastIndexByte(rest, ')')
	if !ok || end < 0 {
		return Stat{}, errors.New("no command name in parentheses")
	}
	s := Stat{Comm: rest[:end]}
	// Fields are numbered as in the man page: state is the third, starttime the 22nd.
	const state, ppid, starttime = 3, 4, 22
	fields := strings.Fields(rest[end+1:])
	field := func(n int) string { return fields[n-state] }
	if len(fields) <= starttime-state {
		return Stat{}, fmt.Errorf("%d fields after the command name, want %d or more", len(fields), starttime-state+1)
	}
	if letter := field(state); len(letter) != 1 || letter < "A" || letter > "z" {
		return Stat{}, fmt.Errorf("state %s is not one letter", quote(field(state)))
	}
	s.State = field(state)[0]
	if s.PID, err = strconv.Atoi(pid); err != nil {
		return Stat{}, fmt.Errorf("pid %s is not a number", quote(pid))
	}
	if s.PPID, err = strconv.Atoi(field(ppid)); err != nil {
		return Stat{}, fmt.Errorf("parent's pid %s is not a number", quote(field(ppid)))
	}
	if s.StartTicks, err = strconv.ParseUint(field(starttime), 10, 64); err != nil {
		return Stat{}, fmt.Errorf("start time %s is not a number", quote(field(starttime)))
	}
	return s, nil
}
