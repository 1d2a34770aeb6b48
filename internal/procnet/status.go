// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Status is /proc/PID/status (proc_pid_status(5)) of one process.
type Status struct {
	// Name is the command name that the process chose: any bytes, control characters
	// included.
	Name string
	// UIDs and GIDs are the real, effective, saved and file system ids as the reader's
	// user namespace sees them; nil when the file has no such line.
	UIDs []uint32
	GIDs []uint32
	// Fields holds every line as text under its name ("Threads", "VmRSS"), without the
	// blanks around it.
	Fields map[string]string
}

// ParseStatus parses /proc/PID/status.
func ParseStatus(r io.Reader) (Status, error) {
	s, err := parseStatus(r)
	if err != nil {
		return Status{}, fmt.Errorf("parse status: %w", err)
	}
	return s, nil
}

func parseStatus(r io.Reader) (Status, error) {
	text, err := readAll(r)
	if err != nil {
		return Status{}, err
	}
	s := Status{Fields: map[string]string{}}
	number := 0
	for line := range strings.Lines(text) {
		number++
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		if !ok || name == "" {
			return Status{}, fmt.Errorf("line %d: want a name, a colon and a value", number)
		}
		if _, ok := s.Fields[name]; ok {
			return Status{}, fmt.Errorf("line %d: %s appears twice", number, quote(name))
		}
		s.Fields[name] = strings.TrimSpace(value)
		if err := s.set(name, value); err != nil {
			return Status{}, fmt.Errorf("line %d: %s: %w", number, name, err)
		}
	}
	if _, ok := s.Fields["Name"]; !ok {
		return Status{}, errors.New("no line Name")
	}
	return s, nil
}

// set fills the typed field that belongs to name, if there is one.
func (s *Status) set(name, value string) (err error) {
	switch name {
	case "Name":
		// A blank at either end belongs to the name, the tab before it does not.
		// fs/proc/array.c:proc_task_name escapes newline and backslash, nothing else.
		s.Name = strings.NewReplacer(`\n`, "\n", `\\`, `\`).Replace(strings.TrimPrefix(value, "\t"))
	case "Uid":
		s.UIDs, err = parseIDs(value)
	case "Gid":
		s.GIDs, err = parseIDs(value)
	}
	return err
}

// parseIDs parses the four ids of a line.
func parseIDs(value string) ([]uint32, error) {
	fields := strings.Fields(value)
	if len(fields) != 4 {
		return nil, fmt.Errorf("%d ids, want 4", len(fields))
	}
	ids := make([]uint32, len(fields))
	for i, field := range fields {
		id, err := strconv.ParseUint(field, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%s is not an id", quote(field))
		}
		ids[i] = uint32(id)
	}
	return ids, nil
}
