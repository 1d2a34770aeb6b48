// SPDX-License-Identifier: Apache-2.0

// Command kernels runs the kernel-facing tests of this repository on other
// kernels: Debian's of the cloud flavour, each in a guest of QEMU with software
// emulation. A guest has no network device and no disk; its root is an archive
// with the test binaries, this repository and the kernel's modules. The program
// is the guest's init as well.
//
//	make kernels                             every kernel-facing test
//	go run ./internal/kernels -rows          the rows that CI runs for each commit
//	go run ./internal/kernels -package internal/sockdiag -run TestKernelScene
//
// It needs Debian with qemu-system-x86, busybox-static, systemd, procps and
// iproute2. Where a program is missing it says so and ends well, unless
// TCPTUNE_REQUIRE names "kernels". Packages of kernels are unpacked in a cache,
// never installed.
//
// Out of scope: other architectures, and kernels that Debian does not build.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	rows    bool
	pkg     string
	pattern string
	kernels string
	cache   string
	log     string
	timeout time.Duration
	lab     string
	verbose bool
}

func main() {
	if os.Getpid() == 1 {
		guest()
	}
	var o options
	flag.BoolVar(&o.rows, "rows", false, "run the named rows only, those of each commit")
	flag.StringVar(&o.pkg, "package", "", "run the tests of these packages only, such as internal/sockdiag,internal/change")
	flag.StringVar(&o.pattern, "run", "", "with one -package, the tests that match this, as go test -run")
	flag.StringVar(&o.kernels, "kernels", "", "run these series only, such as 6.1,6.12")
	flag.StringVar(&o.cache, "cache", defaultCache(), "directory for unpacked kernels")
	flag.StringVar(&o.log, "log", "", "keep the result of each test in this file")
	flag.DurationVar(&o.timeout, "timeout", 2*time.Hour, "end a guest after this time")
	flag.StringVar(&o.lab, "lab", "", "write the outcomes of the lab into this directory")
	flag.BoolVar(&o.verbose, "v", false, "show every line that a test writes, as it comes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := o.run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(1)
	}
}

// defaultCache is tcptune-kernels in the user's cache directory.
func defaultCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "tcptune-kernels")
}

// run makes the guests, runs them side by side and writes what they say.
func (o options) run(ctx context.Context, out io.Writer) error {
	if err := missing(); err != nil {
		if slices.Contains(strings.Split(os.Getenv("TCPTUNE_REQUIRE"), ","), "kernels") {
			return err
		}
		fmt.Fprintln(out, "skipped:", err)
		return nil
	}
	jobs, err := o.jobs()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tcptune-kernels-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	repository, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	machines, err := o.machines(ctx, dir, plan{Repository: repository, Jobs: jobs, JobTimeout: o.timeout, Require: "netns,ss,loaders"})
	if err != nil {
		return err
	}
	began := time.Now()
	var wait sync.WaitGroup
	errs := make([]error, len(machines))
	logs := make([]bytes.Buffer, len(machines))
	terminal := &shared{out: out}
	all := io.Discard
	if o.verbose {
		all = terminal
	}
	for i, m := range machines {
		wait.Go(func() {
			r := report{series: m.Series, jobs: jobs, out: io.MultiWriter(terminal, &logs[i]), lab: o.lab, all: all}
			fmt.Fprintf(r.out, "%-5s %s %s\n", m.Series, m.Package, m.Version)
			err := m.run(ctx, r.add)
			errs[i] = errors.Join(err, r.verdict())
		})
	}
	wait.Wait()
	var said []string
	for i := range logs {
		said = append(said, logs[i].String())
	}
	return errors.Join(append(errs, o.writeLog(began, said))...)
}

// shared is a stream that several guests write to; each write stays whole.
type shared struct {
	mu  sync.Mutex
	out io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

// jobs are the tests that the flags ask for.
func (o options) jobs() ([]job, error) {
	switch {
	case o.pattern != "":
		return []job{{Package: o.pkg, Pattern: o.pattern}}, nil
	case o.rows:
		return rows(), nil
	}
	jobs, err := allJobs(".")
	if o.pkg != "" {
		jobs = slices.DeleteFunc(jobs, func(j job) bool { return !slices.Contains(strings.Split(o.pkg, ","), j.Package) })
	}
	return jobs, err
}

// machines prepares one guest for each series.
func (o options) machines(ctx context.Context, dir string, p plan) ([]*machine, error) {
	if err := binaries(ctx, dir, p.Jobs); err != nil {
		return nil, err
	}
	var list []*machine
	for _, pattern := range series() {
		k, err := findKernel(ctx, pattern, o.cache)
		if err != nil {
			return nil, err
		}
		if o.kernels != "" && !slices.Contains(strings.Split(o.kernels, ","), k.Series) {
			continue
		}
		m := &machine{kernel: k, dir: filepath.Join(dir, k.Release)}
		if err := os.Mkdir(m.dir, 0o755); err != nil {
			return nil, err
		}
		if err := writeRoot(ctx, m, dir, p); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// missing says which programs are not here, and where they come from.
func missing() error {
	var names []string
	for _, name := range append(programs(), "qemu-system-x86_64", "busybox", "apt-get", "dpkg-deb", "ldd") {
		if _, err := exec.LookPath(name); err != nil {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		return fmt.Errorf("find %s: not here [apt-get install qemu-system-x86 busybox-static systemd procps iproute2]", strings.Join(names, ", "))
	}
	return nil
}
