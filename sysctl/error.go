// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"errors"
	"io/fs"
)

// An Error is a failed access to a parameter. Test for its cause with errors.Is:
// fs.ErrNotExist (no such key in this kernel or network namespace),
// fs.ErrPermission, or an errno.
type Error struct {
	Op  string // the step that failed: "open", "read"
	Key Key
	Err error // the cause; a system call's errno without the path, which Key already says
}

// Error returns "open net.ipv4.tcp_mem: no such file or directory".
func (e *Error) Error() string { return e.Op + " " + e.Key.String() + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// newError wraps err. The operation of an *fs.PathError is more exact than op only when
// it is the read itself.
func newError(op string, key Key, err error) *Error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		if pathErr.Op == "read" {
			op = "read"
		}
		err = pathErr.Err
	}
	return &Error{Op: op, Key: key, Err: err}
}
