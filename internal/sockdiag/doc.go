// SPDX-License-Identifier: Apache-2.0

// Package sockdiag lists the TCP sockets of a network namespace.
//
// A [Client] asks the kernel over NETLINK_SOCK_DIAG (sock_diag(7)), with the
// state mask and the port filter applied in the kernel; a [ProcTable] reads
// /proc/net/tcp and /proc/net/tcp6 and is the fallback where the kernel does
// not answer. Both stream: a callback sees one [Socket] at a time, in memory
// that the next one reuses, so that a million sockets cost no more memory
// than one.
//
// A dump is not an atomic picture: a socket that moves between states or hash
// buckets while it runs can be missed or seen twice.
//
// Out of scope: other protocols, destroying sockets, and naming the processes
// that hold a socket.
package sockdiag
