// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Places in the guest.
const (
	planPath     = "/plan.json"
	eventsDevice = "/dev/ttyS1" // to the host; the kernel logs to ttyS0
)

// maxOutput bounds one line that a test writes.
const maxOutput = 1 << 20

// A plan is what a guest is told to do.
type plan struct {
	Repository string // where it is in the guest, which is where it is on this machine: test binaries know
	Jobs       []job
	JobTimeout time.Duration
	Require    string // TCPTUNE_REQUIRE
}

// How a job ends in which all tests have run: well, and not.
const (
	succeeded   = "exit status 0"
	testsFailed = "exit status 1"
)

// An event is what a guest tells the host: one line of JSON.
type event struct {
	Job    int      `json:"job"`
	Output string   `json:"output,omitempty"` // a line of the job's test binary
	Ended  string   `json:"ended,omitempty"`  // how the job ended
	Took   float64  `json:"took,omitempty"`   // seconds, with Ended
	Again  []string `json:"again,omitempty"`  // tests that failed and follow once more
	Done   bool     `json:"done,omitempty"`   // all jobs have run; nothing follows
	Error  string   `json:"error,omitempty"`  // the guest cannot go on
}

// guest is the init of a guest, process 1. It does not return.
func guest() {
	err := prepare()
	var out *os.File
	if err == nil {
		out, err = openEvents()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
	} else {
		events := json.NewEncoder(out)
		if err := work(events); err != nil {
			_ = events.Encode(event{Error: err.Error()})
		} else {
			_ = events.Encode(event{Done: true})
		}
		_ = unix.IoctlSetInt(int(out.Fd()), unix.TCSBRK, 1) // tcdrain(3)
	}
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART) // with -no-reboot QEMU ends
	select {}
}

// prepare makes of the initial root what tests expect of a machine.
func prepare() error {
	for _, m := range []struct{ kind, dir, options string }{
		{"proc", "/proc", ""},
		{"sysfs", "/sys", ""},
		{"devtmpfs", "/dev", ""},
		{"devpts", "/dev/pts", "ptmxmode=0666"},
		{"tmpfs", "/run", "mode=0755"},
	} {
		if err := os.MkdirAll(m.dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.dir, m.kind, 0, m.options); err != nil {
			return fmt.Errorf("mount %s: %w", m.dir, err)
		}
	}
	for link, target := range map[string]string{"/dev/fd": "/proc/self/fd", "/dev/stdin": "fd/0", "/dev/stdout": "fd/1", "/dev/stderr": "fd/2"} {
		if err := os.Symlink(target, link); err != nil {
			return err
		}
	}
	if err := os.Setenv("PATH", "/usr/sbin:/usr/bin"); err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1024, Max: 524288}); err != nil { // as systemd does
		return fmt.Errorf("set the limit of descriptors: %w", err)
	}
	for _, args := range [][]string{
		{"--install", "-s"}, // links for what no other program of the image does
		{"ip", "link", "set", "lo", "up"},
		{"modprobe", "tun"}, // brings /dev/net/tun, which cannot be opened before
	} {
		if err := run(context.Background(), "/", "busybox", args...); err != nil {
			return err
		}
	}
	return unix.Sethostname([]byte("guest"))
}

// settle loads all modules, because two tests that need the same one at the same
// time do not wait for each other, and allows bbr in every namespace.
func settle() error {
	if err := run(context.Background(), "/", "busybox", append([]string{"modprobe", "-a"}, modules()...)...); err != nil {
		return err
	}
	const allowed = "/proc/sys/net/ipv4/tcp_allowed_congestion_control"
	text, err := os.ReadFile(allowed)
	if err != nil {
		return err
	}
	return os.WriteFile(allowed, []byte(strings.TrimSpace(string(text))+" bbr"), 0)
}

// openEvents opens the line to the host without the terminal's editing.
func openEvents() (*os.File, error) {
	out, err := os.OpenFile(eventsDevice, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	settings, err := unix.IoctlGetTermios(int(out.Fd()), unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("read settings of %s: %w", eventsDevice, err)
	}
	settings.Oflag &^= unix.OPOST
	settings.Lflag &^= unix.ECHO | unix.ICANON
	if err := unix.IoctlSetTermios(int(out.Fd()), unix.TCSETS, settings); err != nil {
		return nil, fmt.Errorf("change settings of %s: %w", eventsDevice, err)
	}
	return out, nil
}

// work runs the jobs of the plan one after the other.
func work(events *json.Encoder) error {
	text, err := os.ReadFile(planPath)
	if err != nil {
		return err
	}
	var p plan
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("parse %s: %w", planPath, err)
	}
	settled := false
	for i, j := range p.Jobs {
		if !j.fresh() && !settled {
			if err := settle(); err != nil {
				return err
			}
			settled = true
		}
		began := time.Now()
		failed := failures{}
		tell := func(line string) error {
			failed.read(line)
			return events.Encode(event{Job: i, Output: line})
		}
		ended, err := runJob(p, j, tell)
		if list := failed.list(); ended == testsFailed && len(list) > 0 && !j.fresh() {
			if err := events.Encode(event{Job: i, Again: list}); err != nil {
				return err
			}
			ended, err = runJob(p, job{Package: j.Package, Pattern: pattern(list)}, tell, "TCPTUNE_LAB_PARALLEL=1")
		}
		if err != nil {
			return err
		}
		if err := events.Encode(event{Job: i, Ended: ended, Took: time.Since(began).Seconds()}); err != nil {
			return err
		}
	}
	return nil
}

// runJob runs one test binary and hands over its output line by line.
func runJob(p plan, j job, tell func(line string) error, env ...string) (ended string, err error) {
	cmd := exec.Command(j.binary(), "-test.v", "-test.run="+j.Pattern, "-test.timeout="+p.JobTimeout.String())
	cmd.Dir = filepath.Join(p.Repository, j.Package)
	cmd.Env = append(os.Environ(), "TCPTUNE_GUEST=1", "TCPTUNE_REQUIRE="+p.Require, "TMPDIR=/tmp", "HOME=/root", "TCPTUNE_LAB_HELPER="+helper().binary())
	cmd.Env = append(cmd.Env, env...)
	read, write, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer read.Close()
	cmd.Stdout, cmd.Stderr = write, write
	err = cmd.Start()
	write.Close()
	if err != nil {
		return "", fmt.Errorf("start the tests of %s: %w", j.Package, err)
	}
	lines := bufio.NewScanner(read)
	lines.Buffer(nil, maxOutput)
	for lines.Scan() {
		if err := tell(lines.Text()); err != nil {
			return "", err
		}
	}
	if lines.Err() != nil {
		_, _ = io.Copy(io.Discard, read)
	}
	err = errors.Join(cmd.Wait(), lines.Err())
	if err != nil {
		return err.Error(), nil
	}
	return cmd.ProcessState.String(), nil
}
