// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The environment variables by which one process of the lab tells the next
// what it is.
const (
	envIsolated = "TCPTUNE_LAB_ISOLATED" // JSON of isolation
	envEntry    = "TCPTUNE_LAB_ENTRY"    // JSON of entry
	envProgram  = "TCPTUNE_LAB_PROGRAM"  // any value; the program comes on standard input
	envHelper   = "TCPTUNE_LAB_HELPER"   // a program that calls Dispatch and starts quicker than the test binary
	envRequire  = "TCPTUNE_REQUIRE"      // comma list of capabilities that must not be missing
)

// Main is the body of TestMain: it does what [Dispatch] says, or runs the
// tests, and returns the exit status.
func Main(m *testing.M) int {
	if status, ok := Dispatch(); ok {
		return status
	}
	return m.Run()
}

// Dispatch does the work of a helper process of the lab when this process was
// started as one; ok is false when it was not and the tests should run. Call it
// first in a TestMain that cannot use [Main], for instance one that ends in
// testscript.Main, and pass status to os.Exit.
func Dispatch() (status int, ok bool) {
	var err error
	if text := os.Getenv(envEntry); text != "" {
		err = enter(text)
	} else if os.Getenv(envProgram) != "" {
		err = runProgram(os.Stdin, os.Stdout)
	} else {
		return 0, false
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		return 1, true
	}
	return 0, true
}

// helper is the program that is started as a helper process: the test binary, or
// what the environment names.
func helper() (string, error) {
	if path := os.Getenv(envHelper); path != "" {
		return path, nil
	}
	return os.Executable()
}

// An entry says where a process is to run and what: the helper moves into the
// namespace, covers the directories and becomes the program, keeping its own
// arguments.
type entry struct {
	Netns string // a path of a network namespace
	Path  string // the program
	Binds []bind // in this order
}

// enter becomes the program of the entry. It returns only with an error.
//
// setns(2) moves one thread; execve(2) ends the others and keeps the calling
// thread's namespaces, which is why the thread is locked.
func enter(text string) error {
	var e entry
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return fmt.Errorf("parse %s: %w", envEntry, err)
	}
	runtime.LockOSThread()
	netns, err := os.Open(e.Netns)
	if err != nil {
		return err
	}
	if err := unix.Setns(int(netns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	for _, b := range e.Binds {
		if err := b.mount(); err != nil {
			return err
		}
	}
	if os.Getpid() == 1 {
		if err := mountProc(); err != nil {
			return err
		}
	}
	if err := syscall.Exec(e.Path, os.Args, withoutLab(os.Environ())); err != nil {
		return fmt.Errorf("execute %s: %w", e.Path, err)
	}
	return nil
}

// mountProc makes /proc that of a new PID namespace.
func mountProc() error {
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc of a PID namespace: %w", err)
	}
	return nil
}

// withoutLab returns the environment without the variables that are for one
// process of the lab only.
func withoutLab(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(s string) bool {
		return strings.HasPrefix(s, envEntry+"=") || strings.HasPrefix(s, envIsolated+"=")
	})
}

// quickExit returns the environment with the second that a process built with
// -race sleeps at its end taken away, unless somebody has set GORACE.
func quickExit(environ []string) []string {
	if os.Getenv("GORACE") != "" {
		return environ
	}
	return append(environ, "GORACE=atexit_sleep_ms=0")
}

// Unavailable skips the test because the machine lacks a capability, saying
// why, or fails it when the environment variable TCPTUNE_REQUIRE, a comma list,
// names that capability.
func Unavailable(t testing.TB, capability string, reason error) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv(envRequire), ","), capability) {
		t.Fatalf("%s is required by %s: %v", capability, envRequire, reason)
	}
	t.Skipf("no %s here: %v", capability, reason)
}
