// SPDX-License-Identifier: Apache-2.0

package explain

import "github.com/tcptune/tcptune/internal/sockdiag"

func synRecv() state {
	return state{
		id:      sockdiag.StateSynRecv,
		name:    "SYN_RECV",
		aliases: []string{"SYN_RECEIVED", "SYN_RCVD", "NEW_SYN_RECV", "TCP_NEW_SYN_RECV"},
		title:   "A SYN has come in and was answered; the last packet of the handshake is missing",
		meaning: `
A half-open connection. The listener got a SYN and sent the SYN-ACK; the client's ACK has not come. It is a small
request object in the SYN queue of the listener, without a process and without a descriptor.

How many a listener keeps is its backlog (since Linux 4.4): the smaller of the argument of listen() and
net.core.somaxconn. The kernel does not export the length of that queue: count the SYN_RECV of the port.`,
		side:  `The server. A healthy handshake is in it for one round trip.`,
		actor: `The client, whose ACK is missing; whoever owns the path, if the ACKs of one network never arrive.`,
		lasts: `
Until the ACK comes (then ESTABLISHED, in the accept queue), the client resets it, or the SYN-ACK was repeated
net.ipv4.tcp_synack_retries times: about 63 s with the default of 5. Once the SYN queue is more than half full the
kernel gives old requests up earlier on its own.

If the accept queue is full, the ACK is ignored and the request stays: the client believes that it is connected.`,
		causes: []Row{
			{"many sources, none of which ever answers", `A SYN flood with forged addresses. SYN cookies keep real clients
				working; filter upstream.`},
			{"clients of one network", `The return path: route, firewall or asymmetric path towards them loses our SYN-ACK or
				their ACK. The SYN-ACK retransmissions of these rows grow; no queue drops anything.`},
			{"all clients, and the accept queue is full", `The program does not accept. See LISTEN: the cause is there.`},
			{"all clients, none stays long", `Load: new connections per second times the round-trip time. Harmless below the backlog.`},
		},
		acts: []Row{
			{"net.ipv4.tcp_syncookies", `1 (the default) answers a SYN that meets a full SYN queue with a cookie, which costs no
				entry; 0 drops it, so that anybody can shut the service with a few packets; 2 always uses cookies, for
				tests.`},
			{"net.core.somaxconn", `Together with the backlog of the program, the limit of the queue; at the next listen().`},
			{"net.ipv4.tcp_synack_retries", `How long a request without an answer stays. 2 or 3 during a flood; slow clients
				suffer from less.`},
			{"net.ipv4.tcp_max_syn_backlog", `Only with tcp_syncookies=0 (since Linux 4.4).`},
			{"net.ipv4.tcp_abort_on_overflow", `Whether the last packet that meets a full accept queue is answered with a reset.`},
			{"net.ipv4.tcp_timestamps", `A connection made from a cookie keeps window scaling and SACK only with timestamps.`},
		},
		inert: []Row{
			{"net.ipv4.tcp_max_syn_backlog", `With tcp_syncookies=1 it has no effect: 60 half-open requests queue with the key at 8.`},
			{"net.ipv4.tcp_syn_retries", `The other side's: it is about SYNs that we send.`},
			{"net.ipv4.tcp_fin_timeout", `For FIN_WAIT2 only.`},
			{"net.core.netdev_max_backlog", `Packets between network card and IP, not half-open connections.`},
		},
		futile: []Row{
			{"SYN cookies as capacity", `They are for floods. If valid cookies come back (SyncookiesRecv close to SyncookiesSent) the
				clients are real: raise the backlog.`},
		},
		program: []Row{
			{"listen(fd, backlog)", `The limit of the SYN queue since Linux 4.4.`},
			{"TCP_DEFER_ACCEPT", `Keeps a connection half-open until data comes; such requests are SYN_RECV on purpose.`},
		},
		counters: []Row{
			{"TcpExt.TCPReqQFullDoCookies", `SYNs that met a full SYN queue, cookies on.`},
			{"TcpExt.TCPReqQFullDrop", `SYNs that met a full SYN queue, cookies off: dropped.`},
			{"TcpExt.SyncookiesSent", `Cookies sent.`},
			{"TcpExt.SyncookiesRecv", `Valid cookies that came back: real clients.`},
			{"TcpExt.SyncookiesFailed", `ACKs without a valid cookie while the queue had overflowed; mostly noise.`},
			{"TcpExt.TCPSynRetrans", `Repeated SYN-ACKs; our own repeated SYNs count too.`},
			{"TcpExt.EmbryonicRsts", `Half-open requests that ended with a reset.`},
		},
		commands: []string{
			"tcptune states --by listener",
			"tcptune check --only syn",
			"ss -tno state syn-recv",
			"ss -Htn state syn-recv | awk '{print $3}' | sort | uniq -c | sort -rn | head",
			"nstat -az TcpExtTCPReqQFullDrop TcpExtTCPReqQFullDoCookies TcpExtSyncookiesSent TcpExtSyncookiesRecv",
		},
		rules: []string{"syn-flood-cookies-off", "syn-flood-cookies-on", "syncookies-without-timestamps", "syn-recv-no-ack", "accept-overflow-cookie-hang", "listen-drops-other", "syncookies-disabled", "max-syn-backlog-inert"},
		sources: []string{
			"listen(2), tcp(7)", "RFC 4987", "net/ipv4/tcp_input.c:tcp_conn_request,tcp_syn_flood_action",
			"net/ipv4/inet_connection_sock.c:reqsk_timer_handler",
		},
	}
}
