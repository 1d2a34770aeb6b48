// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// socketMessage builds a struct inet_diag_msg with the given attributes.
func socketMessage(family, state uint8, attributes ...[]byte) []byte {
	b := []byte{family, state, 1, 3, 0x1f, 0x90, 0x9c, 0x4c}
	source, destination := netip.MustParseAddr("::ffff:192.0.2.1").As16(), netip.MustParseAddr("2001:db8::2").As16()
	if family == afINET {
		source, destination = [16]byte{192, 0, 2, 1}, [16]byte{192, 0, 2, 2}
	}
	b = append(append(b, source[:]...), destination[:]...)
	for _, v := range []uint32{4, 5, 6, 1500, 8, 9, 10, 11} { // if, cookie, cookie, expires, rqueue, wqueue, uid, inode
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	for _, a := range attributes {
		b = append(b, a...)
		b = append(b, make([]byte, align4(len(a))-len(a))...)
	}
	return b
}

func attribute(attributeType uint16, content []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(len(content)+4))
	b = binary.NativeEndian.AppendUint16(b, attributeType)
	return append(b, content...)
}

func TestDecode(t *testing.T) {
	yes := true
	base := Socket{
		State: StateEstablished, Timer: TimerRetransmit, Retransmits: 3, Expires: 1500 * time.Millisecond,
		Source:      netip.MustParseAddrPort("192.0.2.1:8080"),
		Destination: netip.MustParseAddrPort("192.0.2.2:40012"),
		Interface:   4, Cookie: 6<<32 | 5, ReceiveQueue: 8, SendQueue: 9, UID: 10, Inode: 11,
	}
	with := func(change func(*Socket)) *Socket {
		s := base
		change(&s)
		return &s
	}
	firstBit := byte(1)
	if bigEndian() {
		firstBit = 0x80
	}
	tests := []struct {
		name  string
		input []byte
		want  *Socket
	}{
		{"ipv4", socketMessage(afINET, 1), &base},
		{"ipv6, mapped source", socketMessage(afINET6, 1), with(func(s *Socket) {
			s.IPv6, s.Destination = true, netip.MustParseAddrPort("[2001:db8::2]:40012")
		})},
		{"listener", socketMessage(afINET, 10, attribute(inetDiagInfo, sampleInfo(280))), with(func(s *Socket) {
			s.State, s.BacklogKnown = StateListen, true
		})},
		{"empty attributes", socketMessage(afINET, 1, attribute(inetDiagInfo, nil), attribute(inetDiagCong, nil),
			attribute(inetDiagSKMemInfo, nil), attribute(inetDiagSockOpt, nil)), &base},
		{"name with and without NUL", socketMessage(afINET, 1, attribute(inetDiagCong, []byte("reno\x00")),
			attribute(inetDiagCong, []byte("cubic"))), with(func(s *Socket) { s.Congestion = "cubic" })},
		{"nested flag in the type", socketMessage(afINET, 1, attribute(1<<15|inetDiagCong, []byte("bbr\x00"))),
			with(func(s *Socket) { s.Congestion = "bbr" })},
		{"info and memory", socketMessage(afINET, 1, attribute(inetDiagInfo, []byte{1}), attribute(inetDiagSKMemInfo, make([]byte, 30))),
			with(func(s *Socket) { s.Info, s.Memory = &TCPInfo{length: 1, data: [tcpInfoLen]byte{1}}, &Memory{} })},
		{"socket options, ignored and unknown ones", socketMessage(afINET, 1, attribute(inetDiagSockOpt, []byte{0, firstBit}),
			attribute(inetDiagShutdown, []byte{0}), attribute(9999, []byte("x"))), with(func(s *Socket) { s.BoundNoPort = &yes })},
	}
	var d decoder
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := d.decode(tt.input)
			if err != nil {
				t.Fatal(err)
			}
			options := cmp.Options{cmpopts.EquateComparable(netip.AddrPort{}), cmp.AllowUnexported(TCPInfo{})}
			if diff := cmp.Diff(tt.want, got, options); diff != "" {
				t.Errorf("unexpected socket (-want +got):\n%s", diff)
			}
			clone := got.Clone()
			d.decode(socketMessage(afINET, 6))
			if diff := cmp.Diff(tt.want, clone, options); diff != "" {
				t.Errorf("clone changed with the next socket (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeRefusal(t *testing.T) {
	good := socketMessage(afINET, 1, attribute(inetDiagCong, []byte("cubic\x00")))
	tests := map[string][]byte{
		"empty":                        nil,
		"short":                        good[:71],
		"family 0":                     socketMessage(0, 1),
		"state 0":                      socketMessage(afINET, 0),
		"state 12":                     socketMessage(afINET, 12),
		"half an attribute header":     good[:74],
		"attribute beyond the end":     good[:80],
		"attribute shorter than head":  append(socketMessage(afINET, 1), 3, 0, 3, 0),
		"attribute of length zero":     append(socketMessage(afINET, 1), 0, 0, 0, 0),
		"leftover after an attribute":  append(socketMessage(afINET, 1, attribute(1, nil)), 1, 2),
		"attribute longer than 16 KiB": append(socketMessage(afINET, 1), 0xff, 0xff, 2, 0),
	}
	for name, input := range tests {
		var d decoder
		if s, err := d.decode(input); s != nil || !errors.Is(err, errMalformed) {
			t.Errorf("%s: %+v, %v; want errMalformed", name, s, err)
		}
	}
}

func TestNames(t *testing.T) {
	var d decoder
	for i := range 2 * maxNames {
		name := strings.Repeat("x", i+1)
		if got := d.name([]byte(name + "\x00tail")); got != name {
			t.Errorf("name %q, want %q", got, name)
		}
	}
	if len(d.names) != maxNames {
		t.Errorf("%d names kept, want %d", len(d.names), maxNames)
	}
}

// decodeFile passes the sockets of recorded answers to fn.
func decodeFile(tb testing.TB, name string, fn func(*Socket) error) dump {
	tb.Helper()
	if bigEndian() {
		tb.Skip("the recording comes from a little-endian machine")
	}
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	d := dump{fn: fn, decoder: &decoder{}}
	for len(b) > 0 {
		h, payload, rest, err := nextMessage(b)
		if err != nil {
			tb.Fatal(err)
		}
		d.sequence = h.sequence
		if _, err := d.datagram(b[:headerLen+len(payload)]); err != nil {
			tb.Fatal(err)
		}
		b = rest
	}
	return d
}

func recordedSS(tb testing.TB) []row {
	tb.Helper()
	ss, err := os.ReadFile(filepath.Join("testdata", "scene.ss"))
	if err != nil {
		tb.Fatal(err)
	}
	return parseSS(tb, string(ss))
}

// TestDecodeScene decodes what Linux 6.18 answered and compares it with what
// ss said at the same time.
func TestDecodeScene(t *testing.T) {
	for _, name := range []string{"scene.v1.bin", "scene.v2.bin"} {
		t.Run(name, func(t *testing.T) {
			add, rows := collect()
			var full, mini int
			d := decodeFile(t, name, func(s *Socket) error {
				switch {
				case s.Memory != nil && s.Memory.Drops != nil && s.Congestion != "" && s.BoundNoPort != nil:
					full++
				case s.Memory == nil && s.Info == nil && s.Congestion == "" && s.Inode == 0:
					mini++
				}
				return add(s)
			})
			if diff := diffRows(recordedSS(t), *rows); diff != "" {
				t.Errorf("unexpected sockets (-ss +got):\n%s", diff)
			}
			// Of each family: TIME_WAIT, an orphan in FIN_WAIT_2, SYN_RECV.
			if want := 6; mini != want || full != len(*rows)-want {
				t.Errorf("%d full sockets and %d others, want %d others of %d", full, mini, want, len(*rows))
			}
			if d.summary.Sockets != len(*rows) || d.summary.Messages <= len(*rows) {
				t.Errorf("summary %+v", d.summary)
			}
		})
	}
}

// FuzzDatagram checks that a datagram emits only sound sockets, and none after
// an error.
func FuzzDatagram(f *testing.F) {
	if b, err := os.ReadFile(filepath.Join("testdata", "scene.v1.bin")); err == nil {
		f.Add(b[:min(len(b), 2000)])
		f.Add(b[max(len(b)-1000, 0):])
	}
	message := appendHeader(nil, sockDiagByFamily, 0, 1)
	message = append(message, socketMessage(afINET6, 10, attribute(inetDiagSKMemInfo, make([]byte, 36)))...)
	binary.NativeEndian.PutUint32(message, uint32(len(message)))
	f.Add(message)
	f.Add(statusMessage(nlmsgError, nlmFDumpIntr, 1, 22))
	f.Add(statusMessage(nlmsgDone, 0, 1, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		seen := 0
		d := dump{sequence: 1, decoder: &decoder{}, fn: func(s *Socket) error {
			seen++
			if !s.State.Valid() || !s.Source.IsValid() || !s.Destination.IsValid() {
				t.Errorf("socket %+v", s)
			}
			if s.IPv6 == false && !s.Source.Addr().Is4() || s.Source.Addr().Is4In6() {
				t.Errorf("address %s", s.Source)
			}
			return nil
		}}
		done, err := d.datagram(b)
		if done && err != nil {
			t.Errorf("done with error %v", err)
		}
		if d.summary.Sockets != seen || seen > len(b)/(headerLen+inetDiagMsgLen) {
			t.Errorf("%d sockets seen in %d bytes, summary %+v", seen, len(b), d.summary)
		}
		if len(d.decoder.names) > maxNames {
			t.Errorf("%d names kept", len(d.decoder.names))
		}
	})
}
