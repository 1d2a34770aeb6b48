// SPDX-License-Identifier: Apache-2.0

package explain

func measuredTimeWait() []measurement {
	return []measurement{
		{
			title: "how long TIME_WAIT takes with other values of tcp_fin_timeout",
			about: []string{"TIME_WAIT", "net.ipv4.tcp_fin_timeout", "fin-timeout-myth", "copied-block"},
			setup: "Two servers that close first, 300 connections each, watched for 70 s.",
			rows: []Row{
				{"tcp_fin_timeout 60", "300 in TIME_WAIT from 1 to 58 s, none at 64 s"},
				{"tcp_fin_timeout 5", "300 in TIME_WAIT from 1 to 58 s, none at 64 s; a single one was gone after 61.1 s"},
			},
			shows: "The key does not touch TIME_WAIT.",
		},
		{
			title: "what tcp_fin_timeout does",
			about: []string{"FIN_WAIT2", "net.ipv4.tcp_fin_timeout", "fin-wait2-pileup", "fin-wait2-owned", "TCP.tw"},
			setup: "300 connections that the client closes first, towards a server that never closes.",
			rows: []Row{
				{"60, client calls close()", "300 in FIN_WAIT2 at 55 s, none at 63 s; sockstat counts them as tw"},
				{"10, client calls close()", "300 at 8 s, none at 13 s"},
				{"10, client only calls shutdown(SHUT_WR)", "300 at 63 s and later: a process holds them, so nothing ends them; tw is 0"},
				{"61, 70, 90, 100, client calls close()", "gone after 2.1, 20.6, 62.2 and 82.8 s: above 60 the time is twice what exceeds 60"},
			},
			shows: "It bounds FIN_WAIT2 of sockets without a process, and nothing else.",
		},
		{
			title: "what 18,000 TIME_WAIT cost a server",
			about: []string{"TIME_WAIT", "net.ipv4.tcp_tw_reuse", "time-wait-high-harmless", "tw-reuse-server-side", "TcpExt.TW"},
			setup: "A server that closes first takes 24,000 connections, one after another.",
			rows: []Row{
				{"tcp_tw_reuse 0", "no error; 18,275 TIME_WAIT, 4.7 MB; connect() takes 17 us for the first 2,000 and for the last 2,000"},
				{"tcp_tw_reuse 1", "no error; 18,269 TIME_WAIT; the same 17 us; TWRecycled 0"},
			},
			shows: `There are fewer TIME_WAIT than connections because a SYN from a port in TIME_WAIT is accepted out of it. The key
				changes nothing on a server.`,
		},
		{
			title: "a limit of TIME_WAIT that is reached",
			about: []string{"TIME_WAIT", "net.ipv4.tcp_max_tw_buckets", "time-wait-bucket-overflow", "max-tw-buckets-lowered", "TcpExt.TCPTimeWaitOverflow", "TcpExt.TW", "TCP.tw"},
			setup: "A server that closes first, 1,000 connections.",
			rows: []Row{
				{"tcp_max_tw_buckets 200", "200 in TIME_WAIT, TCPTimeWaitOverflow 800, nothing in the kernel's log, no error at the clients"},
				{"tcp_max_tw_buckets 10000", "1,000 in TIME_WAIT, no overflow"},
				{"5, and peers that have not closed", "orphans in FIN_WAIT2 beyond 5 are destroyed, and their peers get a reset"},
			},
			shows: "Only the counter tells. 800 connections ended without the protection of TIME_WAIT.",
		},
		{
			title: "a forged reset in TIME_WAIT",
			about: []string{"TIME_WAIT", "net.ipv4.tcp_rfc1337", "rfc1337"},
			setup: "One TIME_WAIT, then a reset with the sequence number that it expects.",
			rows: []Row{
				{"tcp_rfc1337 0", "the TIME_WAIT is gone"},
				{"tcp_rfc1337 1", "it stays its 60 s"},
			},
			shows: "1 is the value that protects, whatever the wording of the documentation suggests.",
		},
	}
}

func measuredPorts() []measurement {
	return []measurement{
		{
			title: "a client that runs out of local ports",
			about: []string{
				"TIME_WAIT", "net.ipv4.tcp_tw_reuse", "net.ipv4.tcp_tw_reuse_delay", "net.ipv4.tcp_timestamps", "net.ipv4.ip_local_port_range",
				"ephemeral-port-exhaustion", "tw-reuse-timestamps-off", "tw-reuse-delay-low", "ephemeral-range-small",
				"TcpExt.TWRecycled", "Tcp.ActiveOpens", "Tcp.AttemptFails",
			},
			setup: "500 local ports, one destination, connect and close as fast as possible for 6 s.",
			rows: []Row{
				{"tcp_tw_reuse 0", "500 connections, then EADDRNOTAVAIL; TWRecycled 0"},
				{"2 (default), other host", "500 connections, then EADDRNOTAVAIL"},
				{"2 (default), 127.0.0.1", "3,015 connections, TWRecycled 2,500"},
				{"1", "3,004 connections: 500 ports per second of tcp_tw_reuse_delay; TWRecycled 2,500"},
				{"1, tcp_tw_reuse_delay 100", "28,792 connections"},
				{"1, tcp_timestamps 0", "500 connections, then EADDRNOTAVAIL: without timestamps nothing is reused"},
				{"0, range 1024 65535", "32,372 connections, no error"},
			},
			shows: "AttemptFails stayed 0 throughout. No counter shows this failure; it has to be worked out from the socket table.",
		},
		{
			title: "the time of connect() in a range that fills up",
			about: []string{"net.ipv4.ip_local_port_range", "ephemeral-scan-cost", "ephemeral-range-parity"},
			setup: "18,000 local ports, 18,000 connections to one destination, kept open.",
			rows: []Row{
				{"first half of the range", "9 us in the median, at most 60 us for 99 of 100"},
				{"second half", "930 to 980 us in the median, 5 to 9 ms for 99 of 100"},
			},
			shows: "Ports of one parity are tried first; from half of the range on each search passes all of them.",
		},
		{
			title: "bind() before connect()",
			about: []string{"net.ipv4.ip_local_port_range", "ephemeral-bind-before-connect"},
			setup: "500 local ports, 1,800 connections spread over four destinations.",
			rows: []Row{
				{"no bind()", "1,800 connections"},
				{"bind() to an address, port 0", "500 connections, 1,300 times EADDRINUSE: the ports are shared by all destinations"},
				{"the same with IP_BIND_ADDRESS_NO_PORT", "1,800 connections"},
			},
			shows: "The option belongs to the program; no sysctl does this.",
		},
		{
			title: "a service whose port lies in the range",
			about: []string{"net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_local_port_range", "ephemeral-range-overlaps-listener"},
			setup: "Range 20000 20009, ten clients hold the ten ports, then a service binds 20005.",
			rows: []Row{
				{"nothing reserved", "EADDRINUSE, also with SO_REUSEADDR"},
				{"ip_local_reserved_ports 20005", "the clients get the nine other ports, and the service starts"},
			},
			shows: "Reserve the ports of services that lie in the range.",
		},
	}
}
