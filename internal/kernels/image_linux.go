// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// modules are what a guest can load. Until settle none is loaded but on demand.
func modules() []string {
	return []string{
		"tcp_diag", "inet_diag", "netlink_diag", "unix_diag",
		"veth", "tun", "dummy", "bridge", "sch_fq", "sch_netem", "sch_tbf", "tcp_bbr", "tcp_htcp",
		"nf_conntrack", "nf_conntrack_netlink", "nf_tables", "nft_chain_nat", "nft_masq", "nft_nat", "nft_ct",
		"nft_reject_inet", "nft_limit", "nft_numgen", "nft_hash",
	}
}

// programs of this machine that tests run in a guest: the loaders of sysctl.d
// and ss. Busybox does for all else.
func programs() []string {
	return []string{"/usr/lib/systemd/systemd-sysctl", "/usr/sbin/sysctl", "/usr/bin/ss"}
}

// binaries compiles the test binaries of the jobs, and this program as the
// guest's init, into a directory. They are static.
func binaries(ctx context.Context, dir string, jobs []job) error {
	build := func(args ...string) error {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("run %s: %w\n%s", cmd, err, out)
		}
		return nil
	}
	if err := build("build", "-o", filepath.Join(dir, "init"), "./internal/kernels"); err != nil {
		return err
	}
	packages := map[string]string{helper().Package: helper().binary()}
	for _, j := range jobs {
		packages[j.Package] = j.binary()
	}
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		if err := build("test", "-c", "-ldflags=-s -w", "-o", filepath.Join(dir, packages[name]), "./"+name); err != nil {
			return err
		}
	}
	return nil
}

// writeRoot makes the initial root of a guest: init, the test binaries, the
// repository's files, programs with their libraries, the kernel's modules.
func writeRoot(ctx context.Context, m *machine, binaries string, p plan) error {
	image, err := createCPIO(m.root())
	if err != nil {
		return err
	}
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} { // as Debian has them
		image.link(dir, "usr/"+dir)
	}
	for _, dir := range []string{"tmp", "run", "proc", "sys", "dev", "root", "etc/sysctl.d", "var/lib", "usr/local/lib", "usr/sbin", "usr/lib64"} {
		image.dir(dir)
	}
	image.copy("init", filepath.Join(binaries, "init"))
	image.tree("tests", filepath.Join(binaries, "tests"), func(string) bool { return false })
	image.tree(strings.TrimPrefix(p.Repository, "/"), p.Repository, func(name string) bool { return name == ".git" })
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	image.text(strings.TrimPrefix(planPath, "/"), string(text))
	image.text("etc/passwd", "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n")
	image.text("etc/group", "root:x:0:\nnogroup:x:65534:\n")
	image.text("etc/os-release", "ID=guest\n")
	if err := addPrograms(ctx, image); err != nil {
		return err
	}
	if err := addModules(image, m.kernel); err != nil {
		return err
	}
	return image.close()
}

// addPrograms adds busybox, the programs and the libraries that they load.
func addPrograms(ctx context.Context, image *cpio) error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	image.copy("usr/bin/busybox", busybox)
	for _, program := range programs() {
		out, err := exec.CommandContext(ctx, "ldd", program).Output()
		if err != nil {
			return fmt.Errorf("list the libraries of %s: %w", program, err)
		}
		image.copy(strings.TrimPrefix(program, "/"), program)
		for _, word := range strings.Fields(string(out)) {
			if filepath.IsAbs(word) {
				image.copy(merged(word), word)
			}
		}
	}
	return nil
}

// merged is a path below /usr, where /lib and /lib64 lead.
func merged(path string) string {
	path = strings.TrimPrefix(path, "/")
	if strings.HasPrefix(path, "usr/") {
		return path
	}
	return "usr/" + path
}

// addModules adds the modules and what modprobe reads.
func addModules(image *cpio, k *kernel) error {
	files, err := k.modules(modules())
	if err != nil {
		return err
	}
	for _, file := range append(files, "modules.dep", "modules.alias", "modules.symbols", "modules.builtin") {
		image.copy(merged(filepath.Join(k.modulesDir(), file)), filepath.Join(k.dir, k.modulesDir(), file))
	}
	return nil
}
