// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseCounters(t *testing.T) {
	tests := []struct {
		name, in string
		want     Counters
	}{
		{"empty file", "", Counters{}},
		{"pair", "Tcp: MaxConn RetransSegs\nTcp: -1 7\n", Counters{"Tcp.MaxConn": -1, "Tcp.RetransSegs": 7}},
		{"no final newline, CRLF", "A: x\r\nA: 1", Counters{"A.x": 1}},
		{"section without names", "IcmpMsg:\nIcmpMsg:\n", Counters{}},
		{"unknown section and name", "NewExt: NotYetKnown\nNewExt: 1\n", Counters{"NewExt.NotYetKnown": 1}},
		{"largest signed", "A: x\nA: 9223372036854775807\n", Counters{"A.x": math.MaxInt64}},
		{"above int64 wraps", "A: x y\nA: 9223372036854775808 18446744073709551615\n",
			Counters{"A.x": math.MinInt64, "A.y": -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseCounters(strings.NewReader(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestParseCountersRefuses(t *testing.T) {
	refuse(t, ParseCounters, []refusal{
		{"names only", "A: x\n", "line 1: names without a line of values"},
		{"no colon", "A x\nA 1\n", `line 1: "A" does not end with a colon`},
		{"empty section", ": x\n: 1\n", `line 1: name "" is not made of`},
		{"other section", "A: x\nB: 1\n", `line 2: values of section "B:" follow the names of "A"`},
		{"too few values", "A: x y\nA: 1\n", `line 2: 1 values for 2 names of section "A"`},
		{"too many values", "A: x\nA: 1 2\n", `line 2: 2 values for 1 names of section "A"`},
		{"control character in name", "A: x\x1b[m\nA: 1\n", `line 1: name "x\x1b[m" is not made of`},
		{"twice", "A: x\nA: 1\nA: x\nA: 1\n", "line 3: A.x appears twice"},
		{"not a number", "A: x\nA: 0x1\n", `line 2: A.x: "0x1" is not a decimal number`},
		{"plus", "A: x\nA: +1\n", `line 2: A.x: "+1" is not a decimal number`},
		{"65 bits", "A: x\nA: 18446744073709551616\n", "does not fit into 64 bits"},
		{"below int64", "A: x\nA: -9223372036854775809\n", "does not fit into 64 bits"},
	})
}

func TestParseCountersCapture(t *testing.T) {
	netstat := parseFile(t, "testdata/netstat", ParseCounters)
	snmp := parseFile(t, "testdata/snmp", ParseCounters)
	for key, want := range map[string]int64{
		"TcpExt.ListenOverflows": 535,
		"TcpExt.TCPPureAcks":     65,
		"IpExt.InOctets":         39380,
	} {
		if got, ok := netstat[key]; !ok || got != want {
			t.Errorf("%s = %d, %t; want %d", key, got, ok, want)
		}
	}
	if snmp["Tcp.MaxConn"] != -1 || snmp["Tcp.PassiveOpens"] != 65 {
		t.Errorf("snmp: MaxConn %d, PassiveOpens %d; want -1, 65", snmp["Tcp.MaxConn"], snmp["Tcp.PassiveOpens"])
	}
	if _, ok := netstat["TcpExt.PAWSPassive"]; ok {
		t.Error("TcpExt.PAWSPassive is there, but Linux 4.12 removed it")
	}
}

// TestLiveCounters compares the names with those found by splitting the file in the
// most simple way: none may get lost.
func TestLiveCounters(t *testing.T) {
	for _, file := range []string{"/proc/net/netstat", "/proc/net/snmp"} {
		counters := parseFile(t, file, ParseCounters)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names := 0
		for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
			section, rest, _ := strings.Cut(line, ": ")
			if i%2 == 1 {
				continue
			}
			for _, name := range strings.Fields(rest) {
				names++
				if _, ok := counters[section+"."+name]; !ok {
					t.Errorf("%s: %s.%s is lost", file, section, name)
				}
			}
		}
		if names == 0 || names != len(counters) {
			t.Errorf("%s: %d counters of %d names", file, len(counters), names)
		}
	}
}

func FuzzParseCounters(f *testing.F) {
	addFiles(f, "testdata/netstat", "testdata/snmp")
	f.Add("Tcp: MaxConn\nTcp: -1\n")
	f.Add("A: x\nA: 18446744073709551615\n")
	f.Fuzz(func(t *testing.T, in string) {
		roundTrip(t, in, ParseCounters, formatCounters)
	})
}

// formatCounters writes c in the kernel's format, one section per counter.
func formatCounters(c Counters) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(c)) {
		section, name, _ := strings.Cut(key, ".")
		fmt.Fprintf(&b, "%s: %s\n%s: %d\n", section, name, section, c[key])
	}
	return b.String()
}
