// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"encoding/binary"
	"math"
	"testing"
	"time"
)

// infoFields lists every accessor with the offset and size of its field in
// struct tcp_info, and the value that it gives for sampleInfo.
var infoFields = []struct {
	name         string
	offset, size int
	get          func(*TCPInfo) (any, bool)
	want         any
}{
	{"State", 0, 1, field((*TCPInfo).State), State(1)},
	{"Options", 5, 1, field((*TCPInfo).Options), OptionTimestamps | OptionSACK | OptionWScale},
	{"WScale", 6, 1, func(t *TCPInfo) (any, bool) {
		snd, rcv, ok := t.WScale()
		return [2]uint8{snd, rcv}, ok
	}, [2]uint8{6, 9}},
	{"RTO", 8, 4, field((*TCPInfo).RTO), 8 * time.Microsecond},
	{"SndMSS", 16, 4, field((*TCPInfo).SndMSS), uint32(16)},
	{"RcvMSS", 20, 4, field((*TCPInfo).RcvMSS), uint32(20)},
	{"Unacked", 24, 4, field((*TCPInfo).Unacked), uint32(24)},
	{"Lost", 32, 4, field((*TCPInfo).Lost), uint32(32)},
	{"Retrans", 36, 4, field((*TCPInfo).Retrans), uint32(36)},
	{"LastDataSent", 44, 4, field((*TCPInfo).LastDataSent), 44 * time.Millisecond},
	{"LastDataRecv", 52, 4, field((*TCPInfo).LastDataRecv), 52 * time.Millisecond},
	{"LastAckRecv", 56, 4, field((*TCPInfo).LastAckRecv), 56 * time.Millisecond},
	{"PMTU", 60, 4, field((*TCPInfo).PMTU), uint32(60)},
	{"RcvSsthresh", 64, 4, field((*TCPInfo).RcvSsthresh), uint32(64)},
	{"RTT", 68, 4, field((*TCPInfo).RTT), 68 * time.Microsecond},
	{"RTTVar", 72, 4, field((*TCPInfo).RTTVar), 72 * time.Microsecond},
	{"SndSsthresh", 76, 4, field((*TCPInfo).SndSsthresh), uint32(76)},
	{"SndCwnd", 80, 4, field((*TCPInfo).SndCwnd), uint32(80)},
	{"RcvRTT", 92, 4, field((*TCPInfo).RcvRTT), 92 * time.Microsecond},
	{"RcvSpace", 96, 4, field((*TCPInfo).RcvSpace), uint32(96)},
	{"TotalRetrans", 100, 4, field((*TCPInfo).TotalRetrans), uint32(100)},
	{"PacingRate", 104, 8, field((*TCPInfo).PacingRate), uint64(104)},
	{"BytesAcked", 120, 8, field((*TCPInfo).BytesAcked), uint64(120)},
	{"BytesReceived", 128, 8, field((*TCPInfo).BytesReceived), uint64(128)},
	{"SegsOut", 136, 4, field((*TCPInfo).SegsOut), uint32(136)},
	{"SegsIn", 140, 4, field((*TCPInfo).SegsIn), uint32(140)},
	{"NotsentBytes", 144, 4, field((*TCPInfo).NotsentBytes), uint32(144)},
	{"MinRTT", 148, 4, field((*TCPInfo).MinRTT), 148 * time.Microsecond},
	{"DataSegsOut", 156, 4, field((*TCPInfo).DataSegsOut), uint32(156)},
	{"DeliveryRate", 160, 8, field((*TCPInfo).DeliveryRate), uint64(160)},
	{"BusyTime", 168, 8, field((*TCPInfo).BusyTime), 168 * time.Microsecond},
	{"RwndLimited", 176, 8, field((*TCPInfo).RwndLimited), 176 * time.Microsecond},
	{"SndbufLimited", 184, 8, field((*TCPInfo).SndbufLimited), 184 * time.Microsecond},
	{"Delivered", 192, 4, field((*TCPInfo).Delivered), uint32(192)},
	{"BytesSent", 200, 8, field((*TCPInfo).BytesSent), uint64(200)},
	{"BytesRetrans", 208, 8, field((*TCPInfo).BytesRetrans), uint64(208)},
	{"SndWnd", 228, 4, field((*TCPInfo).SndWnd), uint32(228)},
}

func field[T any](get func(*TCPInfo) (T, bool)) func(*TCPInfo) (any, bool) {
	return func(t *TCPInfo) (any, bool) {
		v, ok := get(t)
		return v, ok
	}
}

