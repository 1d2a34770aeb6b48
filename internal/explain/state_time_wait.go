// SPDX-License-Identifier: Apache-2.0

package explain

import "github.com/tcptune/tcptune/internal/sockdiag"

func timeWait() state {
	return state{
		id:      sockdiag.StateTimeWait,
		name:    "TIME_WAIT",
		aliases: []string{"SO_LINGER"}, // what articles cure it with, and must not
		title:   "A connection that we closed first has ended; the kernel remembers it for 60 s",
		meaning: `
Both FINs are acknowledged. The kernel keeps the addresses and ports for two reasons: to acknowledge the peer's FIN once
more if our last ACK was lost, and to keep late packets of this connection out of a new one with the same ports.

It is the normal end of a connection and mostly harmless: a 256-byte object without a process, a descriptor or buffers.`,
		side: `
The side that closed first. A web server that ends each connection has them; with HTTP keep-alive, or when clients
close first, the clients have them.`,
		actor: `Nobody: it ends by itself. If it costs ports, the client program should keep its connections open.`,
		lasts: `
60 s, compiled into the kernel (TCP_TIMEWAIT_LEN). No sysctl changes that, in any release. It begins anew when the
peer repeats its FIN. It ends early in three ways: the peer opens a new connection from the same port with a newer
timestamp or sequence number, which is accepted; our own connect() takes it over (tcp_tw_reuse, at least 1 s old); a
reset comes in (unless tcp_rfc1337 is 1).`,
		causes: []Row{
			{"local port belongs to a listener (server)", `Harmless. They block no new connection, from the same client port neither.
				20,000 take 5 MB. No setting is needed.`},
			{"outgoing, towards one address and port (client, proxy)", `Each holds one local port towards that destination for
				60 s. 28,232 ports allow 470 new connections per second; then connect() fails with EADDRNOTAVAIL, which no
				counter shows. Keep connections open; then, in this order: IP_BIND_ADDRESS_NO_PORT if the program binds, a
				wider range, more addresses, tcp_tw_reuse=1.`},
			{"outgoing, towards many destinations", `Harmless: each destination has the whole range of ports to itself.`},
			{"close to tcp_max_tw_buckets", `New ones are destroyed instead of waiting, and late packets meet a reset. Raise the limit.`},
		},
		acts: []Row{
			{"net.ipv4.tcp_tw_reuse", `Lets our own connect() take over a TIME_WAIT, where both ends used timestamps: 1 always, 2 (default
				since Linux 4.18) on loopback only. Helps clients, never a listener.`},
			{"net.ipv4.tcp_tw_reuse_delay", `How old it must be for that: 1000 ms (since Linux 6.14).`},
			{"net.ipv4.tcp_timestamps", `Must have been on during the old connection, else it cannot be taken over.`},
			{"net.ipv4.tcp_max_tw_buckets", `The limit: a stop against exhaustion of memory. Raise it when it is reached, never lower it.`},
			{"net.ipv4.tcp_rfc1337", `1 ignores resets in TIME_WAIT, so that a stray one cannot end it.`},
			{"net.ipv4.ip_local_port_range", `How many fit towards one destination.`},
		},
		inert: []Row{
			{"net.ipv4.tcp_fin_timeout", `The classic mistake. It bounds orphans in FIN_WAIT2; TIME_WAIT takes 60 s with any value
				(61 s measured with 5).`},
			{"net.ipv4.tcp_tw_recycle", `Removed in Linux 4.12. Before, it dropped the SYNs of clients that share an address behind
				NAT. Never set it; delete the line where a file still has it.`},
			{"net.ipv4.tcp_tw_reuse", `On the server: it acts in connect() only. 18,275 TIME_WAIT with 0, 18,269 with 1.`},
			{"net.ipv4.tcp_keepalive_time", `There is no connection left to probe.`},
			{"net.ipv4.tcp_max_orphans", `TIME_WAIT objects are not orphans.`},
			{"net.netfilter.nf_conntrack_tcp_timeout_time_wait", `The entry of connection tracking, another table with its own
				clock (120 s).`},
		},
		futile: []Row{
			{"SO_LINGER with time 0", `close() then sends a reset in place of a FIN. There is no TIME_WAIT, but unsent data is thrown
				away, and the peer loses what it has not read: of 50 replies 50 ended in ECONNRESET. Not a cure.`},
			{"SO_LINGER with a time, or off", `Off is the default. Either way the connection ends with a FIN and TIME_WAIT follows;
				with a time, close() waits for the ACK, that is all.`},
			{"a lower tcp_max_tw_buckets", `Hides the number and brings resets after clean closes.`},
		},
		program: []Row{
			{"keep connections open", `HTTP keep-alive, a connection pool: the only real cure, and it saves the handshakes too.`},
			{"let the other side close first", `TIME_WAIT moves there. Good where the other side is a server with a listener.`},
			{"SO_REUSEADDR before bind()", `So that a restarted server may listen while old connections are in TIME_WAIT.`},
			{"IP_BIND_ADDRESS_NO_PORT", `For clients that bind an address before connect(): the port is then chosen per destination.`},
		},
		counters: []Row{
			{"TcpExt.TW", `Sockets that entered TIME_WAIT, or FIN_WAIT2 as orphans. Rate times 60 s is the number to expect.`},
			{"TcpExt.TWRecycled", `Taken over by our own connect(): shows that tcp_tw_reuse works.`},
			{"TcpExt.TCPTimeWaitOverflow", `Refused because of tcp_max_tw_buckets; nothing is logged.`},
			{"TCP.tw", `TIME_WAIT and orphans in FIN_WAIT2 now.`},
		},
		commands: []string{
			"tcptune states --by destination",
			"tcptune check --only time-wait,ephemeral-ports",
			"ss -tno state time-wait",
			"ss -Htn state time-wait | awk '{print $4}' | sort | uniq -c | sort -rn | head",
			"cat /proc/net/sockstat",
			"nstat -az TcpExtTW TcpExtTWRecycled TcpExtTCPTimeWaitOverflow",
		},
		rules: []string{"time-wait-high-harmless", "time-wait-bucket-overflow", "ephemeral-port-exhaustion", "ephemeral-scan-cost", "tw-reuse-timestamps-off", "tw-reuse-server-side", "tw-reuse-delay-low", "tw-recycle-in-config", "tw-recycle-live", "fin-timeout-myth", "max-tw-buckets-lowered", "timestamps-off", "rfc1337"},
		sources: []string{
			"tcp(7)", "RFC 9293 section 3.6", "RFC 6191", "RFC 1337", "include/net/tcp.h:TCP_TIMEWAIT_LEN",
			"net/ipv4/tcp_minisocks.c:tcp_timewait_state_process", "net/ipv4/tcp_ipv4.c:tcp_twsk_unique",
		},
	}
}
