// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"net/netip"
	"reflect"

	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/sockdiag"
	"github.com/tcptune/tcptune/sysctl"
)

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func derive(w *snapshot.Window) *Facts { return Derive(w, sysctl.LoadCatalogue()) }

// one is a window of one snapshot.
func one(s *snapshot.Snapshot) *snapshot.Window { return &snapshot.Window{SchemaVersion: 1, To: s} }

// two is a window of ten seconds.
func two(from, to *snapshot.Snapshot) *snapshot.Window {
	from.Uptime, to.Uptime = ptr(1000.0), ptr(1010.0)
	return &snapshot.Window{SchemaVersion: 1, From: from, To: to}
}

// allCounters gives every counter of the vocabulary a value.
func allCounters(base int64) procnet.Counters {
	c := procnet.Counters{}
	names := reflect.TypeFor[Totals]()
	for i := range names.NumField() {
		section := "TcpExt."
		if names.Field(i).Name == "ActiveOpens" {
			section = "Tcp."
		}
		c[section+names.Field(i).Name] = base * int64(i+1)
	}
	return c
}

// fullWindow fills every fact.
func fullWindow() *snapshot.Window {
	before := &snapshot.Snapshot{
		Counters:  allCounters(1),
		Softnet:   []snapshot.Softnet{{CPU: 0, Processed: 100, Dropped: 1}},
		Conntrack: &snapshot.Conntrack{Loaded: true, Drops: ptr[uint64](1), EarlyDrops: ptr[uint64](1)},
		Sockets: &snapshot.Sockets{
			Listeners: []snapshot.Listener{{Local: addrPort("127.0.0.1:33000"), Cookie: 1, Queue: 3, Drops: ptr[uint32](10)}},
			Open:      []snapshot.Socket{{State: sockdiag.StateClosing, Local: addrPort("127.0.0.1:33000"), Peer: addrPort("198.18.0.1:11"), Cookie: 9}},
		},
	}
	now := &snapshot.Snapshot{
		Host: &snapshot.Host{
			Kernel: "6.18.44", Machine: "x86_64", Initial: ptr(true), CPUs: ptr[int64](2), MemoryBytes: ptr[int64](1), PageBytes: ptr[int64](4096),
		},
		Counters:  allCounters(3),
		Sockstat:  procnet.Sockstat{"TCP.orphan": 1, "TCP.mem": 2},
		Softnet:   []snapshot.Softnet{{CPU: 0, Processed: 200, Dropped: 51}},
		Conntrack: &snapshot.Conntrack{Loaded: true, Count: ptr[int64](1), Max: ptr[int64](2), Buckets: ptr[int64](3), Drops: ptr[uint64](4), EarlyDrops: ptr[uint64](5)},
		Files:     &snapshot.OpenFiles{Open: 1, Max: 2},
		Sysctls:   map[string]string{"net.ipv4.tcp_tw_reuse": "2", "net.ipv4.tcp_timestamps": "1", "net.ipv4.tcp_sack": "0", "net.ipv4.tcp_retries2": "15", "net.ipv4.tcp_rto_max_ms": "120000"},
		LinesRead: true,
		Lines:     []snapshot.Line{{File: "/etc/sysctl.conf", Number: 3, Key: "net.ipv4.tcp_fin_timeuot", Value: "1", Ignored: true, Exists: ptr(false)}},
		UnitsRead: true,
		Units:     []snapshot.Unit{{File: "/etc/systemd/system/a.service", Number: 2, Name: "a.service", NoFile: 5}},
		Processes: map[int]snapshot.Process{7: {Name: "app", Exe: ptr("/bin/app"), UID: 33, FDs: 5, FDSoft: ptr[int64](10), FDHard: ptr[int64](20)}},
		Sockets: &snapshot.Sockets{
			Counted: "dump", Mini: ptr[int64](2),
			States: map[string]int64{
				"established": 1, "syn_sent": 2, "syn_recv": 3, "fin_wait1": 4, "fin_wait2": 5, "time_wait": 6,
				"close": 7, "close_wait": 8, "last_ack": 9, "listen": 10, "closing": 11,
			},
			Listeners: []snapshot.Listener{{
				Local: addrPort("127.0.0.1:33000"), UID: 33, Inode: 1, Cookie: 1, Queue: 5, Backlog: ptr[uint32](4), Drops: ptr[uint32](60),
				Owners: []int{7}, Connections: map[string]int64{"syn_recv": 1, "close_wait": 2},
			}},
			Open: []snapshot.Socket{
				{State: sockdiag.StateCloseWait, Local: addrPort("127.0.0.1:33000"), Peer: addrPort("127.0.0.1:1"), Inode: 2, Receive: 0, Owners: []int{7}, LastHeard: ptr(61.0), Cookie: 3},
				{State: sockdiag.StateCloseWait, Local: addrPort("127.0.0.1:33000"), Peer: addrPort("127.0.0.1:1"), Inode: 3, Receive: 1, Owners: []int{7}, LastHeard: ptr(1.0), Cookie: 4},
				{State: sockdiag.StateCloseWait, Local: addrPort("127.0.0.1:33000"), Peer: addrPort("127.0.0.1:1"), Inode: 4, Receive: 2, Owners: []int{7}, LastHeard: ptr(1.0), Cookie: 5},
				{State: sockdiag.StateCloseWait, Local: addrPort("127.0.0.1:33000"), Peer: addrPort("127.0.0.1:1"), LastHeard: ptr(1.0), Cookie: 6},
				{State: sockdiag.StateSynSent, Local: addrPort("127.0.0.1:34000"), Peer: addrPort("127.0.0.9:5432"), Inode: 5, Retried: 1, Owners: []int{7}},
				{State: sockdiag.StateFinWait2, Local: addrPort("127.0.0.1:34001"), Peer: addrPort("127.0.0.9:5432"), Inode: 6, Owners: []int{7}},
				{State: sockdiag.StateFinWait2, Local: addrPort("127.0.0.1:34002"), Peer: addrPort("127.0.0.9:5432")},
				{State: sockdiag.StateFinWait1, Local: addrPort("127.0.0.1:33000"), Peer: addrPort("198.18.0.1:9"), Timer: "retransmit", Retried: 2},
				{State: sockdiag.StateLastAck, Local: addrPort("127.0.0.1:33000"), Peer: addrPort("198.18.0.1:10"), Timer: "retransmit", Retried: 3},
				{State: sockdiag.StateClosing, Local: addrPort("127.0.0.1:33000"), Peer: addrPort("198.18.0.1:11"), Cookie: 9},
				{State: sockdiag.StateSynRecv, Local: addrPort("127.0.0.1:33000"), Peer: addrPort("198.18.0.1:9"), Retried: 1},
				{State: sockdiag.StateSynSent, Local: addrPort("127.0.0.1:34003"), Peer: addrPort("127.0.0.9:1"), Inode: 7, UID: 44},
			},
			Ports:  snapshot.PortRange{Low: 32768, High: 33767, Reserved: 1, Held: 1, List: "33001", Known: true},
			Closer: snapshot.Closer{Looked: true},
			Destinations: []snapshot.Destination{{
				Source: netip.MustParseAddr("127.0.0.1"), Peer: addrPort("127.0.0.9:5432"),
				Established: 1, TimeWait: 600, Young: 100, Other: 2, Owners: []int{7},
			}},
			Clients:  []snapshot.Client{{UID: 33, Sockets: 5, Ports: 2, Destinations: 3, Owners: []int{7}}},
			TimeWait: &snapshot.TimeWait{Total: 4, Listening: 1, Ports: []snapshot.Count{{Name: ":80", Count: 1}}, Peers: []snapshot.Count{{Name: "x:1", Count: 3}}},
		},
	}
	addInterfaces(before, now)
	addTables(before, now)
	return two(before, now)
}
