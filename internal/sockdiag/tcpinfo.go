// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"encoding/binary"
	"math"
	"time"
)

// A TCPInfo is the kernel's struct tcp_info (include/uapi/linux/tcp.h) as far
// as the running kernel filled it. The struct grew with almost every release,
// so each field is read through a method that is ok only if the kernel's
// answer reaches that far and the kernel has a value. A longer answer than
// this package knows is fine.
//
// Listeners have no TCPInfo: of theirs the kernel fills only the accept queue
// and the backlog, which are in Socket, and leaves zeros in the rest.
type TCPInfo struct {
	length int
	data   [tcpInfoLen]byte
}

// tcpInfoLen is the length of the part of struct tcp_info that is read here,
// up to and including tcpi_snd_wnd (Linux 5.4).
const tcpInfoLen = 232

// InfiniteSsthresh is the value of SndSsthresh before a first loss
// (TCP_INFINITE_SSTHRESH in include/net/tcp.h).
const InfiniteSsthresh = 0x7fffffff

// decode copies what the kernel sent; it is false for an empty answer.
func (t *TCPInfo) decode(b []byte) bool {
	t.length = copy(t.data[:], b)
	return t.length > 0
}

// Options are the TCP options that a connection negotiated (TCPI_OPT_*).
type Options uint8

// The negotiated options, tcpi_options.
const (
	OptionTimestamps Options = 1 << iota // TCPI_OPT_TIMESTAMPS
	OptionSACK                           // TCPI_OPT_SACK
	OptionWScale                         // TCPI_OPT_WSCALE: window scaling
	OptionECN                            // TCPI_OPT_ECN
	OptionECNSeen                        // TCPI_OPT_ECN_SEEN: a packet with ECT came
	OptionSynData                        // TCPI_OPT_SYN_DATA: data in the SYN was accepted
)

// Has reports whether every option of o was negotiated.
func (f Options) Has(o Options) bool { return f&o == o }

// State returns the state of the socket.
func (t *TCPInfo) State() (State, bool) {
	v, ok := t.u8(0)
	return State(v), ok
}

// Options returns the negotiated options.
func (t *TCPInfo) Options() (Options, bool) {
	v, ok := t.u8(5)
	return Options(v), ok
}

// WScale returns the window scale shifts of the peer's and of our window. It
// is not ok if window scaling was not negotiated.
func (t *TCPInfo) WScale() (snd, rcv uint8, ok bool) {
	options, _ := t.Options()
	v, ok := t.u8(6)
	if !ok || !options.Has(OptionWScale) {
		return 0, 0, false
	}
	// Two four-bit fields, which C lays out from the low bit on little-endian
	// machines and from the high bit on big-endian ones.
	if bigEndian() {
		return v >> 4, v & 0xf, true
	}
	return v & 0xf, v >> 4, true
}

// RTO returns the retransmission timeout.
func (t *TCPInfo) RTO() (time.Duration, bool) { return t.duration32(8, time.Microsecond) }

// SndMSS returns the segment size in use for sending, in bytes.
func (t *TCPInfo) SndMSS() (uint32, bool) { return t.u32(16) }

// RcvMSS returns the estimate of the peer's segment size, in bytes.
func (t *TCPInfo) RcvMSS() (uint32, bool) { return t.u32(20) }

// Unacked returns the segments in flight: sent and not acknowledged.
func (t *TCPInfo) Unacked() (uint32, bool) { return t.u32(24) }

// Lost returns the segments that are taken for lost now.
func (t *TCPInfo) Lost() (uint32, bool) { return t.u32(32) }

// Retrans returns the retransmitted segments that are in flight now.
func (t *TCPInfo) Retrans() (uint32, bool) { return t.u32(36) }

// LastDataSent returns the time since data was sent.
func (t *TCPInfo) LastDataSent() (time.Duration, bool) { return t.duration32(44, time.Millisecond) }

// LastDataRecv returns the time since data was received.
func (t *TCPInfo) LastDataRecv() (time.Duration, bool) { return t.duration32(52, time.Millisecond) }

// LastAckRecv returns the time since an acknowledgement was received.
func (t *TCPInfo) LastAckRecv() (time.Duration, bool) { return t.duration32(56, time.Millisecond) }

// PMTU returns the path MTU, in bytes.
func (t *TCPInfo) PMTU() (uint32, bool) { return t.u32(60) }

// RcvSsthresh returns the limit of the window that is advertised, in bytes.
func (t *TCPInfo) RcvSsthresh() (uint32, bool) { return t.u32(64) }

// RTT returns the smoothed round-trip time. It is not ok before a first sample.
func (t *TCPInfo) RTT() (time.Duration, bool) { return t.sample(68, 0) }

// RTTVar returns the mean deviation of the round-trip time.
func (t *TCPInfo) RTTVar() (time.Duration, bool) { return t.duration32(72, time.Microsecond) }

// SndSsthresh returns the slow start threshold, in segments, or InfiniteSsthresh.
func (t *TCPInfo) SndSsthresh() (uint32, bool) { return t.u32(76) }

