// SPDX-License-Identifier: Apache-2.0

package snapshot

import "net/netip"

// SocketID identifies a socket across two snapshots: by the kernel's cookie,
// or, from the text tables, by what else does not change.
type SocketID struct {
	cookie      uint64
	local, peer netip.AddrPort
	inode       uint32
}

func newSocketID(cookie uint64, local, peer netip.AddrPort, inode uint32) SocketID {
	if cookie != 0 {
		return SocketID{cookie: cookie}
	}
	return SocketID{local: local, peer: peer, inode: inode}
}

// ID identifies the socket.
func (s *Socket) ID() SocketID { return newSocketID(s.Cookie, s.Local, s.Peer, s.Inode) }

// ID identifies the connection.
func (c *Connection) ID() SocketID { return newSocketID(c.Cookie, c.Local, c.Peer, c.Inode) }
