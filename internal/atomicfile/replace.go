// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// StaleAge is how old a temporary file has to be before the next Replace of the same
// target removes it. A younger one may belong to a process at work.
const StaleAge = 24 * time.Hour

// Replace gives the file path the content data and the mode, whatever the umask is. The
// file need not exist, its directory must. On any error the old content is there, with
// one exception: when only the last step fails, the fsync of the directory, the new
// content is there and the error says that it may not survive a power cut. After a
// crash it is the old or the new content.
//
// Replace writes also when nothing changes: to compare is the caller's part. The cause
// of an error is ErrNotRegular or an errno: EROFS for a read-only /etc, ENOSPC, EBUSY
// for a file that is a mount point.
func Replace(fsys FS, path string, data []byte, mode fs.FileMode) error {
	if len(data) > MaxBytes {
		return fmt.Errorf("replace %s: the new content has %d bytes, at most %d are allowed: %w", path, len(data), MaxBytes, syscall.EFBIG)
	}
	return Publish(fsys, path, data, mode)
}

// Publish is Replace for a file that others read, such as a report: it may be longer
// than MaxBytes.
func Publish(fsys FS, path string, data []byte, mode fs.FileMode) error {
	if err := replace(fsys, path, data, mode); err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	return nil
}

func replace(fsys FS, path string, data []byte, mode fs.FileMode) error {
	if _, err := checkTarget(fsys, path); err != nil {
		return err
	}
	temp, err := writeTemp(fsys, path, data, mode)
	if err != nil {
		return err
	}
	if err := fsys.Rename(temp, path); err != nil {
		if errors.Is(err, syscall.EBUSY) {
			err = fmt.Errorf("%w [a file that is itself a mount point cannot be replaced: change it where it comes from]", err)
		}
		return discard(fsys, temp, err)
	}
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("the new content is there and may not survive a power cut: %w", err)
	}
	removeStale(fsys, path)
	return nil
}

// checkTarget reports whether there is a file at path, and refuses what is no regular
// file.
func checkTarget(fsys FS, path string) (exists bool, err error) {
	info, err := fsys.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%w but %s", ErrNotRegular, kind(info.Mode()))
	}
	return true, nil
}

// kind names a type of file for people.
func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode.IsDir():
		return "a directory"
	}
	return "a device, a pipe or a socket"
}

// tempParts are the beginning and the end of the names of path's temporary files. They
// must not end in .conf: procps reads hidden files too.
func tempParts(path string) (prefix, suffix string) { return "." + filepath.Base(path) + ".", ".tmp" }

// writeTemp makes a durable file beside path and returns its name. On an error it
// leaves none.
func writeTemp(fsys FS, path string, data []byte, mode fs.FileMode) (string, error) {
	prefix, suffix := tempParts(path)
	f, err := fsys.CreateTemp(filepath.Dir(path), prefix+"*"+suffix)
	if err != nil {
		return "", err
	}
	err = fill(f, data, mode)
	if closeErr := f.Close(); err == nil {
		err = closeErr // NFS reports a full disk here
	}
	if err != nil {
		return "", discard(fsys, f.Name(), err)
	}
	return f.Name(), nil
}

// fill writes a file and waits until the disk has it.
func fill(f File, data []byte, mode fs.FileMode) error {
	if err := f.Chmod(mode); err != nil {
		return err
	}
	n, err := f.Write(data)
	if err != nil {
		return err
	}
	if n < len(data) {
		return &fs.PathError{Op: "write", Path: f.Name(), Err: io.ErrShortWrite}
	}
	return f.Sync()
}

// discard removes a temporary file and returns the error that made it useless.
func discard(fsys FS, temp string, err error) error {
	if removeErr := fsys.Remove(temp); removeErr != nil {
		return fmt.Errorf("%w; and %s stays behind: %w", err, temp, removeErr)
	}
	return err
}

// removeStale removes what crashed runs left beside path, on a best effort: the new
// content is durable. Ages are taken from the file system's own clock.
func removeStale(fsys FS, path string) {
	now, err := fsys.Lstat(path)
	if err != nil {
		return
	}
	dir := filepath.Dir(path)
	names, err := fsys.ReadDir(dir)
	if err != nil {
		return
	}
	prefix, suffix := tempParts(path)
	for _, name := range names {
		if !isTemp(name, prefix, suffix) {
			continue
		}
		name = filepath.Join(dir, name)
		info, err := fsys.Lstat(name)
		if err == nil && info.Mode().IsRegular() && now.ModTime().Sub(info.ModTime()) > StaleAge {
			_ = fsys.Remove(name)
		}
	}
}

// isTemp tells whether name is prefix, the digits of os.CreateTemp and suffix.
func isTemp(name, prefix, suffix string) bool {
	name, begins := strings.CutPrefix(name, prefix)
	random, ends := strings.CutSuffix(name, suffix)
	return begins && ends && random != "" && strings.Trim(random, "0123456789") == ""
}

// Remove removes the file path durably. That it is not there is no error; a symbolic
// link, a directory or a device is refused with ErrNotRegular.
func Remove(fsys FS, path string) error {
	if err := remove(fsys, path); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}

func remove(fsys FS, path string) error {
	exists, err := checkTarget(fsys, path)
	if err != nil {
		return err
	}
	if exists {
		if err := fsys.Remove(path); err != nil {
			return err
		}
	}
	// Also when there was no file: a run that crashed may have removed it just now.
	err = fsys.SyncDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
