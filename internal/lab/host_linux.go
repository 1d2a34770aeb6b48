// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A Host is one network namespace that the lab made, with files of its own. It
// starts at the kernel's built-in settings, except that it does not forward
// and does not check reverse paths, and is removed at the end of the test.
type Host struct {
	Name string
	Tree *Tree // the files that programs of Command see

	// Container makes each program of Command process 1 of a PID namespace, with a /proc
	// of its own, as in a container. A host is like a namespace of ip netns exec without it:
	// process 1 is the machine's and lives elsewhere.
	Container bool

	netns      *os.File
	inode      uint64
	interfaces int  // the number of the next of eth0, eth1, ...
	machine    bool // see Machine
}

// NewHost makes a host without any link; lo is up. The test must be isolated.
func NewHost(t testing.TB, name string) *Host {
	t.Helper()
	if _, err := isolated(); err != nil {
		t.Fatal(err)
	}
	h, err := newHost(name)
	if err != nil {
		failNetns(t, err)
	}
	t.Cleanup(func() { h.netns.Close() })
	h.Tree = NewTree(t)
	return h
}

// newHost makes a network namespace, with lo up.
func newHost(name string) (*Host, error) {
	h := &Host{Name: name}
	var err error
	if h.netns, h.inode, err = newNamespace(); err != nil {
		return nil, err
	}
	err = h.Do(func() error { return linkUp("lo") })
	// A new namespace copies these from the initial one (devconf_inherit_init_net).
	for _, key := range []string{"net/ipv4/ip_forward", "net/ipv4/conf/all/rp_filter", "net/ipv4/conf/default/rp_filter"} {
		if err == nil {
			err = h.write(key, "0")
		}
	}
	if err != nil {
		h.netns.Close()
		return nil, err
	}
	return h, nil
}

// Self returns the namespace of the isolated process itself as a host, for a
// test that needs no second one. lo is up.
func Self(t testing.TB) *Host {
	t.Helper()
	if _, err := isolated(); err != nil {
		t.Fatal(err)
	}
	netns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netns.Close() })
	inode, err := currentNamespace()
	if err != nil {
		t.Fatal(err)
	}
	return &Host{Name: "self", Tree: NewTree(t), netns: netns, inode: inode}
}

// Do calls fn on a thread that stands in the host's network namespace and
// brings the thread back. A goroutine that fn starts is not in the namespace,
// and fn must read /proc/thread-self/net, because /proc/net is that of the
// first thread.
func (h *Host) Do(fn func() error) error {
	return visit(func() error {
		if err := unix.Setns(int(h.netns.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace of %s: %w", h.Name, err)
		}
		return nil
	}, fn)
}

// Command returns a command that runs in the host's network namespace and sees
// the host's files. It is an ordinary [exec.Cmd]; add to its Env, do not replace
// it. The process is killed when the test's process dies.
func (h *Host) Command(name string, args ...string) *exec.Cmd {
	cmd := h.command(name, args, h.Tree.binds())
	if cmd.Err == nil {
		cmd.SysProcAttr.Unshareflags = unix.CLONE_NEWNS // makes every mount private, too
		if h.Container {
			cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWPID
		}
	}
	return cmd
}

// command returns a command that starts as a helper of the lab, which enters
// the namespace and then becomes the program. As with [exec.Command], an error
// waits in Err for the start.
func (h *Host) command(name string, args []string, binds []bind) *exec.Cmd {
	cmd := exec.Command(name, args...)
	if cmd.Err != nil {
		return cmd
	}
	program, err := helper()
	if err != nil {
		cmd.Err = err
		return cmd
	}
	path, err := filepath.Abs(cmd.Path)
	if err != nil {
		cmd.Err = err
		return cmd
	}
	text, err := json.Marshal(entry{
		Netns: fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), h.netns.Fd()),
		Path:  path,
		Binds: binds,
	})
	if err != nil {
		cmd.Err = err
		return cmd
	}
	cmd.Path = program
	cmd.Env = append(withoutLab(os.Environ()), envEntry+"="+string(text))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	return cmd
}

