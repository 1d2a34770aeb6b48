// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/rules"
	"github.com/tcptune/tcptune/sysctl"
)

// An actor is who has to act where a counter grows, and the counters that it is said
// of: each counter has one.
type actor struct {
	text     string
	counters []string
}

// counterActors are the actors, those of programs first.
func counterActors() []actor {
	return []actor{
		{"The program that listens: it accepts too slowly, or asks listen() for too small a backlog. The administrator only where net.core.somaxconn is smaller than that.",
			[]string{"TcpExt.ListenOverflows", "TcpExt.ListenDrops"}},
		{"The administrator, by turning tcp_syncookies on. If the clients are real, also the program, by a larger backlog.",
			[]string{"TcpExt.TCPReqQFullDrop"}},
		{"Nobody during a flood, since cookies do their work. If the clients are real, the program, by a larger backlog.",
			[]string{"TcpExt.TCPReqQFullDoCookies", "TcpExt.SyncookiesSent", "TcpExt.SyncookiesRecv", "TcpExt.SyncookiesFailed"}},
		{"The administrator: raise tcp_max_tw_buckets.", []string{"TcpExt.TCPTimeWaitOverflow"}},
		{"Nobody: it counts what is normal.",
			[]string{"TcpExt.TW", "TcpExt.TWKilled", "TcpExt.TWRecycled", "TcpExt.PAWSOldAck", "TcpExt.TCPLossProbes", "TcpExt.TCPLossProbeRecovery",
				"TcpExt.TCPFastOpenActive", "TcpExt.TCPFastOpenPassive", "TcpExt.TCPFastOpenCookieReqd", "TcpExt.TCPDeferAcceptDrop",
				"TcpExt.TCPFromZeroWindowAdv", "TcpExt.TCPMTUPSuccess", "Tcp.ActiveOpens", "Tcp.PassiveOpens", "Tcp.CurrEstab", "Ip.ForwDatagrams",
				"TCP.inuse", "TCP6.inuse", "TCP.tw", "softnet_stat.processed", "softnet_stat.received_rps", "softnet_stat.backlog_len", "softnet_stat.cpu",
				"softnet_stat.input_qlen", "softnet_stat.process_qlen", "nf_conntrack.entries", "nf_conntrack.clashres", "nf_conntrack.search_restart"}},
		{"Whoever runs a kernel before Linux 4.12: set tcp_tw_recycle to 0. Newer ones do not have it.", []string{"TcpExt.PAWSPassive"}},
		{"Whoever runs the gateway or load balancer in between: it mixes hosts behind one address, or changes timestamps.",
			[]string{"TcpExt.PAWSActive", "TcpExt.PAWSEstab", "TcpExt.PAWSTimewait", "TcpExt.TSEcrRejected", "TcpExt.BeyondWindow",
				"TcpExt.TCPChallengeACK", "TcpExt.TCPSYNChallenge", "TcpExt.TCPFastOpenActiveFail", "TcpExt.TCPFastOpenBlackhole", "TcpExt.TCPMTUPFail"}},
		{"The program: it closes connections that it has not read to the end, or resets them on purpose.",
			[]string{"TcpExt.TCPAbortOnClose", "TcpExt.TCPAbortOnData", "TcpExt.TCPAbortOnLinger"}},
		{"The program that reads too slowly, or has made its receive buffer small.",
			[]string{"TcpExt.PruneCalled", "TcpExt.RcvPruned", "TcpExt.OfoPruned", "TcpExt.TCPRcvCollapsed", "TcpExt.TCPBacklogDrop", "TcpExt.TCPRcvQDrop",
				"TcpExt.TCPZeroWindowDrop", "TcpExt.TCPOFODrop", "TcpExt.TCPToZeroWindowAdv", "TcpExt.TCPWantZeroWindowAdv", "TcpExt.TCPWqueueTooBig"}},
		{"First whoever knows why peers vanish or do not read; then the administrator, by tcp_orphan_retries, tcp_max_orphans or tcp_mem.",
			[]string{"TcpExt.TCPAbortOnMemory", "TCP.orphan"}},
		{"The program that keeps much data in sockets; then the administrator, by tcp_mem.",
			[]string{"TcpExt.TCPMemoryPressures", "TcpExt.TCPMemoryPressuresChrono", "TCP.mem", "TcpExt.TCPAbortFailed"}},
		{"The program that holds sockets without using them, of any network namespace.", []string{"TCP.alloc"}},
		{"Whoever runs the network, or the peer: packets get lost, or the peer is dead.",
			[]string{"TcpExt.TCPAbortOnTimeout", "TcpExt.TCPSlowStartRetrans", "TcpExt.TCPFastRetrans", "TcpExt.TCPTimeouts", "TcpExt.TCPSpuriousRTOs",
				"TcpExt.TCPLostRetransmit", "Tcp.RetransSegs"}},
		{"On clients whoever runs the server that does not answer; on servers nobody during a flood.",
			[]string{"TcpExt.TCPSynRetrans", "Tcp.AttemptFails", "TcpExt.EmbryonicRsts"}},
		{"Whichever side resets connections: the counter says how many, not which.", []string{"Tcp.EstabResets", "Tcp.OutRsts"}},
		{"The administrator of this host: its queueing discipline, routes or memory refuse packets.", []string{"TcpExt.TCPRetransFail"}},
		{"Whoever runs the card, the driver or the cable.", []string{"Tcp.InErrs", "Tcp.InCsumErrors"}},
		{"The administrator of the servers: all of them behind one address need the same tcp_fastopen_key.", []string{"TcpExt.TCPFastOpenPassiveFail"}},
		{"The program: a larger value of the socket option TCP_FASTOPEN.", []string{"TcpExt.TCPFastOpenListenOverflow"}},
		{"Whoever runs the routes: the way back is over another interface. Until they are mended, the administrator, by rp_filter 2.",
			[]string{"TcpExt.IPReversePathFilter"}},
		{"The administrator: spread the packets over the CPUs; netdev_max_backlog or netdev_budget only where drops grow with bursts.",
			[]string{"softnet_stat.dropped", "softnet_stat.time_squeeze", "softnet_stat.flow_limit"}},
		{"The administrator of the gateway: a larger table, shorter times, or rules that track less.",
			[]string{"nf_conntrack.drop", "nf_conntrack.early_drop", "nf_conntrack.insert_failed"}},
		{"The administrator: raise the three gc_thresh together.", []string{"arp_cache.table_fulls"}},
	}
}

