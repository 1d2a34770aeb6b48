// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// An isolation is what the test process tells the isolated process.
type isolation struct {
	Test   string // name of the isolated test
	Origin uint64 // inode of the network namespace that the test was started in
	Status string // file that receives outcome
	Alone  bool   // no process outside can be seen
}

// The outcome of an isolated test, as the isolated process writes it.
const (
	outcomePassed  = "passed"
	outcomeFailed  = "failed"
	outcomeSkipped = "skipped"
)

// isolateGrace is how long an isolated test has to report its own timeout
// before that of the whole test run.
const isolateGrace = 2 * time.Second

// Isolate runs body in a process of its own that lives in a new network
// namespace, with lo up, and a new mount namespace; an ordinary user gets a new
// user namespace in which it is root. The process is the test binary told to
// run this test only, so everything before Isolate in the test function runs in
// both processes: put nothing there. Output and outcome become those of t. In a
// process that is isolated already, body is called at once.
//
// Where namespaces are refused the test is skipped with the errno, or fails
// when TCPTUNE_REQUIRE contains "netns".
func Isolate(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	isolate(t, false, body)
}

// IsolateAlone is Isolate in a new PID namespace as well, with a /proc of its
// own: body and what it starts are the only processes, and the namespaces of
// the machine's other processes cannot be seen.
func IsolateAlone(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	isolate(t, true, body)
}

func isolate(t *testing.T, alone bool, body func(t *testing.T)) {
	t.Helper()
	if os.Getenv(envIsolated) != "" {
		settle(t)
		body(t)
		return
	}
	origin, err := currentNamespace()
	if err != nil {
		t.Fatal(err)
	}
	status := filepath.Join(t.TempDir(), "outcome")
	output, err := runIsolated(t, isolation{t.Name(), origin, status, alone})
	if len(output) > 0 {
		t.Logf("isolated:\n%s", output)
	}
	if err != nil && output == "" && isRefusal(err) {
		Unavailable(t, "netns", err)
	}
	outcome, readErr := os.ReadFile(status)
	switch {
	case readErr != nil:
		t.Fatalf("isolated test ended without an outcome: %v", errors.Join(err, readErr))
	case err != nil || string(outcome) == outcomeFailed:
		t.Fatalf("isolated test %s: %v", outcome, err)
	case string(outcome) == outcomeSkipped:
		t.Skip("isolated test was skipped, see its output above")
	}
}

// Isolated tells whether this process is one that [Isolate] has made.
func Isolated() bool { return os.Getenv(envIsolated) != "" }

// runIsolated starts the test binary for one test in new namespaces and returns
// what it wrote. A machine may refuse a network namespace to root without
// CAP_SYS_ADMIN and still give a user namespace, which is tried second.
func runIsolated(t *testing.T, i isolation) (output string, err error) {
	binary, err := os.Executable()
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(i)
	if err != nil {
		return "", err
	}
	for _, userNamespace := range []bool{os.Geteuid() != 0, true} {
		cmd := exec.CommandContext(t.Context(), binary, testArguments(t)...)
		cmd.Env = append(quickExit(os.Environ()), envIsolated+"="+string(text))
		cmd.SysProcAttr = isolatedAttributes(userNamespace)
		if i.Alone {
			cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWPID
		}
		cmd.WaitDelay = isolateGrace
		var out []byte
		out, err = cmd.CombinedOutput()
		if cmd.Process != nil || !isRefusal(err) {
			return string(out), err
		}
	}
	return "", err
}

// testArguments are the arguments that select this test, with the deadline and
// the coverage directory of this run. With
// `go test -cover ... -args -test.gocoverdir=DIR` the isolated processes count.
func testArguments(t *testing.T) []string {
	var pattern []string
	for element := range strings.SplitSeq(t.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(element)+"$")
	}
	args := []string{"-test.run=" + strings.Join(pattern, "/"), "-test.v", "-test.count=1"}
	if deadline, ok := t.Deadline(); ok {
		args = append(args, fmt.Sprintf("-test.timeout=%v", max(time.Until(deadline)-isolateGrace, time.Second)))
	}
	if f := flag.Lookup("test.gocoverdir"); f != nil && f.Value.String() != "" {
		args = append(args, "-test.gocoverdir="+f.Value.String())
	}
	return args
}

// isolatedAttributes make a child in new namespaces that dies with its parent.
// Unshareflags, not Cloneflags, for the mount namespace: with it the syscall
// package makes every mount private, so that none reaches the machine.
func isolatedAttributes(userNamespace bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags:   unix.CLONE_NEWNET,
		Unshareflags: unix.CLONE_NEWNS,
		Pdeathsig:    unix.SIGKILL,
	}
	if userNamespace {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return attr
}

// isRefusal tells whether the machine refused a namespace: no privilege, a
// kernel without them, or a limit such as user.max_net_namespaces reached
// (ENOSPC, see namespaces(7)).
func isRefusal(err error) bool {
	for _, errno := range []unix.Errno{unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EINVAL, unix.ENOSPC, unix.EUSERS} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// settle checks that this process is isolated indeed, brings lo up and, for the
// test that was isolated, arranges for its outcome to be written.
func settle(t *testing.T) {
	t.Helper()
	i, err := isolated()
	if err != nil {
		t.Fatal(err)
	}
	if i.Test == t.Name() {
		t.Cleanup(func() {
			outcome := outcomePassed
			switch {
			case t.Failed():
				outcome = outcomeFailed
			case t.Skipped():
				outcome = outcomeSkipped
			}
			if err := os.WriteFile(i.Status, []byte(outcome), 0o600); err != nil {
				t.Error(err)
			}
		})
	}
	if i.Alone && os.Getpid() == 1 {
		if err := mountProc(); err != nil {
			failNetns(t, err)
		}
	}
	if err := linkUp("lo"); err != nil {
		failNetns(t, err)
	}
}

// isolated returns the isolation of this process, or an error when it does not
// stand in a namespace of the lab's making.
func isolated() (isolation, error) {
	var i isolation
	text := os.Getenv(envIsolated)
	if text == "" {
		return i, errors.New("not isolated [call lab.Isolate and use the lab in its body]")
	}
	if err := json.Unmarshal([]byte(text), &i); err != nil {
		return i, fmt.Errorf("parse %s: %w", envIsolated, err)
	}
	current, err := currentNamespace()
	if err != nil {
		return i, err
	}
	if i.Origin == 0 || current == i.Origin {
		return i, errors.New("not isolated: this is the network namespace that the test was started in")
	}
	return i, nil
}

// failNetns ends the test because a namespace could not be set up: a skip when
// the machine refused, a failure otherwise.
func failNetns(t testing.TB, err error) {
	t.Helper()
	if isRefusal(err) {
		Unavailable(t, "netns", err)
	}
	t.Fatal(err)
}

// linkUp brings up an interface of the calling thread's network namespace.
func linkUp(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", name, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring up interface %s: %w", name, err)
	}
	return nil
}
