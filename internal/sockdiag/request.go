// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"encoding/binary"
	"fmt"
)

// Extensions are what the kernel adds to each full socket on request. They
// cost time and bytes for every socket; ask only for what is read.
type Extensions uint8

// The extensions; bit n-1 stands for INET_DIAG_* number n.
const (
	WithInfo       Extensions = 1 << (inetDiagInfo - 1)      // Socket.Info
	WithCongestion Extensions = 1 << (inetDiagCong - 1)      // Socket.Congestion
	WithMemory     Extensions = 1 << (inetDiagSKMemInfo - 1) // Socket.Memory
)

const allExtensions = WithInfo | WithCongestion | WithMemory

// A Request says which sockets to dump and what to tell about each.
type Request struct {
	// States are the states to dump; at least one. StateListen alone is cheap:
	// for any other state the kernel walks its table of all connections, which
	// network namespaces share.
	States     States
	Extensions Extensions
	Filter     Filter
}

func (r Request) validate() error {
	if r.States == 0 || r.States&^AllStates != 0 {
		return fmt.Errorf("request socket states %#x: want at least one of %s and no other bits", uint32(r.States), AllStates)
	}
	if r.Extensions&^allExtensions != 0 {
		return fmt.Errorf("request extensions %#x: want a subset of %#x", uint8(r.Extensions), uint8(allExtensions))
	}
	return r.Filter.validate()
}

// A Summary says how a dump went.
type Summary struct {
	Sockets  int // sockets passed to the callback
	Messages int // netlink messages, or lines
	Bytes    int // bytes read
	// Interrupted reports that the kernel noticed a change of what it was
	// walking (NLM_F_DUMP_INTR): sockets may be missing or doubled.
	Interrupted bool
	// Complete reports that the dump went to its end: neither an error nor
	// ErrStop ended it.
	Complete bool
	Method   string // MethodSockDiag or MethodProc
}

// The ways to list sockets, as they appear in Summary.Method.
const (
	MethodSockDiag = "sock_diag"
	MethodProc     = "proc"
)

// Message types of NETLINK_SOCK_DIAG. The first form of the request knows no
// address family and is answered with the sockets of both in one walk.
const (
	tcpDiagGetSock   = 18 // TCPDIAG_GETSOCK, struct inet_diag_req
	sockDiagByFamily = 20 // SOCK_DIAG_BY_FAMILY, struct inet_diag_req_v2
)

const (
	afINET     = 2  // AF_INET
	afINET6    = 10 // AF_INET6 on Linux
	ipprotoTCP = 6

	inetDiagReqBytecode = 1 // INET_DIAG_REQ_BYTECODE
	sockIDLen           = 48
)

// appendV1 appends r as a dump request with struct inet_diag_req.
func (r Request) appendV1(b []byte, sequence uint32) []byte {
	start := len(b)
	b = appendHeader(b, tcpDiagGetSock, nlmFRequest|nlmFDump, sequence)
	b = append(b, afINET, 0, 0, uint8(r.Extensions)) // the kernel ignores the family
	b = append(b, make([]byte, sockIDLen)...)
	b = binary.NativeEndian.AppendUint32(b, uint32(r.States))
	b = binary.NativeEndian.AppendUint32(b, 0) // idiag_dbs, unused
	return r.finish(b, start)
}

// appendV2 appends r as a dump request for one family with struct
// inet_diag_req_v2.
func (r Request) appendV2(b []byte, sequence uint32, family uint8) []byte {
	start := len(b)
	b = appendHeader(b, sockDiagByFamily, nlmFRequest|nlmFDump, sequence)
	b = append(b, family, ipprotoTCP, uint8(r.Extensions), 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(r.States))
	b = append(b, make([]byte, sockIDLen)...)
	return r.finish(b, start)
}

// finish appends the filter and sets the length of the message at start.
func (r Request) finish(b []byte, start int) []byte {
	attribute := len(b)
	b = append(b, 0, 0, 0, 0) // struct nlattr, filled below
	b = r.Filter.appendBytecode(b)
	if length := len(b) - attribute; length > attributeHeaderLen {
		binary.NativeEndian.PutUint16(b[attribute:], uint16(length))
		binary.NativeEndian.PutUint16(b[attribute+2:], inetDiagReqBytecode)
	} else {
		b = b[:attribute]
	}
	binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}
