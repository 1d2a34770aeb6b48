// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Bounds of the search for LimitNOFILE= lines.
const (
	maxUnitFiles = 4096
	maxUnitBytes = 1 << 20
)

// unitDirs are where systemd looks for units, systemd.unit(5).
var unitDirs = [...]string{"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system"}

// readUnits finds the LimitNOFILE= lines of services and their drop-ins. A
// live host without these directories has no units; a saved tree may just lack
// them.
func (s *Snapshot) readUnits(r root) {
	s.UnitsRead = r.live()
	u := unitReader{root: r, snapshot: s, left: maxUnitFiles}
	for _, dir := range unitDirs {
		u.directory(dir, "")
	}
	if !s.UnitsRead {
		s.gap("/"+unitDirs[0], fs.ErrNotExist, "")
	}
}

type unitReader struct {
	root     root
	snapshot *Snapshot
	left     int // files that may still be read
}

// directory reads the units of a directory, or, where unit is named, its
// drop-ins.
func (u *unitReader) directory(dir, unit string) {
	base, names, err := u.root.directory(dir, maxUnitFiles)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		u.snapshot.gap("/"+dir, err, "")
		return
	}
	u.snapshot.UnitsRead = true
	for _, name := range names {
		dropIns, isDir := strings.CutSuffix(name, ".d")
		switch {
		case unit != "" && strings.HasSuffix(name, ".conf"):
			u.file(filepath.Join(base, name), dir+"/"+name, unit)
		case unit == "" && strings.HasSuffix(name, ".service"):
			u.file(filepath.Join(base, name), dir+"/"+name, name)
		case unit == "" && isDir && strings.HasSuffix(dropIns, ".service"):
			u.directory(dir+"/"+name, dropIns)
		}
	}
	if len(names) == maxUnitFiles {
		u.snapshot.gap("/"+dir, fmt.Errorf("%d entries or more: the rest was not read", maxUnitFiles), "")
	}
}

// file reads one file; name is its path as seen from inside the root.
func (u *unitReader) file(path, name, unit string) {
	if u.left--; u.left < 0 {
		if u.left == -1 {
			u.snapshot.gap("/"+name, fmt.Errorf("more than %d unit files: the rest was not read", maxUnitFiles), "")
		}
		return
	}
	f, err := openRegular(path)
	switch {
	case errors.Is(err, unix.ELOOP):
		return // a link names a unit that is read where it lies, or masks it
	case err != nil:
		u.snapshot.gap("/"+name, err, "")
		return
	}
	defer f.Close()
	scanner := bufio.NewScanner(io.LimitReader(f, maxUnitBytes))
	for number := 1; scanner.Scan(); number++ {
		if limit, ok := parseLimitNoFile(scanner.Text()); ok {
			u.snapshot.Units = append(u.snapshot.Units, Unit{File: "/" + name, Number: number, Name: unit, NoFile: limit})
		}
	}
	if err := scanner.Err(); err != nil {
		u.snapshot.gap("/"+name, err, "")
	}
}

// parseLimitNoFile reads the hard limit of "LimitNOFILE=65536" or
// "LimitNOFILE=1024:524288"; "infinity" asks for as many as possible and is
// left out. Source: systemd.exec(5), systemd.syntax(7).
func parseLimitNoFile(line string) (int64, bool) {
	name, value, ok := strings.Cut(line, "=")
	if !ok || strings.TrimSpace(name) != "LimitNOFILE" {
		return 0, false
	}
	if _, hard, both := strings.Cut(value, ":"); both {
		value = hard
	}
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	return n, err == nil && n >= 0
}
