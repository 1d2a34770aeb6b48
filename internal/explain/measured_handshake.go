// SPDX-License-Identifier: Apache-2.0

package explain

func measuredHandshake() []measurement {
	return []measurement{
		{
			title: "which backlog ends the overflow of an accept queue",
			about: []string{
				"LISTEN", "net.core.somaxconn", "net.ipv4.tcp_abort_on_overflow", "TcpExt.ListenOverflows", "TcpExt.ListenDrops",
				"accept-queue-overflow", "relisten-needed", "somaxconn-cargo",
			},
			setup: "600 clients connect at once to a server that accepts nothing for 0.3 s and then speaks first; wait of 9 s.",
			rows: []Row{
				{"backlog 64, somaxconn 4096", "queue 65 of 64; 440 to 454 clients hang"},
				{"backlog 64, somaxconn 65535", "399 to 462 hang: the smaller of both counts"},
				{"backlog 1024, somaxconn 128", "queue 129 of 128; 318 to 341 hang"},
				{"the same, somaxconn raised meanwhile", "320 to 341 hang: the limit was taken at listen()"},
				{"the same, then listen() again", "none hangs, no drop"},
				{"backlog 1024, somaxconn 4096", "none hangs, 99 of 100 served within 0.3 s, ListenOverflows 0"},
				{"backlog 64, tcp_abort_on_overflow 1", "469 hang, and no reset is sent: SYNs are dropped in silence"},
			},
			shows: "Both numbers must be large, and the program must call listen() afterwards.",
		},
		{
			title: "who is left hanging after SYN cookies",
			about: []string{"LISTEN", "ESTABLISHED", "net.ipv4.tcp_syncookies", "TcpExt.SyncookiesSent", "accept-overflow-cookie-hang"},
			setup: "As above, backlog 64.",
			rows: []Row{
				{"the server speaks first", "440 to 469 of 600 clients hang: the last packet of their handshake was dropped, and the server knows nothing of them"},
				{"the client speaks first", "600 of 600 served, the slowest within 1.9 s: its data repairs the handshake"},
			},
			shows: "A client may be in ESTABLISHED while the server has forgotten it.",
		},
		{
			title: "tcp_abort_on_overflow",
			about: []string{"net.ipv4.tcp_abort_on_overflow", "abort-on-overflow", "TcpExt.EmbryonicRsts"},
			setup: "A line of 50 ms; the last packets of 60 handshakes meet a queue that is full for 0.6 s.",
			rows: []Row{
				{"0", "120 of 120 clients served within 1.2 s"},
				{"1", "65 served, 55 reset (EmbryonicRsts 55)"},
			},
			shows: "It turns a short stall into errors.",
		},
		{
			title: "a SYN flood",
			about: []string{
				"SYN_RECV", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_max_syn_backlog", "net.core.somaxconn", "TcpExt.TCPReqQFullDrop",
				"TcpExt.TCPReqQFullDoCookies", "TcpExt.SyncookiesSent", "TcpExt.SyncookiesRecv", "TcpExt.ListenDrops",
				"syn-flood-cookies-off", "syn-flood-cookies-on", "max-syn-backlog-inert", "syncookies-disabled", "listen-drops-other",
			},
			setup: "500 SYNs per second from addresses that never answer; 20 real clients meanwhile.",
			rows: []Row{
				{"tcp_syncookies 0, backlog 4096, tcp_max_syn_backlog 256", "0 of 20 get in; ListenDrops 1,327, TCPReqQFullDrop 0, nothing in the log"},
				{"0, backlog 128, 2048", "14 of 20 get in; TCPReqQFullDrop 1,377"},
				{"1, backlog 128, 256", "20 of 20 within 0.2 ms; SyncookiesSent 1,391, SyncookiesRecv 20"},
				{"1, backlog 4096, 128", "20 of 20; all 1,500 half-open, no cookie, no drop: tcp_max_syn_backlog does nothing"},
				{"2, backlog 4096, 2048", "20 of 20; a cookie for each SYN"},
			},
			shows: "With tcp_syncookies 1 the limit of half-open connections is the backlog, and beyond it cookies let real clients in.",
		},
		{
			title: "what a cookie keeps of the options",
			about: []string{"net.ipv4.tcp_syncookies", "net.ipv4.tcp_timestamps", "net.ipv4.tcp_window_scaling", "syncookies-without-timestamps", "timestamps-off"},
			setup: "One connection; the options that the server ends up with.",
			rows: []Row{
				{"tcp_timestamps 1, cookie", "window scaling and segment size"},
				{"tcp_timestamps 0, cookie", "segment size only: no window scaling, at most 64 KiB in flight"},
				{"tcp_timestamps 0, no cookie", "window scaling and segment size"},
			},
			shows: "A cookie has room for options in the timestamp only.",
		},
		{
			title: "what tells a scan from a dead backend",
			about: []string{"SYN_SENT", "TcpExt.TCPSynRetrans", "Tcp.ActiveOpens", "Tcp.AttemptFails", "syn-sent-scan", "syn-sent-dead-backend"},
			setup: "One process starts 400 connections that nobody answers; a look after 5.5 s.",
			rows: []Row{
				{"400 addresses", "400 SYN_SENT, 400 destinations; ActiveOpens 400, TCPSynRetrans 2,000"},
				{"one address", "400 SYN_SENT, one destination; ActiveOpens 400, TCPSynRetrans 2,000"},
			},
			shows: "The counters are the same. Only the socket table tells the two apart.",
		},
		{
			title: "how long connect() tries",
			about: []string{"SYN_SENT", "net.ipv4.tcp_syn_retries", "net.ipv4.tcp_syn_linear_timeouts", "TcpExt.TCPAbortOnTimeout", "TcpExt.TCPSynRetrans"},
			setup: "One connect() towards an address that never answers. tcp_syn_linear_timeouts is 4 by default since Linux 6.5, and 0 is what older kernels do.",
			rows: []Row{
				{"tcp_syn_retries 1", "3.1 s, 2 repeats (linear 0: 3.0 s, 1)"},
				{"2", "7.1 s, 5 repeats (linear 0: 7.1 s, 2)"},
				{"3", "19.5 s, 7 repeats (linear 0: 15.4 s, 3)"},
				{"5", "68.8 s, 9 repeats"},
				{"6 (default)", "134 s, 10 repeats (linear 0: 130 s, 6)"},
			},
			shows: "The key is a time rather than a count. Each failure counts once in AttemptFails and in TCPAbortOnTimeout.",
		},
	}
}
