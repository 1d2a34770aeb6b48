// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
)

// idleRounds is how often the host without sockets is checked in each round.
const idleRounds = 4

// A result is everything that was measured.
type result struct {
	machine string
	load    string // the load average, at the begin and at the end
	floor   int64  // peak memory of a program that does nothing
	sizes   []sizeResult
	goals   []goal
}

// A sizeResult is the programs beside one number of established sockets.
type sizeResult struct {
	sockets int
	made    time.Duration
	skipped string // why nothing was measured
	ours    []series
	peers   []series
}

// measure measures one load after the other.
func measure(ctx context.Context, o *options) (*result, error) {
	r := &result{machine: machine(), load: loadAverage()}
	if err := r.idle(ctx, o); err != nil {
		return nil, err
	}
	for _, sockets := range o.sizes {
		size, err := atSize(ctx, o, sockets)
		if err != nil {
			return nil, err
		}
		r.sizes = append(r.sizes, *size)
	}
	r.judgeSizes()
	if o.goals {
		for _, check := range []func(context.Context, *options) error{r.closeWait, r.timeWait} {
			if err := check(ctx, o); err != nil {
				return nil, err
			}
		}
	}
	r.load += ", " + loadAverage() + " at the end"
	return r, nil
}

// idle measures a check where there is nothing to look at, and what every
// program's memory starts with.
func (r *result) idle(ctx context.Context, o *options) error {
	c, err := lab.StartLoad(ctx, lab.Load{Established: 2})
	if err != nil {
		return err
	}
	defer c.Stop()
	nothing, err := command(ctx, c, nil, "true")
	if err != nil {
		return err
	}
	r.floor = nothing.peak
	var runs []usage
	for range idleRounds * o.rounds {
		u, err := check(ctx, c, nil, o.binary, "0")
		if err != nil {
			return err
		}
		runs = append(runs, u)
	}
	took, peak := medianOf(runs, wall), largest(runs)
	r.goal("check --window 0 beside no sockets: wall time", took < idleWall, fmt.Sprintf("< %v", idleWall), "%.1f ms", milliseconds(took))
	r.goal("the same: peak memory", peak <= idlePeak, fmt.Sprintf("<= %.0f MB", idlePeak/1e6), "%.1f MB", megabytes(peak))
	return nil
}

// atSize measures all programs beside established sockets.
func atSize(ctx context.Context, o *options, sockets int) (*sizeResult, error) {
	size := &sizeResult{sockets: sockets}
	c, err := lab.StartLoad(ctx, lab.Load{Established: sockets})
	if errors.Is(err, unix.EPERM) || ctx.Err() != nil {
		return nil, err
	}
	if err != nil {
		size.skipped = err.Error() // too little memory, a limit
		return size, nil
	}
	defer c.Stop()
	size.made = c.Made
	fmt.Fprintf(os.Stderr, "bench: %d established sockets, made in %.1f s\n", sockets, c.Made.Seconds())
	var e *exporter
	if path, err := findExporter(); err == nil {
		if e, err = startExporter(ctx, c, path); err != nil {
			return nil, err
		}
		defer e.stop()
	}
	mine := ours(o.binary)
	all, err := takeTurns(ctx, c, o, append(mine, peers(e)...))
	if err != nil {
		return nil, err
	}
	size.ours, size.peers = all[:len(mine)], all[len(mine):]
	return size, nil
}
