// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
)

// The goals, from ARCHITECTURE.md.
const (
	idleWall      = 30 * time.Millisecond
	idlePeak      = 40e6 // bytes
	checkRatio    = 0.25 // of the CPU time of ss -tan
	checkPeak     = 64e6 // bytes
	groupRatio    = 1.25 // of the wall time of the bare loop
	namedWithin   = 5 * time.Second
	timeWaitRatio = 1.5 // of the wall time of the bare loop
	goalSockets   = 1_000_000
	goalCloseWait = 1000
)

// A goal is what was promised and what was measured.
type goal struct {
	what            string
	bound, measured string
	held            bool
}

func (r *result) goal(what string, held bool, bound, measured string, m ...any) {
	r.goals = append(r.goals, goal{what, bound, fmt.Sprintf(measured, m...), held})
}

// notMeasured says why a goal was not.
func (r *result) notMeasured(what string, err error) {
	r.goals = append(r.goals, goal{what: what, measured: "not measured: " + err.Error()})
}

// judgeSizes compares the largest number of sockets with the goals, which are
// promised for a million, and with the number before: the cost of ten times as
// many sockets must not be more than ten times as large.
func (r *result) judgeSizes() {
	var measured []sizeResult
	for _, s := range r.sizes {
		if s.skipped == "" {
			measured = append(measured, s)
		}
	}
	if len(measured) == 0 {
		return
	}
	last := measured[len(measured)-1]
	if last.sockets >= goalSockets {
		r.judge(&last)
	}
	if len(measured) < 2 {
		return
	}
	before := measured[len(measured)-2]
	factor := float64(last.sockets) / float64(before.sockets)
	for i, s := range last.ours {
		if earlier := before.ours[i]; len(s.runs) > 0 && len(earlier.runs) > 0 {
			q := float64(medianOf(s.runs, cpu)) / float64(medianOf(earlier.runs, cpu))
			what := fmt.Sprintf("%s: CPU time at %s sockets, of that at %s", strings.TrimPrefix(s.name, "tcptune "), count(last.sockets), count(before.sockets))
			r.goal(what, q <= factor, fmt.Sprintf("<= %.1f", factor), "%.1f", q)
		}
	}
}

// judge compares one number of sockets with the goals.
func (r *result) judge(s *sizeResult) {
	beside := fmt.Sprintf(" beside %s established sockets", count(s.sockets))
	checks := s.find(nameCheck)
	if len(checks) == 0 {
		r.notMeasured("check --window 0"+beside, errNothing)
		return
	}
	if q, ok := ratio(checks, s.find(nameList), cpu); ok {
		r.goal("check --window 0"+beside+": CPU time, of that of ss -tan", q <= checkRatio, fmt.Sprintf("<= %.2f", checkRatio), "%.2f", q)
	} else {
		r.notMeasured("check --window 0"+beside+": CPU time, of that of ss -tan", errNothing)
	}
	peak := largest(checks)
	r.goal("the same: peak memory", peak <= checkPeak, fmt.Sprintf("<= %.0f MB", checkPeak/1e6), "%.1f MB", megabytes(peak))
	if q, ok := ratio(s.find(nameDestination), s.find(nameBare), wall); ok {
		r.goal("states --by destination"+beside+": wall time, of that of a loop that receives the dump", q <= groupRatio, fmt.Sprintf("<= %.2f", groupRatio), "%.2f", q)
	} else {
		r.notMeasured("states --by destination"+beside, errNothing)
	}
}

// errNothing is a program without a run to compare.
var errNothing = errors.New("a program is missing, or took longer than the limit")

// find returns the runs of one program, none when it was not measured.
func (s *sizeResult) find(name string) []usage {
	for _, list := range [][]series{s.ours, s.peers} {
		for _, one := range list {
			if one.name == name {
				return one.runs
			}
		}
	}
	return nil
}

// startGoal starts the load of a goal; nil, without an error, when the machine
// cannot bear it.
func (r *result) startGoal(ctx context.Context, what string, l lab.Load) (*lab.Crowd, error) {
	c, err := lab.StartLoad(ctx, l)
	if ctx.Err() != nil || errors.Is(err, unix.EPERM) {
		return nil, err
	}
	if err != nil {
		r.notMeasured(what, err)
		return nil, nil
	}
	fmt.Fprintf(os.Stderr, "bench: %+v, made in %.1f s\n", l, c.Made.Seconds())
	return c, nil
}

