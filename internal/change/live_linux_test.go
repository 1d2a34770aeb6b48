// SPDX-License-Identifier: Apache-2.0

package change

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/sysctl"
)

// newTestLive returns the live values of the calling process.
func newTestLive(t *testing.T, procSys string) Live {
	t.Helper()
	l, err := NewLive(procSys)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A trap is a write that the kernel treats in a way nobody expects.
type trap struct {
	name       string
	key        string
	start      string // written first, by one write that must succeed
	write      string // what Set is asked to write
	errno      error  // of Set; nil for success
	text       string // part of the error of Set
	after      string // what is there then
	sameAfter  bool   // whether reading back shows what was written
	checkTells string // part of the error of Check; "" if it cannot know
}

// traps are those of the kernel's writes: what it does, and which of our three guards,
// the check before, the one write and the reading back, sees it.
func traps() []trap {
	const rmem = "4096 131072 33554432"
	return []trap{
		{name: "a refused vector is half written", key: "net.ipv4.tcp_rmem", start: rmem, write: "5000 99999 2147483648",
			errno: unix.EINVAL, after: "5000 99999 33554432", checkTells: "out of range"},
		{name: "a short vector changes the first field only", key: "net.ipv4.tcp_rmem", start: rmem, write: "8192",
			after: "8192 131072 33554432", checkTells: "1 of 3 fields"},
		{name: "what is too much is dropped", key: "net.ipv4.tcp_rmem", start: rmem, write: "4096 87380 6291456 7",
			text: "the kernel took only 19 of 21 bytes", after: "4096 87380 6291456", checkTells: "4 of 3 fields"},
		// Not tcp_rmem: updates of 6.1 and 6.12 refuse less than 4096 there.
		{name: "any order is stored", key: "net.ipv4.tcp_wmem", start: "4096 16384 4194304", write: "9000 5000 4000",
			after: "9000 5000 4000", sameAfter: true, checkTells: "must not decrease"},
		{name: "a zero in front means octal", key: "net.ipv4.tcp_syn_retries", start: "6", write: "010",
			after: "8", checkTells: "only decimal"},
		{name: "0x means hexadecimal", key: "net.ipv4.tcp_syn_retries", start: "6", write: "0x10",
			after: "16", checkTells: "only decimal"},
		{name: "what follows a number is ignored", key: "net.ipv4.tcp_keepalive_time", start: "7200", write: "50 # comment",
			text: "the kernel took only 3 of 13 bytes", after: "50", checkTells: "3 fields"},
		{name: "negative times are stored", key: "net.ipv4.tcp_keepalive_time", start: "7200", write: "-5",
			after: "-5", sameAfter: true, checkTells: "out of range"},
		{name: "no queue of SYNs is stored", key: "net.ipv4.tcp_max_syn_backlog", start: "128", write: "-1",
			after: "-1", sameAfter: true, checkTells: "out of range"},
		{name: "a truth value of 2 is stored", key: "net.ipv4.tcp_sack", start: "1", write: "2",
			after: "2", sameAfter: true, checkTells: "0 to 1"},
		{name: "above 60 means less", key: "net.ipv4.tcp_fin_timeout", start: "60", write: "61",
			after: "61", sameAfter: true, checkTells: "2*(value-60)"},
		{name: "an unknown algorithm looks like a missing key", key: "net.ipv4.tcp_congestion_control", start: "reno", write: "tcptune_none",
			errno: fs.ErrNotExist, text: "write net.ipv4.tcp_congestion_control: no such file", after: "reno"},
		{name: "an algorithm is not cut at a comment", key: "net.ipv4.tcp_congestion_control", start: "reno", write: "reno # old",
			errno: fs.ErrNotExist, after: "reno", checkTells: "one is needed"},
		{name: "ports separated by blanks", key: "net.ipv4.ip_local_reserved_ports", start: "8080", write: "80 81",
			errno: unix.EINVAL, after: "8080", checkTells: "separated by commas"},
		{name: "ports are sorted and merged", key: "net.ipv4.ip_local_reserved_ports", start: "8080", write: "8082,8080,8081,9000-9002",
			after: "8080-8082,9000-9002", sameAfter: true},
		{name: "no ports", key: "net.ipv4.ip_local_reserved_ports", start: "8080", write: "", after: "", sameAfter: true},
		{name: "a pool that begins below the unprivileged ports", key: "net.ipv4.ip_local_port_range", start: "32768 60999", write: "1023 65535",
			errno: unix.EINVAL, after: "32768 60999"},
		{name: "unprivileged ports that begin inside the pool", key: "net.ipv4.ip_unprivileged_port_start", start: "1024", write: "32769",
			errno: unix.EINVAL, after: "1024"},
		{name: "fields are separated by tabs", key: "net.ipv4.tcp_wmem", start: "4096 16384 4194304", write: "4096 16384 8000000",
			after: "4096 16384 8000000", sameAfter: true},
	}
}

func TestTraps(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		l, c := newTestLive(t, "/proc/sys"), sysctl.LoadCatalogue()
		for _, trap := range traps() {
			t.Run(trap.name, func(t *testing.T) {
				key := sysctl.MustKey(trap.key)
				before, err := l.Get(key)
				if err != nil {
					t.Fatal(err)
				}
				set(t, l, key, sysctl.Value(trap.start))
				trap.spring(t, l, c, key)
				set(t, l, key, before)
			})
		}
	})
}

