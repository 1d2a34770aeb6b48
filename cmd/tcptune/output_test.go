// SPDX-License-Identifier: Apache-2.0

package main

import (
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