func counterActor(key string) string {
	for _, a := range counterActors() {
		if slices.Contains(a.counters, key) {
			return a.text
		}
	}
	return ""
}

// sysctlActor says who can set a key, whom that reaches, and who has to act besides.
func sysctlActor(p *sysctl.Parameter) string {
	var text string
	switch {
	case p.Removed != "":
		return "Whoever keeps the files: delete lines that set it. No kernel since Linux " + p.Removed + " has the key."
	case strings.HasPrefix(p.AppliesTo, "read-only"):
		return "Nobody: it can be read and not be set."
	case strings.HasPrefix(p.AppliesTo, "no effect"):
		return "Nobody: the key can be set, and the kernel does not use it. It has " + p.AppliesTo + "."
	case p.Scope == sysctl.ScopeNetns:
		text = "The administrator, for each network namespace by itself: setting it on the host does not set it in containers."
	case p.ChildView == "global":
		text = "The administrator of the machine. A container shows the same value, and can mostly not set it."
	default:
		text = "The administrator of the machine: the key counts for all its network namespaces and can only be set in the initial one."
	}
	text += "\n\nWhat a change reaches, and when: " + p.AppliesTo + "."
	if more := sysctlActors()[p.Key.String()]; more != "" {
		text += "\n\n" + more
	}
	return text
}

