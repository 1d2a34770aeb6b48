// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/sockdiag"
	"github.com/tcptune/tcptune/sysctl"
)

func keys(names ...string) (list []sysctl.Key) {
	for _, n := range names {
		list = append(list, sysctl.MustKey(n))
	}
	return list
}

// snapshotOf collects a saved tree.
func snapshotOf(t *testing.T, d tree) *Snapshot {
	t.Helper()
	return snapshotWith(t, d, "net.ipv4.tcp_tw_reuse", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_tw_recycle", "net.ipv4.ip_local_port_range")
}

// snapshotWith collects a saved tree and the values of some keys.
func snapshotWith(t *testing.T, d tree, names ...string) *Snapshot {
	t.Helper()
	c, err := NewCollector(Options{Root: string(d), Tool: "test", Keys: keys(names...)})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Window(t.Context(), func(context.Context) error {
		t.Error("waited for a saved tree, whose counters stand still")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := w.Seconds(); ok || w.From != nil || w.Tool != "test" || w.SchemaVersion != SchemaVersion || c.Live() {
		t.Errorf("window %+v", w)
	}
	return w.To
}

func TestCollectTree(t *testing.T) {
	s := snapshotOf(t, captureTree(t, "close-wait"))
	if len(s.Gaps) != 1 || s.Gaps[0].Source != "/proc/PID/fd" {
		t.Errorf("gaps %+v, want only the holders", s.Gaps)
	}
	wantHost := &Host{
		Hostname: "web1", Kernel: "6.18.44", BootID: "2f6d2c8e-0000-4000-8000-000000000000", Initial: ptr(true),
		CPUs: ptr[int64](2), MemoryBytes: ptr[int64](24 << 30),
	}
	if diff := cmp.Diff(wantHost, s.Host); diff != "" {
		t.Errorf("host (-want +got)\n%s", diff)
	}
	if *s.Uptime != 7383.70 || s.Counters["TcpExt.ListenOverflows"] != 0 || s.Counters["Tcp.PassiveOpens"] != 200 {
		t.Errorf("uptime %v, counters %v", *s.Uptime, s.Counters)
	}
	for name := range s.Counters {
		if !strings.HasPrefix(name, "Tcp.") && !strings.HasPrefix(name, "TcpExt.") && name != "Ip.ForwDatagrams" {
			t.Errorf("counter %s", name)
		}
	}
	if s.Sockstat["TCP.inuse"] != 201 || s.Sockstat["TCP6.inuse"] != 0 || s.Sockstat["TCP.orphan"] != 750 {
		t.Errorf("sockstat %v", s.Sockstat)
	}
	if len(s.Softnet) != 2 || s.Softnet[1] != (Softnet{CPU: 1, Processed: 0x25ddf2, Dropped: 0x53489, Squeezed: 6}) {
		t.Errorf("softnet %v", s.Softnet)
	}
	wantConntrack := &Conntrack{
		Loaded: true, Count: ptr[int64](5), Max: ptr[int64](262144), Buckets: ptr[int64](65536), Drops: ptr[uint64](0), EarlyDrops: ptr[uint64](0), InsertFailed: ptr[uint64](0),
	}
	if diff := cmp.Diff(wantConntrack, s.Conntrack); diff != "" {
		t.Errorf("conntrack (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(&OpenFiles{Open: 952, Max: 1<<63 - 1}, s.Files); diff != "" {
		t.Errorf("files (-want +got)\n%s", diff)
	}
	wantSysctls := map[string]string{"net.ipv4.tcp_tw_reuse": "2", "net.ipv4.tcp_fin_timeout": "60", "net.ipv4.ip_local_port_range": "32768 60999", "net.ipv4.conf.eth0.rp_filter": "2"}
	if diff := cmp.Diff(wantSysctls, s.Sysctls); diff != "" || s.Absent != nil {
		t.Errorf("absent %v, sysctls (-want +got)\n%s", s.Absent, diff)
	}
	wantLines := []Line{{File: "/etc/sysctl.conf", Number: 1, Key: "net.ipv4.tcp_tw_recycle", Value: "1"}}
	if diff := cmp.Diff(wantLines, s.Lines); diff != "" || !s.LinesRead {
		t.Errorf("lines (-want +got)\n%s", diff)
	}
	if !s.UnitsRead || len(s.Units) != 1 {
		t.Errorf("units %v", s.Units)
	}
	// The saved table has 59 of the 201 sockets.
	wantStates := map[string]int64{"listen": 1, "close_wait": 58}
	k := s.Sockets
	if diff := cmp.Diff(wantStates, k.States); diff != "" || k.Method != sockdiag.MethodProc || k.Counted != "dump" || !k.Complete {
		t.Errorf("sockets %+v, states (-want +got)\n%s", k, diff)
	}
	if l := k.Listeners[0]; l.Backlog != nil || l.Drops != nil || l.Connections["close_wait"] != 58 {
		t.Errorf("listener %+v", l)
	}
	for _, o := range k.Open {
		if o.Receive != 1 || o.Inode == 0 || o.LastHeard != nil {
			t.Fatalf("socket %+v", o)
		}
	}
}

func TestCollectTreeExhaustion(t *testing.T) {
	d := captureTree(t, "exhaustion")
	d.write("proc/sys/net/ipv4/ip_local_reserved_ports", "20000,20400-20409,30000\n")
	s := snapshotOf(t, d)
	k := s.Sockets
	wantPorts := PortRange{Low: 20000, High: 20499, Reserved: 11, List: "20000,20400-20409,30000", Known: true}
	if diff := cmp.Diff(wantPorts, k.Ports); diff != "" || k.Ports.Size() != 489 {
		t.Errorf("size %d, ports (-want +got)\n%s", k.Ports.Size(), diff)
	}
	if k.States["time_wait"] != 59 || *k.Mini != 500 || !k.Closer.Looked || k.TimeWait.Total != 59 {
		t.Errorf("sockets %+v", k)
	}
	// One of the 59 has the reserved port 20000. They are 53.7 s from their end.
	if len(k.Destinations) != 1 || k.Destinations[0].TimeWait != 58 || k.Destinations[0].Young != 0 {
		t.Errorf("destinations %+v", k.Destinations)
	}
	d.write("proc/sys/net/ipv4/tcp_tw_reuse_delay", "60000\n")
	if k := snapshotOf(t, d).Sockets; k.Destinations[0].Young != 58 {
		t.Errorf("all are younger than 60 s: %+v", k.Destinations)
	}
}

// TestCollectGaps: whatever is missing or broken is named, and only that is
// unknown.
func TestCollectGaps(t *testing.T) {
	absent := []struct {
		file, gap string
		unknown   func(*Snapshot) bool
	}{
		{"proc/uptime", "/proc/uptime", func(s *Snapshot) bool { return s.Uptime == nil }},
		{"proc/meminfo", "/proc/meminfo", func(s *Snapshot) bool { return s.Host.MemoryBytes == nil }},
		{"proc/sys/kernel/osrelease", "/proc/sys/kernel/osrelease", func(s *Snapshot) bool { return s.Host.Kernel == "" }},
		{"proc/net/netstat", "/proc/net/netstat", func(s *Snapshot) bool { return s.Counters["TcpExt.TW"] == 0 && s.Counters["Tcp.InSegs"] > 0 }},
		{"proc/net/snmp", "/proc/net/snmp", func(s *Snapshot) bool { return s.Counters["Tcp.InSegs"] == 0 && len(s.Counters) > 0 }},
		{"proc/net/sockstat", "/proc/net/sockstat", func(s *Snapshot) bool { return s.Sockstat == nil && s.Sockets.Mini == nil }},
		{"proc/net/softnet_stat", "/proc/net/softnet_stat", func(s *Snapshot) bool { return s.Softnet == nil }},
		{"proc/net/route", "/proc/net/route", func(s *Snapshot) bool { return s.Uplink == nil && s.Interfaces != nil }},
		{"proc/sys/net/ipv4/conf", "/proc/sys/net/ipv4/conf", func(s *Snapshot) bool { return s.Interfaces == nil }},
		{"proc/net/stat", "/proc/net/stat/nf_conntrack", func(s *Snapshot) bool { return s.Conntrack.Drops == nil && s.Conntrack.Max != nil }},
		{"proc/net/tcp", "TCP sockets", func(s *Snapshot) bool { return s.Sockets == nil }},
		{"proc/sys/fs", "/proc/sys/fs/file-nr", func(s *Snapshot) bool { return s.Files == nil }},
		{"proc/sys/net/netfilter", "/proc/sys/net/netfilter/nf_conntrack_max", func(s *Snapshot) bool { return s.Conntrack == nil }},
		{"proc/sys/net/netfilter/nf_conntrack_count", "/proc/sys/net/netfilter/nf_conntrack_count", func(s *Snapshot) bool { return s.Conntrack.Count == nil }},
		{"proc/sys", "/proc/sys", func(s *Snapshot) bool { return s.Sysctls == nil && s.Host.Initial == nil }},
		{"proc/sys/net/ipv4/ip_local_port_range", "net.ipv4.ip_local_port_range", func(s *Snapshot) bool { return !s.Sockets.Ports.Known && !s.Sockets.Closer.Looked }},
		{"proc/sys/net/ipv4/ip_local_reserved_ports", "net.ipv4.ip_local_reserved_ports", func(s *Snapshot) bool { return !s.Sockets.Ports.Known }},
		{"etc", "/etc", func(s *Snapshot) bool { return !s.LinesRead && !s.UnitsRead }},
		{"etc/systemd", "/etc/systemd/system", func(s *Snapshot) bool { return s.LinesRead && !s.UnitsRead }},
	}
	for _, tt := range absent {
		t.Run("without "+tt.file, func(t *testing.T) {
			d := captureTree(t, "close-wait")
			d.remove(tt.file)
			s := snapshotOf(t, d)
			if !slices.Contains(s.Gaps, Gap{Source: tt.gap, Reason: "not there"}) && tt.gap != "TCP sockets" {
				t.Errorf("gaps %+v", s.Gaps)
			}
			if !tt.unknown(s) {
				t.Errorf("not unknown: %+v", s)
			}
		})
	}
	broken := []struct{ file, text, gap, reason string }{
		{"proc/uptime", "x\n", "/proc/uptime", "parse uptime:"},
		{"proc/net/netstat", "x\n", "/proc/net/netstat", "parse counters:"},
		{"proc/net/route", "x\n", "/proc/net/route", "parse route: no heading"},
		{"proc/net/sockstat6", "x\n", "/proc/net/sockstat6", "parse sockstat:"},
		{"proc/net/tcp", "x\n", "TCP sockets", "heading"},
		{"proc/net/stat/nf_conntrack", "x\n", "/proc/net/stat/nf_conntrack", "parse table statistics:"},
		{"proc/sys/net/netfilter/nf_conntrack_max", "many\n", "/proc/sys/net/netfilter/nf_conntrack_max", `"many" is no number`},
		{"proc/sys/net/ipv4/ip_local_port_range", "9 8\n", "net.ipv4.ip_local_port_range", `"9 8" is not a range of ports`},
		{"proc/sys/net/ipv4/ip_local_port_range", "1 65536\n", "net.ipv4.ip_local_port_range", `"1 65536" is not a range of ports`},
		{"proc/sys/net/ipv4/ip_local_port_range", "1\n", "net.ipv4.ip_local_port_range", `"1" is not a range of ports`},
		{"proc/sys/net/ipv4/ip_local_reserved_ports", "x\n", "net.ipv4.ip_local_reserved_ports", `"x" is not a port`},
		{"proc/sys/net/ipv4/tcp_tw_reuse", strings.Repeat("1", sysctl.MaxValueBytes+1), "net.ipv4.tcp_tw_reuse", "at most"},
		{"proc/sys/kernel/osrelease", strings.Repeat("1", maxFileBytes+1), "/proc/sys/kernel/osrelease", "longer than"},
		{"etc/sysctl.conf", "net.ipv4.tcp_syncookies\n", "/etc/sysctl.conf:1", `no "="`},
		{"etc/sysctl.d", "a file", "/etc/sysctl.d", "not a directory"},
	}
	for _, tt := range broken {
		t.Run("broken "+tt.file, func(t *testing.T) {
			d := captureTree(t, "close-wait")
			d.write(tt.file, tt.text)
			s := snapshotOf(t, d)
			if !slices.ContainsFunc(s.Gaps, func(g Gap) bool { return g.Source == tt.gap && strings.Contains(g.Reason, tt.reason) }) {
				t.Errorf("gaps %+v", s.Gaps)
			}
		})
	}
}

func TestCollectEmptyTree(t *testing.T) {
	s := snapshotOf(t, newTree(t, nil))
	var sources []string
	for _, g := range s.Gaps {
		sources = append(sources, g.Source)
	}
	want := []string{
		"/proc/uptime", "/proc/sys/kernel/osrelease", "/proc/meminfo", "/proc/net/softnet_stat", "/proc/sys/fs/file-nr",
		"/proc/net/netstat", "/proc/net/snmp", "/proc/net/sockstat", "/proc/sys/net/netfilter/nf_conntrack_max", "/proc/sys",
		"net.ipv4.ip_local_port_range", "TCP sockets", "/etc", "/etc/systemd/system",
	}
	if diff := cmp.Diff(want, sources); diff != "" {
		t.Errorf("gaps (-want +got)\n%s", diff)
	}
	want2 := &Snapshot{Taken: s.Taken, Cost: s.Cost, Gaps: s.Gaps, Host: &Host{}}
	if diff := cmp.Diff(want2, s); diff != "" {
		t.Errorf("snapshot (-want +got)\n%s", diff)
	}
}

// TestCollectInside: links of the tree resolve inside it, and nothing outside
// is read.
func TestCollectInside(t *testing.T) {
	outside := captureTree(t, "exhaustion")
	d := captureTree(t, "close-wait")
	// An absolute link that is good inside.
	must(os.Rename(filepath.Join(string(d), "proc/net"), filepath.Join(string(d), "net")))
	d.link("proc/net", "/net")
	d.remove("etc/sysctl.conf")
	d.write("usr/lib/sysctl.d/50.conf", "a.b = 1\n")
	d.link("etc/sysctl.conf", "/usr/lib/sysctl.d/50.conf")
	d.remove("proc/sys/kernel/hostname")
	d.link("proc/sys/kernel/hostname", "/etc/hostname")
	d.write("etc/hostname", "inside\n")
	s := snapshotOf(t, d)
	if s.Host.Hostname != "inside" || s.Sockets == nil || s.Sockets.States["close_wait"] != 58 || s.Counters["Tcp.PassiveOpens"] != 200 {
		t.Errorf("host %+v, gaps %+v", s.Host, s.Gaps)
	}
	if len(s.Lines) != 1 || s.Lines[0].File != "/usr/lib/sysctl.d/50.conf" {
		t.Errorf("lines %+v", s.Lines)
	}

	// Links that would lead out.
	for _, name := range []string{"tcp", "netstat", "snmp", "sockstat", "softnet_stat"} {
		d.remove("net/" + name)
		d.link("net/"+name, string(outside)+"/proc/net/"+name)
	}
	d.remove("proc/uptime")
	d.link("proc/uptime", "../../../../../../../../../../../../proc/uptime")
	d.remove("etc/sysctl.conf")
	d.link("etc/sysctl.conf", string(outside)+"/etc/sysctl.conf")
	d.remove("proc/sys/net/ipv4/tcp_tw_reuse")
	d.link("proc/sys/net/ipv4/tcp_tw_reuse", string(outside)+"/proc/sys/net/ipv4/tcp_tw_reuse")
	s = snapshotOf(t, d)
	if s.Sockets != nil || s.Counters != nil || s.Sockstat != nil || s.Softnet != nil || s.Sysctls["net.ipv4.tcp_tw_reuse"] != "" {
		t.Errorf("read outside: %+v", s)
	}
	if s.Uptime != nil && *s.Uptime != 7383.70 {
		t.Errorf("uptime of the machine: %v", *s.Uptime)
	}

	// A pipe is not waited for.
	d.remove("net/netstat")
	d.pipe("net/netstat")
	d.remove("net/tcp")
	d.pipe("net/tcp")
	s = snapshotOf(t, d)
	if !slices.Contains(s.Gaps, Gap{Source: "/proc/net/netstat", Reason: "not a regular file"}) ||
		!slices.Contains(s.Gaps, Gap{Source: "TCP sockets", Reason: "read /proc/net/tcp: not a regular file"}) {
		t.Errorf("gaps %+v", s.Gaps)
	}
}

func TestNewCollectorErrors(t *testing.T) {
	file := newTree(t, map[string]string{"file": ""}).path("file")
	for root, want := range map[string]string{
		file:            "open root " + file + ": not a directory",
		file + "/below": "open root " + file + "/below: ",
		"/none/such":    "open root /none/such: ",
	} {
		if c, err := NewCollector(Options{Root: root}); c != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("NewCollector(%q) = %v, %v, want %s", root, c, err, want)
		}
	}
	for _, root := range []string{"", "/", "//", "/./"} {
		if c, err := NewCollector(Options{Root: root}); err != nil || !c.Live() {
			t.Errorf("NewCollector(%q) is not live: %v", root, err)
		}
	}
}

func TestCountCPUs(t *testing.T) {
	for list, want := range map[string]*int64{
		"0": ptr[int64](1), "0-3": ptr[int64](4), "0-3,8": ptr[int64](5), "0,2,4-5": ptr[int64](4), "7-7": ptr[int64](1),
		"": nil, "x": nil, "3-1": nil, "0-": nil, "0-x": nil, "0,": nil, "99999999999": nil,
	} {
		if diff := cmp.Diff(want, countCPUs(list)); diff != "" {
			t.Errorf("countCPUs(%q) (-want +got)\n%s", list, diff)
		}
	}
}

func TestReason(t *testing.T) {
	for want, err := range map[string]error{
		"not there":         fmt.Errorf("x: %w", os.ErrNotExist),
		"permission denied": &os.PathError{Err: os.ErrPermission},
		"is a directory":    &os.PathError{Path: "/secret/path", Err: errors.New("is a directory")},
		"odd":               errors.New("odd"),
	} {
		if got := reason(err); got != want {
			t.Errorf("reason(%v) = %q, want %q", err, got, want)
		}
	}
}

func TestReuseDelay(t *testing.T) {
	d := newTree(t, nil)
	c, err := NewCollector(Options{Root: string(d)})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]time.Duration{
		"": time.Second, "x": time.Second, "0": time.Second, "60001": time.Second, "9223372036854775807": time.Second,
		"1": time.Millisecond, "100\n": 100 * time.Millisecond, "60000": time.Minute,
	} {
		d.write("proc/sys/net/ipv4/tcp_tw_reuse_delay", text)
		if got := c.reuseDelay(); got != want {
			t.Errorf("reuseDelay of %q = %v, want %v", text, got, want)
		}
	}
}
