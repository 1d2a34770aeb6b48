// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
	"time"
)

// Framing of netlink(7).
const (
	headerLen          = 16 // struct nlmsghdr
	attributeHeaderLen = 4  // struct nlattr
	attributeTypeMask  = 1<<14 - 1

	nlmsgNoop    = 1
	nlmsgError   = 2
	nlmsgDone    = 3
	nlmsgOverrun = 4

	nlmFRequest  = 0x1
	nlmFDumpIntr = 0x10
	nlmFDump     = 0x300
)

// A header is struct nlmsghdr without the length, which the framing consumes,
// and the port id, which is ours in every answer.
type header struct {
	messageType, flags uint16
	sequence           uint32
}

func appendHeader(b []byte, messageType, flags uint16, sequence uint32) []byte {
	b = append(b, 0, 0, 0, 0) // nlmsg_len, set when the message is complete
	b = binary.NativeEndian.AppendUint16(b, messageType)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, sequence)
	return append(b, 0, 0, 0, 0) // nlmsg_pid, the kernel knows us
}

// nextMessage splits the first message off b.
func nextMessage(b []byte) (h header, payload, rest []byte, err error) {
	if len(b) < headerLen {
		return header{}, nil, nil, fmt.Errorf("%w: %d bytes left for a header", errMalformed, len(b))
	}
	length := binary.NativeEndian.Uint32(b)
	if length < headerLen || uint64(length) > uint64(len(b)) {
		return header{}, nil, nil, fmt.Errorf("%w: length %d with %d bytes left", errMalformed, length, len(b))
	}
	h = header{
		messageType: binary.NativeEndian.Uint16(b[4:]),
		flags:       binary.NativeEndian.Uint16(b[6:]),
		sequence:    binary.NativeEndian.Uint32(b[8:]),
	}
	return h, b[headerLen:length], b[min(align4(int(length)), len(b)):], nil
}

func align4(n int) int { return (n + 3) &^ 3 }

// parseStatus reads the result at the start of NLMSG_ERROR and NLMSG_DONE: an
// errno, 0 for success.
func parseStatus(payload []byte) (syscall.Errno, error) {
	if len(payload) < 4 {
		return 0, fmt.Errorf("%w: %d bytes of status", errMalformed, len(payload))
	}
	code := int32(binary.NativeEndian.Uint32(payload))
	if code > 0 {
		return 0, fmt.Errorf("%w: status %d is no errno", errMalformed, code)
	}
	return syscall.Errno(-int64(code)), nil
}

// Attributes of an answer, INET_DIAG_* of include/uapi/linux/inet_diag.h.
const (
	inetDiagMemInfo   = 1
	inetDiagInfo      = 2
	inetDiagCong      = 4
	inetDiagTOS       = 5
	inetDiagTClass    = 6
	inetDiagSKMemInfo = 7
	inetDiagShutdown  = 8
	inetDiagProtocol  = 10
	inetDiagSKV6Only  = 11
	inetDiagMark      = 15
	inetDiagClassID   = 17
	inetDiagULPInfo   = 19
	inetDiagCgroupID  = 21
	inetDiagSockOpt   = 22
)

// inetDiagMsgLen is the size of struct inet_diag_msg.
const inetDiagMsgLen = 72

// maxNames bounds the table of congestion control names: a kernel has about
// fifteen, and a hostile stream must not grow it.
const maxNames = 32

// A decoder turns answers into sockets, in memory that it reuses.
type decoder struct {
	socket      Socket
	memory      memoryBuffer
	info        TCPInfo
	boundNoPort bool
	names       map[string]string // congestion control names seen
}

