// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/procnet"
)

// readHost identifies the machine.
func (s *Snapshot) readHost(r root) {
	h := &Host{}
	s.Host = h
	h.Hostname, _ = r.text("proc/sys/kernel/hostname")
	h.BootID, _ = r.text("proc/sys/kernel/random/boot_id")
	release, err := r.text("proc/sys/kernel/osrelease")
	if err != nil {
		s.gap("/proc/sys/kernel/osrelease", err, "")
	}
	h.Kernel = release
	h.Machine, _ = r.text("proc/sys/kernel/arch") // since Linux 6.1
	if online, err := r.text("sys/devices/system/cpu/online"); err == nil {
		h.CPUs = countCPUs(online)
	}
	if memory, err := parse(r, "proc/meminfo", procnet.ParseMeminfo); err != nil {
		s.gap("/proc/meminfo", err, "")
	} else if total, ok := memory["MemTotal"]; ok {
		h.MemoryBytes = &total
	}
	if !r.live() {
		return
	}
	if h.Machine == "" {
		h.Machine = machine()
	}
	page := int64(os.Getpagesize())
	h.PageBytes = &page
	h.HZ = tickRate()
	h.Privilege = "user"
	if os.Geteuid() == 0 {
		h.Privilege = "root"
	}
}

// namespaceOfFirst is the network namespace of process 1, empty when hidden.
// That may be our own process, whose first thread may be the one that enters
// another namespace: read it before any is entered.
func namespaceOfFirst() string {
	link, _ := os.Readlink("/proc/1/ns/net")
	return link
}

// readNamespace identifies the network namespace; first is that of process 1.
func (h *Host) readNamespace(r root, first string) {
	// Only the initial network namespace has TCP's memory limit (Linux 3.13).
	// A tree may just lack the file.
	initial, known := r.exists("proc/sys/net/ipv4/tcp_mem")
	if procSys, _ := r.exists("proc/sys/net/ipv4"); known && procSys && (initial || r.live()) {
		h.Initial = &initial
	}
	if !r.live() {
		return
	}
	h.Netns, _ = os.Readlink("/proc/thread-self/ns/net")
	if first != "" && h.Netns != "" {
		same := first == h.Netns
		h.Pid1 = &same
	}
}

// files reports whether the sysctl files are for this network namespace, as far
// as is known.
func (h *Host) files() bool {
	return h.Initial != nil && *h.Initial || h.Pid1 == nil || *h.Pid1
}

// machine is uname -m, empty when it cannot be told.
func machine() string {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return ""
	}
	return unix.ByteSliceToString(uts.Machine[:])
}

// countCPUs counts a list such as "0-3,8".
func countCPUs(list string) *int64 {
	var n int64
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		a, err := strconv.ParseInt(first, 10, 32)
		if err != nil {
			return nil
		}
		b := a
		if isRange {
			if b, err = strconv.ParseInt(last, 10, 32); err != nil || b < a {
				return nil
			}
		}
		n += b - a + 1
	}
	return &n
}
