// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// series are the kernels that guests run: the names of Debian's packages, of
// which the newest is taken.
func series() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`^linux-image-(6\.1)\.0-(\d+)-cloud-amd64$`),
		regexp.MustCompile(`^linux-image-(6\.12)\.(\d+)\+deb\d+-cloud-amd64$`),
	}
}

// A kernel is one package of Debian, unpacked in the cache.
type kernel struct {
	Series  string // such as "6.12"
	Package string
	Version string // of the package
	Release string // as uname -r says it
	dir     string // of the unpacked package
}

// findKernel unpacks the newest package whose name matches, and fetches it when the
// cache lacks it. Nothing is installed on this machine.
func findKernel(ctx context.Context, pattern *regexp.Regexp, cache string) (*kernel, error) {
	name, err := newestPackage(ctx, pattern)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(cache, name)); name == "" || errors.Is(err, fs.ErrNotExist) {
		// The lists of apt may be missing, or name a package that is gone.
		if err := run(ctx, "", "apt-get", "update", "-q"); err != nil {
			return nil, err
		}
		if name, err = newestPackage(ctx, pattern); err != nil {
			return nil, err
		}
	}
	if name == "" {
		return nil, fmt.Errorf("find a kernel: no package of apt's sources matches %s", pattern)
	}
	k := &kernel{Series: pattern.FindStringSubmatch(name)[1], Package: name, dir: filepath.Join(cache, name)}
	if err := k.fetch(ctx); err != nil {
		return nil, err
	}
	return k, k.describe()
}

// newestPackage is the package with the highest number, or "" when none
// matches.
func newestPackage(ctx context.Context, pattern *regexp.Regexp) (string, error) {
	out, err := exec.CommandContext(ctx, "apt-cache", "pkgnames", "linux-image-").Output()
	if err != nil {
		return "", fmt.Errorf("list the packages of apt: %w", err)
	}
	newest, highest := "", -1
	for _, name := range strings.Fields(string(out)) {
		m := pattern.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		if number, err := strconv.Atoi(m[2]); err == nil && number > highest {
			newest, highest = name, number
		}
	}
	return newest, nil
}

// versionFile holds the version of the package beside what it contained.
const versionFile = "package-version"

// fetch fills the kernel's directory. It appears with one rename, so that a
// directory that is there is whole.
func (k *kernel) fetch(ctx context.Context) error {
	if _, err := os.Stat(k.dir); err == nil {
		return nil
	}
	cache := filepath.Dir(k.dir)
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("make the cache of kernels: %w", err)
	}
	tmp, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return fmt.Errorf("make the cache of kernels: %w", err)
	}
	defer os.RemoveAll(tmp)
	// apt-get download checks the archive's signature by way of the hash in apt's lists.
	if err := run(ctx, tmp, "apt-get", "download", "-q", k.Package); err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil || len(debs) != 1 {
		return fmt.Errorf("fetch %s: apt-get download left %d packages", k.Package, len(debs))
	}
	root := filepath.Join(tmp, "root")
	if err := run(ctx, "", "dpkg-deb", "-x", debs[0], root); err != nil {
		return err
	}
	version, err := exec.CommandContext(ctx, "dpkg-deb", "-f", debs[0], "Version").Output()
	if err != nil {
		return fmt.Errorf("read the version of %s: %w", k.Package, err)
	}
	if err := os.WriteFile(filepath.Join(root, versionFile), version, 0o644); err != nil {
		return err
	}
	releases, err := filepath.Glob(filepath.Join(root, "lib/modules/*"))
	if err != nil || len(releases) != 1 {
		return fmt.Errorf("fetch %s: it has the modules of %d kernels", k.Package, len(releases))
	}
	// The package leaves this to its installation.
	if err := run(ctx, "", "busybox", "depmod", "-b", root, filepath.Base(releases[0])); err != nil {
		return err
	}
	return os.Rename(root, k.dir)
}

// describe reads what the unpacked package is.
func (k *kernel) describe() error {
	version, err := os.ReadFile(filepath.Join(k.dir, versionFile))
	if err != nil {
		return fmt.Errorf("read the version of %s: %w", k.Package, err)
	}
	k.Version = strings.TrimSpace(string(version))
	k.Release = strings.TrimPrefix(k.Package, "linux-image-")
	return nil
}

// image is the kernel to boot.
func (k *kernel) image() string { return filepath.Join(k.dir, "boot", "vmlinuz-"+k.Release) }

// modulesDir is where the modules are, below the package's directory and below
// the guest's root.
func (k *kernel) modulesDir() string { return filepath.Join("lib/modules", k.Release) }

// modules returns the files of the named modules and of those that they need,
// relative to modulesDir. A module that this kernel lacks is left out: it may
// be built in.
func (k *kernel) modules(names []string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(k.dir, k.modulesDir(), "modules.dep"))
	if err != nil {
		return nil, fmt.Errorf("read the modules of %s: %w", k.Package, err)
	}
	var files []string
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		file, needs, _ := strings.Cut(lines.Text(), ":")
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		if slices.Contains(names, name) {
			files = append(append(files, file), strings.Fields(needs)...)
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// run runs a program and shows what it wrote if it fails.
func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w\n%s", cmd, err, out)
	}
	return nil
}
