// SPDX-License-Identifier: Apache-2.0

// Tcptune compares the live TCP evidence of a Linux host with its sysctl
// values, says what is wrong and whether the kernel's settings are to blame.
package main

import (
	"context"
	"io"
	"os"
	"runtime/debug"
)

// heapGrowth is how far the heap may grow beyond what is in use, in percent, before garbage
// is collected: a run on an idle host ends before its first collection, which
// would cost a tenth of it.
const heapGrowth = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	ctx, stop := interruptible(context.Background())
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
	return finish(ctx, s, func() error {
		root := newRootCommand(s)
		root.SetArgs(args)
		return asPlugin(args, s, root.ExecuteContext(ctx))
	})
}

// finish does a command, says what went wrong and returns the exit status. A
// panic would end with the status 2, which says that something was changed: it
// becomes a failure.
func finish(ctx context.Context, s streams, command func() error) (status int) {
	defer func() {
		if mistake := recover(); mistake != nil {
			status = newUI(s).mistake(mistake, debug.Stack())
		}
	}()
	return newUI(s).report(ctx, command())
}
