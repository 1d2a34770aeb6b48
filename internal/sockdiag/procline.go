// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"time"
)

// procTick is the unit of the "tm->when" column: 1/USER_HZ seconds.
const procTick = 10 * time.Millisecond

// The columns of /proc/net/tcp that are read. The kernel writes more for some
// states and releases (reference count, address, timeouts); those are skipped.
const (
	procSlot        = iota // "12:"
	procSource             // "0100007F:1F90"
	procDestination        // "00000000:0000"
	procState              // "0A"
	procQueues             // "00000000:00000041", transmit and receive
	procTimer              // "01:0000001A", timer and ticks until it fires
	procRetransmits        // "00000002"
	procUID                // decimal
	procProbes             // decimal, headed "timeout": unanswered probes
	procInode              // decimal
	procColumns
)

// parseProcLine reads one line into s. The content of s is undefined if there
// is an error.
func parseProcLine(line []byte, bigEndian bool, s *Socket) error {
	var column [procColumns][]byte
	rest := line
	for i := range column {
		if column[i], rest = nextField(rest); len(column[i]) == 0 {
			return fmt.Errorf("want at least %d columns, found %d", procColumns, i)
		}
	}
	*s = Socket{}
	var ok bool
	if s.Source, s.IPv6, ok = parseProcAddrPort(column[procSource], bigEndian); !ok {
		return fmt.Errorf("local address %q: want 8 or 32 hexadecimal digits, a colon and 4", clip(column[procSource]))
	}
	var destination6 bool
	if s.Destination, destination6, ok = parseProcAddrPort(column[procDestination], bigEndian); !ok || s.IPv6 != destination6 {
		return fmt.Errorf("remote address %q: want the form of the local one", clip(column[procDestination]))
	}
	state, ok := parseUint(column[procState], 16, math.MaxUint8)
	if s.State = State(state); !ok || !s.State.Valid() {
		return fmt.Errorf("state %q: want 01 to 0B", clip(column[procState]))
	}
	if !parseProcQueues(column[procQueues], s) {
		return fmt.Errorf("queues %q: want two hexadecimal numbers with a colon", clip(column[procQueues]))
	}
	if !parseProcTimer(&column, s) {
		return fmt.Errorf("timer %q, retransmits %q, probes %q: want hexadecimal with a colon, hexadecimal, decimal",
			clip(column[procTimer]), clip(column[procRetransmits]), clip(column[procProbes]))
	}
	uid, ok := parseUint(column[procUID], 10, math.MaxUint32)
	if !ok {
		return fmt.Errorf("uid %q: want a 32-bit number", clip(column[procUID]))
	}
	inode, ok := parseUint(column[procInode], 10, math.MaxUint32)
	if !ok {
		return fmt.Errorf("inode %q: want a 32-bit number", clip(column[procInode]))
	}
	s.UID, s.Inode = uint32(uid), uint32(inode)
	return nil
}

func parseProcQueues(b []byte, s *Socket) bool {
	transmit, receive, ok := bytes.Cut(b, colon)
	tx, okTx := parseUint(transmit, 16, math.MaxUint32)
	rx, okRx := parseUint(receive, 16, math.MaxUint32)
	s.SendQueue, s.ReceiveQueue = uint32(tx), uint32(rx)
	return ok && okTx && okRx
}

// parseProcTimer reads the timer and how often it fired, which is in another
// column for the timers that send probes (get_tcp4_sock in
// net/ipv4/tcp_ipv4.c; idiag_retrans holds the same choice).
func parseProcTimer(column *[procColumns][]byte, s *Socket) bool {
	timer, when, ok := bytes.Cut(column[procTimer], colon)
	number, okTimer := parseUint(timer, 16, math.MaxUint8)
	ticks, okWhen := parseUint(when, 16, math.MaxUint64)
	retransmits, okRetransmits := parseUint(column[procRetransmits], 16, math.MaxUint32)
	probes, okProbes := parseUint(column[procProbes], 10, math.MaxUint32)

	s.Timer = Timer(number)
	s.Expires = time.Duration(min(ticks, math.MaxInt64/uint64(procTick))) * procTick
	switch s.Timer {
	case TimerRetransmit:
		s.Retransmits = uint8(min(retransmits, math.MaxUint8))
	case TimerKeepalive, TimerProbe:
		s.Retransmits = uint8(min(probes, math.MaxUint8))
	}
	return ok && okTimer && okWhen && okRetransmits && okProbes
}

// parseProcAddrPort reads an address as the kernel prints it: each 32-bit word
// of the address in network order, taken as a number of the order of the
// machine that wrote the file.
func parseProcAddrPort(b []byte, bigEndian bool) (ap netip.AddrPort, ipv6, ok bool) {
	address, portDigits, found := bytes.Cut(b, colon)
	port, okPort := parseUint(portDigits, 16, math.MaxUint16)
	if !found || !okPort || len(address) != 8 && len(address) != 32 {
		return netip.AddrPort{}, false, false
	}
	var raw [16]byte
	for i := 0; i < len(address); i += 8 {
		word, ok := parseUint(address[i:i+8], 16, math.MaxUint32)
		if !ok {
			return netip.AddrPort{}, false, false
		}
		// Not through binary.ByteOrder: it would move raw to the heap.
		if bigEndian {
			binary.BigEndian.PutUint32(raw[i/2:], uint32(word))
		} else {
			binary.LittleEndian.PutUint32(raw[i/2:], uint32(word))
		}
	}
	if len(address) == 8 {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[:])), uint16(port)), false, true
	}
	return netip.AddrPortFrom(netip.AddrFrom16(raw).Unmap(), uint16(port)), true, true
}

// parseUint parses decimal or, as the kernel's %X prints it, hexadecimal
// digits without allocating, which strconv cannot do for bytes.
func parseUint(b []byte, base, limit uint64) (v uint64, ok bool) {
	for _, c := range b {
		var digit uint64
		switch {
		case '0' <= c && c <= '9':
			digit = uint64(c - '0')
		case base == 16 && 'A' <= c && c <= 'F':
			digit = uint64(c-'A') + 10
		default:
			return 0, false
		}
		if v > (limit-digit)/base {
			return 0, false
		}
		v = v*base + digit
	}
	return v, len(b) > 0
}

// nextField splits the first word off b.
func nextField(b []byte) (field, rest []byte) {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], b[i:]
	}
	return b, nil
}

// clip bounds what an error quotes from a hostile file.
func clip(b []byte) []byte {
	const maxQuoted = 48
	return b[:min(len(b), maxQuoted)]
}

var colon = []byte(":")
