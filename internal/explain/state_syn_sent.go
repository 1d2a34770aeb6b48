// SPDX-License-Identifier: Apache-2.0

package explain

import "github.com/tcptune/tcptune/internal/sockdiag"

func synSent() state {
	return state{
		id:    sockdiag.StateSynSent,
		name:  "SYN_SENT",
		title: "connect() has sent a SYN and waits for the answer",
		meaning: `
Our program called connect(), the SYN is on its way or lost, and nothing has come back. The socket holds a local port
and, with a blocking connect(), a thread.`,
		side: `The client: the side that calls. A healthy connection is in it for one round trip.`,
		actor: `
The destination or the path to it, which does not answer; and our program, which should not wait that long: it needs a
connect timeout of a few seconds and another backend to try.`,
		lasts: `
Until an answer comes: SYN-ACK makes it ESTABLISHED, a reset ends it with ECONNREFUSED, an ICMP unreachable message
ends it with EHOSTUNREACH or the like. So a host that is up but has no listener does not leave SYN_SENT behind:
silence does, from a dead host, a firewall that drops, or a listener whose accept queue is full.

Without an answer the SYN is repeated and connect() fails with ETIMEDOUT after a time that net.ipv4.tcp_syn_retries
sets. Since Linux 6.5 the first tcp_syn_linear_timeouts (4) retransmissions are 1 s apart before the gaps double,
which sends more SYNs in about the same time. Measured on Linux 6.18:`,
		limits: []Row{
			{"tcp_syn_retries = 6 (default)", `134 s, 10 retransmissions (130 s and 6 with tcp_syn_linear_timeouts=0, as before 6.5)`},
			{"tcp_syn_retries = 5", `69 s, 9 retransmissions`},
			{"tcp_syn_retries = 4", `36 s`},
			{"tcp_syn_retries = 3", `19.5 s, 7 retransmissions (15.4 s with tcp_syn_linear_timeouts=0)`},
			{"tcp_syn_retries = 2", `7 s, 5 retransmissions`},
			{"tcp_syn_retries = 1", `3 s, 2 retransmissions`},
		},
		causes: []Row{
			{"one destination address and port", `A dead backend: the host is down, unreachable, or a firewall drops our packets.`},
			{"very many addresses, few ports, one process", `A scan: a worm, a scanner, a crawler or a monitor. Look at the process
				and its executable before anything else. The counters look the same as for a dead backend; only the
				destinations tell the two apart.`},
			{"many destinations, many processes", `Our own way out: route, uplink, egress firewall, or a full connection tracking
				table on this host.`},
			{"one destination that answers sometimes", `Its accept queue overflows: it drops SYNs in silence while it is full. Look
				at ListenOverflows there.`},
		},
		acts: []Row{
			{"net.ipv4.tcp_syn_retries", `How long connect() waits, for every destination of the host, sockets that wait now
				included. 3 is a stop-gap; a timeout in the program is the cure.`},
			{"net.ipv4.tcp_syn_linear_timeouts", `How many of the first retransmissions are 1 s apart (since Linux 6.5).`},
			{"net.ipv4.ip_local_port_range", `Each waiting connect() holds a port towards its destination.`},
		},
		inert: []Row{
			{"net.ipv4.tcp_syncookies", `The other side's: it is about SYNs that come in.`},
			{"net.ipv4.tcp_max_syn_backlog", `The other side's.`},
			{"net.core.somaxconn", `The other side's.`},
			{"net.ipv4.tcp_synack_retries", `The other side's: retransmissions of the SYN-ACK.`},
			{"net.ipv4.tcp_retries2", `For data on an established connection.`},
			{"net.ipv4.tcp_keepalive_time", `Probes start on an established connection.`},
			{"net.ipv4.tcp_fin_timeout", `For FIN_WAIT2 only.`},
		},
		program: []Row{
			{"a connect timeout", `Non-blocking connect() with poll(), or the option of the library: 1 to 5 s inside a data centre.`},
			{"TCP_SYNCNT", `Number of SYN retransmissions for one socket, in place of the sysctl.`},
			{"TCP_USER_TIMEOUT", `Bounds the wait of one socket in milliseconds, in place of the sysctl.`},
		},
		counters: []Row{
			{"Tcp.ActiveOpens", `connect() calls that sent a SYN.`},
			{"Tcp.AttemptFails", `Connects that failed: refused and timed out alike.`},
			{"TcpExt.TCPSynRetrans", `Repeated SYNs; repeated SYN-ACKs count too.`},
			{"TcpExt.TCPAbortOnTimeout", `Connections given up, timed-out connects among them.`},
		},
		commands: []string{
			"tcptune states --by destination",
			"tcptune check --only syn",
			"ss -tnpo state syn-sent",
			"ss -Htn state syn-sent | awk '{print $4}' | sort | uniq -c | sort -rn | head",
			"nstat -az TcpActiveOpens TcpAttemptFails TcpExtTCPSynRetrans",
		},
		rules: []string{"syn-sent-dead-backend", "syn-sent-scan", "connect-refused-rate"},
		sources: []string{
			"connect(2), tcp(7)", "RFC 9293 section 3.5", "net/ipv4/tcp_timer.c:tcp_write_timeout,tcp_retransmit_timer",
		},
	}
}
