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
	}
}
