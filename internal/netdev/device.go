// SPDX-License-Identifier: Apache-2.0

package netdev

import "strings"

// A Device is a network interface.
type Device struct {
	Index     int
	Name      string
	Up        bool   // set up by the administrator (IFF_UP)
	Addresses int    // IPv4 addresses on it
	Received  uint64 // packets received since it was made (rx_packets)
	Missed    uint64 // packets that the card dropped for want of room (rx_missed_errors)
}

// qdiscText names a root discipline, and the others below one that only spreads
// packets over the queues of a card.
func qdiscText(root string, below []string) string {
	if root != "mq" && root != "mqprio" || len(below) == 0 {
		return root
	}
	return root + " of " + strings.Join(below, " and ")
}
