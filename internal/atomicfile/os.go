// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// MaxBytes is the most that a file may have which is read or written here. A drop-in
// has some KiB; a journal entry carries two of them.
const MaxBytes = 8 << 20

// ErrNotRegular is the cause when a target is a symbolic link, a directory or a
// device. Replacing a link would leave the file behind it as it was.
var ErrNotRegular = errors.New("it is not a regular file")

// OS is the real file system.
type OS struct{}

// ReadFile returns the content of a regular file. It neither follows a symbolic link
// nor waits for the other end of a pipe.
func (OS) ReadFile(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		err = &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("%w: %w", ErrNotRegular, syscall.ELOOP)}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrNotRegular}
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err == nil && len(data) > MaxBytes {
		err = &fs.PathError{Op: "read", Path: name, Err: errTooLarge}
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

var errTooLarge = fmt.Errorf("it has more than %d bytes: %w", MaxBytes, syscall.EFBIG)

// Lstat is os.Lstat.
func (OS) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(name) }

// ReadDir returns the names in a directory, sorted.
func (OS) ReadDir(name string) ([]string, error) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return names, nil
}

// Mkdir makes a directory with exactly this mode.
func (OS) Mkdir(name string, mode fs.FileMode) error {
	if err := os.Mkdir(name, mode); err != nil {
		return err
	}
	return os.Chmod(name, mode) // mkdir(2) takes the umask away
}

// CreateTemp is os.CreateTemp.
func (OS) CreateTemp(dir, pattern string) (File, error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err // not f: an interface that holds a nil *os.File is not nil
	}
	return f, nil
}

// Rename is rename(2).
func (OS) Rename(from, to string) error {
	err := os.Rename(from, to)
	var linkErr *os.LinkError
	if errors.As(err, &linkErr) {
		return &fs.PathError{Op: linkErr.Op, Path: to, Err: linkErr.Err}
	}
	return err
}

// Remove is os.Remove.
func (OS) Remove(name string) error { return os.Remove(name) }

// SyncDir makes durable what was created, renamed and removed in a directory. EINVAL
// comes from file systems that have no such thing (fsync(2)).
func (OS) SyncDir(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
