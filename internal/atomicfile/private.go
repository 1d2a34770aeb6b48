// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// Anyone is the owner that MakeStateDir and CheckOwner take where it does not
// matter whose something is and who may write to it.
const Anyone = -1

// ErrUntrusted is the cause when somebody else than its owner could have
// written what a program is to believe.
var ErrUntrusted = errors.New("not to be trusted")

// MakeStateDir makes a directory of mode 0700 if it is not there, durably, and
// refuses one into which others than the user could put something: see
// CheckStateDir. It returns an error if it cannot be made.
func MakeStateDir(fsys FS, dir string, user int) error {
	if err := MakeDir(fsys, dir, 0o700); err != nil {
		return err
	}
	return CheckStateDir(fsys, dir, user)
}

// CheckStateDir refuses, with ErrUntrusted, what is no directory of the user or
// may be written to by others. A symbolic link is no directory.
func CheckStateDir(fsys FS, dir string, user int) error {
	info, err := fsys.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory: %w", dir, ErrUntrusted)
	}
	return CheckOwner(dir, info, user)
}

// CheckOwner refuses, with ErrUntrusted, what does not belong to the user or may
// be written to by others.
func CheckOwner(path string, info fs.FileInfo, user int) error {
	if user == Anyone {
		return nil
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s has the mode %04o, others may write there: %w", path, info.Mode().Perm(), ErrUntrusted)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int64(stat.Uid) != int64(user) {
		return fmt.Errorf("%s does not belong to %s: %w", path, userName(user), ErrUntrusted)
	}
	return nil
}

func userName(uid int) string {
	if uid == 0 {
		return "root"
	}
	return fmt.Sprintf("the user %d", uid)
}

// MakeDir makes a directory durably, and those above it with mode 0755, unless
// it is there.
func MakeDir(fsys FS, dir string, mode fs.FileMode) error {
	_, err := fsys.Lstat(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return err
	}
	if err := MakeDir(fsys, parent, 0o755); err != nil {
		return err
	}
	if err := fsys.Mkdir(dir, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fsys.SyncDir(parent)
}
