// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseLimitNoFile(t *testing.T) {
	tests := []struct {
		line string
		want int64
		ok   bool
	}{
		{"LimitNOFILE=65536", 65536, true},
		{"LimitNOFILE=1024:524288", 524288, true},
		{"LimitNOFILE = 65536 ", 65536, true},
		{"\tLimitNOFILE=0", 0, true},
		{"LimitNOFILE=9223372036854775807", 1<<63 - 1, true},
		{"LimitNOFILE=infinity", 0, false},
		{"LimitNOFILE=1024:infinity", 0, false},
		{"LimitNOFILE=", 0, false},
		{"LimitNOFILE=-1", 0, false},
		{"LimitNOFILE=99999999999999999999", 0, false},
		{"LimitNOFILESoft=1", 0, false},
		{"#LimitNOFILE=1", 0, false},
		{"; LimitNOFILE=1", 0, false},
		{"LimitNOFILE", 0, false},
		{"limitnofile=1", 0, false}, // names are case-sensitive
		{"", 0, false},
	}
	for _, tt := range tests {
		if got, ok := parseLimitNoFile(tt.line); ok != tt.ok || ok && got != tt.want {
			t.Errorf("parseLimitNoFile(%q) = %d, %v, want %d, %v", tt.line, got, ok, tt.want, tt.ok)
		}
	}
}

func TestReadUnits(t *testing.T) {
	outside := newTree(t, map[string]string{"secret.conf": "LimitNOFILE=666", "b.service": "LimitNOFILE=666"})
	tree := newTree(t, map[string]string{
		"etc/systemd/system/a.service":                  "[Service]\n# LimitNOFILE=1\nLimitNOFILE=100\n",
		"etc/systemd/system/a.service.d/10-limits.conf": "[Service]\nLimitNOFILE=1:200",
		"etc/systemd/system/a.service.d/README":         "LimitNOFILE=3",
		"etc/systemd/system/a.socket":                   "LimitNOFILE=3",
		"etc/systemd/system/a.socket.d/a.conf":          "LimitNOFILE=3",
		"usr/lib/systemd/system/c.service":              "LimitNOFILE=infinity\nLimitNOFILE=300",
		"usr/lib/systemd/system/long.service":           "x=" + strings.Repeat("x", 1<<17) + "\nLimitNOFILE=5",
	})
	tree.link("etc/systemd/system/alias.service", "/usr/lib/systemd/system/c.service")
	tree.link("etc/systemd/system/masked.service", "/dev/null")
	tree.link("etc/systemd/system/b.service", string(outside)+"/b.service")
	tree.link("etc/systemd/system/b.service.d", string(outside))
	tree.link("run/systemd/system", "/etc/systemd/lost")
	tree.link("usr/lib/systemd/system/d.service.d", "/usr/share/d")
	tree.write("usr/share/d/x.conf", "LimitNOFILE=400")
	tree.pipe("etc/systemd/system/pipe.service")

	s := &Snapshot{}
	s.readUnits(root(tree))
	want := []Unit{
		{File: "/etc/systemd/system/a.service", Number: 3, Name: "a.service", NoFile: 100},
		{File: "/etc/systemd/system/a.service.d/10-limits.conf", Number: 2, Name: "a.service", NoFile: 200},
		{File: "/usr/lib/systemd/system/c.service", Number: 2, Name: "c.service", NoFile: 300},
		{File: "/usr/lib/systemd/system/d.service.d/x.conf", Number: 1, Name: "d.service", NoFile: 400},
	}
	if diff := cmp.Diff(want, s.Units); diff != "" || !s.UnitsRead {
		t.Errorf("units, read %v (-want +got)\n%s", s.UnitsRead, diff)
	}
	wantGaps := []Gap{
		{Source: "/etc/systemd/system/pipe.service", Reason: "not a regular file"},
		{Source: "/usr/lib/systemd/system/long.service", Reason: "bufio.Scanner: token too long"},
	}
	if diff := cmp.Diff(wantGaps, s.Gaps); diff != "" {
		t.Errorf("gaps (-want +got)\n%s", diff)
	}
}

func TestReadUnitsBounds(t *testing.T) {
	files := make(map[string]string)
	for i := range maxUnitFiles + 5 {
		files[fmt.Sprintf("%s/%05d.service", unitDirs[i%2], i)] = "LimitNOFILE=1"
	}
	files[unitDirs[2]] = "not a directory"
	tree := newTree(t, files)
	s := &Snapshot{}
	s.readUnits(root(tree))
	if len(s.Units) != maxUnitFiles || len(s.Gaps) != 2 {
		t.Errorf("%d units, gaps %v", len(s.Units), s.Gaps)
	}
}

func TestReadUnitsNone(t *testing.T) {
	s := &Snapshot{}
	s.readUnits(root(newTree(t, nil)))
	if want := []Gap{{Source: "/etc/systemd/system", Reason: "not there"}}; s.UnitsRead || !cmp.Equal(want, s.Gaps) {
		t.Errorf("read %v, gaps %v", s.UnitsRead, s.Gaps)
	}
}
