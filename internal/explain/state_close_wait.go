// SPDX-License-Identifier: Apache-2.0

package explain

import "github.com/tcptune/tcptune/internal/sockdiag"

func closeWait() state {
	return state{
		id:    sockdiag.StateCloseWait,
		name:  "CLOSE_WAIT",
		title: "The peer has closed; our own program must call close()",
		meaning: `
The peer sent a FIN and our kernel acknowledged it. Our program can read what is left, then read() returns 0: end of
file. It may still send an answer. When it is done it must call close(); until then the socket stays here.

Many that stay are a bug of the program that holds them, not of the kernel's settings. Recv-Q tells how far it came:`,
		signs: []Row{
			{"Recv-Q 1", `The end of file was never read (the FIN counts as one byte): the program no longer watches this
				connection, or its worker waits for something else.`},
			{"Recv-Q 0", `The end of file was read and close() did not follow: an error path, a pool, or a child process that
				inherited the descriptor.`},
			{"Recv-Q above 1", `Unread data, then the FIN: the worker is blocked or gone.`},
		},
		side: `
The side that did not close first, while its program has not closed. At the other end the connection is in FIN_WAIT2,
or forgotten already.`,
		actor: `Our program, and nobody else: it must call close() when read() returns 0.`,
		lasts: `
Without any limit. There is no timer, by design: the kernel cannot know whether the program still has an answer to
send. It ends when the program calls close() (LAST_ACK), when the process ends, or when a reset comes in. Even after
a reset the descriptor stays open until close().`,
		causes: []Row{
			{"one process, growing", `A leak. Each holds a descriptor; at the limit accept() fails with EMFILE, the accept queue
				fills and clients time out, while every TCP counter looks healthy.`},
			{"one process, steady", `Often a pool of outgoing connections whose server has closed them: it must test a connection
				before use, and drop those that are idle longer than the server's timeout.`},
			{"no process", `Clients that gave up while they waited for accept(). The cause is in LISTEN: the program does not accept.`},
			{"for a moment", `Half-closed clients whose answer is on its way. Normal.`},
		},
		inert: []Row{
			{"net.ipv4.tcp_fin_timeout", `It bounds FIN_WAIT2, at the other end of the connection.`},
			{"net.ipv4.tcp_keepalive_time", `Only for sockets on which the program set SO_KEEPALIVE, and even there it ends the
				connection, not the leak: the descriptor stays open.`},
			{"net.ipv4.tcp_tw_reuse", `For TIME_WAIT only.`},
			{"net.ipv4.tcp_tw_recycle", `Removed in Linux 4.12, and for TIME_WAIT only before.`},
			{"net.ipv4.tcp_max_tw_buckets", `CLOSE_WAIT is a full socket and does not count.`},
			{"net.ipv4.tcp_orphan_retries", `A process holds the socket; it is no orphan.`},
			{"net.netfilter.nf_conntrack_tcp_timeout_close_wait", `The entry of connection tracking, not the socket.`},
			{"fs.file-max", `Not the limit of a process, which is LimitNOFILE; and that only buys time.`},
		},
		futile: []Row{
			{"a higher LimitNOFILE", `Buys time until the next limit.`},
			{"ss -K", `Destroys the connection, not the descriptor: 270 sockets gone, 256 descriptors still open.`},
			{"a restart", `Frees everything, until the next time. A stop-gap.`},
		},
		program: []Row{
			{"close() at end of file", `read() that returns 0 means close, on each path: error, timeout, pool.`},
			{"epoll with EPOLLRDHUP", `Reports the peer's FIN also on a connection that nobody reads.`},
			{"O_CLOEXEC, SOCK_CLOEXEC", `So that child processes do not inherit the descriptor and keep the socket open.`},
			{"timeouts", `A worker that waits for a backend or a lock without one cannot close anything.`},
		},
		counters: []Row{
			{"Tcp.CurrEstab", `Counts CLOSE_WAIT as well, on current kernels.`},
			{"TcpExt.TCPSYNChallenge", `SYNs for a connection that we still hold: the client has forgotten it and uses the port again.`},
		},
		commands: []string{
			"tcptune states --by process",
			"tcptune check --only close-wait",
			"ss -tnp state close-wait",
			"ss -Htn state close-wait | awk '{print $1}' | sort -n | uniq -c",
			"ls /proc/PID/fd | wc -l",
			"grep 'open files' /proc/PID/limits",
		},
		rules: []string{"close-wait-leak", "close-wait-in-accept-queue", "close-wait-port-reuse", "fd-limit-near"},
		sources: []string{
			"tcp(7), close(2), read(2)", "RFC 9293 section 3.6", "net/ipv4/tcp_input.c:tcp_fin",
			"net/ipv4/tcp_timer.c:tcp_keepalive_timer",
		},
	}
}
