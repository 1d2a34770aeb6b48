// SPDX-License-Identifier: Apache-2.0

package explain

import "github.com/tcptune/tcptune/internal/sockdiag"

func finWait2() state {
	return state{
		id:    sockdiag.StateFinWait2,
		name:  "FIN_WAIT2",
		title: "We have closed and the peer knows it, but the peer has not closed",
		meaning: `
Our FIN is acknowledged; the peer's FIN has not come. At the other end the same connection is in CLOSE_WAIT, and the
program there has not called close().

There are two kinds. After close() the socket is an orphan, which the kernel keeps as a 256-byte object of the
TIME_WAIT kind: it counts in the field tw of /proc/net/sockstat and against tcp_max_tw_buckets. After
shutdown(SHUT_WR) a process still holds it, because it wants to read on.`,
		side:  `The side that closed first.`,
		actor: `The peer's program: it must call close(). For the second kind also our own program, which waits without a limit.`,
		lasts: `
Until the peer's FIN comes (TIME_WAIT, for another 60 s) or a reset does. Data that comes after close() is answered
with a reset. Else:`,
		limits: []Row{
			{"orphan, after close()", `net.ipv4.tcp_fin_timeout, 60 s by default; TCP_LINGER2 sets it per socket`},
			{"orphan, tcp_fin_timeout above 60", `2 * (value - 60) s: 61 gives 2 s, 70 gives 20 s, 90 gives 62 s. Never set it above 60.`},
			{"held by a process, after shutdown()", `no limit`},
		},
		causes: []Row{
			{"no process, few peers", `These peers do not close. Look for CLOSE_WAIT over there: often it is a client library or a proxy
				of our own.`},
			{"no process, many peers", `Clients that go away without closing. tcp_fin_timeout of 30 s halves the number; below
				15 s late answers meet a reset.`},
			{"held by a process", `Half-closed connections (rsync, ssh forwarding, streams), or a program that waits for the peer
				without a timeout.`},
		},
		acts: []Row{
			{"net.ipv4.tcp_fin_timeout", `How long an orphan stays. This is the only state that the key touches.`},
			{"net.ipv4.tcp_max_tw_buckets", `Orphans count against it; above it they are destroyed at once, and the peer meets a reset.`},
			{"net.ipv4.tcp_max_orphans", `Only with tcp_fin_timeout above 60, where the orphan stays a full socket first.`},
		},
		inert: []Row{
			{"net.ipv4.tcp_tw_reuse", `It never takes a FIN_WAIT2 over, only a real TIME_WAIT.`},
			{"net.ipv4.tcp_orphan_retries", `Nothing is repeated in this state.`},
			{"net.ipv4.tcp_keepalive_time", `Not for orphans; for held sockets only with SO_KEEPALIVE.`},
			{"net.ipv4.tcp_tw_recycle", `Removed in Linux 4.12.`},
		},
		program: []Row{
			{"a read timeout", `After shutdown(SHUT_WR), then close().`},
			{"TCP_LINGER2", `tcp_fin_timeout of one socket.`},
		},
		counters: []Row{
			{"TcpExt.TW", `Sockets that entered TIME_WAIT or became such an orphan.`},
			{"TcpExt.TWKilled", `The same with a tcp_fin_timeout of at most 4 s; it is not an error.`},
			{"TcpExt.TCPTimeWaitOverflow", `Refused because of tcp_max_tw_buckets.`},
			{"TCP.tw", `TIME_WAIT and these orphans together.`},
		},
		commands: []string{
			"tcptune states --by destination",
			"tcptune check --only orphan",
			"ss -tnpoe state fin-wait-2",
			"ss -Htn state fin-wait-2 | awk '{print $4}' | sort | uniq -c | sort -rn | head",
			"sysctl net.ipv4.tcp_fin_timeout",
		},
		rules: []string{"fin-wait2-pileup", "fin-wait2-owned", "fin-timeout-myth", "time-wait-bucket-overflow"},
		sources: []string{
			"tcp(7)", "RFC 9293 section 3.6.1", "include/net/tcp.h:tcp_fin_time", "net/ipv4/tcp.c:__tcp_close",
			"net/ipv4/tcp_minisocks.c:tcp_timewait_state_process",
		},
	}
}
