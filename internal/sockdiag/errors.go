// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// ErrStop is returned by a callback that has seen enough. The dump ends early
// without an error, and its Summary is not Complete.
var ErrStop = errors.New("stop dump")

// ErrUnavailable matches, by errors.Is, an error that says that this kernel
// cannot be asked about TCP sockets over netlink: it lacks inet_diag, or
// access is denied. A ProcTable may still work.
var ErrUnavailable = errors.New("sock_diag is not available")

var (
	errMalformed = errors.New("malformed netlink message")
	errTruncated = errors.New("netlink datagram does not fit the receive buffer")
	errOverrun   = errors.New("netlink data lost (NLMSG_OVERRUN)")
	errClosed    = fmt.Errorf("client is closed: %w", fs.ErrClosed)
)

// An Error is a failed step of a conversation with the kernel.
type Error struct {
	Op  string // what was tried, for example "dump TCP sockets"
	Err error  // a syscall.Errno, an error of the context, or one about the answer
}

// Error returns the operation and its error.
func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns Err, so that errors.Is finds an errno or context.Canceled.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is ErrUnavailable and e is such an error.
func (e *Error) Is(target error) bool {
	return target == ErrUnavailable && (unsupported(e.Err) ||
		errors.Is(e.Err, syscall.EPERM) || errors.Is(e.Err, syscall.EACCES))
}

// unsupported reports whether err is an errno by which a kernel says that it
// does not know what it was asked: ENOENT for inet_diag (sock_diag_rcv_msg,
// inet_diag_lock_handler), EOPNOTSUPP and EINVAL for a form of the request,
// the rest for the kind of socket.
func unsupported(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.ENOENT, syscall.EOPNOTSUPP, syscall.EINVAL, syscall.ENOSYS,
		syscall.EPROTONOSUPPORT, syscall.EAFNOSUPPORT, syscall.ECONNREFUSED,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return errors.Is(err, errors.ErrUnsupported)
}
