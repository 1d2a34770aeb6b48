// SPDX-License-Identifier: Apache-2.0

package change

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/sysctl"
)

// live is the tree below a /proc/sys.
type live struct {
	tree *sysctl.Tree
	dir  string
}

// NewLive returns the live values below procSys, which must be a directory. Below
// /proc/sys, net is the network namespace of the calling thread.
func NewLive(procSys string) (Live, error) {
	tree, err := sysctl.NewTree(procSys)
	if err != nil {
		return nil, err
	}
	return &live{tree, procSys}, nil
}

// Get returns the live value of key.
func (l *live) Get(key sysctl.Key) (sysctl.Value, error) { return l.tree.Get(key) }

// Set writes value and a newline by one write(2). The kernel takes what it understands
// of "50 # fast" and says so only by the number of bytes, which writing on, as
// os.File.Write does, would hide. A failed write may have changed the first numbers of
// a vector.
func (l *live) Set(key sysctl.Key, value sysctl.Value) error {
	fd, err := l.open(key)
	if err != nil {
		return &sysctl.Error{Op: "open", Key: key, Err: err}
	}
	err = writeOnce(fd, []byte(sysctl.NewValue(string(value))+"\n"))
	// close(2) has nothing to report for a file of procfs.
	_ = unix.Close(fd)
	if err != nil {
		return &sysctl.Error{Op: "write", Key: key, Err: err}
	}
	return nil
}

// open opens the file of key for writing: no file is made, none emptied, no link
// followed, no pipe waited for.
func (l *live) open(key sysctl.Key) (int, error) {
	if key.IsZero() {
		return -1, errors.New("the key is empty")
	}
	const flags = unix.O_WRONLY | unix.O_CLOEXEC | unix.O_NOFOLLOW | unix.O_NONBLOCK
	name := filepath.Join(l.dir, key.Path())
	fd, err := unix.Open(name, flags, 0)
	for errors.Is(err, unix.EINTR) {
		fd, err = unix.Open(name, flags, 0)
	}
	if err != nil {
		return -1, err
	}
	var stat unix.Stat_t
	if err = unix.Fstat(fd, &stat); err == nil && stat.Mode&unix.S_IFMT != unix.S_IFREG {
		err = errors.New("it is not a regular file")
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// writeOnce hands all of data to the kernel in one write(2), or fails.
func writeOnce(fd int, data []byte) error {
	n, err := unix.Write(fd, data)
	switch {
	case err != nil:
		return err
	case n != len(data):
		return fmt.Errorf("the kernel took only %d of %d bytes", n, len(data))
	}
	return cut(fd, n)
}

// cut takes the rest of a longer value off the file of a copied tree. The kernel's files
// have the size 0 and are left alone.
func cut(fd, length int) error {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil || stat.Size <= int64(length) {
		return err
	}
	return unix.Ftruncate(fd, int64(length))
}
