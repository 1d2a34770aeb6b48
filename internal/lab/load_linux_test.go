// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestLoad: the namespace has the sockets that were asked for, in the hands of
// processes with the names that were promised, and none is left behind.
func TestLoad(t *testing.T) {
	Isolate(t, func(t *testing.T) {
		c := NewLoad(t, Load{Established: 2000, CloseWait: 30, TimeWait: 28300, Exhausted: true})
		states := c.States(t)
		if states[Established] != 2000 || states[CloseWait] != 30 || states[TimeWait] != 28300 {
			t.Errorf("want 2000 ESTABLISHED, 30 CLOSE_WAIT and 28300 TIME_WAIT, got %v", states)
		}
		most := map[string]int{}
		for _, s := range c.Sockets(t) {
			if s.State == TimeWait {
				most[s.Remote.String()]++
			}
		}
		if most["127.1.0.4:8000"] != lastPort-firstPort+1 {
			t.Errorf("no destination is exhausted: %v", most)
		}
		names := map[string]int{}
		for _, p := range c.Processes {
			names[p.Name]++
		}
		if names["leaky"] != 1 || names["proxy"] != 2 {
			t.Errorf("processes: %v", names)
		}
		c.Stop()
		for _, p := range c.Processes {
			if err := unix.Kill(p.PID, 0); !errors.Is(err, unix.ESRCH) {
				t.Errorf("%s[%d] is left: %v", p.Name, p.PID, err)
			}
		}
		if _, err := os.Stat(c.directory); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("files are left: %v", err)
		}
	})
}

// TestLoadInterrupted: when the context ends nothing is left.
func TestLoadInterrupted(t *testing.T) {
	Isolate(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := StartLoad(ctx, Load{Established: 100_000}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); !errors.Is(err, unix.ECHILD) {
			t.Errorf("a process is left: %d, %v", pid, err)
		}
	})
}

// TestLoadHolders: the sockets are all divided, few enough for each process.
func TestLoadHolders(t *testing.T) {
	for _, l := range []Load{
		{Established: 2}, {CloseWait: 1}, {CloseWait: 50000}, {Established: 1_000_000, CloseWait: 1000},
		{Established: holderSockets, CloseWait: holderSockets}, {Established: holderSockets, CloseWait: 1}, {TimeWait: 1}, {TimeWait: 1_000_000, Exhausted: true},
	} {
		var got Load
		for _, h := range l.holders(holderSockets, true) {
			files := 0
			for _, task := range h.Tasks {
				switch task.State {
				case Established:
					got.Established += 2 * task.Count
					files += 2 * task.Count
				case CloseWait:
					got.CloseWait += task.Count
					files += task.Count
				case TimeWait:
					got.TimeWait += task.Count
				}
			}
			if files > holderSockets {
				t.Errorf("%+v: a process has %d files", l, files)
			}
		}
		if got.Exhausted = l.Exhausted; got != l {
			t.Errorf("want %+v, got %+v", l, got)
		}
	}
}

// TestLoadRefused: what no machine bears is refused with the reason.
func TestLoadRefused(t *testing.T) {
	for text, l := range map[string]Load{
		"must have 1 to 2500000 sockets":  {},
		"ESTABLISHED ones in pairs":       {Established: 3},
		"a destination has 28232 ports":   {TimeWait: 100, Exhausted: true},
		"must have 1 to 2500000 sockets,": {TimeWait: maxLoad + 1},
	} {
		if _, err := StartLoad(t.Context(), l); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: want %q, got %v", l, text, err)
		}
	}
}
