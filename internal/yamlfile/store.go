// SPDX-License-Identifier: Apache-2.0

package yamlfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// MaxFiles bounds one directory.
const MaxFiles = 1000

// Anyone is the EUID of a caller who does not use the files on this host, but
// tests or compiles them: whose they are does not matter then.
const Anyone = -1

// A Store reads files of one kind on behalf of a user. When that is root, files
// and their directory must be root's: see UntrustedError.
type Store struct {
	Noun string // what a file holds: "rule"; its plural has an s
	EUID int
}

// An UntrustedError is a file or directory that somebody else than root could
// have written, met while running as root.
type UntrustedError struct {
	Path   string
	Noun   string
	Reason string
}

// Error names the path, the reason and the remedy.
func (e *UntrustedError) Error() string {
	return fmt.Sprintf("refuse %s: %s; %ss that root uses must be owned by root and not writable by others", e.Path, e.Reason, e.Noun)
}

// Names lists the names of a directory's *.yaml files, sorted. None is an error
// that is fs.ErrNotExist.
func (s Store) Names(dir string) ([]string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("read %ss: %w", s.Noun, err)
	}
	if err := s.trusted(dir, info); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read %ss: %w", s.Noun, err)
	}
	var names []string
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".yaml":
			names = append(names, e.Name())
		case ".yml":
			return nil, fmt.Errorf("read %s: a %s file ends in .yaml, not .yml", filepath.Join(dir, e.Name()), s.Noun)
		}
	}
	switch {
	case len(names) == 0:
		return nil, fmt.Errorf("read %s: no *.yaml file in it: %w", dir, fs.ErrNotExist)
	case len(names) > MaxFiles:
		return nil, fmt.Errorf("read %s: %d %s files; at most %d are allowed", dir, len(names), s.Noun, MaxFiles)
	}
	return names, nil
}

// Read reads one file, at most a byte more than is allowed. What is checked is
// the file that was opened, so a symlink gains nothing.
func (s Store) Read(path string) ([]byte, error) {
	// O_NONBLOCK: opening a FIFO must not hang.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.Noun, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.Noun, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s %s: not a regular file", s.Noun, path)
	}
	if err := s.trusted(path, info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.Noun, err)
	}
	return data, nil
}

// trusted refuses what another user could have written when s reads for root.
func (s Store) trusted(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case s.EUID != 0:
		return nil
	case !ok:
		return &UntrustedError{path, s.Noun, "its owner cannot be told"}
	case stat.Uid != 0:
		return &UntrustedError{path, s.Noun, fmt.Sprintf("it is owned by uid %d", stat.Uid)}
	case info.Mode().Perm()&0o022 != 0:
		return &UntrustedError{path, s.Noun, fmt.Sprintf("its mode %s lets others write", strings.TrimPrefix(info.Mode().Perm().String(), "-"))}
	}
	return nil
}