// hostWide are keys of /proc/sys/net that older kernels let a namespace write
// although the value is the machine's.
func hostWide(key string) bool {
	return slices.Contains([]string{
		"net/netfilter/nf_conntrack_max", "net/nf_conntrack_max", "net/netfilter/nf_conntrack_buckets",
		"net/netfilter/nf_conntrack_expect_max", "net/ipv4/tcp_allowed_congestion_control",
	}, key)
}

// Sysctl writes a key below net, in dotted form (in slash form when it has a
// slash), in the host's namespace and reads it back. Other keys are those of the
// machine and are refused.
func (h *Host) Sysctl(t testing.TB, key, value string) {
	t.Helper()
	name := sysctlName(key)
	if strings.Contains(name, "..") || !h.machine && (!strings.HasPrefix(name, "net/") || hostWide(name)) {
		t.Fatalf("write %s: not a key of a network namespace", key)
	}
	if h.machine {
		h.restore(t, name)
	}
	if err := h.write(name, value); err != nil {
		t.Fatalf("%s: %v", h.Name, err)
	}
	if got, want := h.ReadSysctl(t, key), strings.Join(strings.Fields(value), " "); got != want {
		t.Fatalf("%s: %s is %q after writing %q", h.Name, key, got, want)
	}
}

// write writes a key of /proc/sys in the host's namespace, and nowhere else.
func (h *Host) write(name, value string) error {
	return h.Do(func() error {
		inode, err := currentNamespace()
		if err != nil {
			return err
		}
		if inode != h.inode {
			return fmt.Errorf("write %s: in network namespace %d instead of %d", name, inode, h.inode)
		}
		return os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0)
	})
}

// ReadSysctl returns the value of a key in the host's namespace, its fields
// joined by one space.
func (h *Host) ReadSysctl(t testing.TB, key string) string {
	t.Helper()
	return strings.Join(strings.Fields(h.read(t, filepath.Join("/proc/sys", sysctlName(key)))), " ")
}

// HasSysctl tells whether the host has a key.
func (h *Host) HasSysctl(key string) bool {
	return h.Do(func() error {
		_, err := os.Stat(filepath.Join("/proc/sys", sysctlName(key)))
		return err
	}) == nil
}

// sysctlName is the path of a key below /proc/sys, see sysctl.d(5).
func sysctlName(key string) string {
	if strings.Contains(key, "/") {
		return strings.TrimPrefix(key, "/")
	}
	return strings.ReplaceAll(key, ".", "/")
}

// ReadNet returns a file of the host's /proc/net, such as "sockstat".
func (h *Host) ReadNet(t testing.TB, name string) string {
	t.Helper()
	return h.read(t, filepath.Join("/proc/thread-self/net", name))
}

// read returns a file as seen from the host's network namespace.
func (h *Host) read(t testing.TB, path string) string {
	t.Helper()
	var text []byte
	err := h.Do(func() (err error) {
		text, err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", h.Name, err)
	}
	return string(text)
}

// newNamespace makes a network namespace and leaves the thread where it was.
func newNamespace() (netns *os.File, inode uint64, err error) {
	err = visit(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make network namespace: %w", err)
		}
		return nil
	}, func() (err error) {
		if inode, err = currentNamespace(); err != nil {
			return err
		}
		netns, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	return netns, inode, err
}

// visit moves the calling thread to another network namespace, calls fn and
// moves it back, also when fn ends the goroutine (t.Fatal) or panics. If there
// is no way back the thread stays locked: it ends with its goroutine and no
// other goroutine ever runs in the wrong namespace.
func visit(move, fn func() error) (err error) {
	runtime.LockOSThread()
	origin, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() {
		defer origin.Close()
		if back := unix.Setns(int(origin.Fd()), unix.CLONE_NEWNET); back != nil {
			err = errors.Join(err, fmt.Errorf("go back to the first network namespace: %w", back))
			return
		}
		runtime.UnlockOSThread()
	}()
	if err := move(); err != nil {
		return err
	}
	return fn()
}

// currentNamespace returns the inode of the calling thread's network namespace.
func currentNamespace() (uint64, error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		return 0, fmt.Errorf("stat network namespace: %w", err)
	}
	return st.Ino, nil
}
