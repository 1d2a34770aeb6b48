// SPDX-License-Identifier: Apache-2.0

// Tcptune compares the live TCP evidence of a Linux host with its sysctl
// values, says what is wrong and whether the kernel's settings are to blame.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(status)
}

// streams are where a command reads and writes.
type streams struct {
	in  io.Reader
	out io.Writer // data
	err io.Writer // talk
}

// run is the whole program: it parses args, runs one command and returns the
// exit status.
func run(ctx context.Context, args []string, s streams) int {
	root := newRootCommand(s)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	return newUI(s).report(ctx, err)
}
