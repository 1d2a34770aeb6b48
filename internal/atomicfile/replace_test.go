// SPDX-License-Identifier: Apache-2.0

package atomicfile_test

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/internal/atomicfile/faultfs"
)

const target = "/etc/sysctl.d/90-tcptune.conf"

// A change is one thing that is done to the target, from old content to new; "" stands
// for no file.
type change struct {
	name     string
	old, new string
	do       func(fsys atomicfile.FS) error
}

func changes() []change {
	replace := func(fsys atomicfile.FS) error {
		return atomicfile.Replace(fsys, target, []byte("new content\n"), 0o644)
	}
	remove := func(fsys atomicfile.FS) error { return atomicfile.Remove(fsys, target) }
	return []change{
		{"replace", "old content\n", "new content\n", replace},
		{"create", "", "new content\n", replace},
		{"remove", "old content\n", "", remove},
	}
}

func (c change) fsys() *faultfs.FS {
	fsys := faultfs.New()
	fsys.MkdirAll("/etc/sysctl.d")
	fsys.Put("/etc/sysctl.d/other.conf", "other\n", 0o644)
	if c.old != "" {
		fsys.Put(target, c.old, 0o600)
	}
	return fsys
}

// eachStep calls check after a fault at every operation of every change.
func eachStep(t *testing.T, fault faultfs.Fault, check func(t *testing.T, c change, fsys *faultfs.FS, crashed bool, err error)) {
	for _, c := range changes() {
		t.Run(c.name, func(t *testing.T) {
			steps := 0
			for n := 1; ; n++ {
				fsys := c.fsys()
				fsys.Inject(n, fault)
				var err error
				crashed := faultfs.Catch(func() { err = c.do(fsys) })
				if !fsys.Fired() {
					break
				}
				steps++
				check(t, c, fsys, crashed, err)
				if t.Failed() {
					t.Fatalf("operation %d of %q", n, fsys.Ops())
				}
			}
			if steps < 3 {
				t.Errorf("%d operations, want 3 or more", steps)
			}
		})
	}
}

// content returns the target's content and checks that the neighbours are as they were.
func content(t *testing.T, fsys *faultfs.FS) string {
	t.Helper()
	files := fsys.Files()
	if files["/etc/sysctl.d/other.conf"] != "other\n" {
		t.Errorf("the neighbour is gone: %q", files)
	}
	for name := range files {
		if strings.HasSuffix(name, ".conf") && name != target && name != "/etc/sysctl.d/other.conf" {
			t.Errorf("loaders would read %s", name)
		}
	}
	return files[target]
}

// TestFailure lets every step fail, with every usual errno: the old content stays
// unless the new one is complete, no temporary file does, and the errno is reported.
func TestFailure(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EROFS, syscall.ENOSPC, syscall.EIO, syscall.EPERM, syscall.EBUSY, syscall.EDQUOT} {
		for _, fault := range []faultfs.Fault{{Err: errno}, {Err: errno, Short: true}} {
			eachStep(t, fault, func(t *testing.T, c change, fsys *faultfs.FS, _ bool, err error) {
				got, last := content(t, fsys), last(fsys)
				if late(fsys) { // nothing but the removal of stale files is left to do
					if err != nil || got != c.new {
						t.Errorf("%q, %v after %s", got, err, last)
					}
					return
				}
				if !errors.Is(err, errno) || !strings.Contains(err.Error(), target) {
					t.Errorf("the error is %v, want %v about %s", err, errno, target)
				}
				want := c.old
				if strings.HasPrefix(last, "syncdir") {
					want = c.new
				}
				if got != want {
					t.Errorf("content is %q, want %q after %s", got, want, last)
				}
				if names := temps(fsys); len(names) > 0 {
					t.Errorf("left behind: %q", names)
				}
			})
		}
	}
}

// last returns the operation that met the fault, which is the last one unless a clean-up
// follows.
func last(fsys *faultfs.FS) string {
	ops := fsys.Ops()
	if n := len(ops); n > 1 && strings.HasPrefix(ops[n-1], "remove /etc/sysctl.d/.") {
		return ops[n-2]
	}
	return ops[len(ops)-1]
}

// late tells whether the directory was synced before the last operation.
func late(fsys *faultfs.FS) bool {
	ops := fsys.Ops()
	return slices.Contains(ops[:len(ops)-1], "syncdir /etc/sysctl.d")
}

func temps(fsys *faultfs.FS) []string {
	var names []string
	for name := range fsys.Files() {
		if strings.HasSuffix(name, ".tmp") {
			names = append(names, name)
		}
	}
	return names
}