// sampleInfo returns n bytes of a tcp_info in which each field holds its
// offset, and n-232 bytes of something newer.
func sampleInfo(n int) []byte {
	b := make([]byte, 400)
	for _, f := range infoFields {
		switch f.size {
		case 4:
			binary.NativeEndian.PutUint32(b[f.offset:], uint32(f.offset))
		case 8:
			binary.NativeEndian.PutUint64(b[f.offset:], uint64(f.offset))
		}
	}
	b[0], b[5] = 1, 7
	if b[6] = 9<<4 | 6; bigEndian() {
		b[6] = 6<<4 | 9
	}
	return b[:n]
}

func TestTCPInfoLengths(t *testing.T) {
	for n := range 401 {
		var info TCPInfo
		info.decode(sampleInfo(400)) // leftovers must not show through
		if want, got := n > 0, info.decode(sampleInfo(n)); want != got {
			t.Fatalf("decode %d bytes: %v", n, got)
		}
		for _, f := range infoFields {
			v, ok := f.get(&info)
			if want := n >= f.offset+f.size; want != ok {
				t.Fatalf("%d bytes: %s ok %v, want %v", n, f.name, ok, want)
			}
			if ok && v != f.want {
				t.Fatalf("%d bytes: %s %v, want %v", n, f.name, v, f.want)
			}
		}
	}
}

// TestTCPInfoSamples checks the values that stand for "no sample yet", and
// those that no Duration holds.
func TestTCPInfoSamples(t *testing.T) {
	var info TCPInfo
	info.decode(make([]byte, tcpInfoLen))
	binary.NativeEndian.PutUint32(info.data[148:], math.MaxUint32)
	binary.NativeEndian.PutUint64(info.data[168:], math.MaxUint64)
	for name, get := range map[string]func() (time.Duration, bool){"RTT": info.RTT, "RcvRTT": info.RcvRTT, "MinRTT": info.MinRTT} {
		if v, ok := get(); ok {
			t.Errorf("%s without a sample: %s", name, v)
		}
	}
	if v, ok := info.DeliveryRate(); ok {
		t.Errorf("delivery rate without a sample: %d", v)
	}
	if snd, rcv, ok := info.WScale(); ok {
		t.Errorf("window scale without the option: %d, %d", snd, rcv)
	}
	if v, ok := info.BusyTime(); !ok || v != math.MaxInt64 {
		t.Errorf("longest busy time: %s, %v", v, ok)
	}
}

func TestMemoryLengths(t *testing.T) {
	vector := make([]byte, 400)
	for i := range len(vector) / 4 {
		binary.NativeEndian.PutUint32(vector[4*i:], uint32(i+1))
	}
	var buffer memoryBuffer
	for n := range len(vector) + 1 {
		m := buffer.decode(vector[:n])
		if want, got := n >= 28, m != nil; want != got {
			t.Fatalf("%d bytes: memory %v", n, m)
		}
		if m == nil {
			continue
		}
		if m.ReceiveAlloc != 1 || m.ReceiveBuffer != 2 || m.SendAlloc != 3 || m.SendBuffer != 4 ||
			m.ForwardAlloc != 5 || m.SendQueued != 6 || m.Options != 7 {
			t.Fatalf("%d bytes: %+v", n, m)
		}
		if (m.Backlog != nil) != (n >= 32) || m.Backlog != nil && *m.Backlog != 8 {
			t.Fatalf("%d bytes: backlog %v", n, m.Backlog)
		}
		if (m.Drops != nil) != (n >= 36) || m.Drops != nil && *m.Drops != 9 {
			t.Fatalf("%d bytes: drops %v", n, m.Drops)
		}
	}
}

func FuzzTCPInfo(f *testing.F) {
	for _, n := range []int{0, 1, 104, 232, 280} {
		f.Add(sampleInfo(n))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var info TCPInfo
		if want, got := len(b) > 0, info.decode(b); want != got {
			t.Fatalf("decode %d bytes: %v", len(b), got)
		}
		for _, field := range infoFields {
			v, ok := field.get(&info)
			if ok && len(b) < field.offset+field.size {
				t.Errorf("%s %v beyond the end of %d bytes", field.name, v, len(b))
			}
			if d, isDuration := v.(time.Duration); isDuration && d < 0 {
				t.Errorf("%s %s", field.name, d)
			}
		}
	})
}

func FuzzMemory(f *testing.F) {
	f.Add(make([]byte, 28))
	f.Add(make([]byte, 36))
	f.Fuzz(func(t *testing.T, b []byte) {
		var buffer memoryBuffer
		m := buffer.decode(b)
		if (m != nil) != (len(b) >= 28) || m != nil && (m.Drops != nil) != (len(b) >= 36) {
			t.Errorf("%d bytes: %+v", len(b), m)
		}
	})
}
