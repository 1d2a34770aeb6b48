// SPDX-License-Identifier: Apache-2.0

package explain

// sysctlAdvice answers what popular articles say about a parameter, beyond what the
// catalogue has as its myth: the claim, then what is right.
func sysctlAdvice() map[string]string {
	return map[string]string{
		"net.ipv4.tcp_tw_recycle": `
"Turn it on so that TIME_WAIT sockets are recycled fast": do not, on any kernel. It made the host remember the last
timestamp of each peer address and drop SYNs that looked older, so clients behind one NAT address lost connections at
random, without a trace in any log of the program. Since Linux 4.12 the key does not exist: a line that sets it does
nothing but make "sysctl -p" fail. Delete the line. For TIME_WAIT on a server nothing is needed; a client that runs out
of ports keeps its connections open, or sets tcp_tw_reuse.`,
		"net.ipv4.tcp_tw_reuse": `
"Turn it on for a server with many TIME_WAIT": it acts in connect() only. It helps a client or a proxy that runs out of
local ports towards one destination, and nobody else; both ends must use timestamps. It frees nothing: the
sockets stay in TIME_WAIT until a connect() needs their port.`,
		"net.ipv4.tcp_fin_timeout": `
"It is the time that a socket spends in TIME_WAIT": it is not, TIME_WAIT takes 60 s. It bounds FIN_WAIT2 of sockets that
no process holds any more. It does nothing for CLOSE_WAIT either, which is the other end of such a connection.`,
		"net.ipv4.tcp_syncookies": `
"Turn it on": it is on (1) since Linux 2.6.37 or 3.0; leave it there. It lets real clients in during a SYN flood. It
does not help a program that accepts too slowly: with a full accept queue no cookie is sent. Nor is it capacity: if
cookies are sent to real clients, the backlog is too small. 2 is for tests.`,
		"net.core.somaxconn": `
"Raise it and the overflow ends": only together with the backlog that the program asks for, as the smaller of both counts,
and only for sockets that call listen() afterwards.`,
		"net.ipv4.tcp_keepalive_time": `
"Lower it to get rid of dead connections": only sockets on which the program set SO_KEEPALIVE send probes. "Lower it
against CLOSE_WAIT": no; a process holds those sockets, and it must close them.`,
		"net.ipv4.tcp_timestamps": `
"Turn them off for speed": that costs protection against old segments on fast paths, exact round-trip times,
tcp_tw_reuse, and window scaling on connections made from SYN cookies. The trouble that articles had with them
was tcp_tw_recycle.`,
		"net.ipv4.tcp_abort_on_overflow": `
"Turn it on so that clients notice at once": they notice a short stall as an error, where without it the connection
succeeds a moment later.`,
		"net.ipv4.tcp_max_orphans": `
"Lower it against floods": at the limit close() becomes a reset and data is lost. Shorten how long orphans stay
(tcp_orphan_retries) before touching the limit.`,
		"fs.file-max": `
"Raise it against 'too many open files'": that error (EMFILE) is the limit of one process: LimitNOFILE of its unit, or
ulimit -n. This key is the limit of the machine (ENFILE).`,
		"net.ipv4.tcp_mem": `
"Set it to the memory in bytes": it counts pages, mostly of 4 KiB. A value in bytes is a limit that never holds. "It is per
connection": it is for all sockets of the machine, and the default follows from its memory.`,
		"net.ipv4.tcp_rmem": `
"Raise all three numbers": the second is given to every socket at once, so it costs memory; the third is the limit up to which
a buffer grows where it helps. "87380 and 16777216 are good values": on Linux 6.16 and later that lowers the defaults.`,
		"net.ipv4.tcp_wmem": `
"Raise all three numbers": only the third bounds a fast line; a larger second one costs every socket. More than rate times
round trip only queues up data in the host.`,
		"net.core.rmem_max": `
"It limits TCP receive buffers": only those that a program asks for with SO_RCVBUF. 1.67 and 86.9 MB/s were measured with the
same rmem_max. "Set 212992 or 16777216": Linux 6.18 has 4194304, so the first lowers it.`,
		"net.core.wmem_max": `
"It limits TCP send buffers": only those that a program asks for with SO_SNDBUF; tcp_wmem bounds the others.`,
		"net.core.rmem_default": `
"It is the default of TCP sockets": the second number of tcp_rmem is. This is for UDP and other sockets.`,
		"net.core.wmem_default": `
"It is the default of TCP sockets": the second number of tcp_wmem is. This is for UDP and other sockets.`,
		"net.ipv4.tcp_moderate_rcvbuf": `
"Turn it off and set large buffers": connections then stay at the second number of tcp_rmem: 0.86 instead of 86.9 MB/s.`,
		"net.ipv4.ip_local_port_range": `
"1024 65535 gives more connections": more per destination, for clients and proxies only. A server that listens on one port
needs one port. And services whose port lies in the range then fail to start now and then: reserve those ports.`,
		"net.ipv4.tcp_orphan_retries": `
"0 means that nothing is repeated": 0 means 8. "1 frees sockets sooner": and loses the end of answers on lossy paths.`,
		"net.ipv4.tcp_rfc1337": `
"0 protects TIME_WAIT": the documentation can be read so; 1 does.`,
		"net.ipv4.tcp_synack_retries": `
"Set 1 against SYN floods": cookies deal with floods. With 1, clients on lossy lines get two chances instead of six.`,
		"net.ipv4.tcp_syn_retries": `
"2 means three SYNs and 7 s": since Linux 6.5 the first repeats come each second, so it is six SYNs within the 7 s.`,
		"net.ipv4.tcp_retries2": `
"It is a number of repeats": it is a time worked out from one. "Lower it for a quick failover": for every connection of the
host; TCP_USER_TIMEOUT does it for those of one program.`,
		"net.ipv4.tcp_keepalive_intvl": `
"Lower it against CLOSE_WAIT or TIME_WAIT": it acts on idle connections with SO_KEEPALIVE, whose peer does not answer.`,
		"net.ipv4.tcp_keepalive_probes": `
"Lower it against CLOSE_WAIT or TIME_WAIT": it acts on idle connections with SO_KEEPALIVE, whose peer does not answer.`,
		"net.ipv4.tcp_sack": `
"Turn it off for speed or safety": recovery from loss becomes slow. The holes of 2019 (CVE-2019-11477) are closed in kernels
since then, and tcp_min_snd_mss guards the rest.`,
		"net.ipv4.tcp_window_scaling": `
"Turn it off for old routers": at most 64 KiB are then in flight: 0.69 instead of 85.7 MB/s on a line of 100 ms.`,
		"net.ipv4.tcp_no_metrics_save": `
"Turn it on for speed": the reason was a remembered slow start threshold, which is not remembered since Linux 5.6.`,
		"net.ipv4.tcp_slow_start_after_idle": `
"Turn it off, whatever you run": BBR does not look at it.`,
		"net.ipv4.tcp_congestion_control": `
"BBR is faster": on paths with loss that is no congestion; elsewhere it takes its share from others. "It needs fq": not since
Linux 4.13, which paces by itself.`,
		"net.core.default_qdisc": `
"Set fq and BBR works": interfaces keep the discipline that they have; the key is for those that come later.`,
		"net.ipv4.tcp_low_latency": `
"Turn it on for latency": it does nothing since Linux 4.14.`,
		"net.ipv4.tcp_fack": `
"Turn it on": it does nothing since Linux 4.15.`,
		"net.ipv4.tcp_adv_win_scale": `
"2 or 1 makes the window larger": it does nothing since Linux 6.6.`,
		"net.ipv4.tcp_notsent_lowat": `
"-1 switches it off": the kernel refuses that since Linux 4.9; 4294967295 does.`,
		"net.ipv4.tcp_challenge_ack_limit": `
"Set 999999999 against CVE-2016-5696": there is no limit since Linux 6.0, so the line lowers it.`,
		"net.ipv4.tcp_limit_output_bytes": `
"Raise it for speed": Linux 6.16 has 4 MiB; values of old articles lower it.`,
		"net.ipv4.tcp_fastopen": `
"3 makes connections faster": only those of programs that use it, at both ends, on paths that let it through. Data in a SYN
may arrive twice.`,
		"net.ipv4.tcp_mtu_probing": `
"2 is better than 1": 1 begins after timeouts, where a path swallows packets; 2 probes on each connection.`,
		"net.core.netdev_max_backlog": `
"Raise it on fast cards": cards without RPS never use this queue. 5000 was no faster than 1000. Only softnet_stat.dropped
gives a reason.`,
		"net.core.netdev_budget": `
"Raise it when time_squeeze grows": nothing is lost then; work goes on in the next round.`,
		"net.core.netdev_budget_usecs": `
"Set 2000 or 5000": current kernels refuse values below two timer ticks, 8000 at HZ=250.`,
		"net.core.busy_poll": `
"Set 50 on every server": it spends CPU on waiting, and helps where each microsecond counts.`,
		"net.netfilter.nf_conntrack_max": `
"Raise it and be done": the buckets have to keep step, and a table of idle entries wants shorter times. It is one limit for the
machine, counted per network namespace.`,
		"net.netfilter.nf_conntrack_tcp_timeout_time_wait": `
"It shortens TIME_WAIT": of the entry in the gateway. Sockets stay 60 s.`,
		"net.netfilter.nf_conntrack_tcp_timeout_close_wait": `
"It ends CLOSE_WAIT": of the entry in the gateway. The socket stays until its program calls close().`,
		"net.netfilter.nf_conntrack_tcp_timeout_fin_wait": `
"It shortens FIN_WAIT2": of the entry in the gateway.`,
		"net.netfilter.nf_conntrack_tcp_timeout_established": `
"A few minutes free the table": and cut idle connections whose keepalive is two hours. Keep it above the longest silence.`,
		"net.ipv4.conf.*.rp_filter": `
"conf.all.rp_filter=0 turns it off": the larger of conf.all and the interface's counts.`,
		"net.ipv4.conf.*.accept_redirects": `
"conf.all.accept_redirects=0 is enough": on a host that does not forward, either of the two turns it on. Set it for the
interfaces too.`,
		"fs.nr_open": `
"Raise it against 'too many open files'": it bounds what LimitNOFILE may ask for; 1048576 is mostly plenty.`,
		"net.core.busy_read": `
"Set 50 on every server": it spends CPU on waiting, for each socket that is made afterwards.`,
		"net.core.rps_sock_flow_entries": `
"Set it and flows are steered": it does nothing without rps_flow_cnt on the receive queues. The kernel rounds it up to a power of two.`,
		"net.core.dev_weight": `
"Raise it on fast cards": it counts for the backlog of a CPU, which cards without RPS do not use.`,
		"net.core.optmem_max": `
"It is memory of TCP connections": of control messages, filters and zero-copy notes. Linux 6.8 has 131072; 20480 or 40960 of old
articles lower it.`,
		"net.ipv4.conf.*.send_redirects": `
"Every server needs 0": a host that forwards nothing sends none.`,
		"net.ipv4.conf.*.accept_source_route": `
"Set it to 0 for each interface": both conf.all and the interface must allow it, and conf.all is 0 where nobody changed it.`,
		"net.ipv4.conf.*.log_martians": `
"It protects": it writes to the log, and a flood fills it.`,
		"net.ipv4.ip_no_pmtu_disc": `
"1 cures black holes": it gives up on path MTU discovery. tcp_mtu_probing=1 cures them and keeps it.`,
		"net.ipv4.ip_unprivileged_port_start": `
"Set 0 for containers": any user may then take port 22 after a restart of sshd. Lower it to the port that is needed. It must not be
above the low end of ip_local_port_range, so the order of the two writes matters.`,
		"net.ipv4.ip_nonlocal_bind": `
"It lets services start before their address is there": it does, and hides a mistyped address as well.`,
		"net.ipv4.neigh.default.gc_thresh3": `
"Raise it alone": gc_thresh1 and gc_thresh2 have to follow, or collection begins too early.`,
		"net.ipv6.neigh.default.gc_thresh3": `
"It follows the IPv4 one": the tables are two, and so are the limits.`,
		"net.ipv4.tcp_available_congestion_control": `
"bbr is not listed, so this kernel has none": the list has loaded modules only; modprobe tcp_bbr tells.`,
		"net.ipv4.tcp_allowed_congestion_control": `
"It matters to root on the host": to programs without privilege, and in other network namespaces to root as well, where a
congestion control that is not listed is refused with EPERM.`,
		"net.ipv4.tcp_ehash_entries": `
"Write it": it is fixed at boot (thash_entries=). Negative in a container: the table is shared with the host.`,
		"net.ipv4.tcp_child_ehash_entries": `
"A small table saves memory": it lowers tcp_max_tw_buckets and tcp_max_syn_backlog of the new namespace: 1024 makes 512 and 128.`,
		"net.ipv4.tcp_ecn": `
"3, 4 and 5 choose accurate ECN": documented, and refused by Linux 6.18. "It is off": 2 grants it to peers that ask.`,
		"net.ipv4.tcp_frto": `
"2 is better than 1": any value but 0 is the same since Linux 3.10.`,
		"net.ipv4.tcp_early_retrans": `
"1 and 2 are modes": they mean nothing any more; 3 and 4 turn the probe on.`,
		"net.ipv4.tcp_reordering": `
"Raise it on every host": TCP adapts up to tcp_max_reordering by itself. Some releases refuse values above that, others take anything.`,
		"net.ipv4.tcp_dsack": `
"Turn it off with tcp_sack": it shows peers which repeats were needless, and costs nothing.`,
		"net.ipv4.tcp_thin_linear_timeouts": `
"Turn it on for latency": connections with little in flight then repeat without backing off, also where the network is full.`,
		"net.ipv4.tcp_retries1": `
"It ends connections": it only has the route looked up again.`,
		"net.ipv4.tcp_rto_min_us": `
"5 ms makes losses cheap": below the delay of the peer's ACK (40 to 200 ms) it repeats what was not lost.`,
		"net.ipv4.tcp_rto_max_ms": `
"It only bounds the gap between repeats": tcp_retries2 is worked out from it: at 1000, fifteen repeats take 14 s instead of 924.`,
		"net.ipv4.tcp_min_snd_mss": `
"Raise it for speed": it is the least segment, against peers that ask for tiny ones (CVE-2019-11479), and paths may need small ones.`,
		"net.ipv4.tcp_autocorking": `
"0 lowers latency": TCP_NODELAY is what programs use for that; 0 makes more small packets.`,
		"net.ipv4.tcp_app_win": `
"It gives the program more window": at 31, the default, nothing is set aside.`,
		"net.ipv4.tcp_workaround_signed_windows": `
"Turn it on": the first window is then at most 32 KiB, for peers that have been extinct for long.`,
		"net.netfilter.nf_conntrack_buckets": `
"Raise nf_conntrack_max alone": with many entries for each bucket every packet searches. Keep the ratio between 1 and 4.`,
		"net.netfilter.nf_conntrack_tcp_be_liberal": `
"1 cures dropped connections": it stops judging windows. Look first for the path that only one direction of packets takes.`,
		"net.netfilter.nf_conntrack_tcp_loose": `
"0 is safer": connections that were open before a restart of the firewall are then cut.`,
	}
}
