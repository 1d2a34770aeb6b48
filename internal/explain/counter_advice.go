// SPDX-License-Identifier: Apache-2.0

package explain

// counterAdvice answers how a counter is popularly misread: the claim, then what is right.
func counterAdvice() map[string]string {
	return map[string]string{
		"TcpExt.ListenOverflows": `
"Raise tcp_max_syn_backlog": it has nothing to do with the accept queue. "Raise somaxconn": only if it is smaller than the
backlog that the program asks for, and only for the next listen(). "It counts clients": it counts packets; one client that
tries again counts again.`,
		"TcpExt.ListenDrops": `
"Dropped connections": it contains ListenOverflows, and SYNs that were dropped for other reasons. Subtract ListenOverflows
before looking for another cause.`,
		"TcpExt.TCPReqQFullDoCookies": `
"We are under attack": a burst of real clients at a small backlog looks the same. SyncookiesRecv close to SyncookiesSent
says that the clients are real.`,
		"TcpExt.SyncookiesSent": `
"We are under attack": compare with SyncookiesRecv. If most cookies come back, the clients are real and the backlog is
too small.`,
		"TcpExt.TW": `
"TIME_WAIT sockets that have ended": since Linux 4.1 it counts entries. The number that there is now is tw of sockstat.
"It must be near 0": each connection that this side closes first counts.`,
		"TcpExt.TWKilled": `
"Killed TIME_WAIT sockets": since Linux 4.1 only orphans in FIN_WAIT2 with a tcp_fin_timeout of at most 4 count.`,
		"TcpExt.TWRecycled": `
"tcp_tw_recycle is at work": that key is gone since Linux 4.12. It counts what tcp_tw_reuse did.`,
		"TcpExt.PAWSEstab": `
"Turn timestamps off": the segments were old, and that is what the timestamp is there to notice.`,
		"TcpExt.TCPAbortOnMemory": `
"The host needs more memory": it is the limit of orphans as often. Look at orphan and mem of sockstat.`,
		"TcpExt.TCPTimeouts": `
"Lost data": SYNs and SYN-ACKs that were repeated count as well. On a server under a flood it grows without any loss.`,
		"TcpExt.TCPSynRetrans": `
"Clients cannot reach us": SYN-ACKs that were repeated count too, so a flood raises it.`,
		"TcpExt.PruneCalled": `
"Raise tcp_rmem": a program that does not read fills a larger buffer too. Look at Recv-Q first.`,
		"TcpExt.TCPBacklogDrop": `
"The backlog of listen()": another backlog, of packets that wait while a thread holds the socket.`,
		"TcpExt.TCPToZeroWindowAdv": `
"The network is slow": it is the reader here that was.`,
		"TcpExt.TCPChallengeACK": `
"We are under attack": peers that use a port again while the old connection is still in CLOSE_WAIT here raise it too.`,
		"Tcp.ActiveOpens": `
"Connections that were made": a SYN was sent; it may have failed. A connect() that finds no free port does not count.`,
		"Tcp.PassiveOpens": `
"Connections that the program accepted": the handshake was complete; accept() comes later.`,
		"Tcp.AttemptFails": `
"It shows when local ports run out": it does not. connect() then fails with EADDRNOTAVAIL before any counter moves.`,
		"Tcp.EstabResets": `
"Resets from peers": those that this side sends count as well, and timeouts.`,
		"Tcp.CurrEstab": `
"Connections in ESTABLISHED": CLOSE_WAIT is included on current kernels.`,
		"Tcp.RetransSegs": `
"Every repeat is loss": SYNs, SYN-ACKs and tail probes are among them. Below 1 % of what was sent is mostly healthy.`,
		"TCP.orphan": `
"Orphans of this container": the number is the machine's, wherever it is read. "TIME_WAIT is among them": it is not.`,
		"TCP.mem": `
"Bytes": pages, of the whole machine.`,
		"TCP.alloc": `
"Sockets of this container": the number is the machine's.`,
		"TCP.tw": `
"TIME_WAIT": orphans in FIN_WAIT2 are among them, since they use the same small objects.`,
		"softnet_stat.dropped": `
"The ring of the network card overflows": those drops are shown by ethtool -S. These happen between driver and IP.`,
		"softnet_stat.time_squeeze": `
"Packets are lost": none is; work went on in the next round. It matters only where drops grow too.`,
		"nf_conntrack.insert_failed": `
"The table is full": that is drop. Here an equal entry existed, mostly because translated ports ran out.`,
		"TcpExt.SyncookiesFailed": `
"Forged cookies": mostly late ACKs of connections that have ended, and scans.`,
		"TcpExt.PAWSPassive": `
"It must be 0": on Linux 4.12 and later it does not exist. Before, it is what tcp_tw_recycle cost.`,
		"TcpExt.PAWSTimewait": `
"Turn timestamps off": clients behind one address use a port again with an older timestamp; the cure is at that gateway.`,
		"TcpExt.RcvPruned": `
"Raise tcp_rmem": first ask why the program does not read; a larger buffer is filled as well.`,
		"TcpExt.OfoPruned": `
"Loss": data that had arrived was thrown away here, and has to be sent again.`,
		"TcpExt.TCPRcvCollapsed": `
"Packets were lost": none was; they were merged, which costs CPU.`,
		"TcpExt.TCPSlowStartRetrans": `
"Slow start": repeats after a timeout, whatever the window does.`,
		"TcpExt.TCPFastRetrans": `
"Trouble": the good way of repair. Repeats after timeouts are the ones that hurt.`,
		"TcpExt.TCPSpuriousRTOs": `
"Lower tcp_rto_min_us": raise it; the timer was too early already.`,
		"TcpExt.TCPRetransFail": `
"The network loses packets": they did not leave this host.`,
		"TcpExt.TCPLossProbes": `
"Loss": a probe is sent when the last ACK is late, lost or not.`,
		"TcpExt.TCPFastOpenActiveFail": `
"The server refused": a gateway in between that drops data in a SYN looks the same.`,
		"TcpExt.TCPWantZeroWindowAdv": `
"The window was closed": it would have been; TCPToZeroWindowAdv counts those that were.`,
		"TcpExt.TCPDeferAcceptDrop": `
"Lost connections": with TCP_DEFER_ACCEPT the empty ACK is not needed; data will finish the handshake.`,
		"TcpExt.TCPAbortFailed": `
"A connection could not be closed": the reset could not be sent; the connection is gone all the same.`,
		"Tcp.InErrs": `
"Bad cables": a SYN inside the window of a connection counts too. InCsumErrors are the ones with a bad checksum.`,
		"TCP.inuse": `
"All sockets": TIME_WAIT and half-open ones are not among them, IPv6 has its own line, and the number is that of one network namespace.`,
		"softnet_stat.processed": `
"It must be even over the CPUs": only where one CPU is at its limit.`,
		"nf_conntrack.early_drop": `
"Packets were dropped": an entry that had seen no answer was, to make room; a sign that the table is full.`,
		"arp_cache.table_fulls": `
"ARP fails": the table of neighbours is too small for the network that is on the link.`,
	}
}
