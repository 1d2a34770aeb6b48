// SPDX-License-Identifier: Apache-2.0

package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/atomicfile"
)

// fakeInfo is a directory with a mode and an owner.
type fakeInfo struct {
	mode fs.FileMode
	uid  uint32
}

func (i fakeInfo) Name() string       { return "tcptune" }
func (i fakeInfo) Size() int64        { return 0 }
func (i fakeInfo) Mode() fs.FileMode  { return i.mode }
func (i fakeInfo) ModTime() time.Time { return time.Time{} }
func (i fakeInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fakeInfo) Sys() any           { return &syscall.Stat_t{Uid: i.uid} }

func TestCheckOwner(t *testing.T) {
	for _, test := range []struct {
		name string
		info fakeInfo
		user int
		ok   bool
	}{
		{"root's", fakeInfo{fs.ModeDir | 0o700, 0}, 0, true},
		{"readable", fakeInfo{fs.ModeDir | 0o755, 0}, 0, true},
		{"another owner", fakeInfo{fs.ModeDir | 0o700, 1000}, 0, false},
		{"writable by a group", fakeInfo{fs.ModeDir | 0o770, 0}, 0, false},
		{"writable by all", fakeInfo{fs.ModeDir | 0o777, 0}, 0, false},
		{"an ordinary user's", fakeInfo{fs.ModeDir | 0o700, 1000}, 1000, true},
		{"root's, for an ordinary user", fakeInfo{fs.ModeDir | 0o700, 0}, 1000, false},
		{"a file", fakeInfo{0o600, 1000}, 1000, true},
		{"a file that others may write to", fakeInfo{0o602, 1000}, 1000, false},
		{"whatever it is", fakeInfo{fs.ModeDir | 0o777, 1000}, atomicfile.Anyone, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := atomicfile.CheckOwner("/var/lib/tcptune", test.info, test.user); (err == nil) != test.ok || err != nil && !errors.Is(err, atomicfile.ErrUntrusted) {
				t.Errorf("unexpected %v", err)
			}
		})
	}
}

// TestMakeStateDir makes a directory once, and refuses a link to one.
func TestMakeStateDir(t *testing.T) {
	dir := t.TempDir()
	state, link := filepath.Join(dir, "a", "b"), filepath.Join(dir, "link")
	for range 2 {
		if err := atomicfile.MakeStateDir(atomicfile.OS{}, state, os.Geteuid()); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Lstat(state); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.Symlink(state, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, filepath.Join(dir, "file")} {
		if path != link {
			write(t, path, "")
		}
		if err := atomicfile.MakeStateDir(atomicfile.OS{}, path, os.Geteuid()); !errors.Is(err, atomicfile.ErrUntrusted) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