// SndCwnd returns the congestion window, in segments.
func (t *TCPInfo) SndCwnd() (uint32, bool) { return t.u32(80) }

// RcvRTT returns the receiver's estimate of the round-trip time, which drives
// receive buffer tuning. It is not ok before a first sample.
func (t *TCPInfo) RcvRTT() (time.Duration, bool) { return t.sample(92, 0) }

// RcvSpace returns the space that buffer tuning aims at, in bytes.
func (t *TCPInfo) RcvSpace() (uint32, bool) { return t.u32(96) }

// TotalRetrans returns the segments retransmitted in the connection's life.
func (t *TCPInfo) TotalRetrans() (uint32, bool) { return t.u32(100) }

// PacingRate returns the pacing rate in bytes per second; math.MaxUint64
// stands for unlimited.
func (t *TCPInfo) PacingRate() (uint64, bool) { return t.u64(104) }

// BytesAcked returns the bytes that the peer acknowledged.
func (t *TCPInfo) BytesAcked() (uint64, bool) { return t.u64(120) }

// BytesReceived returns the bytes received.
func (t *TCPInfo) BytesReceived() (uint64, bool) { return t.u64(128) }

// SegsOut returns the segments sent, with retransmitted and empty ones.
func (t *TCPInfo) SegsOut() (uint32, bool) { return t.u32(136) }

// SegsIn returns the segments received, with empty ones.
func (t *TCPInfo) SegsIn() (uint32, bool) { return t.u32(140) }

// NotsentBytes returns the bytes in the send queue that were never sent.
func (t *TCPInfo) NotsentBytes() (uint32, bool) { return t.u32(144) }

// MinRTT returns the lowest round-trip time in the window of
// tcp_min_rtt_wlen. It is not ok before a first sample.
func (t *TCPInfo) MinRTT() (time.Duration, bool) { return t.sample(148, math.MaxUint32) }

// DataSegsOut returns the segments with data that were sent, retransmitted
// ones included.
func (t *TCPInfo) DataSegsOut() (uint32, bool) { return t.u32(156) }

// DeliveryRate returns the latest goodput, in bytes per second. It is not ok
// before a first sample.
func (t *TCPInfo) DeliveryRate() (uint64, bool) {
	v, ok := t.u64(160)
	if !ok || v == 0 {
		return 0, false
	}
	return v, true
}

// BusyTime returns the time with data in flight or waiting to be sent.
func (t *TCPInfo) BusyTime() (time.Duration, bool) { return t.duration64(168) }

// RwndLimited returns the part of BusyTime in which the peer's window held
// sending back.
func (t *TCPInfo) RwndLimited() (time.Duration, bool) { return t.duration64(176) }

// SndbufLimited returns the part of BusyTime in which the send buffer held
// sending back.
func (t *TCPInfo) SndbufLimited() (time.Duration, bool) { return t.duration64(184) }

// Delivered returns the segments that reached the peer.
func (t *TCPInfo) Delivered() (uint32, bool) { return t.u32(192) }

// BytesSent returns the bytes sent, with retransmitted ones.
func (t *TCPInfo) BytesSent() (uint64, bool) { return t.u64(200) }

// BytesRetrans returns the bytes retransmitted.
func (t *TCPInfo) BytesRetrans() (uint64, bool) { return t.u64(208) }

// SndWnd returns the window that the peer advertises, scaled, in bytes.
func (t *TCPInfo) SndWnd() (uint32, bool) { return t.u32(228) }

func (t *TCPInfo) u8(offset int) (uint8, bool) {
	if t.length < offset+1 {
		return 0, false
	}
	return t.data[offset], true
}

func (t *TCPInfo) u32(offset int) (uint32, bool) {
	if t.length < offset+4 {
		return 0, false
	}
	return binary.NativeEndian.Uint32(t.data[offset:]), true
}

func (t *TCPInfo) u64(offset int) (uint64, bool) {
	if t.length < offset+8 {
		return 0, false
	}
	return binary.NativeEndian.Uint64(t.data[offset:]), true
}

func (t *TCPInfo) duration32(offset int, unit time.Duration) (time.Duration, bool) {
	v, ok := t.u32(offset)
	return time.Duration(v) * unit, ok
}

// duration64 reads microseconds; what no Duration can hold becomes the longest.
func (t *TCPInfo) duration64(offset int) (time.Duration, bool) {
	v, ok := t.u64(offset)
	if v > math.MaxInt64/uint64(time.Microsecond) {
		return math.MaxInt64, ok
	}
	return time.Duration(v) * time.Microsecond, ok
}

// sample reads microseconds for which the kernel has none while the field
// holds the value none.
func (t *TCPInfo) sample(offset int, none uint32) (time.Duration, bool) {
	v, ok := t.u32(offset)
	if !ok || v == none {
		return 0, false
	}
	return time.Duration(v) * time.Microsecond, true
}

func bigEndian() bool { return binary.NativeEndian.Uint16([]byte{0, 1}) == 1 }
