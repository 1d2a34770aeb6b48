// SPDX-License-Identifier: Apache-2.0

package explain

import "github.com/tcptune/tcptune/internal/sockdiag"

func closing() state {
	return state{
		id:    sockdiag.StateClosing,
		name:  "CLOSING",
		title: "Both sides closed at the same moment; our FIN is not acknowledged yet",
		meaning: `
The two FINs crossed: the peer's FIN came while ours was on its way. All that is missing is the ACK of ours.`,
		side:  `Both, for one round trip; each goes on to TIME_WAIT.`,
		actor: `The peer's kernel or the path. No program can do anything.`,
		lasts: `
Until the ACK of our FIN (TIME_WAIT) or a reset. Without an answer:`,
		limits: []Row{
			{"orphan, after close()", `net.ipv4.tcp_orphan_retries; 0, the default, means 8: about 100 s at the smallest timeout`},
			{"held by a process, after shutdown()", `net.ipv4.tcp_retries2: about 924 s at 15`},
		},
		causes: []Row{
			{"for a moment", `Both programs close on the same event (end of a job, an idle timeout of equal length). Harmless.`},
			{"they stay", `The last packets are lost: the path, a firewall that forgets the flow at the first FIN, a peer that is gone.`},
			{"Send-Q above 1", `Data stands before our FIN and the peer does not take it.`},
		},
		acts: []Row{
			{"net.ipv4.tcp_orphan_retries", `How often an orphan repeats its FIN before it is given up.`},
			{"net.ipv4.tcp_max_orphans", `These orphans count.`},
			{"net.ipv4.tcp_retries2", `While a process still holds the socket.`},
		},
		inert: []Row{
			{"net.ipv4.tcp_fin_timeout", `For FIN_WAIT2 only.`},
			{"net.ipv4.tcp_tw_reuse", `For TIME_WAIT only.`},
			{"net.ipv4.tcp_max_tw_buckets", `Counts TIME_WAIT and the orphans of FIN_WAIT2.`},
		},
		counters: []Row{
			{"TcpExt.TCPAbortOnTimeout", `Connections given up after the last retransmission.`},
			{"TCP.orphan", `Orphans of the whole machine.`},
		},
		commands: []string{
			"tcptune states --by destination",
			"tcptune check --only orphan",
			"ss -tnoe state closing",
		},
		rules:   []string{"closing-pileup", "orphan-limit-near"},
		sources: []string{"tcp(7)", "RFC 9293 section 3.6", "net/ipv4/tcp_timer.c:tcp_orphan_retries"},
	}
}
