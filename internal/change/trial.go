// SPDX-License-Identifier: Apache-2.0

package change

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// MaxTrial is the longest trial.
const MaxTrial = 24 * time.Hour

// A Watchdog ends a trial that nobody confirms, also when this process is gone.
type Watchdog interface {
	// Arm returns when the watchdog waits for the entry's deadline, and how it can be
	// found: "process PID", "systemd-run UNIT".
	Arm(e *Entry) (how string, err error)
	// Disarm is called when the trial is over; a watchdog that still comes finds that
	// itself.
	Disarm(t *Trial)
}

// ErrNoTrial is that no trial is pending.
var ErrNoTrial = errors.New("no trial is pending")

// Try applies the plan as a trial: it changes live values only and, unless Confirm
// comes within the time, the watchdog brings them back. The watchdog is armed before
// the first write. The drop-in is written by Confirm, so a reboot ends a trial, too.
func (m *Machine) Try(ctx context.Context, p *Plan, o ApplyOptions, within time.Duration, dog Watchdog) (*Result, error) {
	switch {
	case within < time.Second || within > MaxTrial:
		return nil, fmt.Errorf("apply: %w", refuse("a trial of %v: between 1s and %v are allowed", within, MaxTrial))
	case p.Mode == ModePersist || m.Live == nil:
		return nil, fmt.Errorf("apply: %w", refuse("a trial changes live values, and this plan is about files only"))
	}
	boottime, err := m.boottime()
	if err != nil {
		return nil, fmt.Errorf("apply: %w", err)
	}
	o.Trial = &Trial{Seconds: int(within.Seconds()), Deadline: m.clock().Add(within), Boottime: boottime + within.Seconds()}
	for _, s := range p.Steps {
		if s.Shadowed {
			o.Trial.Shadowed = append(o.Trial.Shadowed, s.Key)
		}
	}
	o.Arm = func(e *Entry) (err error) {
		if e.Trial.Watchdog, err = dog.Arm(e); err != nil {
			return err
		}
		return m.save(e)
	}
	result, err := m.Apply(ctx, p, o)
	if result != nil && err != nil {
		m.disarm(result.Entry, o.Trial, dog)
	}
	return result, err
}

// disarm stops the watchdog when the journal says that the trial is over. Else it is
// what ends it.
func (m *Machine) disarm(id int, t *Trial, dog Watchdog) {
	if e, err := m.Entry(id); err == nil && !m.interrupted(*e) {
		dog.Disarm(t)
	}
}

// Confirm makes the pending trial last: it writes the drop-in, proves it and runs
// o.Reload as Apply does. If that fails the trial is over and everything is as it was
// before it. ErrNoTrial and ErrRefused mean that nothing was done.
func (m *Machine) Confirm(ctx context.Context, o ApplyOptions, dog Watchdog) (*Result, error) {
	result, err := m.confirm(ctx, o, dog)
	if err != nil {
		err = fmt.Errorf("confirm: %w", err)
	}
	return result, err
}

func (m *Machine) confirm(ctx context.Context, o ApplyOptions, dog Watchdog) (*Result, error) {
	if err := m.confirmable(); err != nil { // before a lock file is made
		return nil, err
	}
	release, err := m.lock()
	if err != nil {
		return nil, err
	}
	defer release()
	entries, err := m.recover()
	if err != nil {
		return nil, err
	}
	e := pendingTrial(entries)
	if e == nil {
		return nil, fmt.Errorf("%w: it is over", ErrNoTrial)
	}
	if err := m.untouched(e); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	defer m.hold()()
	result := &Result{Entry: e.ID, Keys: []KeyResult{}}
	r := &run{m: m, entry: e, touched: len(e.Changes)}
	if e.File != nil {
		result.File, result.Before, result.After = e.File.Path, e.File.Before, e.File.After
		r.prove = func() error { return m.prove(confirmed(e)) }
		if o.Prove != nil {
			r.prove = o.Prove
		}
		if o.Reload != nil {
			r.reload = func() (err error) {
				result.Reload, err = o.Reload(ctx, e.File.Path)
				return err
			}
		}
	}
	if err := r.keep(); err != nil {
		result.After = result.Before
		return result, r.report(err, func() { m.disarm(e.ID, e.Trial, dog) })
	}
	result.Changed, result.Kept, result.Persisted = true, true, e.File != nil && e.File.After != nil
	for _, c := range e.Changes {
		result.Keys = append(result.Keys, KeyResult{
			Key: c.Key, Before: &c.Before, Wanted: &c.After, After: &c.After, Status: Changed, Shadowed: slices.Contains(e.Trial.Shadowed, c.Key),
		})
	}
	return result, r.report(nil, func() { m.disarm(e.ID, e.Trial, dog) })
}

