// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/atomicfile/faultfs"
	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/sysctl"
)

// A changeScene is a host in memory, of which every access to a file or a live
// value is an operation that can be interrupted.
type changeScene struct {
	*testing.T
	fsys   *faultfs.FS
	values map[sysctl.Key]sysctl.Value
	m      *change.Machine
	dropIn string
}

const newDropIn = "net.core.somaxconn = 8192\n"

func somaxconn() sysctl.Key { return sysctl.MustKey("net.core.somaxconn") }
func finTimeout() sysctl.Key {
	return sysctl.MustKey("net.ipv4.tcp_fin_timeout")
}

func oldValues() map[sysctl.Key]sysctl.Value {
	return map[sysctl.Key]sysctl.Value{somaxconn(): "4096", finTimeout(): "60"}
}

func newValues() map[sysctl.Key]sysctl.Value {
	return map[sysctl.Key]sysctl.Value{somaxconn(): "8192", finTimeout(): "30"}
}

// Get implements change.Live.
func (s *changeScene) Get(key sysctl.Key) (sysctl.Value, error) {
	_, err := s.fsys.Lstat("/")
	return s.values[key], err
}

// Set implements change.Live.
func (s *changeScene) Set(key sysctl.Key, value sysctl.Value) error {
	if _, err := s.fsys.Lstat("/"); err != nil {
		return err
	}
	s.values[key] = value
	return nil
}

// Arm and Disarm implement change.Watchdog.
func (s *changeScene) Arm(*change.Entry) (string, error) { return "process 1", nil }
func (s *changeScene) Disarm(*change.Trial)              {}

// newChangeScene has the old values and no drop-in. Only the lock below root is
// a real file.
func newChangeScene(t *testing.T, root string) *changeScene {
	s := &changeScene{T: t, fsys: faultfs.New(), values: oldValues(), dropIn: filepath.Join(root, change.DefaultDropIn)}
	s.fsys.MkdirAll(filepath.Dir(s.dropIn))
	initial := true
	s.m = &change.Machine{
		Paths: change.NewPaths(root, ""), Host: change.Host{BootID: "boot", Netns: "net:[1]", Initial: &initial},
		Catalogue: sysctl.LoadCatalogue(), Live: s, Files: s.fsys, Hold: holdSignals,
		Boottime: func() (float64, error) { return 100, nil },
	}
	return s
}

func (s *changeScene) plan() *change.Plan {
	after := newDropIn
	p := &change.Plan{Host: s.m.Host, Mode: change.ModeBoth, File: change.DefaultDropIn, After: &after}
	for _, key := range []sysctl.Key{somaxconn(), finTimeout()} {
		from, to := oldValues()[key], newValues()[key]
		p.Steps = append(p.Steps, change.Step{Key: key, Action: change.ActionSet, Live: &from, New: &to, Status: change.Changed})
	}
	return p
}

// state is "old", "trial" or "new", or says what is mixed.
func (s *changeScene) state() string {
	file, written := s.fsys.Files()[s.dropIn]
	switch {
	case !written && maps.Equal(s.values, oldValues()):
		return "old"
	case !written && maps.Equal(s.values, newValues()):
		return "trial"
	case file == newDropIn && maps.Equal(s.values, newValues()):
		return "new"
	}
	return fmt.Sprintf("mixed: %q %v", file, s.values)
}

// An interruption is a command and the states that it leads from and to.
type interruption struct {
	before   []string // commands that lead to from
	from, to string
}

func interruptions() map[string]interruption {
	return map[string]interruption{
		"apply":    {nil, "old", "new"},
		"try":      {nil, "old", "trial"},
		"confirm":  {[]string{"try"}, "trial", "new"},
		"rollback": {[]string{"apply"}, "new", "old"},
	}
}

// run does a command of the machine as the command line does and returns the
// exit status.
func (s *changeScene) run(ctx context.Context, command string) int {
	proven := change.ApplyOptions{Prove: func() error { return nil }}
	talk := streams{out: io.Discard, err: io.Discard}
	o := &planOptions{formats: outputs{given: []string{"json"}}, settings: &fileSettings{}}
	return finish(ctx, talk, func() error {
		kind := change.KindApply
		var result *change.Result
		var err error
		switch command {
		case "apply":
			result, err = s.m.Apply(ctx, s.plan(), proven)
		case "try":
			result, err = s.m.Try(ctx, s.plan(), change.ApplyOptions{}, time.Minute, s)
		case "confirm":
			result, err = s.m.Confirm(ctx, proven, s)
		case "rollback":
			kind = change.KindRollback
			result, err = s.m.Rollback(ctx, change.RollbackOptions{})
		}
		return o.answer(talk, kind, result, err)
	})
}

