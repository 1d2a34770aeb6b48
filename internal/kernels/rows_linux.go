// SPDX-License-Identifier: Apache-2.0

package main

// rows are what CI runs in each guest for every commit: one test each, of what
// depends on the kernel most.
func rows() []job {
	return []job{
		// In this order: they see the kernel as it has booted.
		{"tcp_diag not loaded: /proc/net/tcp, then sock_diag, the same sockets", "cmd/tcptune", "^TestGuestSockDiag$"},
		{"a freshly booted machine has nothing to tune", "cmd/tcptune", "^TestGuestFresh$"},
		{"nf_conntrack not loaded: pending, then applied", "cmd/tcptune", "^TestGuestConntrack$"},
		{"keys that the kernel lacks: unsupported; rules: skipped", "cmd/tcptune", "^TestGuestMissingKeys$"},
		{"profile and host-wide keys, applied, verified and undone with the real /etc", "cmd/tcptune", "^TestGuestApply$"},

		{"every state of a socket, by sock_diag and by /proc", "internal/sockdiag", "^TestKernelScene$"},
		{"fields of sockets: tcp_info, memory, congestion control, timers", "internal/sockdiag", "^TestKernelFields$"},
		{"the same sockets as ss", "internal/sockdiag", "^TestKernelAgreesWithSS$"},
		{"a snapshot of a host with sockets of many states", "internal/snapshot", "^TestLive$"},
		{"writes that the kernel takes in its own way", "internal/change", "^TestTraps$"},
		{"a trial that goes back", "internal/change", "^TestTrialOnTheKernel$"},
		{"a program that does not close: CLOSE_WAIT found, named, cured", "cmd/tcptune", "^TestLab$/^close-wait-leak$"},
	}
}
