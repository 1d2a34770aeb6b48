// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

var compareKeys = cmp.Comparer(func(a, b Key) bool { return a == b })

func TestParseLines(t *testing.T) {
	fin := MustKey("net.ipv4.tcp_fin_timeout")
	assign := func(number int, value string) Line {
		return Line{Number: number, Key: fin, RawKey: "net.ipv4.tcp_fin_timeout", Value: value, HasValue: true}
	}
	tests := []struct {
		name, in string
		want     []Line
	}{
		{"empty", "", nil},
		{"comments and blank lines", "# a = 1\n  ; b = 2\n\n \t\n", nil},
		{"plain", "net.ipv4.tcp_fin_timeout=30\n", []Line{assign(1, "30")}},
		{"blanks, no final newline", "\t net.ipv4.tcp_fin_timeout \t=\t 30 \t", []Line{assign(1, "30")}},
		{"CRLF", "# x\r\n\r\nnet.ipv4.tcp_fin_timeout = 30\r\n", []Line{assign(3, "30")}},
		{"no inline comments", "net.ipv4.tcp_fin_timeout = a=b # c ; d\n", []Line{assign(1, "a=b # c ; d")}},
		{"no quotes, no continuation", "net.ipv4.tcp_fin_timeout = \"15\" \\\n", []Line{assign(1, `"15" \`)}},
		{"tabs inside a vector stay", "net.ipv4.tcp_fin_timeout = 1\t2\n", []Line{assign(1, "1\t2")}},
		{"every line stays", "net.ipv4.tcp_fin_timeout = 1\nnet.ipv4.tcp_fin_timeout = 2", []Line{assign(1, "1"), assign(2, "2")}},
		{"empty value", "net.ipv4.tcp_fin_timeout =\n", []Line{assign(1, "")}},
		{"slashes", "/net/ipv4/tcp_fin_timeout=1", []Line{{Number: 1, Key: fin, RawKey: "/net/ipv4/tcp_fin_timeout", Value: "1", HasValue: true}}},
		{"ignore errors", "-net.ipv4.tcp_fin_timeout = 1",
			[]Line{{Number: 1, Key: fin, RawKey: "-net.ipv4.tcp_fin_timeout", Value: "1", HasValue: true, IgnoreErrors: true}}},
		{"blank after the dash", "- net.ipv4.tcp_fin_timeout = 1",
			[]Line{{Number: 1, Key: fin, RawKey: "- net.ipv4.tcp_fin_timeout", Value: "1", HasValue: true, IgnoreErrors: true}}},
		{"exclusion", "-net.ipv4.tcp_fin_timeout\n",
			[]Line{{Number: 1, Key: fin, RawKey: "-net.ipv4.tcp_fin_timeout", Exclude: true}}},
		{"glob", "net.ipv4.conf.*.rp_filter = 2\n",
			[]Line{{Number: 1, Key: MustKey("net.ipv4.conf.*.rp_filter"), RawKey: "net.ipv4.conf.*.rp_filter", Value: "2", HasValue: true, Glob: true}}},
		{"VLAN", "net.ipv4.conf.eth0/100.x = 1",
			[]Line{{Number: 1, Key: MustKey("net/ipv4/conf/eth0.100/x"), RawKey: "net.ipv4.conf.eth0/100.x", Value: "1", HasValue: true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i := range tt.want {
				tt.want[i].File = "f.conf"
			}
			got, problems := ParseLines("f.conf", strings.NewReader(tt.in))
			if diff := cmp.Diff(tt.want, got, compareKeys); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if len(problems) > 0 {
				t.Errorf("problems: %+v", problems)
			}
		})
	}
}

func TestParseLinesProblems(t *testing.T) {
	const good = "net.ipv4.tcp_sack = 1\n"
	tests := []struct {
		name, in string // followed by a good line
		reason   string
	}{
		{"byte order mark", "\ufeffnet.ipv4.tcp_fin_timeout = 30\n", "a byte order mark is part of the key"},
		{"byte order mark before a comment", "\ufeff# x = y\n", "a byte order mark is part of the key"},
		{"no equals sign", "net.ipv4.tcp_fin_timeout 30\n", `no "=" after the key`},
		{"no key", "= 30\n", "it is empty"},
		{"dash only", "-\n", "it is empty"},
		{"dash and value", "- = 1\n", "it is empty"},
		{"blank in the key", "net.ipv4 x = 1\n", `it contains the character ' '`},
		{"escape from the tree", "net/ipv4/../../../../etc/x = 1\n", "a component . or .. could leave /proc/sys"},
		{"carriage return inside", "net.ipv4.a = 1\rnet.ipv4.b = 2\n", "systemd reads two lines here"},
		{"NUL", "net.ipv4.a = 1\x00\n", "systemd reads two lines here"},
		{"control character in the key", "net.\x1b[m = 1\n", `it contains the character '\x1b'`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines, problems := ParseLines("f.conf", strings.NewReader(tt.in+good))
			if len(lines) != 1 || lines[0].Number != 2 || lines[0].Value != "1" {
				t.Errorf("lines: %+v, want the good one", lines)
			}
			if len(problems) != 1 || !strings.Contains(problems[0].Reason, tt.reason) {
				t.Fatalf("problems: %+v, want one with %q", problems, tt.reason)
			}
			want := Problem{File: "f.conf", Line: 1, Text: strings.TrimSuffix(tt.in, "\n"), Reason: problems[0].Reason}
			if diff := cmp.Diff(want, problems[0]); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestParseLinesBounds(t *testing.T) {
	const good = "net.ipv4.tcp_sack = 1\n"
	fill := func(n int) string { return good + "#" + strings.Repeat("x", n-len(good)-2) + "\n" }
	tests := []struct {
		name   string
		in     io.Reader
		reason string
	}{
		{"longest file", strings.NewReader(fill(MaxFileBytes)), ""},
		{"too long", strings.NewReader(fill(MaxFileBytes) + good), "the file is longer than 1 MiB"},
		{"one endless line", strings.NewReader(good + "x = " + strings.Repeat("x", 2*MaxFileBytes)), "the file is longer than 1 MiB"},
		{"reader fails", io.MultiReader(strings.NewReader(good+"net.ipv4.x = "), iotest.ErrReader(errors.New("boom"))), "read: boom"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines, problems := ParseLines("f.conf", tt.in)
			if len(lines) != 1 {
				t.Errorf("%d lines, want 1", len(lines))
			}
			if (tt.reason == "") != (len(problems) == 0) {
				t.Fatalf("problems: %+v", problems)
			}
			for _, p := range problems {
				if !strings.Contains(p.Reason, tt.reason) || len(p.Text) > 200 {
					t.Errorf("problem: %+v", p)
				}
			}
		})
	}
}

func FuzzParseLines(f *testing.F) {
	for _, s := range []string{
		"net.ipv4.tcp_fin_timeout = 30\n", "-net.ipv4.conf.all.rp_filter\r\n", "- a.b = \n", "\ufeffa=1", "/#x = 1\n/-y=2",
		"net.ipv4.conf.*.rp_filter = 2 # x", "a/../b=1", "k = v = w", "= 1", "-",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		lines, problems := ParseLines("f", strings.NewReader(in))
		if n := strings.Count(in, "\n") + 1; len(lines)+len(problems) > n {
			t.Fatalf("%d lines and %d problems of %d lines", len(lines), len(problems), n)
		}
		for _, line := range lines {
			if line.Key.IsZero() || line.HasValue == line.Exclude || line.Exclude && line.IgnoreErrors {
				t.Fatalf("line %+v", line)
			}
			again, problems := ParseLines("f", strings.NewReader(line.String()))
			if len(again) != 1 || len(problems) != 0 {
				t.Fatalf("%q gives %+v, %+v", line.String(), again, problems)
			}
			again[0].Number, again[0].RawKey = line.Number, line.RawKey
			if diff := cmp.Diff(line, again[0], compareKeys); diff != "" {
				t.Fatalf("after a round trip through %q (-first +second)\n%s", line.String(), diff)
			}
		}
	})
}
