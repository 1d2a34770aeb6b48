// SPDX-License-Identifier: Apache-2.0

package explain

import "github.com/tcptune/tcptune/internal/sockdiag"

func lastAck() state {
	return state{
		id:    sockdiag.StateLastAck,
		name:  "LAST_ACK",
		title: "The peer closed first, then we closed; the ACK of our FIN is missing",
		meaning: `
Our program called close() after the peer's FIN. Our own FIN is sent, behind whatever data is still unsent; one ACK
and the connection is gone.`,
		side:  `The side that closed second, for one round trip. It has no TIME_WAIT.`,
		actor: `The peer's kernel or the path. Our program did its part.`,
		lasts: `
Until the ACK of our FIN, or a reset; then the socket is gone. Without an answer:`,
		limits: []Row{
			{"orphan, after close()", `net.ipv4.tcp_orphan_retries; 0, the default, means 8: about 100 s at the smallest timeout`},
			{"held by a process, after shutdown()", `net.ipv4.tcp_retries2: about 924 s at 15`},
		},
		causes: []Row{
			{"timer (on), retransmissions", `Peers that vanished after their FIN, or a firewall or NAT that forgot the half-closed
				flow: typical when our program closes late, long after the peer.`},
			{"Send-Q above 1", `Data stands before our FIN and the peer does not take it.`},
			{"short-lived", `Many short connections over a long round trip. Harmless.`},
		},
		acts: []Row{
			{"net.ipv4.tcp_orphan_retries", `How often an orphan repeats its FIN before it is given up. 2 freed in 4 s what stayed for
				more than 20 s by default.`},
			{"net.ipv4.tcp_max_orphans", `These orphans count, for the whole machine.`},
			{"net.ipv4.tcp_retries2", `While a process still holds the socket.`},
			{"net.ipv4.tcp_rto_max_ms", `Longest gap between retransmissions (since Linux 6.15).`},
		},
		inert: []Row{
			{"net.ipv4.tcp_fin_timeout", `For FIN_WAIT2 only.`},
			{"net.ipv4.tcp_tw_reuse", `For TIME_WAIT only.`},
			{"net.ipv4.tcp_max_tw_buckets", `LAST_ACK is a full socket and does not count.`},
			{"net.ipv4.tcp_keepalive_time", `There is a FIN on its way, which has its own timer.`},
		},
		program: []Row{
			{"close() soon after end of file", `Before firewalls on the way forget the half-closed flow (60 s in connection tracking).`},
		},
		counters: []Row{
			{"TcpExt.TCPAbortOnTimeout", `Connections given up after the last retransmission.`},
			{"TCP.orphan", `Orphans of the whole machine.`},
		},
		commands: []string{
			"tcptune states --by destination",
			"tcptune check --only orphan",
			"ss -tnoe state last-ack",
		},
		rules:   []string{"last-ack-pileup", "orphan-limit-near"},
		sources: []string{"tcp(7)", "RFC 9293 section 3.6", "net/ipv4/tcp_timer.c:tcp_orphan_retries"},
	}
}
