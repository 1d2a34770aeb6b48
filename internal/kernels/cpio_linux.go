// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A cpio writes an archive that the kernel unpacks as its first root: the
// "newc" form of Documentation/driver-api/early-userspace/buffer-format.rst.
// The first error stays; close returns it.
type cpio struct {
	file    *os.File
	out     *bufio.Writer
	size    int64
	entries int
	seen    map[string]bool
	err     error
}

func createCPIO(path string) (*cpio, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make the initial root: %w", err)
	}
	return &cpio{file: file, out: bufio.NewWriterSize(file, 1<<20), seen: map[string]bool{}}, nil
}

// close writes the trailer.
func (c *cpio) close() error {
	c.entry("TRAILER!!!", 0, 0, strings.NewReader(""))
	if err := c.out.Flush(); c.err == nil {
		c.err = err
	}
	if err := c.file.Close(); c.err == nil {
		c.err = err
	}
	if c.err != nil {
		return fmt.Errorf("make the initial root: %w", c.err)
	}
	return nil
}

// dir adds a directory and those above it.
func (c *cpio) dir(name string) {
	if name == "." || name == "/" || c.seen[name] {
		return
	}
	c.seen[name] = true
	c.dir(filepath.Dir(name))
	mode := uint32(0o755)
	if name == "tmp" {
		mode = 0o1777
	}
	c.entry(name, 0o040000|mode, 0, strings.NewReader(""))
}

// link adds a symbolic link.
func (c *cpio) link(name, target string) {
	if c.add(name) {
		c.entry(name, 0o120777, int64(len(target)), strings.NewReader(target))
	}
}

// text adds a small file.
func (c *cpio) text(name, text string) {
	if c.add(name) {
		c.entry(name, 0o100644, int64(len(text)), strings.NewReader(text))
	}
}

// copy adds a file of this machine, or what a link leads to.
func (c *cpio) copy(name, from string) {
	if !c.add(name) {
		return
	}
	file, err := os.Open(from)
	if err != nil {
		c.err = err
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		c.err = err
		return
	}
	c.entry(name, 0o100000|uint32(info.Mode().Perm()), info.Size(), file)
}

// tree adds the files below a directory of this machine.
func (c *cpio) tree(name, from string, skip func(relative string) bool) {
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && skip(relative):
			return fs.SkipDir
		case d.Type().IsRegular() && !skip(relative):
			c.copy(filepath.Join(name, relative), path)
		}
		return c.err
	})
	if c.err == nil {
		c.err = err
	}
}

// add makes room for a name that is not there yet.
func (c *cpio) add(name string) bool {
	if c.err != nil || c.seen[name] {
		return false
	}
	c.dir(filepath.Dir(name))
	c.seen[name] = true
	return true
}

// entry writes one header with its name and content, each padded to 4 bytes.
func (c *cpio) entry(name string, mode uint32, size int64, content io.Reader) {
	if c.err != nil {
		return
	}
	c.entries++
	header := "070701"
	// inode, mode, uid, gid, nlink, mtime, size, 4 device numbers, length of the name, checksum
	for _, field := range []int64{int64(c.entries), int64(mode), 0, 0, 1, 0, size, 0, 0, 0, 0, int64(len(name)) + 1, 0} {
		header += fmt.Sprintf("%08x", field)
	}
	c.write(strings.NewReader(header+name+"\x00"), int64(len(header)+len(name)+1))
	c.write(content, size)
}

func (c *cpio) write(content io.Reader, size int64) {
	if c.err != nil {
		return
	}
	if _, c.err = io.CopyN(c.out, content, size); c.err != nil {
		return
	}
	c.size += size
	padding := (4 - c.size%4) % 4
	c.size += padding
	_, c.err = c.out.Write(make([]byte, padding))
}
