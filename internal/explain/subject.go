// SPDX-License-Identifier: Apache-2.0

package explain

// subjects are topics of different kinds that are to be looked at together, beyond
// those that name each other.
func subjects() [][]string {
	return [][]string{
		{"LISTEN", "TcpExt.ListenOverflows", "TcpExt.ListenDrops", "TcpExt.TCPReqQFullDrop", "net.core.somaxconn", "TcpExt.TCPDeferAcceptDrop"},
		{"SYN_RECV", "TcpExt.TCPReqQFullDoCookies", "TcpExt.SyncookiesSent", "TcpExt.SyncookiesRecv", "TcpExt.SyncookiesFailed", "net.ipv4.tcp_syncookies"},
		{"TIME_WAIT", "TcpExt.TW", "TcpExt.TWRecycled", "TcpExt.TCPTimeWaitOverflow", "TCP.tw", "net.ipv4.tcp_tw_reuse", "net.ipv4.tcp_max_tw_buckets"},
		{"FIN_WAIT2", "TcpExt.TWKilled", "TcpExt.TCPAbortOnLinger", "net.ipv4.tcp_fin_timeout"},
		{"TcpExt.TCPAbortOnClose", "TcpExt.TCPAbortOnData", "TcpExt.TCPAbortOnLinger", "Tcp.EstabResets", "Tcp.OutRsts"},
		{"net.ipv4.tcp_timestamps", "TcpExt.PAWSActive", "TcpExt.PAWSEstab", "TcpExt.PAWSOldAck", "TcpExt.PAWSTimewait", "TcpExt.TSEcrRejected"},
		{"net.ipv4.tcp_shrink_window", "TcpExt.BeyondWindow", "TcpExt.TCPZeroWindowDrop", "TcpExt.TCPToZeroWindowAdv"},
		{"net.ipv4.tcp_rmem", "TcpExt.PruneCalled", "TcpExt.RcvPruned", "TcpExt.OfoPruned", "TcpExt.TCPRcvCollapsed", "TcpExt.TCPRcvQDrop", "TcpExt.TCPOFODrop", "TcpExt.TCPBacklogDrop"},
		{"net.ipv4.tcp_wmem", "net.ipv4.tcp_min_snd_mss", "TcpExt.TCPWqueueTooBig"},
		{"net.ipv4.tcp_mem", "TCP.mem", "TcpExt.TCPMemoryPressures", "TcpExt.TCPMemoryPressuresChrono", "TcpExt.TCPAbortOnMemory", "net.ipv4.tcp_max_orphans", "TCP.orphan"},
		{"net.ipv4.tcp_sack", "net.ipv4.tcp_early_retrans", "Tcp.RetransSegs", "TcpExt.TCPFastRetrans", "TcpExt.TCPSlowStartRetrans", "TcpExt.TCPLostRetransmit", "TcpExt.TCPLossProbes"},
		{"net.ipv4.tcp_retries2", "net.ipv4.tcp_rto_min_us", "TcpExt.TCPTimeouts", "TcpExt.TCPSpuriousRTOs", "TcpExt.TCPAbortOnTimeout", "Tcp.RetransSegs"},
		{"SYN_SENT", "net.ipv4.tcp_syn_retries", "TcpExt.TCPSynRetrans", "Tcp.ActiveOpens", "Tcp.AttemptFails"},
		{"net.ipv4.tcp_fastopen", "net.ipv4.tcp_fastopen_key", "net.ipv4.tcp_fastopen_blackhole_timeout_sec", "TcpExt.TCPFastOpenActive", "TcpExt.TCPFastOpenPassive",
			"TcpExt.TCPFastOpenListenOverflow", "TcpExt.TCPFastOpenCookieReqd", "TcpExt.TCPFastOpenBlackhole"},
		{"net.ipv4.tcp_mtu_probing", "net.ipv4.tcp_base_mss", "TcpExt.TCPMTUPSuccess", "TcpExt.TCPMTUPFail"},
		{"net.ipv4.tcp_challenge_ack_limit", "net.ipv4.tcp_invalid_ratelimit", "TcpExt.TCPChallengeACK", "TcpExt.TCPSYNChallenge"},
		{"ESTABLISHED", "Tcp.CurrEstab", "TCP.inuse", "TCP6.inuse", "TCP.alloc"},
		{"net.core.netdev_max_backlog", "net.core.netdev_budget", "softnet_stat.processed", "softnet_stat.dropped", "softnet_stat.time_squeeze"},
		{"net.netfilter.nf_conntrack_max", "net.netfilter.nf_conntrack_buckets", "nf_conntrack.entries", "nf_conntrack.drop", "nf_conntrack.early_drop", "nf_conntrack.insert_failed"},
		{"net.ipv4.conf.*.rp_filter", "TcpExt.IPReversePathFilter"},
	}
}
