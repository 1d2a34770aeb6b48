// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
)

// A usage is what one run of a program cost.
type usage struct {
	wall time.Duration
	cpu  time.Duration // user and system, of its children too
	peak int64         // resident memory at its largest, bytes; 0 where it has no process of its own
}

// command runs a program in the namespace of a crowd and returns what it cost.
// A status of 1 is no error: check says that when it finds something. Without
// out the output is thrown away.
func command(ctx context.Context, c *lab.Crowd, out io.Writer, name string, args ...string) (usage, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // a shell has children
	var problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &problem
	start := time.Now()
	err := c.Do(cmd.Start) // a child lives where the thread does that starts it
	if err == nil {
		err = cmd.Wait()
	}
	wall := time.Since(start)
	if ctx.Err() != nil {
		return usage{}, ctx.Err()
	}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return usage{}, fmt.Errorf("run %s: %w: %s", name, err, problem.String())
	}
	state := cmd.ProcessState
	u := usage{wall: wall, cpu: state.UserTime() + state.SystemTime()}
	if r, ok := state.SysUsage().(*syscall.Rusage); ok {
		u.peak = r.Maxrss << 10 // getrusage(2) counts in KiB
	}
	return u, nil
}

func wall(u usage) time.Duration { return u.wall }
func cpu(u usage) time.Duration  { return u.cpu }

// median is that of a list that is not empty.
func median[T int64 | float64 | time.Duration](list []T) T {
	sorted := slices.Sorted(slices.Values(list))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

func medianOf(runs []usage, of func(usage) time.Duration) time.Duration {
	var list []time.Duration
	for _, u := range runs {
		list = append(list, of(u))
	}
	return median(list)
}

func largest(runs []usage) (bytes int64) {
	for _, u := range runs {
		bytes = max(bytes, u.peak)
	}
	return bytes
}

// ratio is the median of the ratios of each round: what ran at the same time met
// the same noise. It is not ok where one of the two did not run.
func ratio(ours, theirs []usage, of func(usage) time.Duration) (r float64, ok bool) {
	var list []float64
	for i := range min(len(ours), len(theirs)) {
		if d := of(theirs[i]); d > 0 {
			list = append(list, float64(of(ours[i]))/float64(d))
		}
	}
	if len(list) == 0 {
		return 0, false
	}
	return median(list), true
}
