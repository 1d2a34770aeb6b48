// SPDX-License-Identifier: Apache-2.0

package explain

import "github.com/tcptune/tcptune/internal/sockdiag"

func listen() state {
	return state{
		id:      sockdiag.StateListen,
		name:    "LISTEN",
		aliases: []string{"LISTENING"},
		title:   "A program waits for connections on a local address and port",
		meaning: `
The program called listen(). The socket carries no connection itself; it owns two queues. The SYN queue holds
half-open requests (shown as SYN_RECV), the accept queue holds finished connections that wait for accept().

Both queues have one limit, the backlog: the smaller of the argument of listen() and net.core.somaxconn, taken when
listen() is called.`,
		signs: []Row{
			{"Recv-Q", `The accept queue now: connections that wait for accept().`},
			{"Send-Q", `The backlog. The queue holds one more. /proc/net/tcp does not show it, ss and tcptune do.`},
		},
		side: `The server: the side that waits to be called.`,
		actor: `
The program. It must call accept() as fast as connections come, and ask for a backlog that holds the burst which
arrives while it is busy.`,
		lasts: `Until the program closes the socket or ends. There is no timer.`,
		causes: []Row{
			{"many LISTEN sockets", `One per address, port and worker (SO_REUSEPORT). They cost next to nothing.`},
			{"Recv-Q stays above 0", `The program accepts too slowly: it is blocked, out of CPU, stopped, or out of descriptors
				(EMFILE, which no TCP counter shows).`},
			{"Recv-Q above Send-Q", `The accept queue is full. SYNs are dropped without an answer, and so is the last packet of
				handshakes that are under way. Clients wait and repeat; ListenOverflows and ListenDrops grow.`},
			{"Send-Q smaller than expected", `Either the program asked for less, or net.core.somaxconn was smaller when it called
				listen(). Restart the program, or let it call listen() again, before anything else.`},
		},
		acts: []Row{
			{"net.core.somaxconn", `Upper limit of the backlog, read at listen(). 4096 by default since Linux 5.4, 128 before. A
				socket that listens already keeps its old limit.`},
			{"net.ipv4.tcp_syncookies", `What happens to a SYN when the SYN queue is full: 1 answers with a cookie, 0 drops it.
				With a full accept queue no cookie is sent.`},
			{"net.ipv4.tcp_max_syn_backlog", `Only with tcp_syncookies=0 (since Linux 4.4): closes the SYN queue for unknown peers
				at three quarters of the value.`},
			{"net.ipv4.tcp_abort_on_overflow", `1 answers the last packet of a handshake with a reset when the accept queue is full.
				It turns a short stall into errors at the clients; leave it at 0.`},
			{"net.ipv4.tcp_migrate_req", `Hands waiting connections over when one listener of an SO_REUSEPORT group closes.`},
			{"net.ipv4.tcp_rmem", `Connections start with the buffer sizes of their listener: restart the program after a change of
				the middle value.`},
			{"net.ipv4.ip_local_reserved_ports", `Keeps outgoing connections off the port, so that a restarted service finds it free.`},
		},
		inert: []Row{
			{"net.ipv4.tcp_max_syn_backlog", `With tcp_syncookies=1, the default, it is not read at all.`},
			{"net.core.somaxconn", `A value above what the program asks for changes nothing: the smaller of both counts.`},
			{"net.core.netdev_max_backlog", `Another queue: packets between network card and IP, per CPU. It holds no connections.`},
		},
		program: []Row{
			{"listen(fd, backlog)", `Ask for the burst that must be survived. A second listen() on the same socket takes the new
				limit over without a restart.`},
			{"accept()", `Call it in a loop until EAGAIN, in a thread that does nothing slow.`},
			{"known defaults", `nginx 511 (listen ... backlog=), Redis 511 (tcp-backlog), Java ServerSocket 50, Go the value of
				net.core.somaxconn at its first listen.`},
		},
		counters: []Row{
			{"TcpExt.ListenOverflows", `A connection met a full accept queue. One client can raise it several times.`},
			{"TcpExt.ListenDrops", `Everything that listeners refused; the difference from ListenOverflows has other causes.`},
			{"TcpExt.TCPReqQFullDrop", `SYN queue full and tcp_syncookies=0.`},
			{"TcpExt.TCPReqQFullDoCookies", `SYN queue full and tcp_syncookies on.`},
		},
		commands: []string{
			"tcptune states --by listener",
			"tcptune check --only accept-queue",
			"ss -ltnp",
			"ss -ltnm 'sport = :PORT'",
			"nstat -az TcpExtListenOverflows TcpExtListenDrops",
		},
		rules: []string{"accept-queue-overflow", "accept-overflow-cookie-hang", "relisten-needed", "listen-drops-other", "abort-on-overflow", "fd-limit-near", "ephemeral-range-overlaps-listener", "somaxconn-cargo"},
		sources: []string{
			"listen(2), tcp(7)", "RFC 9293 section 3.3.2", "net/ipv4/tcp_input.c:tcp_conn_request",
			"net/ipv4/tcp_diag.c:tcp_diag_get_info",
		},
	}
}
