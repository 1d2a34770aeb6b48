// SPDX-License-Identifier: Apache-2.0

package procnet

import (
	"os"
	"strings"
	"testing"
)

const routeHeading = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

func TestParseDefaultRoute(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"none", "", ""},
		{"only others", "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n", ""},
		{"one", "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
			"eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n", "eth0"},
		{"lowest metric", "wlan0\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n" +
			"eth0.100\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n", "eth0.100"},
		{"first of equals", "a\t00000000\t0\t0003\t0\t0\t0\t00000000\t0\t0\t0\nb\t00000000\t0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", "a"},
		{"unreachable", "*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n", ""},
		{"not a default", "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n", ""},
		{"stops at the next destination", "eth0\t00000001\t0\t0003\t0\t0\t0\t000000FF\t0\t0\t0\nnonsense\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseDefaultRoute(strings.NewReader(routeHeading + tt.in))
			if err != nil || got != tt.want {
				t.Errorf("ParseDefaultRoute = %q, %v; want %q", got, err, tt.want)
			}
		})
	}
	if got, err := ParseDefaultRoute(strings.NewReader("")); got != "" || err != nil {
		t.Errorf("no table: %q, %v", got, err)
	}
	// A table of a million routes is not read to its end.
	long := strings.NewReader(routeHeading + strings.Repeat("eth0\t00000001\t0\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n", 100_000))
	if _, err := ParseDefaultRoute(long); err != nil || long.Len() == 0 {
		t.Errorf("error %v, %d bytes left of a long table", err, long.Len())
	}
	f, err := os.Open("/proc/self/net/route")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := ParseDefaultRoute(f); err != nil {
		t.Errorf("live: %v", err)
	}
}

func TestParseDefaultRouteRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"no heading":        "\n",
		"line 2: 1 columns": routeHeading + "eth0\n",
		"are no flags":      routeHeading + "eth0\t00000000\t0\tx\t0\t0\t0\t00000000\t0\t0\t0\n",
		"is no metric":      routeHeading + "eth0\t00000000\t0\t0003\t0\t0\t-1\t00000000\t0\t0\t0\n",
	} {
		if got, err := ParseDefaultRoute(strings.NewReader(in)); got != "" || err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("ParseDefaultRoute(%q) = %q, %v; want an error with %q", in, got, err, name)
		}
	}
}

func FuzzParseDefaultRoute(f *testing.F) {
	f.Add(routeHeading + "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n")
	f.Fuzz(func(t *testing.T, in string) {
		device, err := ParseDefaultRoute(strings.NewReader(in))
		if err != nil && device != "" || strings.ContainsAny(device, " \t\n") {
			t.Fatalf("device %q beside error %v", device, err)
		}
	})
}
