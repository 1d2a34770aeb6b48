// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"testing"

	"pgregory.net/rapid"
)

func TestParsePorts(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"80", "80"},
		{"8080,9148", "8080,9148"},
		{"5432,8080-8082,8083", "5432,8080-8083"},
		{"3,2,1", "1-3"},
		{"0-65535", "0-65535"},
		{"65535", "65535"},
		{" 80 , 443 ", "80,443"},
		{"7-7", "7"},
	}
	for _, tt := range tests {
		ports, err := ParsePorts(tt.in)
		if got := ports.String(); err != nil || got != tt.want {
			t.Errorf("ParsePorts(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
	for _, in := range []string{",", "80,", "x", "65536", "-1", "9-8", "1-2-3", "80 443", "1-", "+1", "0x10"} {
		if ports, err := ParsePorts(in); err == nil || ports != (PortSet{}) {
			t.Errorf("ParsePorts(%q) = %q, %v, want an error and no ports", in, ports.String(), err)
		}
	}
}

func TestPortSetRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want PortSet
		members := make(map[uint16]bool)
		for _, p := range rapid.SliceOf(rapid.Uint16()).Draw(t, "ports") {
			if added := want.Add(p); added == members[p] {
				t.Fatalf("Add(%d) = %v", p, added)
			}
			members[p] = true
			if p < 65535 && rapid.Bool().Draw(t, "neighbour") {
				want.Add(p + 1)
				members[p+1] = true
			}
		}
		for p := range 65536 {
			if want.Has(uint16(p)) != members[uint16(p)] {
				t.Fatalf("Has(%d) = %v", p, want.Has(uint16(p)))
			}
		}
		got, err := ParsePorts(want.String())
		if err != nil || got != want {
			t.Fatalf("ParsePorts(%q) = %q, %v", want.String(), got.String(), err)
		}
	})
}

func FuzzParsePorts(f *testing.F) {
	f.Add("80,8000-8010")
	f.Add("0-65535")
	f.Add("1-,2")
	f.Fuzz(func(t *testing.T, list string) {
		ports, err := ParsePorts(list)
		if err != nil {
			if ports != (PortSet{}) {
				t.Fatalf("ports and %v", err)
			}
			return
		}
		again, err := ParsePorts(ports.String())
		if err != nil || again != ports {
			t.Fatalf("%q became %q: %v", list, ports.String(), err)
		}
	})
}
