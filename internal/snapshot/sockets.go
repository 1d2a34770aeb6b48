// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"net/netip"

	"github.com/tcptune/tcptune/internal/sockdiag"
)

// Sockets is the socket table of one network namespace, folded: listeners and
// sockets that are neither ESTABLISHED nor TIME_WAIT one by one, the rest in
// groups by destination.
type Sockets struct {
	Method      string `json:"method"` // sock_diag or proc
	Tiers       []int  `json:"tiers"`  // collection tiers that were entered, see tiers.go
	Received    int    `json:"received"`
	Complete    bool   `json:"complete"`
	Interrupted bool   `json:"interrupted,omitempty"` // the table changed so much that the kernel flagged the dump

	States    map[string]int64 `json:"states"`         // by state name; a state that could not be counted is absent
	Counted   string           `json:"counted"`        // how ESTABLISHED and TIME_WAIT were counted: dump or sockstat
	Mini      *int64           `json:"mini,omitempty"` // sockstat tw
	Listeners []Listener       `json:"listeners"`
	Open      []Socket         `json:"open"`                   // neither LISTEN, ESTABLISHED nor TIME_WAIT
	Dropped   map[string]int64 `json:"open_dropped,omitempty"` // sockets beyond the bounds on Open and Listeners, by state

	Ports        PortRange     `json:"ports"`
	Destinations []Destination `json:"destinations,omitempty"` // outgoing, the largest, largest first
	Closer       Closer        `json:"closer"`
	Clients      []Client      `json:"clients,omitempty"`
	TimeWait     *TimeWait     `json:"time_wait,omitempty"`
	Sample       *Sample       `json:"sample,omitempty"` // of the ESTABLISHED
}

// Closer says whether ESTABLISHED and TIME_WAIT sockets were looked at closely
// (tier 2), and if not, how many ports one destination can have in use at most.
type Closer struct {
	Looked bool   `json:"looked"`            // every socket of the range was seen
	AtMost *int64 `json:"at_most,omitempty"` // without a closer look: no destination uses more ports than this
	Why    string `json:"why,omitempty"`     // why it was not looked at
}

// Listener is one listening socket.
type Listener struct {
	Local   netip.AddrPort `json:"local"`
	IPv6    bool           `json:"ipv6,omitempty"`
	UID     uint32         `json:"uid"`
	Inode   uint32         `json:"inode"`
	Cookie  uint64         `json:"cookie,omitempty"`
	Queue   uint32         `json:"queue"`
	Backlog *uint32        `json:"backlog,omitempty"`
	Drops   *uint32        `json:"drops,omitempty"`
	Owners  []int          `json:"owners,omitempty"` // pids

	// Connections counts the sockets on its port by state, without ESTABLISHED
	// and TIME_WAIT.
	Connections map[string]int64 `json:"connections,omitempty"`
}

// Socket is one socket that is neither LISTEN, ESTABLISHED nor TIME_WAIT.
type Socket struct {
	State     sockdiag.State `json:"state"`
	Local     netip.AddrPort `json:"local"`
	Peer      netip.AddrPort `json:"peer"`
	UID       uint32         `json:"uid"`
	Inode     uint32         `json:"inode"`
	Cookie    uint64         `json:"cookie,omitempty"`
	Receive   uint32         `json:"recv_q"`
	Send      uint32         `json:"send_q"`
	Timer     string         `json:"timer,omitempty"`
	Retried   uint8          `json:"retransmits,omitempty"`
	Mini      bool           `json:"mini,omitempty"`       // a mini-socket (orphan FIN_WAIT_2)
	LastHeard *float64       `json:"last_heard,omitempty"` // seconds since the peer's last ACK
	Owners    []int          `json:"owners,omitempty"`
}

// Destination is one (source address, destination address, destination port)
// of outgoing connections: between them only the local port varies.
type Destination struct {
	Source      netip.Addr     `json:"source"`
	Peer        netip.AddrPort `json:"peer"`
	Established int64          `json:"established"`
	TimeWait    int64          `json:"time_wait"`
	Young       int64          `json:"time_wait_young"` // TIME_WAIT younger than tcp_tw_reuse_delay
	Other       int64          `json:"other"`
	Missed      int64          `json:"missed,omitempty"` // at most so many more, where there were too many destinations to count each
	Inodes      []uint32       `json:"-"`                // a sample, to name the holders
	Owners      []int          `json:"owners,omitempty"`
	UID         *uint32        `json:"uid,omitempty"` // owner of a sampled socket
}

// Ports is the number of ports of the range in use towards the destination,
// TIME_WAIT included; a lower bound where some were Missed.
func (d *Destination) Ports() int64 { return d.Established + d.TimeWait + d.Other }

// Client is one user's ESTABLISHED outgoing sockets with a port of the range.
type Client struct {
	UID          uint32   `json:"uid"`
	Sockets      int64    `json:"sockets"`
	Ports        int64    `json:"ports"`
	Destinations int64    `json:"destinations"`
	Inodes       []uint32 `json:"-"`
	Owners       []int    `json:"owners,omitempty"`
}

// TimeWait says where TIME_WAIT sockets belong; known after a full dump only.
type TimeWait struct {
	Total     int64   `json:"total"`
	Listening int64   `json:"listening"` // those whose local port has a listener
	Ports     []Count `json:"ports,omitempty"`
	Peers     []Count `json:"peers,omitempty"`
}

// Count is a name with how often it was seen.
type Count struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}
