// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"
)

// maxFileBytes bounds a read of one small file.
const maxFileBytes = 4 << 20

// root is the directory that every path hangs from: "/" for the live host, a
// saved tree otherwise. It only reads.
type root string

// live reports whether the root is the running host itself.
func (r root) live() bool { return r == "/" }

// path resolves name inside the root: absolute links of a saved tree stay in
// it. On the live host /proc/net is the thread's own, as /proc/net is that of
// the thread-group leader, which may live in another network namespace.
func (r root) path(name string) (string, error) {
	if r.live() {
		if rest, ok := strings.CutPrefix(name, "proc/net"); ok {
			name = "proc/thread-self/net" + rest
		}
		return "/" + name, nil
	}
	p, err := securejoin.SecureJoin(string(r), name)
	if err != nil {
		return "", fmt.Errorf("resolve %s inside %s: %w", name, string(r), err)
	}
	return p, nil
}

// open opens a file of the root for reading.
func (r root) open(name string) (*os.File, error) {
	p, err := r.path(name)
	if err != nil {
		return nil, err
	}
	return openRegular(p)
}

var errNotRegular = errors.New("not a regular file")

// openRegular opens a regular file and refuses all others. It neither waits
// for the other end of a pipe nor follows a link in the last component, which
// root.path has resolved.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// openDirectory opens a directory and refuses all others. It does not wait for
// the other end of a pipe.
func openDirectory(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
}

// directory resolves name inside the root and lists up to most of its entries,
// sorted.
func (r root) directory(name string, most int) (path string, names []string, err error) {
	path, err = r.path(name)
	if err != nil {
		return "", nil, err
	}
	d, err := openDirectory(path)
	if err != nil {
		return "", nil, err
	}
	defer d.Close()
	names, err = d.Readdirnames(most)
	if errors.Is(err, io.EOF) {
		err = nil // an empty directory
	}
	slices.Sort(names)
	return path, names, err
}

// text reads a small file of the root, surrounding blanks trimmed.
func (r root) text(name string) (string, error) {
	f, err := r.open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxFileBytes {
		return "", fmt.Errorf("longer than %d bytes", maxFileBytes)
	}
	return strings.TrimSpace(string(data)), nil
}

// parse opens a file of the root and hands it to a parser.
func parse[T any](r root, name string, parser func(io.Reader) (T, error)) (T, error) {
	f, err := r.open(name)
	if err != nil {
		var zero T
		return zero, err
	}
	defer f.Close()
	return parser(f)
}

// reason words an error for a person: the path is told apart already.
func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "not there"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	case errors.Is(err, unix.EROFS):
		return "read-only"
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// exists reports whether a file of the root is there; the second result is
// false when that could not be told.
func (r root) exists(name string) (exists, known bool) {
	p, err := r.path(name)
	if err != nil {
		return false, false
	}
	_, err = os.Stat(p)
	switch {
	case err == nil:
		return true, true
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return false, true
	}
	return false, false
}
