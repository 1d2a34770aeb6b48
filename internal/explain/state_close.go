// SPDX-License-Identifier: Apache-2.0

package explain

import "github.com/tcptune/tcptune/internal/sockdiag"

func closed() state {
	return state{
		id:      sockdiag.StateClose,
		name:    "CLOSE",
		aliases: []string{"CLOSED", "UNCONN"},
		title:   "A TCP socket without a connection: not connected yet, or not any more",
		meaning: `
A descriptor exists, a connection does not. Before connect() or listen() that is where every socket begins; after a
reset, a timeout or the end of the handshake budget it is where a socket ends that its program has not closed. ss calls
it UNCONN.

Such sockets are in no table, so ss and /proc/net/tcp hardly ever show one. Only those that hold a local port after
bind() can be listed, since Linux 6.8.`,
		side:  `Either.`,
		actor: `Our program: it must connect, listen or close().`,
		lasts: `Until the program does. There is no timer.`,
		causes: []Row{
			{"descriptors of a process that ss does not show", `Dead connections that were never closed: the cousin of a CLOSE_WAIT
				leak, after a reset or a timeout. They end in EMFILE as well.`},
			{"alloc far above inuse in /proc/net/sockstat", `The same seen from outside, or sockets of other network namespaces:
				alloc counts the whole machine.`},
			{"bound, not connected", `Each holds its port towards every destination: a program that binds before connect()
				without IP_BIND_ADDRESS_NO_PORT.`},
		},
		inert: []Row{
			{"net.ipv4.tcp_fin_timeout", `There is no connection left to end.`},
			{"net.ipv4.tcp_keepalive_time", `There is no connection left to probe.`},
			{"net.ipv4.tcp_max_orphans", `A process holds the socket; it is no orphan.`},
			{"fs.file-max", `Not the limit of a process, which is LimitNOFILE; and that only buys time.`},
		},
		program: []Row{
			{"close()", `After each error of read(), write() and connect(), not only at end of file.`},
			{"IP_BIND_ADDRESS_NO_PORT", `Before bind() with port 0: no port is held until connect().`},
		},
		counters: []Row{
			{"TCP.alloc", `TCP sockets of the whole machine, those without a connection included.`},
			{"TCP.inuse", `Sockets of this network namespace that are in a table.`},
			{"Tcp.EstabResets", `Connections that ended abruptly: how sockets come here.`},
			{"TcpExt.TCPAbortOnTimeout", `Connections given up: how sockets come here.`},
		},
		commands: []string{
			"cat /proc/net/sockstat",
			"lsof -nP -p PID | grep 'protocol: TCP'",
			"ls /proc/PID/fd | wc -l",
			"tcptune check --only close-wait",
		},
		rules:   []string{"fd-limit-near", "ephemeral-bind-before-connect"},
		sources: []string{"tcp(7), close(2)", "RFC 9293 section 3.3.2", "net/ipv4/tcp_diag.c:tcp_diag_dump"},
	}
}
