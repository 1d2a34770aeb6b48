// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"bufio"
	"io"
	"os"
	"path"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
)

// maxModulesBytes is the most that is read of a modules.dep; those of distributions
// have less than 2 MiB.
const maxModulesBytes = 16 << 20

// CongestionModule returns the kernel module of a congestion control, which the kernel
// loads by itself when the initial network namespace chooses it (net/ipv4/tcp_cong.c,
// tcp_ca_find_autoload).
func CongestionModule(name string) string { return "tcp_" + strings.ReplaceAll(name, "-", "_") }

// HasModule reports whether there is a file of this module for the kernel release below
// root, by modules.dep (depmod(8)): "kernel/net/ipv4/tcp_bbr.ko.zst: ...".
func HasModule(root, release, name string) bool {
	for _, dir := range []string{"/lib/modules", "/usr/lib/modules", "/run/booted-system/kernel-modules/lib/modules"} {
		file, err := securejoin.SecureJoin(root, path.Join(dir, path.Base(release), "modules.dep"))
		if err == nil && listsModule(file, name) {
			return true
		}
	}
	return false
}

func listsModule(file, name string) bool {
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxModulesBytes))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		module, _, _ := strings.Cut(lines.Text(), ":")
		module, _, found := strings.Cut(path.Base(module), ".ko")
		if found && strings.ReplaceAll(module, "-", "_") == name {
			return true
		}
	}
	return false
}
