// SPDX-License-Identifier: Apache-2.0

// Package netdev lists the network interfaces of the calling thread's network
// namespace and their queueing disciplines, over rtnetlink(7). It needs no
// privilege and changes nothing.
//
// Out of scope: routes, what a driver says about its card (ethtool(8)), and the
// settings below /proc/sys.
package netdev
