// SPDX-License-Identifier: Apache-2.0

package explain

import "github.com/tcptune/tcptune/internal/sockdiag"

func established() state {
	return state{
		id:      sockdiag.StateEstablished,
		name:    "ESTABLISHED",
		aliases: []string{"ESTAB"},
		title:   "The handshake is done and data may flow both ways",
		meaning: `
An open connection. On a server it begins when the last packet of the handshake arrives, before the program calls
accept(): a row without a process waits in the accept queue of its listener.

Recv-Q is what our program has not read, Send-Q what the peer has not acknowledged.`,
		side:  `Both.`,
		actor: `Either program, when it is done: close() ends it. The side that closes first goes through TIME_WAIT.`,
		lasts: `
As long as both sides like. An idle connection has no timer: if the peer vanishes without a word nobody notices until
data is sent, unless the program turned SO_KEEPALIVE on. It ends by our close() (FIN_WAIT1), the peer's FIN
(CLOSE_WAIT), a reset, or one of these limits:`,
		limits: []Row{
			{"data without an answer", `net.ipv4.tcp_retries2: 15 gives about 924 s, 8 gives 108 s; TCP_USER_TIMEOUT sets it per socket`},
			{"idle, with SO_KEEPALIVE", `tcp_keepalive_time + tcp_keepalive_probes * tcp_keepalive_intvl: 7200 + 9 * 75 = 7875 s by default`},
			{"idle, without SO_KEEPALIVE", `none`},
		},
		causes: []Row{
			{"busy or pooled connections", `The normal load. Each costs a descriptor and some kilobytes; no setting is needed.`},
			{"Recv-Q stays high", `Our program does not read. A larger buffer only delays the stall.`},
			{"Send-Q high, timer (on), retransmissions", `The path or the peer is dead or loses packets.`},
			{"Send-Q high, timer (persist)", `The peer's window is zero: the peer's program does not read.`},
			{"idle for hours, no timer", `The peer may be gone for long. Keepalive or an idle timeout in the program finds out.`},
			{"no process", `Connections in the accept queue: the program does not accept. See LISTEN.`},
			{"outgoing, all to one address and port", `Each takes one local port towards that destination. Use a pool.`},
		},
		acts: []Row{
			{"net.ipv4.tcp_retries2", `How long unacknowledged data is repeated before the connection fails. Existing sockets too.`},
			{"net.ipv4.tcp_keepalive_time", `Idle time before the first probe, for sockets with SO_KEEPALIVE. Timers that already
				run keep their old end.`},
			{"net.ipv4.tcp_keepalive_intvl", `Time between probes, for sockets with SO_KEEPALIVE.`},
			{"net.ipv4.tcp_keepalive_probes", `Probes without an answer before the connection fails, for sockets with SO_KEEPALIVE.`},
			{"net.ipv4.tcp_rmem", `Receive buffer: the last value bounds its automatic growth.`},
			{"net.ipv4.tcp_wmem", `Send buffer: the last value bounds its automatic growth.`},
			{"net.ipv4.tcp_mem", `Memory of all TCP sockets together, in pages.`},
			{"net.ipv4.tcp_congestion_control", `For new sockets.`},
			{"net.ipv4.ip_local_port_range", `How many outgoing connections fit towards one destination.`},
		},
		inert: []Row{
			{"net.ipv4.tcp_fin_timeout", `For FIN_WAIT2 only.`},
			{"net.ipv4.tcp_tw_reuse", `For TIME_WAIT only.`},
			{"net.core.somaxconn", `Limits connections that wait for accept(), not open ones.`},
			{"net.ipv4.tcp_max_syn_backlog", `About half-open connections.`},
			{"net.core.rmem_max", `Bounds setsockopt(SO_RCVBUF), not the automatic growth of TCP buffers.`},
			{"net.core.wmem_max", `Bounds setsockopt(SO_SNDBUF), not the automatic growth of TCP buffers.`},
		},
		program: []Row{
			{"SO_KEEPALIVE, TCP_KEEPIDLE", `Keepalive is off unless the program turns it on; the sysctl keys alone do nothing. Go
				turns it on with 15 s of its own.`},
			{"TCP_USER_TIMEOUT", `Bounds how long data may stay unacknowledged, in milliseconds, for one socket.`},
			{"an idle timeout", `The surest way to get rid of connections that nobody uses.`},
		},
		counters: []Row{
			{"Tcp.CurrEstab", `ESTABLISHED and CLOSE_WAIT now, on current kernels.`},
			{"Tcp.PassiveOpens", `Handshakes that a listener finished, accepted or not.`},
			{"Tcp.ActiveOpens", `connect() calls that sent a SYN.`},
			{"Tcp.EstabResets", `Connections that ended abruptly, by the peer's reset or by us.`},
			{"Tcp.RetransSegs", `Repeated segments, handshakes included.`},
		},
		commands: []string{
			"tcptune states",
			"tcptune states --by process",
			"ss -tnpo state established",
			"ss -tni state established dst ADDRESS",
			"cat /proc/net/sockstat",
		},
		rules:   []string{"ephemeral-port-exhaustion", "tcp-mem-pressure", "retransmit-high", "retries2-too-low", "rst-on-close", "window-scaling-off", "moderate-rcvbuf-off", "sack-off", "rcvq-prune", "slow-reader", "send-queue-stuck", "keepalive-vs-idle-timeout", "estab-half-dead"},
		sources: []string{"tcp(7)", "RFC 9293 section 3.3.2", "RFC 1122 section 4.2.3", "net/ipv4/tcp_timer.c"},
	}
}