// TestCrash kills the process at and behind every step and cuts the power: the next run
// finds the old or the new content, and completes.
func TestCrash(t *testing.T) {
	for _, fault := range []faultfs.Fault{{Crash: true}, {Crash: true, After: true}, {Crash: true, Short: true}} {
		eachStep(t, fault, func(t *testing.T, c change, fsys *faultfs.FS, crashed bool, err error) {
			if !crashed {
				t.Errorf("no crash, %v", err)
			}
			for name, next := range map[string]*faultfs.FS{
				"restart": fsys.Restart(), "power loss": fsys.PowerLoss(), "flushed": fsys.PowerLossFlushed(),
			} {
				if got := content(t, next); got != c.old && got != c.new {
					t.Errorf("%s: content is %q", name, got)
				}
				if err := c.do(next); err != nil {
					t.Errorf("%s: again: %v", name, err)
				}
				if got := content(t, next.PowerLoss()); got != c.new {
					t.Errorf("%s: again: content is %q", name, got)
				}
			}
		})
	}
}

// TestDurable cuts the power after success.
func TestDurable(t *testing.T) {
	for _, c := range changes() {
		fsys := c.fsys()
		if err := c.do(fsys); err != nil {
			t.Fatal(err)
		}
		if got := content(t, fsys.PowerLoss()); got != c.new {
			t.Errorf("%s: after success and a power cut the content is %q", c.name, got)
		}
	}
}

// TestFailedCleanUp fails a step and the clean-up behind it: both errors are reported.
func TestFailedCleanUp(t *testing.T) {
	fsys := changes()[0].fsys()
	fsys.Inject(4, faultfs.Fault{Err: syscall.ENOSPC}) // write
	fsys.Inject(6, faultfs.Fault{Err: syscall.EROFS})  // remove
	err := atomicfile.Replace(fsys, target, []byte("new"), 0o644)
	if !errors.Is(err, syscall.ENOSPC) || !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), ".tmp stays behind") {
		t.Errorf("%v\n%q", err, fsys.Ops())
	}
}

func TestRefused(t *testing.T) {
	for _, test := range []struct {
		mode fs.FileMode
		want string
	}{
		{fs.ModeSymlink | 0o777, "a symbolic link"},
		{fs.ModeDir | 0o755, "a directory"},
		{fs.ModeDevice | 0o644, "a device"},
	} {
		for _, c := range changes() {
			fsys := faultfs.New()
			fsys.Special(target, test.mode)
			err := c.do(fsys)
			if !errors.Is(err, atomicfile.ErrNotRegular) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s %s: %v", c.name, test.want, err)
			}
			if ops := fsys.Ops(); len(ops) != 1 {
				t.Errorf("%s %s: %q, want lstat only", c.name, test.want, ops)
			}
		}
	}
	fsys := changes()[0].fsys()
	err := atomicfile.Replace(fsys, target, make([]byte, atomicfile.MaxBytes+1), 0o644)
	if !errors.Is(err, syscall.EFBIG) || len(fsys.Ops()) != 0 {
		t.Errorf("too large: %v, %q", err, fsys.Ops())
	}
	if err := atomicfile.Replace(faultfs.New(), target, nil, 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if err := atomicfile.Remove(faultfs.New(), target); err != nil {
		t.Errorf("remove without a directory: %v", err)
	}
}

func TestBindMount(t *testing.T) {
	fsys := changes()[0].fsys()
	fsys.Inject(7, faultfs.Fault{Err: syscall.EBUSY})
	err := atomicfile.Replace(fsys, target, []byte("new"), 0o644)
	if !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), "mount point") {
		t.Errorf("%v\n%q", err, fsys.Ops())
	}
}

// TestStale removes what runs left that died more than a day ago, and nothing else.
func TestStale(t *testing.T) {
	fsys := faultfs.New()
	now := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	dir := "/etc/sysctl.d/"
	kept := map[string]time.Duration{
		".90-tcptune.conf.23.tmp":      23 * time.Hour,
		".90-tcptune.conf.abc.tmp":     48 * time.Hour,
		".90-tcptune.conf..tmp":        48 * time.Hour,
		".90-tcptune.conf.1":           48 * time.Hour,
		"90-tcptune.conf.1.tmp":        48 * time.Hour,
		".99-other.conf.1.tmp":         48 * time.Hour,
		".ansible_m_sysctl_abcde.conf": 48 * time.Hour,
	}
	for name, age := range kept {
		fsys.SetTime(now.Add(-age))
		fsys.Put(dir+name, "", 0o600)
	}
	fsys.SetTime(now.Add(-25 * time.Hour))
	fsys.Put(dir+".90-tcptune.conf.24.tmp", "", 0o600)
	fsys.Special(dir+".90-tcptune.conf.25.tmp", fs.ModeDir)
	fsys.SetTime(now)
	if err := atomicfile.Replace(fsys, target, []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := []string{target}
	for name := range kept {
		want = append(want, dir+name)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(fsys.Files()))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
