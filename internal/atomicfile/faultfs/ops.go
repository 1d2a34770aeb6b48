// SPDX-License-Identifier: Apache-2.0

package faultfs

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"syscall"

	"github.com/tcptune/tcptune/internal/atomicfile"
)

// ReadFile implements atomicfile.FS.
func (f *FS) ReadFile(name string) (data []byte, err error) {
	err = f.do("read", name, func() error {
		n, err := f.find(name)
		switch {
		case err != nil:
			return err
		case !n.mode.IsRegular():
			return atomicfile.ErrNotRegular
		case len(n.data) > atomicfile.MaxBytes:
			return syscall.EFBIG
		}
		data = append([]byte{}, n.data...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Lstat implements atomicfile.FS.
func (f *FS) Lstat(name string) (result fs.FileInfo, err error) {
	err = f.do("lstat", name, func() error {
		n, err := f.find(name)
		if err == nil {
			result = info{path.Base(name), int64(len(n.data)), n.mode, n.modTime}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// ReadDir implements atomicfile.FS.
func (f *FS) ReadDir(name string) (names []string, err error) {
	err = f.do("readdir", name, func() error {
		n, err := f.dir(name)
		if err == nil {
			names = slices.Sorted(maps.Keys(n.entries))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return names, nil
}

// Mkdir implements atomicfile.FS.
func (f *FS) Mkdir(name string, mode fs.FileMode) error {
	return f.do("mkdir", name, func() error {
		parent, err := f.dir(path.Dir(name))
		if err != nil {
			return err
		}
		if _, ok := parent.entries[path.Base(name)]; ok {
			return syscall.EEXIST
		}
		parent.entries[path.Base(name)] = newDir(mode, f.clock)
		return nil
	})
}

// CreateTemp implements atomicfile.FS.
func (f *FS) CreateTemp(dir, pattern string) (atomicfile.File, error) {
	var created *file
	err := f.do("create", path.Join(dir, pattern), func() error {
		parent, err := f.dir(dir)
		if err != nil {
			return err
		}
		f.temps++
		name := tempName(pattern, f.temps)
		n := &node{mode: 0o600, modTime: f.clock}
		parent.entries[name] = n
		created = &file{f, n, path.Join(dir, name)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return created, nil
}

// Rename implements atomicfile.FS.
func (f *FS) Rename(from, to string) error {
	return f.do("rename", to, func() error {
		n, err := f.find(from)
		if err != nil {
			return err
		}
		target, err := f.dir(path.Dir(to))
		if err != nil {
			return err
		}
		if old, ok := target.entries[path.Base(to)]; ok && old.mode.IsDir() {
			return syscall.EISDIR
		}
		source, _ := f.dir(path.Dir(from))
		delete(source.entries, path.Base(from))
		target.entries[path.Base(to)] = n
		return nil
	})
}

// Remove implements atomicfile.FS.
func (f *FS) Remove(name string) error {
	return f.do("remove", name, func() error {
		n, err := f.find(name)
		if err != nil {
			return err
		}
		if n.mode.IsDir() && len(n.entries) > 0 {
			return syscall.ENOTEMPTY
		}
		parent, _ := f.dir(path.Dir(name))
		delete(parent.entries, path.Base(name))
		return nil
	})
}

// SyncDir implements atomicfile.FS.
func (f *FS) SyncDir(name string) error {
	return f.do("syncdir", name, func() error {
		n, err := f.dir(name)
		if err == nil {
			n.durableEntries = maps.Clone(n.entries)
		}
		return err
	})
}

// A file is open for writing.
type file struct {
	fs   *FS
	node *node
	name string
}

func (f *file) Name() string { return f.name }

func (f *file) Write(data []byte) (int, error) {
	half := f.fs.half(f.node, data)
	err := f.fs.do("write", f.name, func() error {
		f.node.data = append(f.node.data, data...)
		return nil
	})
	if err != nil {
		return half, err
	}
	return len(data), nil
}

func (f *file) Chmod(mode fs.FileMode) error {
	return f.fs.do("chmod", f.name, func() error {
		f.node.mode = mode
		return nil
	})
}

func (f *file) Sync() error {
	return f.fs.do("sync", f.name, func() error {
		f.node.durable = slices.Clone(f.node.data)
		return nil
	})
}

func (f *file) Close() error {
	return f.fs.do("close", f.name, func() error { return nil })
}
