// SPDX-License-Identifier: Apache-2.0

package change

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/atomicfile/faultfs"
	"github.com/tcptune/tcptune/sysctl"
)

// trialActions are what may happen to a trial, and the state to which each leads.
func trialActions() map[string]struct {
	to  string
	act func(t *testing.T, w *world) error
} {
	dog := &fakeDog{look: func() string { return "" }}
	return map[string]struct {
		to  string
		act func(t *testing.T, w *world) error
	}{
		"try": {"trial", func(t *testing.T, w *world) error {
			_, err := w.Try(t.Context(), w.plan(), ApplyOptions{}, time.Minute, dog)
			return err
		}},
		"confirm": {"new", func(t *testing.T, w *world) error {
			_, err := w.Confirm(t.Context(), ApplyOptions{Prove: func() error { return nil }}, dog)
			return err
		}},
		"revert": {"old", func(_ *testing.T, w *world) error {
			_, err := w.RevertTrial(1)
			return err
		}},
		"guard": {"old", func(_ *testing.T, w *world) error {
			w.Boottime = func() (float64, error) { return 1000, nil }
			_, err := w.GuardTrial(1, func() {})
			return err
		}},
		"rollback": {"old", func(t *testing.T, w *world) error { return w.rollback(t) }},
	}
}

// trialState is state, or "trial" when only live values are new.
func (w *world) trialState() string {
	if w.fsys.Files()[w.file] == oldFile && maps.Equal(w.live.values, newLive()) {
		return "trial"
	}
	return w.state()
}

// TestTrialFaults lets every operation of a trial fail in every way: of its beginning,
// of confirm, of the watchdog and of a rollback.
func TestTrialFaults(t *testing.T) {
	panics := map[string]faultfs.Fault{
		"panic":      {Call: func() { panic("a bug") }},
		"late panic": {Call: func() { panic("a bug") }, After: true},
	}
	all := faults()
	maps.Copy(all, panics)
	for action := range trialActions() {
		for name, fault := range all {
			t.Run(action+"/"+name, func(t *testing.T) {
				root, n := t.TempDir(), 1
				for testTrialFault(t, root, action, n, fault) {
					n++
				}
				if n < 15 {
					t.Errorf("only %d operations", n)
				}
			})
		}
	}
}

// testTrialFault meets the n-th operation; false if there is none.
func testTrialFault(t *testing.T, root, action string, n int, fault faultfs.Fault) bool {
	t.Helper()
	w := newWorldAt(root)
	w.Boottime = func() (float64, error) { return 100, nil }
	from, to, act := "old", trialActions()[action].to, trialActions()[action].act
	if action != "try" {
		from = "trial"
		if err := trialActions()["try"].act(t, w); err != nil {
			t.Fatal(err)
		}
	}
	before := len(w.fsys.Ops())
	w.fsys.Inject(n, fault)
	crashed, err := catchAny(func() error { return act(t, w) })
	if !w.fsys.Fired() {
		if err != nil || w.trialState() != to {
			t.Fatalf("no fault: %v, %s", err, w.trialState())
		}
		return false
	}
	ops := w.fsys.Ops()[before:]
	at := fmt.Sprintf("operation %d, %s", n, ops[min(n, len(ops))-1])
	switch got := w.trialState(); {
	case fault.Crash:
		w.afterPowerLoss(t, at)
	case errors.Is(err, ErrPartial): // complete, then a panic
		if got != to || !strings.Contains(err.Error(), "the run is complete") {
			t.Errorf("%s: %s after %v", at, got, err)
		}
	case err != nil && action == "guard":
		t.Errorf("%s: the watchdog gives up: %v", at, err)
	case err == nil && got != to && !crashed:
		t.Errorf("%s: %s without an error", at, got)
	case err != nil && action != "revert" && got != from && got != "old": // the watchdog comes again
		t.Errorf("%s: %s after %v", at, got, err)
	}
	w.use(w.fsys.Restart(), w.live.values)
	w.settle(t, at, n%2 == 0)
	return !t.Failed()
}

// catchAny calls f; a panic is an error, and a crash the end.
func catchAny(f func() error) (crashed bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			if _, crashed = p.(faultfs.Crash); !crashed {
				err = fmt.Errorf("panic: %v", p)
			}
		}
	}()
	return false, f()
}

// settle compares the journal with the state, which the watchdog makes the old one if a
// trial is pending still, and lets the next run come. Either this or the watchdog comes
// first.
func (w *world) settle(t *testing.T, at string, recoverFirst bool) {
	t.Helper()
	if recoverFirst {
		if err := w.Recover(); err != nil {
			t.Errorf("%s: recover: %v", at, err)
		}
	}
	if _, err := w.RevertTrial(1); err != nil && !strings.Contains(err.Error(), "not exist") {
		t.Errorf("%s: revert: %v", at, err)
	}
	if err := w.Recover(); err != nil {
		t.Errorf("%s: recover: %v", at, err)
	}
	state := w.trialState()
	if state != "old" && state != "new" {
		t.Errorf("%s: in the end %s", at, state)
	}
	w.honest(t, state)
	entries, err := w.History()
	if err != nil {
		t.Error(err)
	}
	for _, e := range entries {
		if e.Phase == PhasePartial || len(e.Left) > 0 {
			t.Errorf("%s: entry %d is %s and lacks %q, which nobody has touched", at, e.ID, e.Phase, e.Left)
		}
	}
	if state == "old" {
		if err := w.apply(t); err != nil || w.state() != "new" {
			t.Errorf("%s: the next run: %v, %s", at, err, w.state())
		}
	}
}

// stubborn is live values of which one cannot be written.
type stubborn struct {
	Live
	key sysctl.Key
}

func (l stubborn) Set(key sysctl.Key, value sysctl.Value) error {
	if key == l.key {
		return &sysctl.Error{Op: "write", Key: key, Err: syscall.EPERM}
	}
	return l.Live.Set(key, value)
}

// TestTrialEndsWhatItCan: a value that cannot be brought back does not keep the others,
// and the trial is over when all are back.
func TestTrialEndsWhatItCan(t *testing.T) {
	for key := range newLive() {
		w := newWorld(t)
		if err := trialActions()["try"].act(t, w); err != nil {
			t.Fatal(err)
		}
		w.Live = stubborn{w.live, key}
		if _, err := w.RevertTrial(1); !errors.Is(err, syscall.EPERM) {
			t.Errorf("%s: unexpected error %v", key, err)
		}
		want := oldLive()
		want[key] = newLive()[key]
		if !maps.Equal(want, w.live.values) {
			t.Errorf("%s: want %v, got %v", key, want, w.live.values)
		}
		w.Live = w.live
		if _, err := w.RevertTrial(1); err != nil || w.state() != "old" {
			t.Errorf("%s: the next try: %v, %s", key, err, w.state())
		}
	}
}

// TestTrialKeepsWatchdog: a confirm that can neither go on nor back leaves the watchdog,
// as the journal says that the trial is pending still.
func TestTrialKeepsWatchdog(t *testing.T) {
	w := newWorld(t)
	if err := trialActions()["try"].act(t, w); err != nil {
		t.Fatal(err)
	}
	dog := &fakeDog{}
	_, err := w.Confirm(t.Context(), ApplyOptions{Prove: func() error {
		for i := range 300 {
			w.fsys.Inject(1+i, faultfs.Fault{Err: syscall.EROFS})
		}
		return errors.New("shadowed")
	}}, dog)
	if !errors.Is(err, ErrPartial) || dog.disarmed {
		t.Errorf("unexpected error %v, disarmed %t", err, dog.disarmed)
	}
}
