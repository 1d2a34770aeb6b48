// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
)

// dispatch does the work of a helper process of internal/lab.
func dispatch() (status int, ok bool) { return lab.Dispatch() }

// commands are the programs that tests can run.
func commands() map[string]func() {
	return map[string]func(){"tcptune": main, unprivileged: runUnprivileged}
}

// unprivileged is the program that runs tcptune as the ordinary user nobody.
// SysProcAttr.Credential of a [lab.Host] command would not do: entering the
// host needs root, and another user may not execute the test binary in the
// private directory of go test.
const unprivileged = "unprivileged"

// nobody is the user and group id that no file belongs to.
const nobody = 65534

func runUnprivileged() {
	err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody),
		// After setuid() without execve() /proc/self would belong to root.
		unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0))
	if err != nil {
		fmt.Fprintf(os.Stderr, "become user %d: %v\n", nobody, err)
		os.Exit(exitFailed)
	}
	main()
}

// needUsers skips the test, or fails it when "users" is required, where a
// process cannot become another user: in the user namespace that an ordinary
// user's tests run in, only one is mapped.
func needUsers(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	if f := strings.Fields(string(text)); len(f) == 3 && f[2] == "1" {
		lab.Unavailable(t, "users", errors.New("only one user is mapped in this user namespace"))
	}
}
