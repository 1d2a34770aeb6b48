// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// A usage is what one run of a program cost.
type usage struct {
	wall time.Duration
	cpu  time.Duration // user and system
	peak int64         // resident memory at its largest, bytes
}

// run runs a program, its output thrown away, and returns what it cost. A
// status other than 0 is no error: check says 1 when it finds something.
func run(ctx context.Context, program string, args ...string) (usage, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr = os.Stderr
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return usage{}, fmt.Errorf("run %s: %w", program, err)
	}
	state := cmd.ProcessState
	u := usage{wall: wall, cpu: state.UserTime() + state.SystemTime()}
	if r, ok := state.SysUsage().(*syscall.Rusage); ok {
		u.peak = r.Maxrss << 10 // getrusage(2) counts in KiB
	}
	return u, nil
}

func check(ctx context.Context, binary string) (usage, error) {
	return run(ctx, binary, "check", "--window", "0", "--format", "json")
}

// idle prints what a check costs where there is nothing to look at.
func idle(ctx context.Context, out io.Writer, binary string) error {
	var runs []usage
	for range idleRuns {
		u, err := check(ctx, binary)
		if err != nil {
			return err
		}
		runs = append(runs, u)
	}
	fmt.Fprintf(out, "check --window 0, idle network namespace, median of %d runs\n", idleRuns)
	fmt.Fprintf(out, "  wall        %8.1f ms   budget %d ms\n", milliseconds(median(runs, wall)), idleWallMS)
	fmt.Fprintf(out, "  CPU         %8.1f ms\n", milliseconds(median(runs, cpu)))
	fmt.Fprintf(out, "  peak memory %8.1f MB   budget %d MB\n", megabytes(largest(runs)), idlePeakMB)
	return nil
}

// crowd prints what a check costs beside many established sockets, as a ratio
// to ss in the same run. The two take turns, so that both meet the same noise.
func crowd(ctx context.Context, out io.Writer, binary string, sockets int) error {
	ss, lookErr := exec.LookPath("ss")
	var checks, lists []usage
	for range crowdRuns {
		u, err := check(ctx, binary)
		if err != nil {
			return err
		}
		checks = append(checks, u)
		if lookErr != nil {
			continue
		}
		if u, err = run(ctx, ss, "-tan"); err != nil {
			return err
		}
		lists = append(lists, u)
	}
	fmt.Fprintf(out, "check --window 0 beside %d established sockets, median of %d runs\n", sockets, crowdRuns)
	fmt.Fprintf(out, "  wall        %8.1f ms\n", milliseconds(median(checks, wall)))
	fmt.Fprintf(out, "  CPU         %8.1f ms\n", milliseconds(median(checks, cpu)))
	fmt.Fprintf(out, "  peak memory %8.1f MB   budget %d MB for %d sockets\n", megabytes(largest(checks)), crowdPeakMB, budgetSockets)
	if lookErr != nil {
		fmt.Fprintln(out, "  not compared: there is no ss here (package iproute2)")
		return nil
	}
	theirs := median(lists, cpu)
	fmt.Fprintf(out, "  CPU, ss -tan%8.1f ms\n", milliseconds(theirs))
	if theirs > 0 {
		ratio := float64(median(checks, cpu)) / float64(theirs)
		fmt.Fprintf(out, "  ratio       %8.2f      budget %.2f for %d sockets\n", ratio, crowdRatio, budgetSockets)
	}
	return nil
}

func wall(u usage) time.Duration { return u.wall }
func cpu(u usage) time.Duration  { return u.cpu }

func median(runs []usage, of func(usage) time.Duration) time.Duration {
	var list []time.Duration
	for _, u := range runs {
		list = append(list, of(u))
	}
	slices.Sort(list)
	middle := len(list) / 2
	if len(list)%2 == 0 {
		return (list[middle-1] + list[middle]) / 2
	}
	return list[middle]
}

func largest(runs []usage) (bytes int64) {
	for _, u := range runs {
		bytes = max(bytes, u.peak)
	}
	return bytes
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
func megabytes(n int64) float64            { return float64(n) / 1e6 }