// closeWait looks for the process that does not close, among many.
func (r *result) closeWait(ctx context.Context, o *options) error {
	what := fmt.Sprintf("naming the process of %s CLOSE_WAIT among %s sockets: wall time of check --window 1s", count(goalCloseWait), count(goalSockets))
	c, err := r.startGoal(ctx, what, lab.Load{Established: goalSockets, CloseWait: goalCloseWait})
	if c == nil {
		return err
	}
	defer c.Stop()
	var runs []usage
	named := true
	for range o.rounds {
		var out bytes.Buffer
		u, err := check(ctx, c, &out, o.binary, "1s") // in the first minute it takes a window to tell a leak
		if err != nil {
			return err
		}
		runs = append(runs, u)
		ok, err := finds(out.Bytes(), "close-wait-leak", "leaky")
		if err != nil {
			return err
		}
		named = named && ok
	}
	took := medianOf(runs, wall)
	r.goal(what, named && took <= namedWithin, fmt.Sprintf("named, <= %v", namedWithin), "%s, %.2f s (CPU %.2f s), %d processes",
		yes(named, "named", "not named"), took.Seconds(), medianOf(runs, cpu).Seconds(), len(c.Processes))
	return nil
}

// timeWait looks for the destination without a free port on a proxy.
func (r *result) timeWait(ctx context.Context, o *options) error {
	what := fmt.Sprintf("finding the exhausted destination among %s TIME_WAIT: wall time of check, of that of a loop that receives the dump", count(goalSockets))
	c, err := r.startGoal(ctx, what, lab.Load{TimeWait: goalSockets, Exhausted: true})
	if c == nil {
		return err
	}
	defer c.Stop()
	var checks, loops []usage
	found, sockets := true, timeWaits(c)
	left := sockets
	for range o.rounds {
		var out bytes.Buffer
		u, err := check(ctx, c, &out, o.binary, "0")
		if err != nil {
			return err
		}
		loop, err := bare(c)
		if err != nil {
			return err
		}
		n := timeWaits(c)
		if len(checks) > 0 && n < sockets/2 {
			break // they last for a minute
		}
		left = n
		checks, loops = append(checks, u), append(loops, loop)
		ok, err := finds(out.Bytes(), "ephemeral-port-exhaustion", "127.1.")
		if err != nil {
			return err
		}
		found = found && ok
	}
	q, _ := ratio(checks, loops, wall)
	r.goal(what, found && q <= timeWaitRatio, fmt.Sprintf("found, <= %.1f", timeWaitRatio), "%s, %.2f (%s and %s; CPU %s and %s); %s TIME_WAIT at the begin, %s at the end of %d runs",
		yes(found, "found", "not found"), q, duration(medianOf(checks, wall)), duration(medianOf(loops, wall)), duration(medianOf(checks, cpu)), duration(medianOf(loops, cpu)),
		count(sockets), count(left), len(checks))
	return nil
}

// check runs the command that goals speak of most.
func check(ctx context.Context, c *lab.Crowd, out io.Writer, binary, window string) (usage, error) {
	return command(ctx, c, out, binary, "check", "--window", window, "--format", "json")
}

// finds reports whether a check has a finding of a rule that speaks of
// something.
func finds(text []byte, rule, something string) (bool, error) {
	var check struct {
		Findings []json.RawMessage `json:"findings"`
	}
	if err := json.Unmarshal(text, &check); err != nil {
		return false, fmt.Errorf("read the result of check: %w", err)
	}
	for _, raw := range check.Findings {
		var finding struct {
			Rule string `json:"rule"`
		}
		if err := json.Unmarshal(raw, &finding); err != nil {
			return false, fmt.Errorf("read the result of check: %w", err)
		}
		if finding.Rule == rule && bytes.Contains(raw, []byte(something)) {
			return true, nil
		}
	}
	return false, nil
}

// timeWaits is how many sockets in TIME_WAIT the namespace has, 0 when that
// cannot be told.
func timeWaits(c *lab.Crowd) (n int) {
	var text []byte
	err := c.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/sockstat")
		return err
	})
	if _, rest, ok := strings.Cut(string(text), " tw "); ok && err == nil {
		_, _ = fmt.Sscan(rest, &n)
	}
	return n
}