// sysctlActors says who else has to act, where a value alone does little.
func sysctlActors() map[string]string {
	return map[string]string{
		"net.ipv4.tcp_tw_reuse":           "First the program that connects, by keeping its connections open. Where it listens and the peers connect, nobody.",
		"net.ipv4.tcp_fin_timeout":        "The program at the other end, which does not close its side. FIN_WAIT2 that a process holds is for that process to close.",
		"net.ipv4.tcp_max_orphans":        "First whoever knows why peers vanish: orphans are connections whose program has closed and whose peer does not answer.",
		"net.core.somaxconn":              "And the program: it must ask for a backlog as large, and call listen() again, which mostly means a restart.",
		"net.ipv4.tcp_max_syn_backlog":    "While SYN cookies are on (the default) it does nothing: the program's backlog and net.core.somaxconn count.",
		"net.ipv4.tcp_syncookies":         "If cookies are sent to real clients, the program has to ask for a larger backlog.",
		"net.ipv4.tcp_abort_on_overflow":  "The program, which accepts too slowly. Leave the key at 0.",
		"net.ipv4.tcp_syn_retries":        "Or the program, for its own connections: TCP_SYNCNT, TCP_USER_TIMEOUT, or a timeout around connect().",
		"net.ipv4.tcp_keepalive_time":     "And the program: without SO_KEEPALIVE the key does nothing. TCP_KEEPIDLE sets the time for one socket.",
		"net.ipv4.tcp_keepalive_intvl":    "And the program: without SO_KEEPALIVE the key does nothing. TCP_KEEPINTVL sets the time for one socket.",
		"net.ipv4.tcp_keepalive_probes":   "And the program: without SO_KEEPALIVE the key does nothing. TCP_KEEPCNT sets the number for one socket.",
		"net.ipv4.tcp_retries2":           "Better the program: TCP_USER_TIMEOUT bounds its own connections and leaves the others alone.",
		"net.ipv4.tcp_rmem":               "And the program, which must not set SO_RCVBUF, since that turns the growing off.",
		"net.ipv4.tcp_wmem":               "And the program, which must not set SO_SNDBUF, since that turns the growing off.",
		"net.core.rmem_max":               "It only matters to programs that set SO_RCVBUF.",
		"net.core.wmem_max":               "It only matters to programs that set SO_SNDBUF.",
		"net.ipv4.tcp_notsent_lowat":      "Better the program, by the socket option TCP_NOTSENT_LOWAT: it knows whether it wants to reorder what waits.",
		"net.ipv4.ip_local_port_range":    "First the program that connects: keep connections open, and set IP_BIND_ADDRESS_NO_PORT where it binds an address.",
		"net.ipv4.tcp_fastopen":           "And the program: TCP_FASTOPEN on the listener, MSG_FASTOPEN or TCP_FASTOPEN_CONNECT at the client.",
		"net.ipv4.tcp_congestion_control": "Or the program, for its own sockets: TCP_CONGESTION.",
		"net.ipv4.tcp_mem":                "First the program that keeps much data in its sockets: tcptune states --by process.",
		"fs.file-max":                     "For \"too many open files\" (EMFILE) whoever runs the program: LimitNOFILE of its unit, and a look at whether it leaks descriptors.",
		"fs.nr_open":                      "And whoever writes the unit: LimitNOFILE above this value makes the service fail to start.",
		"net.netfilter.nf_conntrack_max":  "And whoever writes the firewall: what needs no tracking can be exempted (notrack).",
		"net.ipv4.conf.*.rp_filter":       "And whoever runs the routes: drops come from a way back over another interface.",
	}
}

// verdictWord is a verdict: alone, or as a text of an expression.
var verdictWord = regexp.MustCompile(`(?:^|")(sysctl|application|operator|config-file|harmless)(?:"|$)`)

// ruleActor says who has to act when a rule fires. The verdict may depend on what was
// measured.
func ruleActor(r *rules.Rule) string {
	who := map[string]string{
		string(rules.VerdictSysctl):      "the administrator: a kernel setting cures it",
		string(rules.VerdictApplication): "the program that the finding names, or whoever runs it; no sysctl cures it",
		string(rules.VerdictOperator):    "a person, who has to look into it: the host alone does not show the cause",
		string(rules.VerdictConfigFile):  "whoever keeps the sysctl files: a line has to change",
		string(rules.VerdictHarmless):    "nobody: it is harmless",
	}
	var actors []string
	for _, m := range verdictWord.FindAllStringSubmatch(source(r.Verdict), -1) {
		if text := who[m[1]]; !slices.Contains(actors, text) {
			actors = append(actors, text)
		}
	}
	if len(actors) == 0 {
		return ""
	}
	text := strings.Join(actors, "; or ")
	text = strings.ToUpper(text[:1]) + text[1:] + "."
	if len(actors) > 1 {
		text += " Which of these depends on what was measured; the finding says it."
	}
	return text
}
