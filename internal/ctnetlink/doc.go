// SPDX-License-Identifier: Apache-2.0

// Package ctnetlink counts the entries of the connection tracking table of the
// calling thread's network namespace by TCP state, over NETLINK_NETFILTER
// (net/netfilter/nf_conntrack_netlink.c). The kernel asks for CAP_NET_ADMIN.
//
// The table is streamed: memory does not grow with it, and the walk ends with
// its budget. The kernel's hash is keyed, so what a part of the walk shows is a
// random sample of the table.
//
// Out of scope: addresses of the entries, and changing any of them.
package ctnetlink
