// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	gosysctl "github.com/lorenzosaino/go-sysctl"
)

const (
	// MaxValueBytes is the most that Tree reads of one value. The kernel's longest, a
	// list of reserved ports, stays under 64 KiB in sane use.
	MaxValueBytes = 1 << 20
	// MaxMatches is the most keys that Tree.Match returns.
	MaxMatches = 1 << 16
)

// A Tree reads the parameters below a directory: /proc/sys, or a copy of it. Below a
// live /proc/sys, net is the network namespace of the calling thread. Symbolic links
// that leave the directory are refused. A Tree holds no descriptor and is safe for
// concurrent use.
type Tree struct {
	dir    string
	client *gosysctl.Client
}

// NewTree returns the tree below procSys, which must be a directory.
func NewTree(procSys string) (*Tree, error) {
	if err := checkDir(procSys); err != nil { // keeps the errno, which go-sysctl drops
		return nil, fmt.Errorf("open sysctl tree: %w", err)
	}
	client, err := gosysctl.NewClient(procSys)
	if err != nil {
		return nil, fmt.Errorf("open sysctl tree: %w", err)
	}
	return &Tree{dir: procSys, client: client}, nil
}

// checkDir returns an error unless name is a directory.
func checkDir(name string) error {
	info, err := os.Stat(name)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	return err
}

// Get returns the live value of key. The error is an [*Error].
func (t *Tree) Get(key Key) (Value, error) {
	text, err := t.glimpse(key)
	switch {
	case err == nil:
		return NewValue(text), nil
	case errors.Is(err, fs.ErrNotExist):
		return "", newError("open", key, err)
	}
	info, err := t.stat(key)
	if err != nil {
		return "", err
	}
	// The kernel gives its files the size 0; a copy has its own.
	if info.Size() > MaxValueBytes {
		return "", &Error{"read", key, fmt.Errorf("it has %d bytes, at most %d are read", info.Size(), MaxValueBytes)}
	}
	if text, err = t.read(key); err != nil {
		return "", newError("open", key, err)
	}
	if len(text) > MaxValueBytes {
		return "", &Error{"read", key, fmt.Errorf("more than %d bytes", MaxValueBytes)}
	}
	return NewValue(text), nil
}

// cutValue is the length from which a value may have been cut: go-sysctl reads 512 bytes
// first, and ip_local_reserved_ports answers only the first read of a file.
const cutValue = 256

// liveDir is the tree of the running kernel, which holds directories and
// regular files only.
const liveDir = "/proc/sys"

// glimpse reads a short value of the running kernel in three system calls: nothing there
// can lead out of the tree, or block. Whatever is not plain is left to the long way,
// which has the words for it.
func (t *Tree) glimpse(key Key) (string, error) {
	if t.dir != liveDir || key.IsZero() {
		return "", errNotPlain
	}
	fd, err := syscall.Open(liveDir+"/"+key.path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer syscall.Close(fd)
	var buffer [2 * cutValue]byte
	n, err := syscall.Read(fd, buffer[:])
	if err != nil || n < 0 || n >= cutValue {
		return "", errNotPlain
	}
	return string(buffer[:n]), nil
}

var errNotPlain = errors.New("not a short value of the running kernel")

// longestPorts is more than a list of all odd ports has.
const longestPorts = 256 << 10

// read reads the file of key. go-sysctl turns every dot of a name into a slash, so it
// cannot reach the interface eth0.100; such keys and long values are read here.
func (t *Tree) read(key Key) (string, error) {
	if !strings.Contains(key.path, ".") {
		text, err := t.client.Get(key.path)
		if err != nil || len(text) < cutValue {
			return text, err
		}
	}
	f, err := os.OpenInRoot(t.dir, key.path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(bufio.NewReaderSize(io.LimitReader(f, MaxValueBytes+1), longestPorts))
	return string(data), err
}

// Exists reports whether the tree has key. A directory is not a key.
func (t *Tree) Exists(key Key) (bool, error) {
	_, err := t.stat(key)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return false, nil
	}
	return false, err
}

// stat finds the file of key and makes sure that it is a regular one, so that reading
// it neither blocks nor leaves the tree.
func (t *Tree) stat(key Key) (fs.FileInfo, error) {
	if key.IsZero() {
		return nil, &Error{"open", key, errors.New("the key is empty")}
	}
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return nil, newError("open", key, err)
	}
	defer root.Close()
	info, err := root.Stat(key.path)
	switch {
	case err != nil:
		return nil, newError("open", key, err)
	case info.IsDir():
		return nil, &Error{"open", key, syscall.EISDIR}
	case !info.Mode().IsRegular():
		return nil, &Error{"open", key, errNotRegular}
	}
	return info, nil
}

// Match returns the keys of the tree that match pattern, in order; none is not an
// error. A pattern without wildcards is looked up like [Tree.Exists]. What cannot be
// listed for want of permission is left out.
func (t *Tree) Match(pattern Key) ([]Key, error) {
	if !pattern.Glob() {
		ok, err := t.Exists(pattern)
		if !ok {
			return nil, err
		}
		return []Key{pattern}, nil
	}
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return nil, newError("open", pattern, err)
	}
	defer root.Close()
	found := []string{"."}
	for component := range strings.SplitSeq(pattern.path, "/") {
		if found, err = expand(root, found, component); err != nil {
			return nil, newError("list", pattern, err)
		}
	}
	var keys []Key
	for _, name := range found {
		key, err := ParseKey("/" + filepath.ToSlash(name))
		if err != nil {
			continue // a name that no key can have
		}
		if ok, _ := t.Exists(key); ok && pattern.Match(key) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, Key.Compare)
	return keys, nil
}

// expand returns the entries of dirs that match one component of a pattern.
func expand(root *os.Root, dirs []string, component string) ([]string, error) {
	pattern := Key{component}
	var found []string
	for _, dir := range dirs {
		names := []string{component}
		if pattern.Glob() {
			names = list(root, dir)
		}
		for _, name := range names {
			if !pattern.Glob() || pattern.Match(Key{name}) {
				found = append(found, filepath.Join(dir, name))
			}
		}
		if len(found) > MaxMatches {
			return nil, fmt.Errorf("more than %d keys match", MaxMatches)
		}
	}
	return found, nil
}

// list returns the names in dir, at most MaxMatches+1 of them; none if it is no
// directory, is gone or may not be read.
func list(root *os.Root, dir string) []string {
	info, err := root.Stat(dir)
	if err != nil || !info.IsDir() {
		return nil
	}
	f, err := root.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(MaxMatches + 1)
	return names
}
