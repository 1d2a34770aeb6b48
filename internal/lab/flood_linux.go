// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Flood is a process that sends SYNs with random source addresses through a
// raw socket and never answers: a SYN flood. The target's host needs
// [Host.BlackHole] for Sources, so that its answers disappear too.
type Flood struct {
	Name     string // of the process; "flood" when empty
	Target   netip.AddrPort
	Sources  netip.Prefix  // IPv4
	Count    int           // packets
	Duration time.Duration // over which they are spread evenly
}

// StartFlood starts the flood in the host; [Process.Result] waits for its end,
// and OK is the number of packets sent.
func StartFlood(t testing.TB, h *Host, f Flood) *Process {
	t.Helper()
	if !f.Target.Addr().Is4() || !f.Sources.Addr().Is4() {
		t.Fatalf("flood from %s to %s: only IPv4 can be flooded", f.Sources, f.Target)
	}
	if f.Name == "" {
		f.Name = "flood"
	}
	return start(t, h, f.Name, program{Flood: &f})
}

// run sends the packets. The random numbers are the same in every run.
func (f *Flood) run() (*Result, error) {
	fd, err := rawSocket()
	if err != nil {
		return nil, err
	}
	result := &Result{Errors: map[string]int{}}
	random := rand.New(rand.NewPCG(1, 2))
	began := time.Now()
	for i := range f.Count {
		time.Sleep(time.Until(began.Add(f.Duration * time.Duration(i) / time.Duration(f.Count))))
		source := netip.AddrPortFrom(randomAddress(random, f.Sources), uint16(1024+random.IntN(64512)))
		packet := tcpPacket(source, f.Target, flagSYN, random.Uint32())
		result.Attempts++
		result.count(unix.Sendto(fd, packet, 0, &unix.SockaddrInet4{Addr: f.Target.Addr().As4()}))
	}
	result.Elapsed = time.Since(began)
	return result, nil
}

// randomAddress is an address of the prefix.
func randomAddress(random *rand.Rand, p netip.Prefix) netip.Addr {
	octets := p.Masked().Addr().As4()
	host := random.Uint32() & (1<<(32-p.Bits()) - 1)
	binary.BigEndian.PutUint32(octets[:], binary.BigEndian.Uint32(octets[:])|host)
	return netip.AddrFrom4(octets)
}

// Reset sends a forged reset with this sequence number from the host, as if it
// came from source.
func (h *Host) Reset(t testing.TB, source, target netip.AddrPort, sequence uint32) {
	t.Helper()
	err := h.Do(func() error {
		fd, err := rawSocket()
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, tcpPacket(source, target, flagRST, sequence), 0, &unix.SockaddrInet4{Addr: target.Addr().As4()})
	})
	if err != nil {
		t.Fatalf("%s: send reset from %s to %s: %v", h.Name, source, target, err)
	}
}

// rawSocket opens a socket for whole IPv4 packets: IPPROTO_RAW implies
// IP_HDRINCL, raw(7).
func rawSocket() (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return -1, fmt.Errorf("open raw socket: %w", err)
	}
	return fd, nil
}

// Flags of the TCP header.
const (
	flagSYN = 0x02
	flagRST = 0x04
)

const (
	ipHeader  = 20 // RFC 791, without options
	tcpHeader = 24 // RFC 9293, with the maximum segment size option
)

// tcpPacket is an IPv4 packet without data. The kernel fills in the IP checksum
// and the identification, raw(7).
func tcpPacket(source, target netip.AddrPort, flags byte, sequence uint32) []byte {
	b := make([]byte, ipHeader+tcpHeader)
	from, to := source.Addr().As4(), target.Addr().As4()
	b[0] = 4<<4 | ipHeader/4
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	b[8], b[9] = 64, unix.IPPROTO_TCP
	copy(b[12:], from[:])
	copy(b[16:], to[:])
	tcp := b[ipHeader:]
	binary.BigEndian.PutUint16(tcp[0:], source.Port())
	binary.BigEndian.PutUint16(tcp[2:], target.Port())
	binary.BigEndian.PutUint32(tcp[4:], sequence)
	tcp[12] = tcpHeader / 4 << 4
	tcp[13] = flags
	binary.BigEndian.PutUint16(tcp[14:], 64240)
	tcp[20], tcp[21] = 2, 4 // maximum segment size
	binary.BigEndian.PutUint16(tcp[22:], 1460)
	// The pseudo-header: both addresses, the protocol, the length of the segment.
	sum := checksum(b[12:20]) + unix.IPPROTO_TCP + tcpHeader + checksum(tcp)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(tcp[16:], ^uint16(sum))
	return b
}

// checksum is the sum of the 16-bit words of b, whose length is even, RFC 1071.
func checksum(b []byte) (sum uint32) {
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	return sum
}
