// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

func decodeText(t testing.TB, text string) (*Facts, error) {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("parse yaml: %v", err)
	}
	if len(doc.Content) == 0 {
		return Decode("x.yaml", nil)
	}
	return Decode("x.yaml", doc.Content[0])
}

func ptr[T any](v T) *T { return &v }

func TestDecode(t *testing.T) {
	got, err := decodeText(t, `
window: {seconds: 10}
kernel: {release: 6.18.44}
sysctl: {net.core.somaxconn: "4096", net.ipv4.tcp_rmem: "4096	131072  6291456"}
defaults: {net.core.somaxconn: "128"}
absent: [net.ipv4.tcp_tw_recycle]
listeners:
  - {address: "198.18.0.2:8080", port: 8080, loopback: false, queue: 65, backlog: 64, drops_per_second: 53.5}
  - {}
units: []
lines: [{file: /etc/sysctl.conf, number: 3, key: a.b, value: 1}, {address: here, key: a.b}]
rate: {ListenOverflows: 53.5, ListenDrops: 0}
netns: {initial: true}
sockets: {}
`)
	if err != nil {
		t.Fatal(err)
	}
	lines := []*Line{
		{File: "/etc/sysctl.conf", Number: 3, Address: "/etc/sysctl.conf:3", Key: "a.b", Value: "1"},
		{Address: "here", Key: "a.b"},
	}
	want := &Facts{
		Window: &Window{Seconds: ptr(10.0)},
		Kernel: &Kernel{Release: "6.18.44"},
		Listeners: []*Listener{
			{Address: "198.18.0.2:8080", Port: 8080, Queue: 65, Backlog: ptr[int64](64), DropsPerSecond: ptr(53.5)},
			{},
		},
		Units:   []*Unit{},
		Lines:   lines,
		Files:   NewFiles(lines),
		Rate:    &Rates{ListenOverflows: ptr(53.5), ListenDrops: ptr(0.0)},
		Netns:   &Netns{Initial: ptr(true)},
		Sockets: &Sockets{},
		values: sysctlValues{
			values:   map[string]string{"net.core.somaxconn": "4096", "net.ipv4.tcp_rmem": "4096 131072 6291456"},
			defaults: map[string]string{"net.core.somaxconn": "128"},
			absent:   map[string]bool{"net.ipv4.tcp_tw_recycle": true},
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Facts{}, Files{}, sysctlValues{})); diff != "" {
		t.Errorf("Decode (-want +got)\n%s", diff)
	}
	if exists, known := got.SysctlExists("net.ipv4.tcp_tw_recycle"); exists || !known {
		t.Errorf("SysctlExists of an absent key = %v, %v, want false, true", exists, known)
	}
}

func TestDecodeErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", ``, `x.yaml:0:0: facts must be a mapping, it is nothing`},
		{"not a mapping", `[a]`, `x.yaml:1:1: facts must be a mapping, it is a list`},
		{"unknown fact", `listners: []`, `x.yaml:1:1: unknown fact "listners" of facts; did you mean "listeners"?`},
		{"far from any", `zzzzzzzz: 1`, `x.yaml:1:1: unknown fact "zzzzzzzz" of facts`},
		{"unknown field", `listeners: [{queu: 1}]`, `x.yaml:1:14: unknown fact "queu" of listeners[0]; did you mean "queue"?`},
		{"unknown counter", `rate: {ListenOverflow: 1}`, `x.yaml:1:8: unknown fact "ListenOverflow" of rate; did you mean "ListenOverflows"?`},
		{"files", `files: {}`, `x.yaml:1:1: files cannot be given: it follows from lines`},
		{"int", `sockets: {time_wait: 1.5}`, `x.yaml:1:22: sockets.time_wait must be a whole number, it is "1.5"`},
		{"int too large", `sockets: {time_wait: 99999999999999999999}`, `x.yaml:1:22: sockets.time_wait must be a whole number, it is "99999999999999999999"`},
		{"float", `window: {seconds: ten}`, `x.yaml:1:19: window.seconds must be a number, it is "ten"`},
		{"nan", `window: {seconds: .nan}`, `x.yaml:1:19: window.seconds must be a number, it is ".nan"`},
		{"bool", `netns: {initial: "yes"}`, `x.yaml:1:18: netns.initial must be true or false, it is "yes"`},
		{"text", `kernel: {release: [6]}`, `x.yaml:1:19: kernel.release must be a text, it is a list; an unknown fact is left out`},
		{"null", `sockets: {time_wait: null}`, `x.yaml:1:22: sockets.time_wait must be a whole number, it is null; an unknown fact is left out`},
		{"null list", `units:`, `x.yaml:1:7: units must be a list, it is null; an unknown list is left out`},
		{"element", `units: [7]`, `x.yaml:1:9: units[0] must be a mapping, it is "7"`},
		{"duplicate", "units: []\nunits: []", `x.yaml:2:1: duplicate "units" in facts`},
		{"complex key", `{[a]: 1}`, `x.yaml:1:2: a name must be a word, it is a list`},
		{"alias", "window: &w {seconds: 1}\nkernel: *w", `x.yaml:2:9: kernel must be a mapping, it is an alias, which is not allowed here`},
		{"sysctl", `sysctl: {a.b: [1]}`, `x.yaml:1:15: sysctl a.b must be a value, it is a list; an unknown key is left out`},
		{"absent", `absent: a.b`, `x.yaml:1:9: absent must be a list of keys, it is "a.b"`},
		{"absent key", `absent: [1]`, `x.yaml:1:10: a key of absent must be a word, it is "1"`},
		{"both", "sysctl: {a.b: 1}\nabsent: [a.b]", `x.yaml:1:1: a.b is in sysctl and in absent`},
		{"all at once", "units: {}\nlins: []\n", "x.yaml:1:8: units must be a list, it is a mapping; an unknown list is left out\nx.yaml:2:1: unknown fact \"lins\" of facts; did you mean \"lines\"?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := decodeText(t, tt.text)
			if got != nil || err == nil {
				t.Fatalf("Decode = %v, %v, want nil and an error", got, err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got)\n%s", diff)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("window: {seconds: 10}\nlisteners: [{queue: 1}]")
	f.Add("sysctl: {a: b}\nabsent: [c]\nlines: [{file: x, number: 2}]")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) == 0 {
			return
		}
		got, err := Decode("x.yaml", doc.Content[0])
		if (got == nil) != (err != nil) {
			t.Fatalf("Decode = %v, %v: want either facts or an error", got, err)
		}
		if err != nil && !strings.Contains(err.Error(), "x.yaml:") {
			t.Fatalf("error without a position: %v", err)
		}
	})
}
