// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestDefaultsOfNewNamespace holds the defaults against a network namespace that was
// just made, in which nobody has set anything.
func TestDefaultsOfNewNamespace(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		runInNetns(t)
		return
	}
	tree := newTree(t, "/proc/sys")
	host := thisHost(t, tree)
	t.Logf("%+v", host)
	compared := 0
	for _, p := range LoadCatalogue().Parameters() {
		switch p.Key.String() {
		case "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem":
			continue // copies of the initial namespace's
		}
		d, ok := p.DefaultOn(host)
		if !ok || p.Scope != ScopeNetns {
			continue // what belongs to the machine may have been set
		}
		value, err := tree.Get(p.Key)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		compared++
		if !d.Matches(value) {
			t.Errorf("%s: default %q, the kernel has %q", p.Key, d.Value, value)
		}
	}
	if compared < 80 {
		t.Errorf("%d defaults were compared, want 80 or more", compared)
	}
}

// thisHost reads what defaults follow from.
func thisHost(t *testing.T, tree *Tree) Host {
	t.Helper()
	var uts syscall.Utsname
	if err := syscall.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	h := Host{Release: utsText(uts.Release[:]), Machine: utsText(uts.Machine[:]), PageBytes: int64(os.Getpagesize())}
	memory, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	if fields := strings.Fields(string(memory)); len(fields) > 1 && fields[0] == "MemTotal:" {
		kb, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		h.MemoryBytes = kb << 10
	}
	if value, err := tree.Get(MustKey("net.ipv4.tcp_ehash_entries")); err == nil {
		buckets, err := value.Ints()
		if err != nil {
			t.Fatal(err)
		}
		h.HashBuckets = buckets[0]
	}
	return h
}

func utsText[T int8 | uint8](chars []T) string {
	var b strings.Builder
	for _, c := range chars {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}
