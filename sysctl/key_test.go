// SPDX-License-Identifier: Apache-2.0

package sysctl

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseKey(t *testing.T) {
	tests := []struct{ name, in, path, dotted string }{
		{"dots", "net.ipv4.tcp_rmem", "net/ipv4/tcp_rmem", "net.ipv4.tcp_rmem"},
		{"slashes", "net/ipv4/tcp_rmem", "net/ipv4/tcp_rmem", "net.ipv4.tcp_rmem"},
		{"one component", "vm", "vm", "vm"},
		{"slash for a dot", "net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter", "net.ipv4.conf.eth0/100.rp_filter"},
		{"literal dot", "net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter", "net.ipv4.conf.eth0/100.rp_filter"},
		{"dot of a VLAN taken for a separator", "net.ipv4.conf.eth0.100.rp_filter", "net/ipv4/conf/eth0/100/rp_filter", "net.ipv4.conf.eth0.100.rp_filter"},
		{"leading slash", "/net/ipv4/tcp_rmem", "net/ipv4/tcp_rmem", "net.ipv4.tcp_rmem"},
		{"leading slash keeps dots", "/a.b/c", "a.b/c", "/a.b/c"},
		{"doubled separator", "net..ipv4.x", "net/ipv4/x", "net.ipv4.x"},
		{"final separator", "net.ipv4.x.", "net/ipv4/x", "net.ipv4.x"},
		{"glob", "net.ipv4.conf.*.rp_filter", "net/ipv4/conf/*/rp_filter", "net.ipv4.conf.*.rp_filter"},
		{"three dots are a name", "net/.../x", "net/.../x", "net.///.x"},
		{"longest, with a dot", "/x." + strings.Repeat("x", MaxKeyLength-2), "x." + strings.Repeat("x", MaxKeyLength-2), "/x." + strings.Repeat("x", MaxKeyLength-2)},
		{"longest", strings.Repeat("x", MaxKeyLength), strings.Repeat("x", MaxKeyLength), strings.Repeat("x", MaxKeyLength)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key, err := ParseKey(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if key.Path() != tt.path || key.String() != tt.dotted {
				t.Errorf("path %q, dotted %q; want %q, %q", key.Path(), key, tt.path, tt.dotted)
			}
			if again, err := ParseKey(key.String()); again != key {
				t.Errorf("parsed again: %q, %v", again.Path(), err)
			}
		})
	}
}

func TestParseKeyRefuses(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty", "", `parse key "": it is empty`},
		{"separators only", "...", "it consists of separators only"},
		{"parent", "net/../../etc/passwd", "a component . or .. could leave /proc/sys"},
		{"parent after swapping", "net.//.x", "a component . or .. could leave /proc/sys"},
		{"parent although swapping makes it harmless", "../x", "a component . or .. could leave /proc/sys"},
		{"self", "net/./x", "a component . or .. could leave /proc/sys"},
		{"blank", "net.ipv4.x 1", `it contains the character ' '`},
		{"newline", "net.ipv4\nx", `it contains the character '\n'`},
		{"escape", "net.\x1b[31m", `it contains the character '\x1b'`},
		{"byte order mark", "\ufeffnet", `it contains the character '\ufeff'`},
		{"text direction", "net.\u202ex", `it contains the character '\u202e'`},
		{"not UTF-8", "net.\xff", "it is not valid UTF-8"},
		{"too long", strings.Repeat("x", MaxKeyLength+1), "it has 513 bytes, at most 512 are allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key, err := ParseKey(tt.in)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if !key.IsZero() {
				t.Errorf("key %q beside the error", key)
			}
		})
	}
}

func TestMustKeyPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	MustKey("")
}

