// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"math"
	"net/netip"
	"time"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// Connection is one ESTABLISHED socket of a Sample: who it is between, who
// holds it, and what the kernel measured of it.
type Connection struct {
	Local, Peer netip.AddrPort
	UID         uint32
	Inode       uint32 // 0 when it was not accepted yet
	Cookie      uint64 // 0 in text tables
	Timer       sockdiag.Timer
	Congestion  string // congestion control, empty when unknown
	Owners      []int  // pids, of those that rules name

	known  uint64 // bit m: measure m is known
	values [measures]int64
}

// Measure is a number that the kernel tells of a connection, under the
// kernel's name: a field of struct tcp_info without tcpi_, of struct
// inet_diag_msg without idiag_, or of the SK_MEMINFO vector.
type Measure uint8

// The measures. Text tables know only the first four.
const (
	RecvQ        Measure = iota // bytes that the program has not read
	SendQ                       // bytes that the peer has not acknowledged
	Retransmits                 // how often the running timer fired without an answer
	Expires                     // time until the timer fires, ms
	RcvBuf                      // limit of the receive buffer, bytes of memory
	SndBuf                      // limit of the send buffer, bytes of memory
	WmemQueued                  // memory of the data to send, bytes
	Negotiated                  // TCP options, see sockdiag.Options
	RTO                         // retransmission timeout, us
	SndMSS                      // bytes
	Unacked                     // segments in flight
	LastDataSent                // time since then, ms
	LastDataRecv                // time since then, ms
	LastAckRecv                 // time since then, ms
	PMTU                        // path MTU, bytes
	RcvSsthresh                 // limit of the window that is advertised, bytes
	RTT                         // smoothed round trip, us
	SndCwnd                     // congestion window, segments
	RcvRTT                      // the receiver's estimate of the round trip, us
	TotalRetrans                // segments sent again in the life of the connection
	BytesAcked
	BytesReceived
	SegsOut      // segments sent, those sent again and empty ones included
	SegsIn       // segments received, empty ones included
	NotsentBytes // bytes in the send queue that were never sent
	MinRTT       // us
	DataSegsOut  // segments with data sent, those sent again included
	BusyTime     // time with data in flight or waiting, us
	RwndLimited  // part of it in which the peer's window held sending back, us
	SndWnd       // window that the peer advertises, bytes

	measures = iota
)

// String returns the kernel's name of the measure.
func (m Measure) String() string {
	return [measures]string{
		RecvQ: "rqueue", SendQ: "wqueue", Retransmits: "retrans", Expires: "expires",
		RcvBuf: "rcvbuf", SndBuf: "sndbuf", WmemQueued: "wmem_queued",
		Negotiated: "options", RTO: "rto", SndMSS: "snd_mss", Unacked: "unacked",
		LastDataSent: "last_data_sent", LastDataRecv: "last_data_recv", LastAckRecv: "last_ack_recv",
		PMTU: "pmtu", RcvSsthresh: "rcv_ssthresh", RTT: "rtt", SndCwnd: "snd_cwnd", RcvRTT: "rcv_rtt",
		TotalRetrans: "total_retrans", BytesAcked: "bytes_acked", BytesReceived: "bytes_received",
		SegsOut: "segs_out", SegsIn: "segs_in", NotsentBytes: "notsent_bytes", MinRTT: "min_rtt",
		DataSegsOut: "data_segs_out", BusyTime: "busy_time", RwndLimited: "rwnd_limited", SndWnd: "snd_wnd",
	}[m]
}

// Get returns a measure; it is not ok where the kernel did not tell it.
func (c *Connection) Get(m Measure) (n int64, ok bool) {
	return c.values[m], c.known&(1<<m) != 0
}

// Set makes a measure known.
func (c *Connection) Set(m Measure, n int64) {
	c.values[m], c.known = n, c.known|1<<m
}

// newConnection keeps what rules need of an ESTABLISHED socket.
func newConnection(s *sockdiag.Socket) Connection {
	c := Connection{
		Local: s.Source, Peer: s.Destination, UID: s.UID, Inode: s.Inode, Cookie: s.Cookie,
		Timer: s.Timer, Congestion: s.Congestion,
	}
	c.Set(RecvQ, int64(s.ReceiveQueue))
	c.Set(SendQ, int64(s.SendQueue))
	c.Set(Retransmits, int64(s.Retransmits))
	if s.Timer != sockdiag.TimerNone {
		c.Set(Expires, s.Expires.Milliseconds())
	}
	if m := s.Memory; m != nil {
		c.Set(RcvBuf, int64(m.ReceiveBuffer))
		c.Set(SndBuf, int64(m.SendBuffer))
		c.Set(WmemQueued, int64(m.SendQueued))
	}
	if s.Info != nil {
		c.readInfo(s.Info)
	}
	return c
}

func (c *Connection) readInfo(i *sockdiag.TCPInfo) {
	if o, ok := i.Options(); ok {
		c.Set(Negotiated, int64(o))
	}
	c.number(RTO)(micros(i.RTO()))
	c.number(SndMSS)(wide(i.SndMSS()))
	c.number(Unacked)(wide(i.Unacked()))
	c.number(LastDataSent)(millis(i.LastDataSent()))
	c.number(LastDataRecv)(millis(i.LastDataRecv()))
	c.number(LastAckRecv)(millis(i.LastAckRecv()))
	c.number(PMTU)(wide(i.PMTU()))
	c.number(RcvSsthresh)(wide(i.RcvSsthresh()))
	c.number(RTT)(micros(i.RTT()))
	c.number(SndCwnd)(wide(i.SndCwnd()))
	c.number(RcvRTT)(micros(i.RcvRTT()))
	c.number(TotalRetrans)(wide(i.TotalRetrans()))
	c.number(BytesAcked)(wide(i.BytesAcked()))
	c.number(BytesReceived)(wide(i.BytesReceived()))
	c.number(SegsOut)(wide(i.SegsOut()))
	c.number(SegsIn)(wide(i.SegsIn()))
	c.number(NotsentBytes)(wide(i.NotsentBytes()))
	c.number(MinRTT)(micros(i.MinRTT()))
	c.number(DataSegsOut)(wide(i.DataSegsOut()))
	c.number(BusyTime)(micros(i.BusyTime()))
	c.number(RwndLimited)(micros(i.RwndLimited()))
	c.number(SndWnd)(wide(i.SndWnd()))
}

// number returns a function that sets a measure if there is a value.
func (c *Connection) number(m Measure) func(int64, bool) {
	return func(n int64, ok bool) {
		if ok {
			c.Set(m, n)
		}
	}
}

func wide[T uint32 | uint64](n T, ok bool) (int64, bool) {
	return int64(min(uint64(n), math.MaxInt64)), ok
}

func micros(d time.Duration, ok bool) (int64, bool) { return d.Microseconds(), ok }

func millis(d time.Duration, ok bool) (int64, bool) { return d.Milliseconds(), ok }
