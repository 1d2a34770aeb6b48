// SPDX-License-Identifier: Apache-2.0

package sysctl_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/sysctl"
)

// TestTakes holds Takes against the kernel that runs the test: values of every kind are
// written to every key of a network namespace.
func TestTakes(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		catalogue := sysctl.LoadCatalogue()
		values := []sysctl.Value{
			"-2147483649", "-2147483648", "-31", "-1", "0", "1", "2", "3", "4", "5", "31", "32", "127", "128", "255", "256", "48", "2303", "2304", "65535", "65536",
			"120000", "120001", "2147483647", "2147483648", "4294967295", "4294967296", "99999999999", "", "x", "1x", "+1", "1_0", "0b1", "010", "0x10", "1 # comment", "1 2",
			"3 2 1", "1 2 3", "1 2 3 4", "4096 131072 2147483648", "40000 50000", "50000 40000", "40000 40000", "1023 70000",
		}
		kernel := kernelOf(t)
		stored, refused := 0, 0
		err := host.Do(func() error {
			for _, p := range catalogue.Parameters() {
				if !alone(p) {
					continue
				}
				name := filepath.Join("/proc/sys", p.Key.Path())
				before, err := os.ReadFile(name)
				if err != nil {
					t.Logf("%s: %v", p.Key, err)
					continue
				}
				for _, v := range append(values, sysctl.NewValue(string(before))) { // ends as it was
					got, err := takes(name, v)
					if err != nil {
						return err
					}
					if want := catalogue.Takes(p.Key, v) && kernel.alsoTakes(p.Key, v); want != got {
						t.Errorf("%s = %q: the kernel takes it: %v, Takes says %v", p.Key, v, got, want)
					}
					if got {
						stored++
					} else {
						refused++
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d writes stored, %d refused", stored, refused)
		if stored < 500 || refused < 500 {
			t.Error("too few writes to prove anything")
		}
	})
}

// older is the release of a kernel that may take less than the catalogue says, which is
// about 6.18.
type older sysctl.Release

func kernelOf(t *testing.T) older {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	r, ok := sysctl.ParseRelease(string(text))
	if !ok {
		t.Fatalf("no release: %q", text)
	}
	return older(r)
}

func (k older) before(next sysctl.Release) bool { return !sysctl.Release(k).AtLeast(next) }

// alsoTakes reports whether every field of a value lies in what the kernel is known to take.
func (k older) alsoTakes(key sysctl.Key, v sysctl.Value) bool {
	least, most := int64(math.MinInt64), int64(math.MaxInt64)
	switch key.Short() {
	case "tcp_rmem":
		if k.before(sysctl.Release{6, 13}) {
			least = 4096 // seen in 6.1.192 and 6.12.117; 6.18.44 takes 1
		}
	case "tcp_tso_rtt_log":
		if k.before(sysctl.Release{6, 13}) && !k.before(sysctl.Release{6, 12}) {
			most = 31 // seen in 6.12.117
		}
	}
	return !slices.ContainsFunc(strings.Fields(string(v)), func(field string) bool {
		n, err := strconv.ParseInt(field, 0, 64)
		return err == nil && (n < least || n > most)
	})
}

// alone reports whether what the kernel makes of a value of p depends on nothing else: on
// no other key, no module, and no width of a number that it does not check.
func alone(p *sysctl.Parameter) bool {
	if p.ChildView != "writable" || p.Scope != sysctl.ScopeNetns || p.Key.Glob() {
		return false
	}
	list := strings.HasPrefix(p.Type, "string") || strings.HasPrefix(p.Type, "port") || p.Key.Short() == "tcp_fastopen_key"
	return !list && !slices.Contains([]string{"ip_local_port_range", "ip_unprivileged_port_start", "tcp_reordering", "tcp_invalid_ratelimit"}, p.Key.Short())
}

// takes reports whether one write(2) of a value succeeds. Other errors than EINVAL are
// errors of the test.
func takes(name string, value sysctl.Value) (bool, error) {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	_, err = syscall.Write(int(f.Fd()), []byte(value+"\n"))
	if errors.Is(err, syscall.EINVAL) {
		return false, nil
	}
	return err == nil, err
}
