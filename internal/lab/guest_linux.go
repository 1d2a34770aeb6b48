// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// guestWord on the kernel's command line marks a virtual machine that was
// booted for one run of the lab and is thrown away.
const guestWord = "tcptune.guest"

// machineInterface is the number of the first interface that Join makes in the
// machine's own namespace, which may have an eth0.
const machineInterface = 10

// Guest tells whether this is such a machine: keys of the whole host may be
// changed. The environment variable TCPTUNE_GUEST must say so, and the command
// line that the kernel was booted with, which no process can change.
func Guest() bool {
	line, err := os.ReadFile("/proc/cmdline")
	return err == nil && os.Getenv("TCPTUNE_GUEST") == "1" && slices.Contains(strings.Fields(string(line)), guestWord)
}

// slowness is how much longer things take in a guest, whose processors are
// emulated, than on the machine that the patience of tests was made for.
const slowness = 5

// Patience is how long to wait for what a machine does within d.
func Patience(d time.Duration) time.Duration {
	if Guest() {
		return slowness * d
	}
	return d
}

// Machine returns the initial network namespace as a host, with private files,
// for what exists only there: net.ipv4.tcp_mem, fs.file-max and the like. A key
// that the test writes gets its value back at the end. The test fails where it
// does not run in a Guest.
func Machine(t testing.TB) *Host {
	t.Helper()
	if _, err := isolated(); err != nil {
		t.Fatal(err)
	}
	if !Guest() {
		t.Fatal("this is no guest: the keys of the machine are not for tests")
	}
	netns, err := os.Open("/proc/1/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netns.Close() })
	var st unix.Stat_t
	if err := unix.Fstat(int(netns.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	return &Host{Name: "machine", Tree: NewTree(t), netns: netns, inode: st.Ino, interfaces: machineInterface, machine: true}
}

// restore puts the present value of a key back at the end of the test.
func (h *Host) restore(t testing.TB, name string) {
	t.Helper()
	before := h.ReadSysctl(t, "/"+name)
	t.Cleanup(func() {
		err := h.Do(func() error { return os.WriteFile(filepath.Join("/proc/sys", name), []byte(before), 0) })
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("restore %s: %v", name, err)
		}
	})
}

// removeLink removes an interface, which otherwise goes some time after the
// namespace of its other end.
func (h *Host) removeLink(t testing.TB, name string) {
	err := h.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return netlink.LinkDel(link)
	})
	if _, gone := errors.AsType[netlink.LinkNotFoundError](err); err != nil && !gone {
		t.Errorf("remove interface %s: %v", name, err)
	}
}