// confirmable says why there is nothing to confirm.
func (m *Machine) confirmable() error {
	entries, err := m.History()
	if err != nil {
		return err
	}
	e := pendingTrial(entries)
	if e == nil {
		return ErrNoTrial
	}
	if reason := e.foreign(m.Host); reason != "" {
		return refuse("%s: only there it can be confirmed, and a reboot has ended it", reason)
	}
	return nil
}

// pendingTrial returns the newest entry that is a trial; nil if there is none.
func pendingTrial(entries []Entry) *Entry {
	for i := range slices.Backward(entries) {
		if entries[i].Phase == PhaseTrial && entries[i].Trial != nil {
			return &entries[i]
		}
	}
	return nil
}

// untouched refuses to keep what is no longer what was tried.
func (m *Machine) untouched(e *Entry) error {
	for _, c := range e.Changes {
		now, err := m.Live.Get(c.Key)
		if err != nil {
			return err
		}
		if !m.same(c.Key, c.After, now) {
			return refuse("%s is %q, the trial set it to %q: another hand changed it", c.Key, now, c.After)
		}
	}
	if e.File == nil {
		return nil
	}
	now, _, err := m.readFile(e.File.Path)
	if err == nil && !equalText(now, e.File.Before) {
		err = refuse("%s was changed since the trial began", e.File.Path)
	}
	return err
}

// confirmed is as much of the plan of a trial as its proof needs.
func confirmed(e *Entry) *Plan {
	p := &Plan{File: e.File.Path, State: e.State}
	for _, key := range e.Trial.Shadowed {
		p.Steps = append(p.Steps, Step{Key: key, Shadowed: true})
	}
	if e.File.After == nil {
		p.State = State{} // there are no lines to prove
	}
	return p
}

// keep commits what a trial tried, or undoes all of it.
func (r *run) keep() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		if err != nil {
			err = r.fail(err)
		}
	}()
	if err := r.commit(); err != nil {
		return err
	}
	r.entry.Phase, r.entry.Ended = PhaseApplied, r.m.clock()
	if err := r.m.save(r.entry); err != nil && !r.m.saved(r.entry) {
		return err
	}
	return nil
}

// maxGuardFailures is how often the watchdog tries to read the journal or to put the
// values back.
const maxGuardFailures = 20

// GuardTrial is the watchdog's work: it waits for the deadline of the trial and then
// brings the values back. It ends early when the trial does. Each tick of wait, which
// is about a second, the clock is looked at again, as the host may have slept.
func (m *Machine) GuardTrial(id int, wait func()) (*Result, error) {
	for failures := 0; ; wait() {
		var result *Result
		err := quietly(func() (err error) {
			result, err = m.guard(id)
			return err
		})
		switch {
		case err == nil && result != nil, errors.Is(err, ErrRefused), errors.Is(err, ErrPartial):
			return result, err
		case err == nil, errors.Is(err, ErrBusy): // a confirm, perhaps, or the run that began the trial
			failures = 0
			continue
		}
		if failures++; failures == maxGuardFailures {
			return nil, fmt.Errorf("guard the trial: %w", err)
		}
	}
}

