// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// treeDirectories are the directories in which sysctl.d files, and the files of
// tcptune, live.
func treeDirectories() []string {
	return []string{"/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib", "/var/lib"}
}

// treeHidden are the entries of those directories that a Tree does not show:
// what a test wants to be alone with.
func treeHidden() []string { return []string{"sysctl.conf", "sysctl.d", "tcptune", "ufw"} }

// A Tree is a private view of the directories in which sysctl.d files live. Each
// one is covered by a directory of the test with a symbolic link for every entry
// of the machine's, so that programs find their libraries and users, but without
// sysctl.conf, sysctl.d, tcptune and ufw: those start empty, and what is written
// there stays with the test. The machine's own directories are read-only in it.
type Tree struct {
	root    string   // holds top/ and below/
	covered []string // those of treeDirectories that exist and are not links
}

// NewTree makes the files of one host. They live until the test ends, over any
// number of commands.
func NewTree(t testing.TB) *Tree {
	t.Helper()
	tree := &Tree{root: t.TempDir()}
	for _, directory := range treeDirectories() {
		if err := tree.cover(directory); err != nil {
			t.Fatalf("cover %s: %v", directory, err)
		}
	}
	if err := os.MkdirAll(tree.Path("/etc/sysctl.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	return tree
}

// cover makes the directory that will stand over a directory of the machine.
func (tree *Tree) cover(directory string) error {
	info, err := os.Lstat(directory)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil // /lib is often a link to /usr/lib, which is covered itself
	}
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(tree.below(directory), 0o755), os.MkdirAll(tree.Path(directory), 0o755)); err != nil {
		return err
	}
	for _, entry := range entries {
		if slices.Contains(treeHidden(), entry.Name()) {
			continue
		}
		target := filepath.Join(tree.below(directory), entry.Name())
		if entry.Type() == fs.ModeSymlink { // may be relative to where it stands
			if target, err = os.Readlink(filepath.Join(directory, entry.Name())); err != nil {
				return err
			}
		}
		if err := os.Symlink(target, filepath.Join(tree.Path(directory), entry.Name())); err != nil {
			return err
		}
	}
	tree.covered = append(tree.covered, directory)
	return nil
}

// Path is where a file of the tree is found from outside, by the test. Name is
// its absolute path as programs of the host see it.
func (tree *Tree) Path(name string) string { return filepath.Join(tree.root, "top", name) }

// below is where a directory of the machine is found from inside.
func (tree *Tree) below(directory string) string { return filepath.Join(tree.root, "below", directory) }

// WriteFile writes a file of the tree, such as /etc/sysctl.d/50-vendor.conf,
// and makes its directory.
func (tree *Tree) WriteFile(t testing.TB, name, text string) {
	t.Helper()
	if !slices.ContainsFunc(tree.covered, func(directory string) bool {
		relative, err := filepath.Rel(directory, name)
		return err == nil && filepath.IsLocal(relative)
	}) {
		t.Fatalf("write %s: only files below %v are private", name, tree.covered)
	}
	if err := tree.own(filepath.Dir(name)); err != nil {
		t.Fatalf("make directory of %s: %v", name, err)
	}
	if err := os.WriteFile(tree.Path(name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// own makes a directory of the tree. Where a link to one of the machine's stands
// in the way, a directory with links to what is in that one takes its place.
func (tree *Tree) own(directory string) error {
	if slices.Contains(tree.covered, directory) || directory == "/" {
		return nil
	}
	if err := tree.own(filepath.Dir(directory)); err != nil {
		return err
	}
	path := tree.Path(directory)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.Mkdir(path, 0o755)
	case err != nil || info.IsDir():
		return err
	}
	link, err := os.Readlink(path)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		return err
	}
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o755)); err != nil {
		return err
	}
	for _, entry := range entries {
		if err := os.Symlink(filepath.Join(link, entry.Name()), filepath.Join(path, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// ReadFile returns a file of the tree.
func (tree *Tree) ReadFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(tree.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// binds are the mounts that make the tree visible: first the machine's
// directory in another place, then ours over it.
func (tree *Tree) binds() []bind {
	var binds []bind
	for _, directory := range tree.covered {
		binds = append(binds,
			bind{Source: directory, Target: tree.below(directory), ReadOnly: true},
			bind{Source: tree.Path(directory), Target: directory})
	}
	return binds
}

// A bind is one bind mount, with what is mounted below.
type bind struct {
	Source, Target string
	ReadOnly       bool
}

func (b bind) mount() error {
	if err := unix.Mount(b.Source, b.Target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s to %s: %w", b.Source, b.Target, err)
	}
	if !b.ReadOnly {
		return nil
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	err := unix.MountSetattr(unix.AT_FDCWD, b.Target, unix.AT_RECURSIVE, &attr)
	if err != nil && !errors.Is(err, unix.ENOSYS) { // mount_setattr(2) is Linux 5.12
		return fmt.Errorf("make %s read-only: %w", b.Target, err)
	}
	return nil
}
