// SPDX-License-Identifier: Apache-2.0

package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/atomicfile"
)

// TestReplaceOS replaces a file on the real file system.
func TestReplaceOS(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	dir := t.TempDir()
	name := filepath.Join(dir, "90-tcptune.conf")
	stale := filepath.Join(dir, ".90-tcptune.conf.123.tmp")
	write(t, stale, "")
	long := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(stale, long, long); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"first\n", "second\n", ""} {
		if err := atomicfile.Replace(atomicfile.OS{}, name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := atomicfile.OS{}.ReadFile(name)
		if err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
		info, err := atomicfile.OS{}.Lstat(name)
		if err != nil || info.Mode() != 0o644 {
			t.Errorf("%v, %v, want mode 0644 whatever the umask is", info.Mode(), err)
		}
	}
	names, err := atomicfile.OS{}.ReadDir(dir)
	if err != nil || !slices.Equal(names, []string{"90-tcptune.conf"}) {
		t.Errorf("%q, %v", names, err)
	}
	for range 2 {
		if err := atomicfile.Remove(atomicfile.OS{}, name); err != nil {
			t.Error(err)
		}
	}
	if names, err := (atomicfile.OS{}).ReadDir(dir); err != nil || len(names) > 0 {
		t.Errorf("%q, %v, want none", names, err)
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestReplaceLink leaves a link and its file alone.
func TestReplaceLink(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	write(t, file, "old")
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Replace(atomicfile.OS{}, link, []byte("new"), 0o644); !errors.Is(err, atomicfile.ErrNotRegular) {
		t.Errorf("%v", err)
	}
	if err := atomicfile.Remove(atomicfile.OS{}, link); !errors.Is(err, atomicfile.ErrNotRegular) {
		t.Errorf("%v", err)
	}
	if got, err := os.ReadFile(link); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
	if names, _ := (atomicfile.OS{}).ReadDir(dir); len(names) != 2 {
		t.Errorf("%q", names)
	}
}

func TestReadFileOS(t *testing.T) {
	dir := t.TempDir()
	large, pipe, link := filepath.Join(dir, "large"), filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	write(t, large, "")
	if err := os.Truncate(large, atomicfile.MaxBytes+1); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("large", link); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		large:                         syscall.EFBIG,
		pipe:                          atomicfile.ErrNotRegular, // and does not hang
		link:                          atomicfile.ErrNotRegular,
		dir:                           atomicfile.ErrNotRegular,
		filepath.Join(dir, "missing"): fs.ErrNotExist,
	} {
		data, err := atomicfile.OS{}.ReadFile(name)
		var pathErr *fs.PathError
		if !errors.Is(err, want) || !errors.As(err, &pathErr) || data != nil {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

// TestErrorsOS checks that every operation reports a path and an errno.
func TestErrorsOS(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing", "file")
	fsys := atomicfile.OS{}
	_, createErr := fsys.CreateTemp(filepath.Dir(missing), "*")
	_, readErr := fsys.ReadDir(missing)
	_, statErr := fsys.Lstat(missing)
	for name, err := range map[string]error{
		"create": createErr, "readdir": readErr, "lstat": statErr,
		"mkdir":   fsys.Mkdir(missing, 0o755),
		"rename":  fsys.Rename(missing, missing+"2"),
		"remove":  fsys.Remove(missing),
		"syncdir": fsys.SyncDir(missing),
	} {
		var pathErr *fs.PathError
		if !errors.Is(err, syscall.ENOENT) || !errors.As(err, &pathErr) {
			t.Errorf("%s: %#v", name, err)
		}
	}
}

func TestMkdirOS(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	name := filepath.Join(t.TempDir(), "dir")
	if err := (atomicfile.OS{}).Mkdir(name, 0o755); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := (atomicfile.OS{}).Mkdir(name, 0o755); !errors.Is(err, fs.ErrExist) {
		t.Errorf("again: %v", err)
	}
}