func TestKeyMatch(t *testing.T) {
	tests := []struct {
		pattern, key string
		want         bool
	}{
		{"net.ipv4.conf.*.rp_filter", "net.ipv4.conf.eth0.rp_filter", true},
		{"net.ipv4.conf.*.rp_filter", "net.ipv4.conf.eth0/100.rp_filter", true},
		{"net.ipv4.conf.*.rp_filter", "net.ipv4.conf.eth0.arp_filter", false},
		{"net.ipv4.conf.*.rp_filter", "net.ipv4.conf.a.b.rp_filter", false},
		{"net.ipv4.tcp_*mem", "net.ipv4.tcp_rmem", true},
		{"net.ipv4.tcp_?mem", "net.ipv4.tcp_mem", false},
		{"net.ipv4.tcp_[!r]mem", "net.ipv4.tcp_wmem", true},
		{"net.ipv4.tcp_[!r]mem", "net.ipv4.tcp_rmem", false},
		{"net.ipv4.tcp_[rw]mem", "net.ipv4.tcp_rmem", true},
		{"net.ipv4.tcp_[", "net.ipv4.tcp_[", false},
		{"net/*/x", "net/.hidden/x", false},
		{"net/.*/x", "net/.hidden/x", true},
		{"net.ipv4.tcp_rmem", "net.ipv4.tcp_rmem", true},
		{`net.ipv4.a\b`, `net.ipv4.a\b`, true},
		{"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", false},
	}
	for _, tt := range tests {
		if got := MustKey(tt.pattern).Match(MustKey(tt.key)); got != tt.want {
			t.Errorf("%s matches %s: %t, want %t", tt.pattern, tt.key, got, tt.want)
		}
	}
}

func TestKeyJSON(t *testing.T) {
	type doc struct{ Key Key }
	want := doc{MustKey("net/ipv4/conf/eth0.100/rp_filter")}
	data, err := json.Marshal(want)
	if err != nil || string(data) != `{"Key":"net.ipv4.conf.eth0/100.rp_filter"}` {
		t.Fatalf("%s, %v", data, err)
	}
	var got doc
	if err := json.Unmarshal(data, &got); err != nil || got != want {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if _, err := json.Marshal(doc{}); err == nil {
		t.Error("the zero key has a JSON form")
	}
	if err := json.Unmarshal([]byte(`{"Key":"../x"}`), &got); err == nil || got != want {
		t.Errorf("%v, %v; want an error and no change", got, err)
	}
}

func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"net.ipv4.tcp_rmem", "net/ipv4/conf/eth0.100/x", "net.ipv4.conf.eth0/100.x", "/a.b/c", ".eth0/100", "net.//.x", "net.conf.*.x", "a/./b", "/a./.b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := ParseKey(s)
		if err != nil {
			if !key.IsZero() {
				t.Fatalf("key %q beside the error %v", key.Path(), err)
			}
			return
		}
		for _, form := range []string{key.String(), "/" + key.Path()} {
			if again, err := ParseKey(form); err != nil || again != key {
				t.Fatalf("%q -> %q -> %q, %v", s, form, again.Path(), err)
			}
		}
		for component := range strings.SplitSeq(key.Path(), "/") {
			if component == "" || component == "." || component == ".." {
				t.Fatalf("component %q in %q", component, key.Path())
			}
		}
		if !key.Glob() && !key.Match(key) {
			t.Fatalf("%q does not match itself", key)
		}
	})
}

func TestValue(t *testing.T) {
	tests := []struct {
		in   string
		want Value
		ints []int64
		err  string
	}{
		{"4096\t131072\t33554432\n", "4096 131072 33554432", []int64{4096, 131072, 33554432}, ""},
		{"  -1 ", "-1", []int64{-1}, ""},
		{"9223372036854775807", "9223372036854775807", []int64{9223372036854775807}, ""},
		{"", "", nil, "the value is empty"},
		{"\n", "", nil, "the value is empty"},
		{"010", "010", nil, "only decimal integers"},
		{"0x10", "0x10", nil, "only decimal integers"},
		{"+7", "+7", nil, "only decimal integers"},
		{"1_000", "1_000", nil, "only decimal integers"},
		{"-0", "-0", nil, "only decimal integers"},
		{"18446744073709551615", "18446744073709551615", nil, "does not fit into 64 bits"},
		{"1 cubic", "1 cubic", nil, `read number "cubic"`},
		{"a\u00a0b", "a\u00a0b", nil, "only decimal integers"},
	}
	for _, tt := range tests {
		v := NewValue(tt.in)
		if v != tt.want {
			t.Errorf("NewValue(%q) = %q, want %q", tt.in, v, tt.want)
		}
		ints, err := v.Ints()
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: error %v, want one with %q", tt.in, err, tt.err)
		}
		if diff := cmp.Diff(tt.ints, ints); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", tt.in, diff)
		}
	}
	if !Value("1 2").Equal("1\t2\n") || Value("1 2").Equal("1 20") {
		t.Error("Equal does not compare fields")
	}
}
