// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"

	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/profiles"
	"github.com/tcptune/tcptune/sysctl"
)

func TestParseRate(t *testing.T) {
	for text, want := range map[string]float64{"1Gbit": 1e9, "100mbit": 1e8, "2.5gbit": 2.5e9, "9600bit": 9600, "1tbit": 1e12} {
		if got, err := parseRate(text); err != nil || got != want {
			t.Errorf("parseRate(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1", "1G", "-1gbit", "0bit", "1e9bit", "999999999999tbit", "1 gbit", "NaNbit"} {
		if got, err := parseRate(text); err == nil {
			t.Errorf("parseRate(%q) = %v, want an error", text, got)
		}
	}
}

func TestBounded(t *testing.T) {
	tests := []struct{ bound, value, live, want string }{
		{"exactly", "5", "9", "5"},
		{"at_least", "5", "9", "9"},
		{"at_least", "5", "3", "5"},
		{"at_most", "5", "9", "5"},
		{"at_most", "5", "3", "3"},
		{"at_least", "4096 16384 4194304", "8192 4096 33554432", "8192 16384 33554432"},
		{"at_least", "1 2 3", "9", "1 2 3"},
	}
	for _, tt := range tests {
		if got := bounded(profiles.Setting{Bound: tt.bound, Value: tt.value}, tt.live); got != tt.want {
			t.Errorf("%s %q of live %q = %q, want %q", tt.bound, tt.value, tt.live, got, tt.want)
		}
	}
}

// TestEvaluateProfile checks that what a run froze gives the same settings later.
func TestEvaluateProfile(t *testing.T) {
	first, left, err := evaluateProfile("web", nil, nil, profileOptions{rate: "10gbit", rtt: "100ms", dir: ""})
	if err != nil {
		t.Fatal(err)
	}
	if len(left) == 0 || first.Name != "web" {
		t.Errorf("profile %q, left %v: want web, and tcp_wmem left for want of memory", first.Name, left)
	}
	i := slices.IndexFunc(first.Settings, func(w change.Wanted) bool { return w.Key == sysctl.MustKey("net.core.somaxconn") })
	if i < 0 || first.Settings[i].Bound != change.AtLeast || first.Settings[i].Origin != "profile web" {
		t.Errorf("settings %v: want somaxconn at least, from web", first.Settings)
	}
	again, _, err := evaluateProfile("web", first.Inputs, nil, profileOptions{})
	if err != nil || !slices.Equal(first.Inputs, again.Inputs) || !slices.Equal(first.Settings, again.Settings) {
		t.Errorf("frozen inputs %v gave %v, %v", first.Inputs, again, err)
	}
	if _, _, err := evaluateProfile("wbe", nil, nil, profileOptions{}); statusOf(err) != exitUsage {
		t.Errorf("an unknown profile: %v, want a usage error", err)
	}
	if _, _, err := evaluateProfile("web", nil, nil, profileOptions{rtt: "soon"}); statusOf(err) != exitUsage {
		t.Errorf("a wrong --rtt: %v, want a usage error", err)
	}
}
