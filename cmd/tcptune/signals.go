// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// interrupts are the signals that end a command. Those from a terminal are left
// out if whoever started it had them ignored: nohup(1) means what it says.
func interrupts() []os.Signal {
	signals := []os.Signal{syscall.SIGTERM}
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	return signals
}

// holdSignals keeps HUP, INT, TERM and PIPE from ending the process until
// release is called. The signals that came meanwhile are forgotten: what was
// begun has been completed or undone by then. PIPE stays held, so that a reader
// who goes away (apply | head -1) becomes an error of the write and not a death
// with a status that says nothing about the system.
func holdSignals() (release func()) {
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	held := make(chan os.Signal, 1)
	signal.Notify(held, interrupts()...)
	return func() { signal.Stop(held) }
}
