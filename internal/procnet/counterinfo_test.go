// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLookupCounter(t *testing.T) {
	for name, want := range map[string]string{ // "" if there is none
		"ListenOverflows":          "TcpExt.ListenOverflows",
		"TcpExt.ListenOverflows":   "TcpExt.ListenOverflows",
		"Tcp.RetransSegs":          "Tcp.RetransSegs",
		"TCP.inuse":                "TCP.inuse",
		"TCP6.inuse":               "TCP6.inuse",
		"tw":                       "TCP.tw",
		"inuse":                    "", // of TCP or TCP6
		"nf_conntrack.early_drop":  "nf_conntrack.early_drop",
		"softnet_stat.flow_limit":  "softnet_stat.flow_limit",
		"TCPLossProbeRecovery":     "TcpExt.TCPLossProbeRecovery",
		"Tcp.ListenOverflows":      "",
		"listenoverflows":          "",
		"":                         "",
		"TcpExt.":                  "",
		strings.Repeat("x", 1<<20): "",
	} {
		info, ok := LookupCounter(name)
		if ok != (want != "") || ok && info.Key() != want {
			t.Errorf("%.40q: %q, %t; want %q", name, info.Key(), ok, want)
		}
		if ok && (info.Meaning == "" || info.Tuning == "" || info.File == "") {
			t.Errorf("%s: %+v", name, info)
		}
	}
	info, _ := LookupCounter("flow_limit")
	want := []string{"received_rps", "flow_limit", "backlog_len", "cpu", "input_qlen", "process_qlen"}
	if diff := cmp.Diff(want, info.Family); diff != "" || info.Column != 11 || info.Scope != "machine" {
		t.Errorf("%+v: family (-want +got)\n%s", info, diff)
	}
}

// TestCounterInfosAgainstCapture finds every counter in files of the release that the
// catalogue was checked on.
func TestCounterInfosAgainstCapture(t *testing.T) {
	netstat := parseFile(t, "testdata/netstat", ParseCounters)
	snmp := parseFile(t, "testdata/snmp", ParseCounters)
	sockstat := parseFile(t, "testdata/sockstat", ParseSockstat)
	sockstat6 := parseFile(t, "testdata/sockstat6", ParseSockstat)
	conntrack := parseFile(t, "testdata/nf_conntrack", ParseTableStat)
	neighbours := parseFile(t, "testdata/arp_cache", ParseTableStat)
	infos := CounterInfos()
	if len(infos) < 90 {
		t.Fatalf("%d counters, want 90 or more", len(infos))
	}
	for _, info := range infos {
		ok := false
		switch info.File {
		case "/proc/net/netstat":
			_, ok = netstat[info.Key()]
		case "/proc/net/snmp":
			_, ok = snmp[info.Key()]
		case "/proc/net/sockstat":
			_, ok = sockstat[info.Key()]
		case "/proc/net/sockstat6":
			_, ok = sockstat6[info.Key()]
		case "/proc/net/stat/nf_conntrack":
			_, ok = conntrack.Sums[info.Name]
			ok = ok || info.Name == "entries"
		case "/proc/net/stat/arp_cache":
			_, ok = neighbours.Sums[info.Name]
		case "/proc/net/softnet_stat":
			ok = info.Column >= 1 && info.Column <= 15
		}
		if ok == (info.Removed != "") {
			t.Errorf("%s in %s: there %t, removed in %q", info.Key(), info.File, ok, info.Removed)
		}
	}
}

func BenchmarkLookupCounter(b *testing.B) {
	for b.Loop() {
		LookupCounter("Tcp.RetransSegs")
	}
}