func (trap trap) spring(t *testing.T, l Live, c *sysctl.Catalogue, key sysctl.Key) {
	t.Helper()
	err := l.Set(key, sysctl.Value(trap.write))
	if (err == nil) != (trap.errno == nil && trap.text == "") || trap.errno != nil && !errors.Is(err, trap.errno) {
		t.Errorf("Set returns %v, want %v %s", err, trap.errno, trap.text)
	}
	var sysctlErr *sysctl.Error
	if err != nil && (!strings.Contains(err.Error(), trap.text) || !errors.As(err, &sysctlErr) || sysctlErr.Op != "write" || sysctlErr.Key != key) {
		t.Errorf("Set returns %v, want a failed write %s", err, trap.text)
	}
	after, err := l.Get(key)
	if err != nil || !after.Equal(sysctl.Value(trap.after)) {
		t.Errorf("%q is there now, %v; want %q", after, err, trap.after)
	}
	if same := c.SameValue(key, sysctl.Value(trap.write), after); same != trap.sameAfter {
		t.Errorf("reading back %q after %q: the same is %t, want %t", after, trap.write, same, trap.sameAfter)
	}
	checkErr := c.Check(key, sysctl.Value(trap.write))
	if (checkErr == nil) != (trap.checkTells == "") || checkErr != nil && !strings.Contains(checkErr.Error(), trap.checkTells) {
		t.Errorf("Check returns %v, want %q", checkErr, trap.checkTells)
	}
}

// set writes a value that has to be taken.
func set(t *testing.T, l Live, key sysctl.Key, value sysctl.Value) {
	t.Helper()
	if err := l.Set(key, value); err != nil {
		t.Fatal(err)
	}
}

// TestPortOrder moves the pool of ports and the first unprivileged one past each other:
// the wrong order is refused by the kernel, that of WriteOrder is taken both ways.
func TestPortOrder(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		l := newTestLive(t, "/proc/sys")
		start, pool := sysctl.MustKey("net.ipv4.ip_unprivileged_port_start"), sysctl.MustKey("net.ipv4.ip_local_port_range")
		state := func(low, ports string) map[sysctl.Key]sysctl.Value {
			return map[sysctl.Key]sysctl.Value{start: sysctl.Value(low), pool: sysctl.Value(ports)}
		}
		value := func(state map[sysctl.Key]sysctl.Value) func(sysctl.Key) (sysctl.Value, bool) {
			return func(k sysctl.Key) (sysctl.Value, bool) { v, ok := state[k]; return v, ok }
		}
		high, low := state("1024", "2000 60000"), state("80", "500 60000")
		set(t, l, pool, high[pool])
		set(t, l, start, high[start])
		for _, step := range []struct{ from, to map[sysctl.Key]sysctl.Value }{{high, low}, {low, high}} {
			order := sysctl.WriteOrder([]sysctl.Key{start, pool}, value(step.from), value(step.to))
			if wrong := order[1]; wrong == pool { // down: the pool first; up, either order would do here
				if err := l.Set(wrong, step.to[wrong]); !errors.Is(err, unix.EINVAL) {
					t.Errorf("%s first: %v, want EINVAL", wrong, err)
				}
			}
			for _, key := range order {
				set(t, l, key, step.to[key])
			}
		}
	})
}

