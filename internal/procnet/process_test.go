// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseMeminfo(t *testing.T) {
	got, err := ParseMeminfo(strings.NewReader("MemTotal:       24684092 kB\nActive(anon):  4 kB\nHugePages_Total:       3\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Meminfo{"MemTotal": 24684092 * 1024, "Active(anon)": 4096, "HugePages_Total": 3}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if total := parseFile(t, "/proc/meminfo", ParseMeminfo)["MemTotal"]; total < 16<<20 {
		t.Errorf("live: MemTotal %d bytes", total)
	}
}

func TestParseMeminfoRefuses(t *testing.T) {
	refuse(t, ParseMeminfo, []refusal{
		{"no colon", "MemTotal 1 kB\n", "line 1: want a name"},
		{"no number", "MemTotal:\n", "line 1: want a name"},
		{"twice", "A: 1\nA: 2\n", `"A" appears twice`},
		{"negative", "A: -1 kB\n", "-1 is negative"},
		{"unit", "A: 1 MB\n", `unit "MB" is not kB`},
		{"not a number", "A: x kB\n", `"x" is not a decimal number`},
		{"overflow", "A: 9223372036854775807 kB\n", "more than 64 bits"},
	})
}

func FuzzParseMeminfo(f *testing.F) {
	f.Add("MemTotal:       24684092 kB\nHugePages_Total:       3\n")
	f.Fuzz(func(t *testing.T, in string) {
		roundTrip(t, in, ParseMeminfo, func(m Meminfo) string {
			var b strings.Builder
			for _, name := range slices.Sorted(maps.Keys(m)) {
				fmt.Fprintf(&b, "%s: %d\n", name, m[name])
			}
			return b.String()
		})
	})
}

