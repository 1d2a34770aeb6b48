// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// holdSignals keeps HUP, INT, TERM and PIPE from ending the process until
// release is called. The signals that came meanwhile are forgotten: what was
// begun has been completed or undone by then. PIPE stays held, so that a reader
// who goes away (apply | head -1) becomes an error of the write and not a death
// with a status that says nothing about the system.
func holdSignals() (release func()) {
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	held := make(chan os.Signal, 1)
	signal.Notify(held, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	return func() { signal.Stop(held) }
}
