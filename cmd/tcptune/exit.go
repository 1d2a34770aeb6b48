// SPDX-License-Identifier: Apache-2.0

package main

import "errors"

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
	exitConfig      = 78  // a bad config, rule or profile file (EX_CONFIG)
	exitInterrupted = 130 // ended by SIGINT or SIGTERM
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