func TestParseFileNr(t *testing.T) {
	for in, want := range map[string]FileNr{
		"413\t0\t2466177\n":            {Used: 413, Max: 2466177},
		"413\t13\t2466177\n":           {Used: 400, Max: 2466177},
		"1\t0\t18446744073709551615\n": {Used: 1, Max: math.MaxUint64},
	} {
		if got, err := ParseFileNr(strings.NewReader(in)); err != nil || got != want {
			t.Errorf("ParseFileNr(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	if live := parseFile(t, "/proc/sys/fs/file-nr", ParseFileNr); live.Used == 0 || live.Max == 0 {
		t.Errorf("live: %+v", live)
	}
	refuse(t, ParseFileNr, []refusal{
		{"two numbers", "1 2\n", "want one line of three numbers"},
		{"two lines", "1 0 3\n1 0 3\n", "want one line of three numbers"},
		{"negative", "1 0 -3\n", `"-3" is not an unsigned`},
		{"more free than allocated", "1 2 3\n", "2 free of 1 allocated"},
	})
}

func FuzzParseFileNr(f *testing.F) {
	f.Add("413\t0\t2466177\n")
	f.Fuzz(func(t *testing.T, in string) {
		roundTrip(t, in, ParseFileNr, func(n FileNr) string { return fmt.Sprintf("%d\t0\t%d\n", n.Used, n.Max) })
	})
}

func TestParseUptime(t *testing.T) {
	for in, want := range map[string]float64{"12.34 20.00\n": 12.34, "0.00 0.00": 0, "5\n": 5} {
		if got, err := ParseUptime(strings.NewReader(in)); err != nil || got != want {
			t.Errorf("ParseUptime(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	if live := parseFile(t, "/proc/uptime", ParseUptime); live <= 0 {
		t.Errorf("live: %v", live)
	}
	refuse(t, ParseUptime, []refusal{
		{"empty", "", "0 lines, want one"},
		{"negative", "-1 0\n", `"-1" is not a number of seconds`},
		{"not a number", "NaN 0\n", `"NaN" is not a number of seconds`},
		{"infinite", "Inf 0\n", `"Inf" is not a number of seconds`},
		{"too large", "1e999 0\n", `"1e999" is not a number of seconds`},
	})
}

func FuzzParseUptime(f *testing.F) {
	f.Add("12.34 20.00\n")
	f.Fuzz(func(t *testing.T, in string) {
		roundTrip(t, in, ParseUptime, func(s float64) string { return strconv.FormatFloat(s, 'g', -1, 64) })
	})
}

const limitsHeader = "Limit                     Soft Limit           Hard Limit           Units     \n"

func TestParseLimits(t *testing.T) {
	got, err := ParseLimits(strings.NewReader(limitsHeader +
		"Max cpu time              unlimited            unlimited            seconds   \n" +
		"Max open files            1024                 1048576              files     \n" +
		"Max nice priority         0                    0                    \n" +
		"Max address space         18446744073709551614 unlimited            bytes     \n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Limits{
		"Max cpu time":      {Unlimited, Unlimited},
		"Max open files":    {1024, 1048576},
		"Max nice priority": {0, 0},
		"Max address space": {Unlimited, Unlimited},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if live := parseFile(t, "/proc/self/limits", ParseLimits)["Max open files"]; live.Soft <= 0 || live.Hard < live.Soft {
		t.Errorf("live: %+v", live)
	}
}

func TestParseLimitsRefuses(t *testing.T) {
	refuse(t, ParseLimits, []refusal{
		{"no header", "Max open files            1024                 1048576              files\n", "line 1: want the header"},
		{"no values", limitsHeader + "Max open files\n", "line 2: no values"},
		{"one value", limitsHeader + "Max open files            1024\n", "line 2: want a name, a soft and a hard limit"},
		{"no name", limitsHeader + "                          1024                 1048576\n", "line 2: want a name"},
		{"twice", limitsHeader + strings.Repeat("Max open files            1024                 1048576\n", 2), "appears twice"},
		{"negative", limitsHeader + "Max open files            -1                   1048576\n", `"-1" is neither`},
		{"word", limitsHeader + "Max open files            1                    many\n", `"many" is neither`},
	})
}

func FuzzParseLimits(f *testing.F) {
	f.Add(limitsHeader + "Max open files            1024                 1048576              files\n")
	f.Fuzz(func(t *testing.T, in string) {
		l, err := ParseLimits(strings.NewReader(in))
		if (err == nil) == (l == nil) {
			t.Fatalf("limits %v beside error %v", l, err)
		}
		for name, limit := range l {
			if name == "" || limit.Soft < 0 || limit.Hard < 0 {
				t.Fatalf("limit %q is %+v", name, limit)
			}
		}
	})
}

func TestParseStatus(t *testing.T) {
	got, err := ParseStatus(strings.NewReader("Name:\ta\\nb\\\\nc: d \nState:\tS (sleeping)\nUid:\t1\t2\t3\t4\nGid:\t0\t0\t0\t4294967295\nGroups:\t \n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Status{
		Name: "a\nb\\nc: d ",
		UIDs: []uint32{1, 2, 3, 4},
		GIDs: []uint32{0, 0, 0, math.MaxUint32},
		Fields: map[string]string{"Name": `a\nb\\nc: d`, "State": "S (sleeping)", "Uid": "1\t2\t3\t4",
			"Gid": "0\t0\t0\t4294967295", "Groups": ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	live := parseFile(t, "/proc/self/status", ParseStatus)
	if live.Fields["Pid"] != strconv.Itoa(os.Getpid()) || len(live.UIDs) != 4 || int(live.UIDs[0]) != os.Getuid() {
		t.Errorf("live: %+v", live)
	}
}

func TestParseStatusRefuses(t *testing.T) {
	refuse(t, ParseStatus, []refusal{
		{"empty", "", "no line Name"},
		{"no colon", "Name\tx\n", "line 1: want a name, a colon and a value"},
		{"twice", "Name:\tx\nName:\ty\n", `line 2: "Name" appears twice`},
		{"three ids", "Name:\tx\nUid:\t1\t2\t3\n", "line 2: Uid: 3 ids, want 4"},
		{"negative id", "Name:\tx\nGid:\t1\t2\t3\t-4\n", `line 2: Gid: "-4" is not an id`},
	})
}

func FuzzParseStatus(f *testing.F) {
	addFiles(f, "/proc/self/status")
	f.Add("Name:\ta\\nb\\\\\nUid:\t1\t2\t3\t4\n")
	f.Fuzz(func(t *testing.T, in string) {
		s, err := ParseStatus(strings.NewReader(in))
		if (err == nil) == (s.Fields == nil) {
			t.Fatalf("status %+v beside error %v", s, err)
		}
		if s.UIDs != nil && len(s.UIDs) != 4 || s.GIDs != nil && len(s.GIDs) != 4 {
			t.Fatalf("ids %v %v", s.UIDs, s.GIDs)
		}
	})
}