// TestNotWritable opens what cannot be written.
func TestNotWritable(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		l := newTestLive(t, "/proc/sys")
		for key, want := range map[string]error{
			"net.ipv4.tcp_available_congestion_control": fs.ErrPermission, // 0444, for root also
			"net.core.rmem_max":                         fs.ErrPermission, // 0444 outside the initial namespace, absent before 6.12
			"net.ipv4.tcp_mem":                          fs.ErrNotExist,   // absent there
			"net.ipv4.tcp_tw_recycle":                   fs.ErrNotExist,
			"net.ipv4":                                  unix.EISDIR,
		} {
			err := l.Set(sysctl.MustKey(key), "1")
			var sysctlErr *sysctl.Error
			if key == "net.core.rmem_max" && errors.Is(err, fs.ErrNotExist) {
				want = fs.ErrNotExist
			}
			if !errors.Is(err, want) || !errors.As(err, &sysctlErr) || sysctlErr.Op != "open" {
				t.Errorf("%s: %v, want %v at open", key, err, want)
			}
		}
		for _, name := range restricted(t, l) { // outside the initial namespace even for root
			if err := l.Set(sysctl.MustKey("net.ipv4.tcp_congestion_control"), sysctl.Value(name)); !errors.Is(err, unix.EPERM) {
				t.Errorf("%s: %v, want EPERM", name, err)
			}
		}
		t.Run("read-only tree", func(t *testing.T) { readOnlyTree(t, l) })
	})
}

// restricted returns the congestion controls that are loaded and not allowed to all.
func restricted(t *testing.T, l Live) []string {
	t.Helper()
	available, err := l.Get(sysctl.MustKey("net.ipv4.tcp_available_congestion_control"))
	if err != nil {
		t.Fatal(err)
	}
	allowed, err := l.Get(sysctl.MustKey("net.ipv4.tcp_allowed_congestion_control"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(available.Fields(), func(name string) bool { return slices.Contains(allowed.Fields(), name) })
}

// TestLongPortList writes more ports than fit into a page: the kernel takes a part of them
// and says so by the number of bytes. It answers only the first read of a file.
func TestLongPortList(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		l, c, key := newTestLive(t, "/proc/sys"), sysctl.LoadCatalogue(), sysctl.MustKey("net.ipv4.ip_local_reserved_ports")
		fits, tooLong := oddPorts(682)+",10", oddPorts(2000) // 4094 and 11999 bytes
		if err := c.Check(key, fits); err != nil {
			t.Error(err)
		}
		set(t, l, key, fits)
		if got, err := l.Get(key); err != nil || !c.SameValue(key, fits, got) {
			t.Errorf("%d bytes, %v, want %d", len(got), err, len(fits))
		}
		if err := c.Check(key, tooLong); err == nil || !strings.Contains(err.Error(), "takes 4094 at most") {
			t.Errorf("Check returns %v", err)
		}
		if os.Getpagesize() != 4096 {
			return
		}
		if err := l.Set(key, tooLong); err == nil || !strings.Contains(err.Error(), "the kernel took only") {
			t.Errorf("Set returns %v, want a short count", err)
		}
	})
}

