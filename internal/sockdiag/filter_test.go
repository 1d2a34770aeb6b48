// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// runBytecode does what inet_diag_bc_run of net/ipv4/inet_diag.c does.
func runBytecode(t *rapid.T, code []byte, source, destination uint16) bool {
	for len(code) > 0 {
		no := int(binary.NativeEndian.Uint16(code[2:]))
		var port uint16
		if len(code) >= bcCompareLen {
			port = binary.NativeEndian.Uint16(code[6:])
		}
		var yes bool
		least := bcCompareLen
		switch code[0] {
		case bcJump:
			least = bcOpLen
		case bcSourceGE:
			yes = source >= port
		case bcSourceLE:
			yes = source <= port
		case bcDestinationGE:
			yes = destination >= port
		case bcDestinationLE:
			yes = destination <= port
		default:
			t.Fatalf("operation %d", code[0])
		}
		step := no
		if yes {
			step = int(code[1])
		}
		if step < least || step%4 != 0 || step > len(code)+4 {
			t.Fatalf("jump of %d with %d bytes left: inet_diag_bc_audit refuses it", step, len(code))
		}
		if step > len(code) {
			return false
		}
		code = code[step:]
	}
	return true
}

func TestFilterBytecode(t *testing.T) {
	port := rapid.OneOf(rapid.Uint16(), rapid.Uint16Range(0, 5))
	ranges := rapid.Custom(func(t *rapid.T) PortRange {
		a, b := port.Draw(t, "a"), port.Draw(t, "b")
		return PortRange{min(a, b), max(a, b)}
	})
	rapid.Check(t, func(t *rapid.T) {
		f := Filter{SourcePorts: ranges.Draw(t, "source range"), DestinationPorts: ranges.Draw(t, "destination range")}
		f.AnySource, f.AnyDestination = drawApart(t, port), drawApart(t, port)
		if len(f.AnySource)+len(f.AnyDestination) > 0 && rapid.Bool().Draw(t, "lists only") {
			f.SourcePorts, f.DestinationPorts = PortRange{}, PortRange{}
		}
		if err := f.validate(); err != nil {
			t.Fatal(err)
		}
		address := netip.IPv6Loopback()
		s := &Socket{
			Source:      netip.AddrPortFrom(address, port.Draw(t, "source")),
			Destination: netip.AddrPortFrom(address, port.Draw(t, "destination")),
		}
		want := runBytecode(t, f.appendBytecode(nil), s.Source.Port(), s.Destination.Port())
		if got := f.Match(s); want != got {
			t.Fatalf("match %v, bytecode %v", got, want)
		}
	})
}

// drawApart draws ascending ranges of ports that do not touch.
func drawApart(t *rapid.T, port *rapid.Generator[uint16]) (list []PortRange) {
	bounds := rapid.SliceOfNDistinct(port, 0, 12, rapid.ID[uint16]).Draw(t, "bounds")
	slices.Sort(bounds)
	for ; len(bounds) >= 2; bounds = bounds[2:] {
		list = append(list, PortRange{bounds[0], bounds[1]})
	}
	return list
}

func TestFilterRefusal(t *testing.T) {
	for _, f := range []Filter{
		{SourcePorts: PortRange{2, 1}}, {DestinationPorts: PortRange{2, 1}},
		{AnySource: []PortRange{{1, 1}, {2, 1}}}, {AnyDestination: []PortRange{{2, 2}, {1, 1}}},
	} {
		err := f.validate()
		if err == nil || !strings.Contains(err.Error(), "2-1") && f.AnySource == nil && f.AnyDestination == nil {
			t.Errorf("filter %v: %v, want an error that names the range", f, err)
		}
	}
	for _, ranges := range [][]PortRange{{{}}, {{1, 5}, {5, 9}}, make([]PortRange, maxAny+1)} {
		for _, f := range []Filter{{AnySource: ranges}, {AnyDestination: ranges}} {
			if err := f.validate(); err == nil {
				t.Errorf("no error for %v", f)
			}
		}
	}
	if want, got := "any", (PortRange{}).String(); want != got {
		t.Errorf("got %q, want %q", got, want)
	}
}
