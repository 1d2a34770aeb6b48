// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"fmt"
	"io"
	"strconv"
)

// A FileNr is /proc/sys/fs/file-nr (proc_sys_fs(5)): open file handles of the whole
// machine and their limit, fs.file-max.
type FileNr struct {
	Used uint64
	Max  uint64
}

// ParseFileNr parses the three numbers allocated, free and maximum. Free is 0 since
// Linux 2.6; before, it is taken off the allocated ones.
func ParseFileNr(r io.Reader) (FileNr, error) {
	rows, err := readRows(r)
	if err != nil {
		return FileNr{}, fmt.Errorf("parse file-nr: %w", err)
	}
	if len(rows) != 1 || len(rows[0].fields) != 3 {
		return FileNr{}, fmt.Errorf("parse file-nr: want one line of three numbers")
	}
	var n [3]uint64
	for i, field := range rows[0].fields {
		if n[i], err = strconv.ParseUint(field, 10, 64); err != nil {
			return FileNr{}, fmt.Errorf("parse file-nr: %s is not an unsigned decimal number", quote(field))
		}
	}
	if n[1] > n[0] {
		return FileNr{}, fmt.Errorf("parse file-nr: %d free of %d allocated", n[1], n[0])
	}
	return FileNr{Used: n[0] - n[1], Max: n[2]}, nil
}
