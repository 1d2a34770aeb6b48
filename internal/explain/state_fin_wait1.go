// SPDX-License-Identifier: Apache-2.0

package explain

import "github.com/tcptune/tcptune/internal/sockdiag"

func finWait1() state {
	return state{
		id:    sockdiag.StateFinWait1,
		name:  "FIN_WAIT1",
		title: "We have closed; the peer has not acknowledged our FIN",
		meaning: `
Our program closed first. The FIN stands behind whatever data is still unsent, so as long as that data does not get
through the socket stays here. After close() no process holds it any more: it is an orphan, and the kernel alone goes
on sending.`,
		side:  `The side that closed first, for one round trip.`,
		actor: `The peer's kernel or the path: an acknowledgement is missing. No program can do anything after close().`,
		lasts: `
Until the ACK of our FIN (FIN_WAIT2), the peer's FIN with that ACK (TIME_WAIT), the peer's FIN without it (CLOSING) or
a reset. Without any answer the retransmissions run out:`,
		limits: []Row{
			{"orphan, after close()", `net.ipv4.tcp_orphan_retries; 0, the default, means 8: about 100 s at the smallest timeout, more on
				slow paths`},
			{"held by a process, after shutdown()", `net.ipv4.tcp_retries2: about 924 s at 15`},
			{"the peer's window is zero", `probed with the same budget, but each answer starts it anew: minutes`},
		},
		causes: []Row{
			{"Send-Q high, timer (on), retransmissions", `Peers that vanished: mobile clients, a firewall that dropped the flow, a
				host that is down.`},
			{"Send-Q high, timer (persist)", `Peers that do not read: slow clients, or a slow-read attack. Each pins up to 64 KiB.`},
			{"short-lived", `Many short connections over a long round trip. Harmless.`},
		},
		acts: []Row{
			{"net.ipv4.tcp_orphan_retries", `How often an orphan repeats before it is given up. 3 frees them in seconds; too little loses
				the last answer on lossy paths.`},
			{"net.ipv4.tcp_max_orphans", `The limit, for the whole machine. Above it close() sends a reset and unsent data is lost: raise
				it, or find the cause; do not lower it.`},
			{"net.ipv4.tcp_retries2", `While a process still holds the socket.`},
			{"net.ipv4.tcp_rto_max_ms", `Longest gap between retransmissions (since Linux 6.15).`},
			{"net.ipv4.tcp_mem", `Orphans count; above the last value they are reset.`},
		},
		inert: []Row{
			{"net.ipv4.tcp_fin_timeout", `It is for FIN_WAIT2, in spite of its name.`},
			{"net.ipv4.tcp_tw_reuse", `For TIME_WAIT only.`},
			{"net.ipv4.tcp_max_tw_buckets", `Counts TIME_WAIT and the orphans of FIN_WAIT2.`},
			{"net.ipv4.tcp_keepalive_time", `There is data on its way, which has its own timer.`},
		},
		program: []Row{
			{"SO_LINGER", `With a time above 0 close() waits for the ACK, so that the program learns whether the data arrived.`},
			{"TCP_USER_TIMEOUT", `Set before close(), it bounds the wait of this socket.`},
		},
		counters: []Row{
			{"TcpExt.TCPAbortOnTimeout", `Connections given up after the last retransmission.`},
			{"TcpExt.TCPAbortOnMemory", `Orphans reset because of tcp_max_orphans or tcp_mem.`},
			{"TCP.orphan", `Orphans of the whole machine, also when read in a container.`},
		},
		commands: []string{
			"tcptune states --by destination",
			"tcptune check --only orphan",
			"ss -tnoe state fin-wait-1",
			"cat /proc/net/sockstat",
		},
		rules:   []string{"orphans-dead-peer", "orphan-limit-near"},
		sources: []string{"tcp(7)", "RFC 9293 section 3.6", "net/ipv4/tcp_timer.c:tcp_orphan_retries", "net/ipv4/tcp.c:__tcp_close"},
	}
}
