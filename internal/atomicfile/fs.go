// SPDX-License-Identifier: Apache-2.0

package atomicfile

import "io/fs"

// FS is what replacing, reading and removing files needs of an operating
// system. Names are host paths. Errors are *fs.PathError with the errno.
type FS interface {
	ReadFile(name string) ([]byte, error) // at most MaxBytes
	Lstat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]string, error)        // names, sorted
	Mkdir(name string, mode fs.FileMode) error    // mode whatever the umask is; fs.ErrExist if it is there
	CreateTemp(dir, pattern string) (File, error) // as os.CreateTemp, mode 0600
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(name string) error
}

// File is a file that is being written.
type File interface {
	Name() string
	Write(data []byte) (int, error)
	Chmod(mode fs.FileMode) error
	Sync() error
	Close() error
}
