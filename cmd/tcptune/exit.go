// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/tcptune/tcptune/internal/change"
)

// Exit statuses. docs/exit-status.md describes them.
const (
	exitOK          = 0   // done: nothing at or above --fail-on
	exitNo          = 1   // the answer is no: findings at or above --fail-on; drift
	exitChanged     = 2   // with --detailed-exitcode: something changed, or would change
	exitFailed      = 3   // failed or could not judge; the system is as it was
	exitPartial     = 4   // failed, and the system is partly changed: what is left is listed
	exitUsage       = 64  // the command line is wrong (EX_USAGE of sysexits.h)
	exitBusy        = 75  // another run or a pending trial holds the lock (EX_TEMPFAIL)
	exitPermission  = 77  // permission denied (EX_NOPERM)
	exitConfig      = 78  // a bad config, rule, profile or waiver file (EX_CONFIG)
	exitInterrupted = 130 // ended by SIGHUP, SIGINT or SIGTERM, and the system is as it was
)

// exitError is an error with the exit status that it leads to and, perhaps,
// what to do next. With a nil err the command has said all that there is to
// say.
type exitError struct {
	status int
	err    error
	hint   string
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usageError is a wrong command line.
func usageError(err error, hint string) error {
	return &exitError{status: exitUsage, err: err, hint: hint}
}

// configError is a bad config or rule file.
func configError(err error, hint string) error {
	return &exitError{status: exitConfig, err: err, hint: hint}
}

// answerNo ends a command whose answer is no; it has printed why.
func answerNo() error { return &exitError{status: exitNo} }

// statusOf returns the exit status of a command's error.
func statusOf(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		return e.status
	}
	return exitFailed
}

// changeError gives an error of the change machine its exit status and says
// what to do next.
func changeError(err error) error {
	var known *exitError
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, change.ErrPartial):
		return &exitError{status: exitPartial, err: err, hint: "tcptune history shows what is left; tcptune rollback --force puts back what it can"}
	case errors.Is(err, context.Canceled):
		return &exitError{status: exitInterrupted, err: err}
	case errors.Is(err, change.ErrDamaged):
		return &exitError{status: exitFailed, err: err, hint: "nothing was changed; move the damaged entry away, and what it did can no longer be rolled back"}
	case errors.Is(err, change.ErrBusy):
		return &exitError{status: exitBusy, err: err, hint: "try again when it is done; tcptune history shows a pending trial, and tcptune confirm or rollback ends it"}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return &exitError{status: exitPermission, err: err, hint: permissionHint(err)}
	}
	return &exitError{status: exitFailed, err: err}
}

func permissionHint(err error) string {
	if errors.Is(err, syscall.EROFS) {
		return "the file system is read-only, as in most containers; nothing was changed"
	}
	return "live values and the drop-in need root; nothing was changed"
}