// decode reads a struct inet_diag_msg and the attributes behind it. The socket
// is valid until the next call; it is nil if there is an error.
func (d *decoder) decode(b []byte) (*Socket, error) {
	if len(b) < inetDiagMsgLen {
		return nil, fmt.Errorf("%w: %d bytes of struct inet_diag_msg", errMalformed, len(b))
	}
	s := &d.socket
	*s = Socket{
		State:        State(b[1]),
		Timer:        Timer(b[2]),
		Retransmits:  b[3],
		Interface:    binary.NativeEndian.Uint32(b[40:]),
		Cookie:       uint64(binary.NativeEndian.Uint32(b[44:])) | uint64(binary.NativeEndian.Uint32(b[48:]))<<32,
		Expires:      time.Duration(binary.NativeEndian.Uint32(b[52:])) * time.Millisecond,
		ReceiveQueue: binary.NativeEndian.Uint32(b[56:]),
		SendQueue:    binary.NativeEndian.Uint32(b[60:]),
		UID:          binary.NativeEndian.Uint32(b[64:]),
		Inode:        binary.NativeEndian.Uint32(b[68:]),
	}
	if !s.State.Valid() {
		return nil, fmt.Errorf("%w: socket state %d", errMalformed, b[1])
	}
	s.BacklogKnown = s.State == StateListen

	var source, destination netip.Addr
	switch b[0] {
	case afINET:
		source, destination = netip.AddrFrom4([4]byte(b[8:])), netip.AddrFrom4([4]byte(b[24:]))
	case afINET6:
		s.IPv6 = true
		source, destination = netip.AddrFrom16([16]byte(b[8:])).Unmap(), netip.AddrFrom16([16]byte(b[24:])).Unmap()
	default:
		return nil, fmt.Errorf("%w: address family %d", errMalformed, b[0])
	}
	s.Source = netip.AddrPortFrom(source, binary.BigEndian.Uint16(b[4:]))
	s.Destination = netip.AddrPortFrom(destination, binary.BigEndian.Uint16(b[6:]))

	if err := d.attributes(b[inetDiagMsgLen:]); err != nil {
		return nil, err
	}
	return s, nil
}

func (d *decoder) attributes(b []byte) error {
	for len(b) > 0 {
		if len(b) < attributeHeaderLen {
			return fmt.Errorf("%w: %d bytes left for an attribute", errMalformed, len(b))
		}
		length := int(binary.NativeEndian.Uint16(b))
		if length < attributeHeaderLen || length > len(b) {
			return fmt.Errorf("%w: attribute length %d with %d bytes left", errMalformed, length, len(b))
		}
		d.attribute(binary.NativeEndian.Uint16(b[2:])&attributeTypeMask, b[attributeHeaderLen:length])
		b = b[min(align4(length), len(b)):]
	}
	return nil
}

func (d *decoder) attribute(attributeType uint16, b []byte) {
	s := &d.socket
	switch attributeType {
	case inetDiagInfo:
		// A listener's is empty but for what the message says already.
		if s.State != StateListen && d.info.decode(b) {
			s.Info = &d.info
		}
	case inetDiagCong:
		s.Congestion = d.name(b)
	case inetDiagSKMemInfo:
		s.Memory = d.memory.decode(b)
	case inetDiagSockOpt:
		// struct inet_diag_sockopt is bit fields; bind_address_no_port is the
		// first of the second byte.
		if len(b) >= 2 {
			first := uint8(0x01)
			if bigEndian() {
				first = 0x80
			}
			d.boundNoPort = b[1]&first != 0
			s.BoundNoPort = &d.boundNoPort
		}
	case inetDiagMemInfo: // what SKMEMINFO says, in part
	case inetDiagTOS, inetDiagTClass, inetDiagClassID: // of no use for tuning
	case inetDiagShutdown: // the state says as much
	case inetDiagProtocol: // always TCP here
	case inetDiagSKV6Only: // sent with IPv6 listeners
	case inetDiagMark: // sent to CAP_NET_ADMIN only
	case inetDiagULPInfo, inetDiagCgroupID: // not asked about yet
	default: // newer than this package
	}
}

// name returns the string up to a NUL without allocating for one seen before.
func (d *decoder) name(b []byte) string {
	for i, c := range b {
		if c == 0 {
			b = b[:i]
			break
		}
	}
	if name, ok := d.names[string(b)]; ok {
		return name
	}
	name := string(b)
	if d.names == nil {
		d.names = make(map[string]string)
	}
	if len(d.names) < maxNames {
		d.names[name] = name
	}
	return name
}
