// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// TestWriteFileKeepsKind writes to what is no regular file: as root, replacing
// /dev/null by a report would break the host.
func TestWriteFileKeepsKind(t *testing.T) {
	dir := t.TempDir()
	target, link, pipe := filepath.Join(dir, "target"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := os.WriteFile(target, []byte("old and longer"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", link); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(pipe, os.O_RDWR, 0) // both ends, so that nobody waits
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()

	for path, mode := range map[string]os.FileMode{link: os.ModeSymlink, pipe: os.ModeNamedPipe} {
		if err := writeFile(path, []byte("report"), 0o600); err != nil {
			t.Fatalf("writeFile(%s): %v", path, err)
		}
		if info, err := os.Lstat(path); err != nil || info.Mode().Type() != mode {
			t.Errorf("%s is %v, %v; want %v", path, info.Mode(), err, mode)
		}
	}
	got, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("report", string(got)); diff != "" {
		t.Errorf("what the link leads to (-want +got):\n%s", diff)
	}
	buffer := make([]byte, 100)
	n, err := reader.Read(buffer)
	if diff := cmp.Diff("report", string(buffer[:n])); err != nil || diff != "" {
		t.Errorf("pipe: %v (-want +got):\n%s", err, diff)
	}
}

// TestFormMode keeps a report as private as the umask or the file before it is;
// only metrics are for everybody.
func TestFormMode(t *testing.T) {
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	dir := t.TempDir()
	window := filepath.Join(formatsDir, "rich.window.json")
	for _, test := range []struct {
		format        string
		before, after os.FileMode
	}{
		{"json", 0, 0o600},
		{"html", 0o640, 0o640},
		{"prometheus", 0, 0o644},
		{"prometheus", 0o600, 0o644},
	} {
		file := filepath.Join(dir, test.format)
		if test.before != 0 {
			if err := errors.Join(os.WriteFile(file, nil, test.before), os.Chmod(file, test.before)); err != nil {
				t.Fatal(err)
			}
		}
		args := []string{"check", "--from", window, "--fail-on", "never", "--format", test.format + "=" + file}
		if status := run(t.Context(), args, streams{out: io.Discard, err: io.Discard}); status != exitOK {
			t.Fatalf("%v: status %d", args, status)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != test.after {
			t.Errorf("%+v: %v, %v", test, info.Mode(), err)
		}
	}
}

// TestFormsOfOneFile refuses two formats for one file, however it is named.
func TestFormsOfOneFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := errors.Join(os.Mkdir("d", 0o700), os.Symlink("d", "link"), os.WriteFile("there", nil, 0o600), os.Symlink("there", "also")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"a.out", "./a.out", true},
		{"a.out", dir + "/a.out", true},
		{"d/a.out", "link/a.out", true},
		{"there", "also", true},
		{"a.out", "b.out", false},
		{"a.out", "d/a.out", false},
	} {
		o := outputs{given: []string{"text=" + test.a, "json=" + test.b}}
		if err := o.check(); (err != nil) != test.same {
			t.Errorf("%s and %s: %v", test.a, test.b, err)
		}
	}
}
