// SPDX-License-Identifier: Apache-2.0

package explain

func measuredTimeouts() []measurement {
	return []measurement{
		{
			title: "how long data is repeated to a dead peer",
			about: []string{"ESTABLISHED", "net.ipv4.tcp_retries2", "net.ipv4.tcp_rto_max_ms", "TcpExt.TCPTimeouts", "TcpExt.TCPAbortOnTimeout", "retries2-too-low", "retries2-slow-failover"},
			setup: "The peer's host vanishes, then the program writes; time until ETIMEDOUT.",
			rows: []Row{
				{"tcp_retries2 3", "6.8 s"},
				{"5", "13.5 s"},
				{"8", "108 s"},
				{"15 (default)", "924.6 s (worked out)"},
				{"15, TCP_USER_TIMEOUT 10 s", "10.5 s"},
			},
			shows: "The kernel makes a time of the number. A program that has to fail over sets TCP_USER_TIMEOUT instead.",
		},
		{
			title: "keepalive against a gateway that forgets",
			about: []string{
				"net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_keepalive_intvl", "net.netfilter.nf_conntrack_tcp_timeout_established", "keepalive-vs-idle-timeout",
				"keepalive-sysctl-inert", "conntrack-established", "estab-half-dead",
			},
			setup: "A gateway forgets connections after 6 s of silence; a second exchange after 12 s.",
			rows: []Row{
				{"tcp_keepalive_time 7200, SO_KEEPALIVE on", "lost"},
				{"3, SO_KEEPALIVE off", "lost: without the option no probe is sent"},
				{"3, SO_KEEPALIVE on", "answered at once, 3 probes"},
				{"lowered while the timer runs", "the timer keeps its 119 minutes until it fires or the option is set again"},
			},
			shows: "The key is a default for sockets whose program asks for probes.",
		},
		{
			title: "a path that swallows large packets",
			about: []string{"net.ipv4.tcp_mtu_probing", "TcpExt.TCPMTUPSuccess", "TcpExt.TCPMTUPFail", "mtu-blackhole"},
			setup: "Packets above 1,300 bytes vanish without an ICMP message; 500 bytes, then 200,000.",
			rows: []Row{
				{"tcp_mtu_probing 0", "500 bytes arrive, the rest does not within 25 s"},
				{"1", "everything arrives, in 3.7 s; TCPMTUPSuccess 1, TCPMTUPFail 2"},
			},
			shows: "1 probes only after timeouts, and costs nothing before.",
		},
	}
}

func measuredPath() []measurement {
	return []measurement{
		{
			title: "a full table of connection tracking",
			about: []string{"net.netfilter.nf_conntrack_max", "nf_conntrack.drop", "nf_conntrack.entries", "conntrack-near-full", "conntrack-drops"},
			setup: "Connections through a gateway, one after another, 1 s of patience.",
			rows: []Row{
				{"nf_conntrack_max 1000", `1,000 connections, then time-outs; drop 9, log "table full"`},
				{"20000", "3,000 connections, none lost"},
			},
			shows: "The entries are counted per network namespace, the limit is the machine's.",
		},
		{
			title: "shorter tracking of TIME_WAIT",
			about: []string{"net.netfilter.nf_conntrack_tcp_timeout_time_wait", "conntrack-time-wait"},
			setup: "Limit 2,000, 25 connections per second through a gateway for 110 s.",
			rows: []Row{
				{"120 s (default)", "2,031 connections, 98 failed, 2,000 entries at the end"},
				{"5 s", "2,750 connections, none failed, 1,003 entries"},
			},
			shows: "It shortens the entry of the gateway, not the TIME_WAIT of a socket.",
		},
		{
			title: "a half-closed connection through a gateway",
			about: []string{"net.netfilter.nf_conntrack_tcp_timeout_close_wait", "conntrack-close-wait"},
			setup: "The client ends its side, the server answers 6 s later; nf_conntrack_tcp_loose 0.",
			rows: []Row{
				{"nf_conntrack_tcp_timeout_close_wait 3", "the answer does not arrive"},
				{"60", "it arrives after 6 s"},
			},
			shows: "It has nothing to do with the CLOSE_WAIT of a socket.",
		},
		{
			title: "the queue between device and IP",
			about: []string{"net.core.netdev_max_backlog", "softnet_stat.dropped", "softnet-dropped"},
			setup: "One transfer over a veth pair without segmentation offload for 2 s.",
			rows: []Row{
				{"netdev_max_backlog 20", "20,492 dropped, 1.0 % repeated"},
				{"1000 (default)", "none dropped"},
				{"5000", "none dropped, and no faster"},
			},
			shows: "Loopback, veth, tunnels and RPS use this queue. A network card without RPS does not.",
		},
		{
			title: "reverse path filter and asymmetric routes",
			about: []string{"net.ipv4.conf.*.rp_filter", "TcpExt.IPReversePathFilter", "rp-filter-drops"},
			setup: "Two lines between two hosts; the way back is over the other one.",
			rows: []Row{
				{"1 (strict)", "no connection; IPReversePathFilter 3"},
				{"2 (loose)", "connected"},
				{"0", "connected"},
			},
			shows: "The larger of conf.all and conf.INTERFACE counts.",
		},
	}
}

