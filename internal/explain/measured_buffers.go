// SPDX-License-Identifier: Apache-2.0

package explain

func measuredBuffers() []measurement {
	return []measurement{
		{
			title: "receive buffers on a line of 100 ms",
			about: []string{
				"net.ipv4.tcp_rmem", "net.core.rmem_max", "net.ipv4.tcp_moderate_rcvbuf",
				"rmem-below-bdp", "rcvbuf-locked", "moderate-rcvbuf-off", "core-rmem-max-only",
			},
			setup: "One transfer for 7 s, cubic, no loss; net.core.rmem_max is 4 MiB throughout.",
			rows: []Row{
				{"tcp_rmem up to 262144", "1.67 MB/s"},
				{"up to 1048576", "6.36 MB/s"},
				{"up to 16777216", "86.9 MB/s, although net.core.rmem_max is smaller"},
				{"the same, program sets SO_RCVBUF to 131072", "1.67 MB/s: that turns the growing off"},
				{"the same, tcp_moderate_rcvbuf 0", "0.86 MB/s"},
			},
			shows: "About 62 % of the buffer becomes window. The third number of tcp_rmem is the limit of a socket that sets nothing itself.",
		},
		{
			title: "send buffers on a line of 100 ms",
			about: []string{"net.ipv4.tcp_wmem", "net.core.wmem_max", "wmem-below-bdp"},
			setup: "One transfer for 7 s towards a receiver with large buffers.",
			rows: []Row{
				{"tcp_wmem up to 262144", "3.0 MB/s"},
				{"up to 16777216", "121 MB/s"},
			},
			shows: "sndbuf_limited of tcp_info stayed at 0 % in both, so it is no sign; a full buffer with a larger congestion window is.",
		},
		{
			title: "without window scaling",
			about: []string{"net.ipv4.tcp_window_scaling", "window-scaling-off"},
			setup: "A line of 100 ms, buffers of 16 MiB.",
			rows: []Row{
				{"tcp_window_scaling 0", "0.69 MB/s: at most 65,535 bytes in flight"},
				{"1", "85.7 MB/s"},
			},
			shows: "The scale is agreed on when the connection is made.",
		},
		{
			title: "unsent data in the socket",
			about: []string{"net.ipv4.tcp_notsent_lowat", "notsent-lowat"},
			setup: "100 Mbit/s, 100 ms, a writer driven by poll(), 8 s.",
			rows: []Row{
				{"4294967295 (off)", "4.4 MB unsent in the socket, 6.2 MB of memory, 11.8 MB/s"},
				{"131072", "68 kB unsent, 2.0 MB of memory, 11.3 MB/s"},
			},
			shows: "It keeps data in the program, where it may still be changed or reordered, for a few per cent of the speed.",
		},
		{
			title: "the memory of all sockets runs out",
			about: []string{
				"net.ipv4.tcp_mem", "TCP.mem", "TcpExt.TCPMemoryPressures", "TcpExt.TCPRcvQDrop", "TcpExt.PruneCalled", "TcpExt.TCPOFODrop",
				"TcpExt.TCPAbortOnMemory", "tcp-mem-pressure", "tcp-mem-cargo", "rcvq-prune",
			},
			setup: "100 connections that nobody reads are filled; one healthy transfer meanwhile.",
			rows: []Row{
				{"tcp_mem a little above what is used", "0 MB/s; TCPMemoryPressures 1, TCPRcvQDrop 354, PruneCalled 362, TCPAbortOnMemory 70 at the senders"},
				{"default for 24 GiB: 287898 383867 575796", "6,639 MB/s, all of these 0"},
			},
			shows: "The unit is pages of 4 KiB. A value copied from an article in bytes is a limit that never holds; too small a one stops every connection of the machine.",
		},
		{
			title: "which sockets a new value of a buffer reaches",
			about: []string{"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "net.ipv4.tcp_congestion_control"},
			setup: "Values are changed while sockets exist.",
			rows: []Row{
				{"second number of tcp_rmem", "new sockets have it; those accepted from a listener made before have the old one"},
				{"tcp_congestion_control", "the listener keeps the old one, sockets accepted from it have the new one"},
			},
			shows: "After a change of the initial size restart the servers.",
		},
	}
}

func measuredLoss() []measurement {
	return []measurement{
		{
			title: "1 % loss at random",
			about: []string{"net.ipv4.tcp_sack", "net.ipv4.tcp_congestion_control", "net.core.default_qdisc", "Tcp.RetransSegs", "sack-off", "retransmit-high", "bbr-for-loss", "bbr-without-fq"},
			setup: "A line of 40 ms, large buffers, 10 s, no fq qdisc.",
			rows: []Row{
				{"cubic, tcp_sack 0", "0.41 MB/s"},
				{"cubic, tcp_sack 1", "0.66 MB/s"},
				{"bbr, tcp_sack 0", "4.5 MB/s, 35 % of the segments repeated"},
				{"bbr, tcp_sack 1", "79 MB/s, 1.0 % repeated"},
			},
			shows: "Loss that is no sign of congestion costs cubic almost everything. BBR did without fq: since Linux 4.13 TCP paces itself.",
		},
		{
			title: "1 MB after 3 s of silence",
			about: []string{"net.ipv4.tcp_slow_start_after_idle", "slow-start-after-idle", "slow-start-after-idle-inert"},
			setup: "A line of 100 ms; the server sends 1 MB per request.",
			rows: []Row{
				{"cubic, 1", "105 ms back to back, 710 ms after the silence"},
				{"cubic, 0", "103 ms and 105 ms"},
				{"bbr, 1", "160 ms and 155 ms"},
				{"bbr, 0", "160 ms and 154 ms"},
			},
			shows: "It matters to cubic and reno. BBR does not look at it.",
		},
	}
}
