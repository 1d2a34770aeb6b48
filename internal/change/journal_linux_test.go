// SPDX-License-Identifier: Apache-2.0

package change

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/internal/lab"
)

// What others could have written is not believed, and recovery does nothing of it.
func TestHistoryRefusesForeignJournal(t *testing.T) {
	if os.Geteuid() != 0 {
		lab.Unavailable(t, "root", errors.New("only root has somebody to distrust"))
	}
	for name, spoil := range map[string]func(dir string) error{
		"another owner":       func(dir string) error { return os.Chown(filepath.Dir(dir), 65534, 65534) },
		"writable by all":     func(dir string) error { return os.Chmod(filepath.Dir(dir), 0o777) },
		"entries of another":  func(dir string) error { return os.Chown(dir, 65534, 65534) },
		"entries by a group":  func(dir string) error { return os.Chmod(dir, 0o770) },
		"entries behind link": func(dir string) error { return errors.Join(os.Rename(dir, dir+".x"), os.Symlink(dir+".x", dir)) },
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			m := &Machine{Paths: NewPaths(root, ""), Files: atomicfile.OS{}}
			dir := filepath.Join(root, m.Paths.Journal)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			entry := `{"schema_version":1,"id":1,"kind":"apply","phase":"pending","mode":"runtime"}`
			if err := os.WriteFile(filepath.Join(dir, "1.json"), []byte(entry), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			if entries, err := m.History(); !errors.Is(err, ErrRefused) || entries != nil {
				t.Errorf("unexpected %v, %v", entries, err)
			}
			if err := m.Recover(); !errors.Is(err, ErrRefused) {
				t.Errorf("unexpected %v", err)
			}
		})
	}
}

// A link in a tree does not lead the lock out of it.
func TestLockFollowsNoLink(t *testing.T) {
	root, outside := t.TempDir(), filepath.Join(t.TempDir(), "lock")
	m := &Machine{Paths: NewPaths(root, ""), Files: atomicfile.OS{}}
	name := filepath.Join(root, m.Paths.Lock)
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.Symlink(outside, name)); err != nil {
		t.Fatal(err)
	}
	if release, err := m.lock(); err == nil {
		release()
		t.Error("want an error")
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Error("a file was made outside the root")
	}
}
