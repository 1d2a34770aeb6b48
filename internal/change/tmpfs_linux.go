// SPDX-License-Identifier: Apache-2.0

package change

import "golang.org/x/sys/unix"

// inMemory reports whether dir is known to be on a file system in memory.
func inMemory(dir string) bool {
	var stat unix.Statfs_t
	if unix.Statfs(dir, &stat) != nil {
		return false
	}
	magic := uint32(stat.Type) // its type differs from machine to machine
	return magic == unix.TMPFS_MAGIC || magic == unix.RAMFS_MAGIC
}
