// SPDX-License-Identifier: Apache-2.0

package sockdiag

import "encoding/binary"

// Memory is the buffer accounting of a socket in bytes: the SK_MEMINFO_*
// vector of include/uapi/linux/sock_diag.h. The letters are those that
// `ss --memory` prints.
type Memory struct {
	ReceiveAlloc  uint32 // r, SK_MEMINFO_RMEM_ALLOC: held by received data
	ReceiveBuffer uint32 // rb, SK_MEMINFO_RCVBUF: its limit
	SendAlloc     uint32 // t, SK_MEMINFO_WMEM_ALLOC: handed to the network layer
	SendBuffer    uint32 // tb, SK_MEMINFO_SNDBUF: limit of SendQueued
	ForwardAlloc  int32  // f, SK_MEMINFO_FWD_ALLOC: reserved and free
	SendQueued    uint32 // w, SK_MEMINFO_WMEM_QUEUED: held by data to send
	Options       uint32 // o, SK_MEMINFO_OPTMEM: socket options and filters

	// Backlog is data that arrived while the program held the socket's lock
	// (bl, SK_MEMINFO_BACKLOG). It has nothing to do with listen(2). It is nil
	// where the kernel's vector ends before it.
	Backlog *uint32
	// Drops counts packets that this socket dropped since it was made (d,
	// SK_MEMINFO_DROPS); of a listener, connection attempts that it lost. It
	// is nil where the kernel's vector ends before it.
	Drops *uint32
}

// memoryLen is the length of the vector that the first kernel with
// INET_DIAG_SKMEMINFO sent: up to SK_MEMINFO_OPTMEM.
const memoryLen = 7 * 4

// memoryBuffer holds a Memory and what its pointers point to.
type memoryBuffer struct {
	memory         Memory
	backlog, drops uint32
}

// decode reads a vector by its length and returns nil for one that no kernel
// sends: shorter than memoryLen. Words after SK_MEMINFO_DROPS are left alone.
func (m *memoryBuffer) decode(b []byte) *Memory {
	if len(b) < memoryLen {
		return nil
	}
	word := func(i int) uint32 { return binary.NativeEndian.Uint32(b[4*i:]) }
	m.memory = Memory{
		ReceiveAlloc:  word(0),
		ReceiveBuffer: word(1),
		SendAlloc:     word(2),
		SendBuffer:    word(3),
		ForwardAlloc:  int32(word(4)),
		SendQueued:    word(5),
		Options:       word(6),
	}
	if len(b) >= 8*4 {
		m.backlog = word(7)
		m.memory.Backlog = &m.backlog
	}
	if len(b) >= 9*4 {
		m.drops = word(8)
		m.memory.Drops = &m.drops
	}
	return &m.memory
}

func (m *Memory) clone() *Memory {
	if m == nil {
		return nil
	}
	c := *m
	c.Backlog = clonePointer(m.Backlog)
	c.Drops = clonePointer(m.Drops)
	return &c
}
