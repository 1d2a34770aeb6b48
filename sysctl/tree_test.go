// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func newTree(t *testing.T, dir string) *Tree {
	t.Helper()
	tree, err := NewTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestTreeGet(t *testing.T) {
	dir := makeTree(t, map[string]string{
		"net/ipv4/tcp_rmem":                 "4096\t131072\t33554432\n",
		"net/ipv4/conf/eth0.100/rp_filter":  "2\n",
		"net/ipv4/conf/eth0/rp_filter":      "1\n",
		"net/ipv4/link":                     "-> tcp_rmem",
		"net/ipv4/out":                      "-> /etc/passwd",
		"net/ipv4/conf/eth0.100/out":        "-> ../../../../../../../etc/passwd",
		"net/ipv4/ip_local_reserved_ports":  "\n",
		"net/ipv4/huge":                     strings.Repeat("1", MaxValueBytes+1),
		"net/ipv4/conf/eth0.100/huge":       strings.Repeat("1", MaxValueBytes+1),
		"net/ipv4/conf/eth0.100/as_long_as": strings.Repeat("1", MaxValueBytes),
	})
	if err := syscall.Mkfifo(filepath.Join(dir, "net/ipv4/pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	tree := newTree(t, dir)
	for key, want := range map[string]Value{
		"net.ipv4.tcp_rmem":                "4096 131072 33554432",
		"net.ipv4.conf.eth0.rp_filter":     "1",
		"net.ipv4.conf.eth0/100.rp_filter": "2",
		"net.ipv4.link":                    "4096 131072 33554432",
		"net.ipv4.ip_local_reserved_ports": "",
	} {
		if got, err := tree.Get(MustKey(key)); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", key, got, err, want)
		}
	}
	if v, err := tree.Get(MustKey("net.ipv4.conf.eth0/100.as_long_as")); err != nil || len(v) != MaxValueBytes {
		t.Errorf("%d bytes, %v", len(v), err)
	}
	for key, want := range map[string]string{
		"net.ipv4.none":                    "open net.ipv4.none: no such file or directory",
		"net.ipv4.conf.eth0/100.none":      "open net.ipv4.conf.eth0/100.none: no such file or directory",
		"net.ipv4.tcp_rmem.x":              "open net.ipv4.tcp_rmem.x: not a directory",
		"net.ipv4":                         "open net.ipv4: is a directory",
		"net.ipv4.pipe":                    "open net.ipv4.pipe: not a regular file",
		"net.ipv4.out":                     "open net.ipv4.out: path escapes from parent",
		"net.ipv4.conf.eth0/100.out":       "open net.ipv4.conf.eth0/100.out: path escapes from parent",
		"net.ipv4.huge":                    "read net.ipv4.huge: it has 1048577 bytes, at most 1048576 are read",
		"net.ipv4.conf.eth0/100.huge":      "read net.ipv4.conf.eth0/100.huge: it has 1048577 bytes, at most 1048576 are read",
		"net.ipv4.conf.eth0.100.rp_filter": "open net.ipv4.conf.eth0.100.rp_filter: no such file or directory",
	} {
		got, err := tree.Get(MustKey(key))
		var as *Error
		if !errors.As(err, &as) || err.Error() != want || got != "" || as.Key != MustKey(key) {
			t.Errorf("%s = %q, %v; want the error %q", key, got, err, want)
		}
	}
	if _, err := tree.Get(Key{}); err == nil {
		t.Error("the zero key has a value")
	}
	if _, err := tree.Get(MustKey("net.ipv4.none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
}

func TestTreeExists(t *testing.T) {
	tree := newTree(t, makeTree(t, map[string]string{"net/ipv4/x": "1", "net/ipv4/out": "-> /etc/passwd"}))
	for key, want := range map[string]bool{
		"net.ipv4.x": true, "net.ipv4.y": false, "net.ipv4": false, "net.ipv4.x.y": false,
	} {
		if got, err := tree.Exists(MustKey(key)); err != nil || got != want {
			t.Errorf("%s: %t, %v; want %t", key, got, err, want)
		}
	}
	if got, err := tree.Exists(MustKey("net.ipv4.out")); err == nil || got {
		t.Errorf("a link out of the tree: %t, %v; want an error", got, err)
	}
}

func TestTreeMatch(t *testing.T) {
	tree := newTree(t, makeTree(t, map[string]string{
		"net/ipv4/conf/eth0/rp_filter": "", "net/ipv4/conf/eth0.100/rp_filter": "", "net/ipv4/conf/all/rp_filter": "",
		"net/ipv4/conf/lo/other": "", "net/ipv4/conf/bad name/rp_filter": "", "net/ipv4/conf/file": "",
		"net/ipv4/conf/dir/rp_filter/": "", "net/ipv4/tcp_rmem": "",
	}))
	for pattern, want := range map[string][]string{
		"net.ipv4.conf.*.rp_filter": {"net.ipv4.conf.all.rp_filter", "net.ipv4.conf.eth0/100.rp_filter", "net.ipv4.conf.eth0.rp_filter"},
		"net.*.conf.e*.rp_filter":   {"net.ipv4.conf.eth0/100.rp_filter", "net.ipv4.conf.eth0.rp_filter"},
		"net.ipv4.tcp_rmem":         {"net.ipv4.tcp_rmem"},
		"net.ipv4.tcp_wmem":         nil,
		"net.ipv4.none.*":           nil,
		"net.ipv4.tcp_rmem.*":       nil,
	} {
		keys, err := tree.Match(MustKey(pattern))
		var got []string
		for _, key := range keys {
			got = append(got, key.String())
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", pattern, err, diff)
		}
	}
}

func TestNewTreeRefuses(t *testing.T) {
	dir := makeTree(t, map[string]string{"file": ""})
	if tree, err := NewTree(filepath.Join(dir, "none")); tree != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, %v; want fs.ErrNotExist", tree, err)
	}
	if tree, err := NewTree(filepath.Join(dir, "file")); tree != nil || !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("%v, %v; want ENOTDIR", tree, err)
	}
	tree := newTree(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Get(MustKey("net.x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a tree that is gone: %v", err)
	}
	if _, err := tree.Match(MustKey("net.*")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a tree that is gone: %v", err)
	}
}

// TestTreeLive compares Get with reading the file, on the kernel that runs the test.
func TestTreeLive(t *testing.T) {
	tree := newTree(t, "/proc/sys")
	keys, err := tree.Match(MustKey("net.ipv4.tcp_*"))
	if err != nil || len(keys) < 20 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	for _, key := range keys {
		got, err := tree.Get(key)
		data, readErr := os.ReadFile(filepath.Join("/proc/sys", key.Path()))
		if (err == nil) != (readErr == nil) || got != Value(strings.Join(strings.Fields(string(data)), " ")) {
			t.Errorf("%s = %q, %v; the file has %q, %v", key, got, err, data, readErr)
		}
	}
}