func measuredFiles() []measurement {
	return []measurement{
		{
			title: "a file that sets tcp_tw_recycle",
			about: []string{"net.ipv4.tcp_tw_recycle", "tw-recycle-in-config", "tw-recycle-live", "config-unknown-key", "copied-block"},
			setup: "A file with four lines, tcp_tw_recycle among them, on a kernel without the key (4.12 and later).",
			rows: []Row{
				{"sysctl -p FILE", `"cannot stat /proc/sys/net/ipv4/tcp_tw_recycle", exit status 1; the other lines are applied`},
				{"sysctl -e -p FILE", "silent, exit status 0"},
				{"systemd-sysctl FILE", "one line in the log, exit status 0"},
			},
			shows: "The line does nothing but spoil the exit status. Delete it.",
		},
		{
			title: "nonsense that the kernel accepts",
			about: []string{
				"net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_rmem", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_max_tw_buckets",
				"net.ipv4.tcp_max_syn_backlog", "config-nonsense-accepted", "config-partial-triple", "config-value-refused", "noop-keys",
			},
			setup: "Values written to a new network namespace and read back.",
			rows: []Row{
				{"tcp_fin_timeout, tcp_keepalive_time, tcp_max_tw_buckets, tcp_max_syn_backlog = -31", "accepted"},
				{"tcp_rmem 131072 4096 2048", "accepted: the order is not checked"},
				{"tcp_rmem 4096", "accepted: one number replaces the first and leaves the others"},
				{"tcp_rmem 5000 99999 0", "refused with EINVAL, and 5000 99999 stay in place"},
				{"tcp_syn_retries 010", "accepted as octal: 8"},
			},
			shows: "That a write succeeded says little; read back what is there.",
		},
		{
			title: "which of several files wins",
			about: []string{"config-duplicate-conflict", "config-tools-disagree", "sysctl-conf-ignored", "config-overridden", "config-live-differs"},
			setup: "The same key in /usr/lib/sysctl.d, /etc/sysctl.d and /etc/sysctl.conf.",
			rows: []Row{
				{"systemd-sysctl, at boot", "99-zz-other.conf wins; /etc/sysctl.conf is not read without the link 99-sysctl.conf"},
				{"sysctl --system", "/etc/sysctl.conf wins, as it is read last"},
				{"a file of the same name in /etc", "masks the whole file of /usr/lib, other keys included"},
			},
			shows: "The two tools disagree about one host. tcptune where KEY says what each leaves.",
		},
		{
			title: "what a new network namespace inherits",
			about: []string{
				"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "net.ipv4.tcp_congestion_control", "net.core.somaxconn", "net.ipv4.ip_local_port_range",
				"net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_max_tw_buckets", "key-host-only",
			},
			setup: "Unusual values on the host, then a new namespace.",
			rows: []Row{
				{"tcp_rmem, tcp_wmem, tcp_congestion_control", "copied from the host"},
				{"somaxconn, tcp_fin_timeout, ip_local_port_range, tcp_keepalive_time, tcp_max_tw_buckets", "the kernel's defaults, whatever the host has"},
				{"tcp_mem, tcp_max_orphans, netdev_max_backlog", "do not exist there"},
				{"rmem_max, wmem_max, nf_conntrack_max", "can be read and not written there, also by root"},
			},
			shows: "Tuning the host does not tune its containers.",
		},
	}
}
