// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSockstat(t *testing.T) {
	got := parseFile(t, "testdata/sockstat", ParseSockstat)
	want := Sockstat{
		"sockets.used": 67,
		"TCP.inuse":    66, "TCP.orphan": 233, "TCP.tw": 0, "TCP.alloc": 900, "TCP.mem": 736,
		"UDP.inuse": 0, "UDP.mem": 0,
		"UDPLITE.inuse": 0, "RAW.inuse": 0, "FRAG.inuse": 0, "FRAG.memory": 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, ok := parseFile(t, "testdata/sockstat6", ParseSockstat)["TCP6.inuse"]; !ok {
		t.Error("sockstat6: TCP6.inuse is lost")
	}
	live := parseFile(t, "/proc/net/sockstat", ParseSockstat)
	for _, key := range []string{"TCP.inuse", "TCP.tw", "TCP.orphan", "TCP.mem"} {
		if _, ok := live[key]; !ok {
			t.Errorf("/proc/net/sockstat: %s is lost", key)
		}
	}
}

func TestParseSockstatRefuses(t *testing.T) {
	refuse(t, ParseSockstat, []refusal{
		{"no colon", "TCP inuse 1\n", `"TCP" does not end with a colon`},
		{"no value", "TCP: inuse 1 tw\n", `line 1: "tw" has no value`},
		{"twice", "TCP: inuse 1 inuse 2\n", "TCP.inuse appears twice"},
		{"bad name", "TCP: in\x00use 1\n", "is not made of"},
		{"bad value", "TCP: inuse -\n", `TCP.inuse: "-" is not a decimal number`},
	})
}

func FuzzParseSockstat(f *testing.F) {
	addFiles(f, "testdata/sockstat", "testdata/sockstat6")
	f.Fuzz(func(t *testing.T, in string) {
		roundTrip(t, in, ParseSockstat, func(s Sockstat) string {
			var b strings.Builder
			for _, key := range slices.Sorted(maps.Keys(s)) {
				protocol, name, _ := strings.Cut(key, ".")
				fmt.Fprintf(&b, "%s: %s %d\n", protocol, name, s[key])
			}
			return b.String()
		})
	})
}

func TestParseSoftnet(t *testing.T) {
	columns := func(n int) string { return strings.TrimSpace(strings.Repeat("00000001 ", n)) }
	one := uint64(1)
	tests := []struct {
		name, in string
		want     []SoftnetCPU
	}{
		{"Linux 2.6, second CPU", columns(9) + "\n" + columns(9),
			[]SoftnetCPU{{CPU: 0, Processed: 1, Dropped: 1, Squeezed: 1}, {CPU: 1, Processed: 1, Dropped: 1, Squeezed: 1}}},
		{"Linux 3.11", columns(11), []SoftnetCPU{{Processed: 1, Dropped: 1, Squeezed: 1, ReceivedRPS: &one, FlowLimit: &one}}},
		{"Linux 5.10", columns(13), []SoftnetCPU{
			{CPU: 1, Processed: 1, Dropped: 1, Squeezed: 1, ReceivedRPS: &one, FlowLimit: &one, BacklogLen: &one}}},
		{"longer than known", columns(16), []SoftnetCPU{{CPU: 1, Processed: 1, Dropped: 1, Squeezed: 1,
			ReceivedRPS: &one, FlowLimit: &one, BacklogLen: &one, InputQLen: &one, ProcessQLen: &one}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseSoftnet(strings.NewReader(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	capture := parseFile(t, "testdata/softnet_stat", ParseSoftnet)
	if len(capture) != 2 || capture[1].CPU != 1 || capture[1].Dropped != 0x53489 || capture[1].Squeezed != 6 {
		t.Errorf("capture: %+v", capture)
	}
	if live := parseFile(t, "/proc/net/softnet_stat", ParseSoftnet); len(live) < 1 || len(live) > max(runtime.NumCPU(), 8192) {
		t.Errorf("live: %d CPUs", len(live))
	}
}

func TestParseSoftnetRefuses(t *testing.T) {
	refuse(t, ParseSoftnet, []refusal{
		{"empty", "", "no CPU in it"},
		{"short", "1 2 3 4 5 6 7 8\n", "line 1: 8 columns, want 9 or more"},
		{"not hexadecimal", "1 2 3 4 5 6 7 8 x\n", `line 1: column 9: "x" is not a hexadecimal number`},
		{"33 bits", "100000000 2 3 4 5 6 7 8 9\n", "column 1"},
	})
}

func FuzzParseSoftnet(f *testing.F) {
	addFiles(f, "testdata/softnet_stat")
	f.Fuzz(func(t *testing.T, in string) {
		cpus, err := ParseSoftnet(strings.NewReader(in))
		if (err == nil) == (len(cpus) == 0) {
			t.Fatalf("%d CPUs beside error %v", len(cpus), err)
		}
	})
}

func TestParseTableStat(t *testing.T) {
	got, err := ParseTableStat(strings.NewReader("entries  drop searched\n0000000a  00000001 ffffffff\n0000000a  00000002 00000001\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := TableStat{Entries: 10, Sums: map[string]uint64{"drop": 3, "searched": 1 << 32}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	capture := parseFile(t, "testdata/nf_conntrack", ParseTableStat)
	if capture.Entries != 1000 || capture.Sums["drop"] != 9 {
		t.Errorf("capture: %d entries, %d drops; want 1000, 9", capture.Entries, capture.Sums["drop"])
	}
	neighbours := parseFile(t, "testdata/arp_cache", ParseTableStat)
	if neighbours.Entries != 2 || neighbours.Sums["table_fulls"] != 3 || neighbours.Sums["lookups"] != 0x100000303 {
		t.Errorf("neighbours: %+v", neighbours)
	}
	f, err := os.Open("/proc/net/stat/nf_conntrack")
	if errors.Is(err, fs.ErrNotExist) {
		return // a kernel without connection tracking
	} else if err != nil {
		t.Fatal(err)
	}
	f.Close()
	parseFile(t, f.Name(), ParseTableStat)
}

func TestParseTableStatRefuses(t *testing.T) {
	refuse(t, ParseTableStat, []refusal{
		{"header only", "entries drop\n", "1 rows"},
		{"no entries", "found drop\n1 2\n", "line 1: no column entries"},
		{"twice", "entries drop drop\n1 2 3\n", "drop appears twice"},
		{"bad name", "entries d=rop\n1 2\n", "is not made of"},
		{"short row", "entries drop\n1 2\n1\n", "line 3: 1 values for 2 names"},
		{"not hexadecimal", "entries drop\n1 g\n", `line 2: drop: "g"`},
	})
}

func FuzzParseTableStat(f *testing.F) {
	addFiles(f, "testdata/nf_conntrack", "testdata/arp_cache")
	f.Fuzz(func(t *testing.T, in string) {
		s, err := ParseTableStat(strings.NewReader(in))
		if (err == nil) == (s.Sums == nil) {
			t.Fatalf("sums %v beside error %v", s.Sums, err)
		}
	})
}
