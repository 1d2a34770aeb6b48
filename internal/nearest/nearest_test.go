// SPDX-License-Identifier: Apache-2.0

package nearest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"same", "same", 0},
		{"tcp_tw_recyle", "tcp_tw_recycle", 1},
		{"time_wiat", "time_wait", 1},
		{"somaxcon", "somaxconn", 1},
		{"abc", "acb", 1},
		{"ca", "abc", 3},
		{"kitten", "sitting", 3},
	} {
		if got := Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("Distance(%q, %q): want %d, got %d", tt.a, tt.b, tt.want, got)
		}
		if got := Distance(tt.b, tt.a); got != tt.want {
			t.Errorf("Distance(%q, %q): want %d, got %d", tt.b, tt.a, tt.want, got)
		}
	}
}

func TestWord(t *testing.T) {
	known := []string{"info", "notice", "warning", "critical"}
	for word, want := range map[string]string{
		"critcal": "critical", "warnign": "warning", "notice": "notice", "panic": "", "": "",
	} {
		if got := Word(word, known); got != want {
			t.Errorf("Word(%q): want %q, got %q", word, want, got)
		}
	}
}

func TestNames(t *testing.T) {
	known := []Name{
		{"net.ipv4.tcp_rmem", "tcp_rmem"}, {"net.ipv4.tcp_wmem", "tcp_wmem"}, {"net.ipv4.tcp_mem", "tcp_mem"},
		{"net.ipv4.tcp_fin_timeout", "tcp_fin_timeout"}, {"TcpExt.ListenOverflows", "ListenOverflows"},
	}
	for _, tt := range []struct {
		name string
		want []string
	}{
		{"tcp_fin_timeot", []string{"net.ipv4.tcp_fin_timeout"}},
		{"net.ipv4.tcp_men", []string{"net.ipv4.tcp_mem", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"}[:1]},
		{"LISTENOVERFLOW", []string{"TcpExt.ListenOverflows"}},
		{"", nil},
		{"net.ipv4.", nil},
	} {
		if diff := cmp.Diff(tt.want, Names(tt.name, known)); diff != "" {
			t.Errorf("Names(%q) (-want +got):\n%s", tt.name, diff)
		}
	}
}
