// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestCatalogueAgainstKernel reads every parameter of the catalogue on the kernel that
// runs the test and holds its values against arity and bounds.
func TestCatalogueAgainstKernel(t *testing.T) {
	tree := newTree(t, "/proc/sys")
	read := 0
	for _, p := range LoadCatalogue().Parameters() {
		keys, err := tree.Match(p.Key)
		if err != nil {
			t.Errorf("%s: %v", p.Key, err)
		}
		if len(keys) == 0 {
			t.Logf("%s is absent here", p.Key)
			if _, err := tree.Get(p.Key); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: absent, but Get says %v", p.Key, err)
			}
		}
		for _, key := range keys {
			value, err := tree.Get(key)
			if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
				continue // tcp_fastopen_key is a secret
			}
			if err != nil {
				t.Errorf("%s: %v", key, err)
				continue
			}
			read++
			checkValue(t, p, key, value)
		}
	}
	if read < 80 {
		t.Errorf("%d values read, want 80 or more", read)
	}
}

// checkValue holds one value against what the catalogue says about its form.
func checkValue(t *testing.T, p *Parameter, key Key, value Value) {
	t.Helper()
	if n := len(value.Fields()); p.Fields != 0 && n != p.Fields {
		t.Errorf("%s = %q has %d fields, the catalogue says %d", key, value, n, p.Fields)
	}
	if strings.Contains(p.Type, "string") || strings.HasPrefix(p.Type, "port") {
		return
	}
	ints, err := value.Ints()
	if err != nil {
		t.Errorf("%s: %v", key, err)
	}
	for _, n := range ints {
		if p.Min != nil && n < *p.Min || p.Max != nil && n > *p.Max {
			t.Errorf("%s = %d is outside the catalogue's bounds", key, n)
		}
	}
}

// childEnv is set in the process that TestChildView starts in a new network namespace.
const childEnv = "TCPTUNE_TEST_IN_NETNS"

// TestChildView holds ChildView against a network namespace that was just made. It
// opens keys for writing and writes nothing.
func TestChildView(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		runInNetns(t)
		return
	}
	// Views change between releases; the catalogue describes the one it was checked on.
	report := t.Logf
	var uts syscall.Utsname
	if err := syscall.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	if uts.Release[0] == '6' && uts.Release[2] == '1' && uts.Release[3] == '8' {
		report = t.Errorf
	}
	tree := newTree(t, "/proc/sys")
	for _, p := range LoadCatalogue().Parameters() {
		keys, err := tree.Match(p.Key)
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) == 0 && p.ChildView != "absent" {
			t.Logf("%s is absent: no such module or option in this kernel", p.Key)
		}
		for _, key := range keys {
			f, err := os.OpenFile(filepath.Join("/proc/sys", key.Path()), os.O_WRONLY, 0)
			view := "writable"
			if errors.Is(err, fs.ErrPermission) {
				view = "read-only"
			} else if err != nil {
				t.Fatal(err)
			}
			f.Close()
			if view != strings.Replace(p.ChildView, "global", "writable", 1) {
				report("%s is %s, the catalogue says %s", key, view, p.ChildView)
			}
		}
	}
}

// runInNetns runs the calling test again, in a new network namespace.
func runInNetns(t *testing.T) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		if slices.Contains(strings.Split(os.Getenv("TCPTUNE_REQUIRE"), ","), "netns") {
			t.Fatalf("make a network namespace: %v", err)
		}
		t.Skipf("make a network namespace: %v", err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a new network namespace: %v\n%s", err, out)
	}
}

// BenchmarkGet reads a short value of the running kernel.
func BenchmarkGet(b *testing.B) {
	tree, err := NewTree("/proc/sys")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := tree.Get(MustKey("net.ipv4.tcp_fin_timeout")); err != nil {
			b.Fatal(err)
		}
	}
}

// TestGlimpse: what is read the short way is what is read the long way.
func TestGlimpse(t *testing.T) {
	tree, err := NewTree("/proc/sys")
	if err != nil {
		t.Fatal(err)
	}
	short := 0
	for _, p := range LoadCatalogue().Parameters() {
		keys, err := tree.Match(p.Key)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			if !strings.HasPrefix(key.Path(), "net/") {
				continue // some of the others are counters
			}
			text, err := tree.glimpse(key)
			if err != nil {
				continue
			}
			short++
			if long, err := tree.read(key); err != nil || NewValue(long) != NewValue(text) {
				t.Errorf("%s: %q the short way, %q and %v the long way", key, text, long, err)
			}
		}
	}
	if short < 20 {
		t.Errorf("%d values were read the short way", short)
	}
	if text, err := tree.glimpse(MustKey("net.ipv4")); err == nil {
		t.Errorf("a directory has the value %q", text)
	}
	if _, err := tree.Get(MustKey("net.ipv4.tcp_tw_recycle")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key that is not there: %v", err)
	}
}
