// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A tree is a saved tree of a host in a directory of the test.
type tree string

func newTree(t testing.TB, files map[string]string) tree {
	t.Helper()
	dir := tree(t.TempDir())
	for name, text := range files {
		dir.write(name, text)
	}
	return dir
}

// must panics: it runs on the test's goroutine, and a tree that cannot be made
// is no result of the test.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (d tree) path(name string) string {
	path := filepath.Join(string(d), name)
	must(os.MkdirAll(filepath.Dir(path), 0o755))
	return path
}

func (d tree) write(name, text string)  { must(os.WriteFile(d.path(name), []byte(text), 0o644)) }
func (d tree) link(name, target string) { must(os.Symlink(target, d.path(name))) }
func (d tree) pipe(name string)         { must(unix.Mkfifo(d.path(name), 0o644)) }
func (d tree) remove(name string)       { must(os.RemoveAll(filepath.Join(string(d), name))) }

// captureTree is a saved tree of one of the captures in testdata.
func captureTree(t testing.TB, capture string) tree {
	t.Helper()
	d := newTree(t, map[string]string{
		"proc/uptime":                                 "7383.70 14000.00\n",
		"proc/meminfo":                                "MemTotal:       25165824 kB\n",
		"proc/sys/fs/file-nr":                         "952\t0\t9223372036854775807\n",
		"proc/sys/kernel/hostname":                    "web1\n",
		"proc/sys/kernel/osrelease":                   "6.18.44\n",
		"proc/sys/kernel/random/boot_id":              "2f6d2c8e-0000-4000-8000-000000000000\n",
		"proc/sys/net/ipv4/tcp_mem":                   "1 2 3\n",
		"proc/sys/net/ipv4/ip_local_port_range":       "32768\t60999\n",
		"proc/sys/net/ipv4/ip_local_reserved_ports":   "\n",
		"proc/sys/net/ipv4/conf/eth0/rp_filter":       "2\n",
		"proc/net/stat/arp_cache":                     "entries  table_fulls\n00000002 00000000\n",
		"proc/net/route":                              "Iface\tDestination\tGateway\n",
		"proc/sys/net/netfilter/nf_conntrack_max":     "262144\n",
		"proc/sys/net/netfilter/nf_conntrack_count":   "5\n",
		"proc/sys/net/netfilter/nf_conntrack_buckets": "65536\n",
		"sys/devices/system/cpu/online":               "0-1\n",
		"etc/sysctl.conf":                             "net.ipv4.tcp_tw_recycle = 1\n",
		"etc/systemd/system/a.service":                "LimitNOFILE=65536\n",
	})
	entries, err := os.ReadDir(filepath.Join("testdata", capture))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join("testdata", capture, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		switch e.Name() {
		case "sysctl":
			for line := range strings.Lines(string(text)) {
				key, value, _ := strings.Cut(line, " = ")
				d.write("proc/sys/"+strings.ReplaceAll(key, ".", "/"), strings.TrimPrefix(value, " "))
			}
		case "nf_conntrack":
			d.write("proc/net/stat/nf_conntrack", string(text))
		default:
			d.write("proc/net/"+e.Name(), string(text))
		}
	}
	return d
}