// guard looks once and ends the trial if it is time. The result is nil while there is
// something to guard.
func (m *Machine) guard(id int) (*Result, error) {
	e, err := m.Entry(id)
	switch {
	case err != nil:
		return nil, err
	case e.Trial == nil || e.Phase != PhaseTrial && e.Phase != PhasePending:
		return &Result{Entry: id, Keys: []KeyResult{}}, nil
	case !m.expired(e.Trial):
		return nil, nil
	}
	return m.RevertTrial(id)
}

// RevertTrial ends the trial with this id if it is still one, whatever its deadline: a
// value that is still as the trial set it comes back, another is left alone and named
// in the result's notes and the journal. A run that was interrupted before its trial
// began is undone.
func (m *Machine) RevertTrial(id int) (*Result, error) {
	release, err := m.lock()
	if err != nil {
		return nil, fmt.Errorf("revert the trial: %w", err)
	}
	defer release()
	result := &Result{Entry: id, Keys: []KeyResult{}}
	e, err := m.Entry(id) // and no other: damage or a failure there must not keep the values
	if err == nil && m.elsewhere(e) {
		err = refuse("entry %d belongs to the network namespace %s, this is %s", id, e.Host.Netns, m.Host.Netns)
	}
	if err == nil && m.interrupted(*e) {
		defer m.hold()()
		m.recoverLater(id)
		err = m.revertTrial(e)
		result.Changed = err == nil && e.Phase != PhaseApplied
		result.Notes = e.Left
	}
	if err != nil {
		err = fmt.Errorf("revert the trial: %w", err)
	}
	return result, err
}

// recoverLater undoes what was interrupted after the trial began, a rollback of it:
// left for later, its recovery would bring the tried values back. What fails there must
// not keep them.
func (m *Machine) recoverLater(id int) {
	entries, _ := m.History()
	for i := range slices.Backward(entries) {
		if e := &entries[i]; e.ID > id && e.Phase == PhasePending && !m.elsewhere(e) {
			_ = m.recoverEntry(e)
		}
	}
}

// revertTrial ends an entry that is a trial, or that was to become one. A confirm that
// was killed after it wrote the file is completed.
func (m *Machine) revertTrial(e *Entry) error {
	if err := m.recoverEntry(e); err != nil || e.Phase != PhaseTrial {
		return err
	}
	return m.endTrial(e)
}

// endTrial brings back the values of a trial, last first, each only if it is still as
// the trial set it. One that cannot be brought back does not keep the others, and the
// entry is still a trial then, for the next try.
func (m *Machine) endTrial(e *Entry) error {
	var left []string
	var failed []error
	for _, c := range slices.Backward(e.Changes) {
		now, err := m.Live.Get(c.Key)
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && now.Equal(c.Before):
			continue
		case err != nil:
			failed = append(failed, err)
			continue
		case !m.ours(c, now):
			left = append(left, fmt.Sprintf("%s is %q, the trial set it to %q: another hand changed it, so it stays", c.Key, now, c.After))
			continue
		}
		if _, err := m.write(c.Key, c.Before); err != nil {
			failed = append(failed, err)
		}
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	e.Phase, e.Failure, e.Left, e.Ended = PhaseRolledBack, "the trial was not confirmed", left, m.clock()
	return m.save(e)
}

// expired reports whether the deadline of a trial has passed. Time during which the
// host slept counts. A clock that cannot be read ends the trial.
func (m *Machine) expired(t *Trial) bool {
	now, err := m.boottime()
	return err != nil || now >= t.Boottime
}

// recoverTrial ends a trial of this boot that is past its deadline.
func (m *Machine) recoverTrial(e *Entry) error {
	if m.Live == nil || e.Trial == nil || !m.expired(e.Trial) {
		return nil // its watchdog ends it
	}
	return m.endTrial(e)
}
