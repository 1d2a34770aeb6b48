// SPDX-License-Identifier: Apache-2.0

package explain

func measuredClose() []measurement {
	return []measurement{
		{
			title: "what ends CLOSE_WAIT",
			about: []string{
				"CLOSE_WAIT", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_tw_reuse", "fs.file-max",
				"close-wait-leak", "close-wait-in-accept-queue", "fd-limit-near", "TcpExt.ListenOverflows",
			},
			setup: "A server with a limit of 256 descriptors that never closes; 270 clients that do.",
			rows: []Row{
				{"200 clients", "200 CLOSE_WAIT, 206 descriptors"},
				{"70 more", "270 CLOSE_WAIT, 256 of 256 descriptors: 20 wait in the accept queue without a process, 20 clients time out; ListenOverflows and ListenDrops 0"},
				{"tcp_fin_timeout 5, tcp_keepalive_time 5, tcp_tw_reuse 1, 20 s", "still 270"},
				{"ss -K", "0 sockets, still 256 descriptors"},
				{"the same server, closing at end of file", "0 CLOSE_WAIT, 7 descriptors, 270 of 270 clients served"},
			},
			shows: "No sysctl changes the number. The program does, by calling close().",
		},
		{
			title: "what Recv-Q of CLOSE_WAIT tells",
			about: []string{"CLOSE_WAIT", "close-wait-leak"},
			setup: "300 connections that the client has closed.",
			rows: []Row{
				{"the program never reads", "Recv-Q 1: the FIN counts as a byte"},
				{"it reads the end of file and does not close", "Recv-Q 0"},
			},
			shows: "Recv-Q tells how far the program came.",
		},
		{
			title: "a client that uses the port of a CLOSE_WAIT again",
			about: []string{"CLOSE_WAIT", "close-wait-port-reuse", "TcpExt.TCPSYNChallenge", "TcpExt.TCPChallengeACK", "Tcp.EstabResets"},
			setup: "Five clients close and connect from the same ports again, while the server still holds the old connections in CLOSE_WAIT.",
			rows: []Row{
				{"first connection", "0.1 ms"},
				{"second connection", "11 to 16 ms; TCPSYNChallenge 5, TCPChallengeACK 5, EstabResets 5"},
			},
			shows: "The server answers the SYN with a challenge, the client resets the old connection, and the SYN is repeated.",
		},
		{
			title: "a close() that loses data",
			about: []string{"CLOSE", "TcpExt.TCPAbortOnClose", "TcpExt.TCPAbortOnData", "Tcp.OutRsts", "rst-on-close", "TIME_WAIT"},
			setup: "50 requests of 2,000 bytes; the server answers and closes, the client reads 30 ms later.",
			rows: []Row{
				{"the server reads everything", "50 answers; 50 TIME_WAIT"},
				{"the server reads 10 bytes, closes", "50 times ECONNRESET and no answer; TCPAbortOnClose 50, no TIME_WAIT"},
				{"SO_LINGER with time 0", "50 times ECONNRESET; TCPAbortOnData 50, no TIME_WAIT"},
			},
			shows: "Avoiding TIME_WAIT by SO_LINGER costs the peer its answer.",
		},
		{
			title: "a reader that does not read",
			about: []string{"ESTABLISHED", "TcpExt.TCPToZeroWindowAdv", "slow-reader", "send-queue-stuck", "net.ipv4.tcp_rmem"},
			setup: "Ten connections are written to for 3 s; the server never reads.",
			rows: []Row{
				{"tcp_rmem up to 262144", "Recv-Q 127,824 each; TCPToZeroWindowAdv 10"},
				{"tcp_rmem up to 8388608", "the same"},
			},
			shows: "A larger buffer does not help a program that does not read.",
		},
	}
}

func measuredOrphans() []measurement {
	return []measurement{
		{
			title: "orphans whose peer is dead",
			about: []string{"FIN_WAIT1", "net.ipv4.tcp_orphan_retries", "TcpExt.TCPAbortOnTimeout", "TCP.orphan", "TCP.mem", "orphans-dead-peer"},
			setup: "200 connections with 20 kB to send each; the peer's host vanishes, the program closes.",
			rows: []Row{
				{"tcp_orphan_retries 0", "200 in FIN_WAIT1 at 90 s, none at 120 s: 0 means 8"},
				{"2", "200 at 2 s, none at 4 s; TCPAbortOnTimeout 200"},
			},
			shows: "Each holds about 23 KB meanwhile.",
		},
		{
			title: "LAST_ACK whose peer is dead",
			about: []string{"LAST_ACK", "net.ipv4.tcp_orphan_retries", "last-ack-pileup"},
			setup: "100 connections in CLOSE_WAIT; the peer's host vanishes, then the program closes.",
			rows: []Row{
				{"tcp_orphan_retries 0", "100 in LAST_ACK at 20 s"},
				{"2", "100 at 1 s, none at 4 s; TCPAbortOnTimeout 100"},
			},
			shows: "The last FIN is repeated as often as the data of an orphan.",
		},
		{
			title: "both sides close at once",
			about: []string{"CLOSING", "closing-pileup"},
			setup: "A line with a round trip of 400 ms, 100 connections, both sides call close() at the same moment.",
			rows: []Row{
				{"within the round trip", "100 in CLOSING on both sides"},
				{"after it", "100 in TIME_WAIT on both sides"},
			},
			shows: "CLOSING lasts one round trip. Where it piles up the path has died in that moment.",
		},
		{
			title: "the limit of orphans",
			about: []string{"FIN_WAIT1", "net.ipv4.tcp_max_orphans", "TcpExt.TCPAbortOnMemory", "TCP.orphan", "orphan-limit-near", "Tcp.OutRsts"},
			setup: "300 connections with data to send to a dead peer, closed one after another.",
			rows: []Row{
				{"tcp_max_orphans = orphans now + 50", `27 kept, 273 reset at close(): TCPAbortOnMemory 273, log "too many orphaned sockets"`},
				{"default, 131072", "300 kept, nothing reset"},
			},
			shows: "At the limit close() becomes a reset, and what was not sent is lost.",
		},
	}
}
