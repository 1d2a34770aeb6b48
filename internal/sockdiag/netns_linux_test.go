// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inNetNS is set in the environment of the child that TestMain starts: "yes",
// or why there is no namespace.
const inNetNS = "TCPTUNE_SOCKDIAG_NETNS"

// TestMain runs the whole test binary again in a network namespace of its own,
// so that tests see only sockets that they made and leave the host's alone.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(inNetNS) == "" {
		err := runInNetNS()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			os.Exit(max(exit.ExitCode(), 1))
		}
		if err == nil {
			os.Exit(0)
		}
		os.Setenv(inNetNS, err.Error())
	}
	if os.Getenv(inNetNS) == "yes" && !isFuzzWorker() {
		if err := raiseLoopback(); err != nil {
			os.Setenv(inNetNS, err.Error())
		}
	}
	os.Exit(m.Run())
}

func isFuzzWorker() bool {
	f := flag.Lookup("test.fuzzworker")
	return f != nil && f.Value.String() == "true"
}

func runInNetNS() error {
	runtime.LockOSThread() // Pdeathsig follows the thread
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), inNetNS+"=yes")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	return cmd.Run()
}

// raiseLoopback sets the interface lo up; in a new namespace it is down.
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request); err != nil {
		return fmt.Errorf("read flags of lo: %w", err)
	}
	request.SetUint16(request.Uint16() | unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("raise lo: %w", err)
	}
	return nil
}

// needNetNS skips a test that would otherwise see the host's sockets.
func needNetNS(tb testing.TB) {
	tb.Helper()
	if state := os.Getenv(inNetNS); state != "yes" {
		skip(tb, "netns", "no network namespace: "+state)
	}
}

// skip skips the test for the lack of a capability, or fails it if
// TCPTUNE_REQUIRE names that.
func skip(tb testing.TB, capability, reason string) {
	tb.Helper()
	if slices.Contains(strings.Split(os.Getenv("TCPTUNE_REQUIRE"), ","), capability) {
		tb.Fatalf("TCPTUNE_REQUIRE names %s: %s", capability, reason)
	}
	tb.Skip(reason)
}