// honest compares the journal with the state.
func (s *changeScene) honest(at, state string) {
	s.Helper()
	e, err := s.m.Newest()
	if err != nil {
		s.Fatal(err)
	}
	phase := change.Phase("")
	if e != nil {
		phase = e.Phase
	}
	if want := map[string]change.Phase{"trial": change.PhaseTrial, "new": change.PhaseApplied}[state]; phase != want {
		s.Errorf("%s: the state is %s, the journal says %q", at, state, phase)
	}
	for name := range s.fsys.Files() {
		if name != s.dropIn && strings.HasSuffix(name, ".conf") {
			s.Errorf("%s: %s stays behind", at, name)
		}
	}
}

// TestSignals sends each signal at each operation of each command, through the
// kernel: until the journal is written nothing is done and the status is 130,
// from then on the run is completed.
func TestSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE} {
		for command, about := range interruptions() {
			t.Run(fmt.Sprintf("%v/%s", sig, command), func(t *testing.T) {
				root, seen := t.TempDir(), map[int]int{}
				n := 1
				for ; ; n++ {
					status, ok := testSignal(t, root, command, about, n, sig)
					if !ok {
						break
					}
					seen[status]++
				}
				ends := sig != syscall.SIGPIPE && !signal.Ignored(sig)
				if n < 15 || seen[exitOK] == 0 || (seen[exitInterrupted] > 0) != ends {
					t.Errorf("%d operations, times of each status: %v", n, seen)
				}
			})
		}
	}
}

// testSignal sends sig at the n-th operation; false if there is none.
func testSignal(t *testing.T, root, command string, about interruption, n int, sig syscall.Signal) (status int, ok bool) {
	t.Helper()
	s := newChangeScene(t, root)
	s.prepare(about)
	ctx, stop := signal.NotifyContext(t.Context(), interrupts()...)
	defer stop()
	sent := false
	s.fsys.Inject(n, faultfs.Fault{Call: func() {
		sent = true
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Error(err)
		}
		if sig == syscall.SIGPIPE || signal.Ignored(sig) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(settleSignal):
			t.Errorf("%v did not arrive", sig)
		}
	}})
	status = s.run(ctx, command)
	at := fmt.Sprintf("operation %d of %d", n, len(s.fsys.Ops()))
	want := map[int]string{exitOK: about.to, exitInterrupted: about.from}[status]
	if got := s.state(); got != want {
		t.Errorf("%s: status %d, %s", at, status, got)
	}
	s.honest(at, s.state())
	return status, sent && !t.Failed()
}

// settleSignal is how long a signal may take to arrive.
const settleSignal = 10 * time.Second

func (s *changeScene) prepare(about interruption) {
	s.Helper()
	for _, command := range about.before {
		if status := s.run(s.Context(), command); status != exitOK {
			s.Fatalf("%s: status %d", command, status)
		}
	}
	if got := s.state(); got != about.from {
		s.Fatalf("before: %s", got)
	}
}

// TestPanics lets each operation of each command panic: everything is undone or
// nothing was done, with the status 3, or the run is complete, with the status
// 4, as what it did cannot be said.
func TestPanics(t *testing.T) {
	for command, about := range interruptions() {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", command, late), func(t *testing.T) {
				root, seen := t.TempDir(), []int{}
				for n := 1; ; n++ {
					s := newChangeScene(t, root)
					s.prepare(about)
					s.fsys.Inject(n, faultfs.Fault{Call: func() { panic("a bug") }, After: late})
					status := s.run(t.Context(), command)
					if !s.fsys.Fired() {
						break
					}
					s.endsRight(fmt.Sprintf("operation %d", n), about, status)
					seen = append(seen, status)
				}
				if !slices.Contains(seen, exitFailed) {
					t.Errorf("statuses: %v", seen)
				}
			})
		}
	}
}

// endsRight compares the state after a panic with the exit status, and lets the
// next run recover.
func (s *changeScene) endsRight(at string, about interruption, status int) {
	s.Helper()
	got := s.state()
	switch status {
	case exitOK, exitPartial:
		if got != about.to {
			s.Errorf("%s: status %d, %s", at, status, got)
		}
	case exitFailed:
		// What confirm cannot complete ends the trial.
		if got != about.from && (about.from != "trial" || got != "old") {
			s.Errorf("%s: status %d, %s", at, status, got)
		}
	default:
		s.Errorf("%s: status %d", at, status)
	}
	s.fsys = s.fsys.Restart()
	s.m.Files = s.fsys
	if err := s.m.Recover(); err != nil {
		s.Errorf("%s: recover: %v", at, err)
	}
	if s.state() != got {
		s.Errorf("%s: the recovery made %s of %s", at, s.state(), got)
	}
	s.honest(at, got)
}
