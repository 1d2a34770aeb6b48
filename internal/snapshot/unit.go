// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Bounds of the search for LimitNOFILE= lines.
const (
	maxUnitFiles = 4096
	maxUnitBytes = 1 << 20
)

// unitDirs are where systemd looks for units, systemd.unit(5).
var unitDirs = []string{"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system"}

// readUnits finds the LimitNOFILE= lines of services and their drop-ins.
func (s *Snapshot) readUnits(r root) {
	s.UnitsRead = true
	left := maxUnitFiles
	for _, dir := range unitDirs {
		base, err := r.path(dir)
		if err != nil {
			continue
		}
		for _, pattern := range []string{"*.service", "*.service.d/*.conf"} {
			files, _ := filepath.Glob(filepath.Join(base, pattern))
			for _, file := range files {
				if left--; left < 0 {
					s.gap("/"+dir, errors.New("more than "+strconv.Itoa(maxUnitFiles)+" unit files: the rest was not read"), "")
					return
				}
				s.readUnit(r, file)
			}
		}
	}
}

func (s *Snapshot) readUnit(r root, file string) {
	info, err := os.Lstat(file)
	if err != nil || info.Mode()&fs.ModeSymlink != 0 || info.Size() > maxUnitBytes {
		return // a link names a unit that is read where it lies, or masks it
	}
	f, err := os.Open(file)
	if err != nil {
		s.gap(r.inside(file), err, "")
		return
	}
	defer f.Close()
	name := path.Base(file)
	if dir := path.Base(path.Dir(file)); strings.HasSuffix(dir, ".service.d") {
		name = strings.TrimSuffix(dir, ".d")
	}
	scanner := bufio.NewScanner(f)
	for number := 1; scanner.Scan(); number++ {
		if limit, ok := parseLimitNoFile(scanner.Text()); ok {
			s.Units = append(s.Units, Unit{File: r.inside(file), Number: number, Name: name, NoFile: limit})
		}
	}
}

// parseLimitNoFile reads the hard limit of "LimitNOFILE=65536" or
// "LimitNOFILE=1024:524288"; "infinity" asks for fs.nr_open and is left out.
// Source: systemd.exec(5).
func parseLimitNoFile(line string) (int64, bool) {
	value, ok := strings.CutPrefix(strings.TrimSpace(line), "LimitNOFILE=")
	if !ok {
		return 0, false
	}
	if _, hard, both := strings.Cut(value, ":"); both {
		value = hard
	}
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	return n, err == nil && n >= 0
}