// oddPorts returns a list of n ports that do not make ranges.
func oddPorts(n int) sysctl.Value {
	var list []string
	for i := range n {
		list = append(list, strconv.Itoa(10001+2*i))
	}
	return sysctl.Value(strings.Join(list, ","))
}

// TestFinTimeout closes a connection that the other end keeps open, with a
// tcp_fin_timeout of 61 seconds. The kernel gives it 2.
func TestFinTimeout(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		l, key := newTestLive(t, "/proc/sys"), sysctl.MustKey("net.ipv4.tcp_fin_timeout")
		set(t, l, key, "61")
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		client, err := net.Dial("tcp4", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		server, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		client.Close()
		began := time.Now()
		waitFinWait2(t, 1, began.Add(time.Second))
		waitFinWait2(t, 0, began.Add(30*time.Second))
	})
}

// waitFinWait2 waits until there are n sockets in FIN_WAIT_2, state 05 of proc_net_tcp.
func waitFinWait2(t *testing.T, n int, deadline time.Time) {
	t.Helper()
	const state = " 05 "
	for {
		table, err := os.ReadFile("/proc/self/net/tcp")
		if err != nil {
			t.Fatal(err)
		}
		count := strings.Count(string(table), state)
		if count == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d sockets in FIN_WAIT_2, want %d", count, n)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// readOnlyTree mounts /proc/sys as containers have it.
func readOnlyTree(t *testing.T, l Live) {
	const dir = "/proc/sys"
	if err := unix.Mount(dir, dir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		lab.Unavailable(t, "mount", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	if err := unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		lab.Unavailable(t, "mount", err)
	}
	err := l.Set(sysctl.MustKey("net.ipv4.tcp_keepalive_time"), "600")
	if !errors.Is(err, unix.EROFS) {
		t.Errorf("%v, want EROFS", err)
	}
}

// TestKernelDefaults checks what a new network namespace begins with: nobody may be told
// that the kernel's own values are wrong.
func TestKernelDefaults(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		l, c, checked := newTestLive(t, "/proc/sys"), sysctl.LoadCatalogue(), 0
		for _, p := range c.Parameters() {
			value, err := l.Get(p.Key)
			if err != nil || p.Scope != sysctl.ScopeNetns || strings.HasPrefix(p.AppliesTo, "read-only") {
				continue // absent, or the host's, who may have changed it
			}
			checked++
			if err := c.Check(p.Key, value); err != nil {
				t.Error(err)
			}
		}
		if checked < 50 {
			t.Errorf("%d values checked, want 50 or more", checked)
		}
	})
}

// TestLiveDirectory writes a copy of a tree.
func TestLiveDirectory(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "net/ipv4/conf/eth0.100/rp_filter")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("12345\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, key := newTestLive(t, dir), sysctl.MustKey("net.ipv4.conf.eth0/100.rp_filter")
	for _, want := range []sysctl.Value{"2", "1 2 3", ""} {
		set(t, l, key, want)
		if got, err := l.Get(key); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	missing := sysctl.MustKey("net.ipv4.missing")
	if err := l.Set(missing, "1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, missing.Path())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Set made a file: %v", err)
	}
	if err := l.Set(sysctl.Key{}, "1"); err == nil {
		t.Error("the empty key was set")
	}
	checkStrangeFiles(t, l, dir)
	if _, err := NewLive(name); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("a file as the tree: %v", err)
	}
}

// checkStrangeFiles writes to a link and to a pipe that nobody reads.
func checkStrangeFiles(t *testing.T, l Live, dir string) {
	t.Helper()
	if err := os.Symlink("conf", filepath.Join(dir, "net/ipv4/link")); err != nil {
		t.Fatal(err)
	}
	if err := l.Set(sysctl.MustKey("net.ipv4.link"), "1"); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a link: %v", err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "net/ipv4/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Set(sysctl.MustKey("net.ipv4.pipe"), "1"); !errors.Is(err, unix.ENXIO) {
		t.Errorf("a pipe: %v", err)
	}
}
