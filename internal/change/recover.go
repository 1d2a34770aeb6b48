// SPDX-License-Identifier: Apache-2.0

package change

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/tcptune/tcptune/sysctl"
)

// Recover ends a run that was interrupted: completes it if its file is as planned,
// else undoes it. It is for writing commands, before they plan; they recover under
// their own lock too. Where there is nothing to recover it writes nothing.
func (m *Machine) Recover() error {
	entries, err := m.History()
	if err != nil || !slices.ContainsFunc(entries, m.interrupted) {
		return err
	}
	release, err := m.lock()
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	defer release()
	_, err = m.recover()
	return err
}

// interrupted reports whether recover has something to say about e.
func (m *Machine) interrupted(e Entry) bool {
	return e.Phase == PhasePending || e.Phase == PhaseTrial
}

// recover is Recover under the lock. It returns the journal as it is then.
func (m *Machine) recover() ([]Entry, error) {
	entries, err := m.History()
	if err != nil {
		return nil, err
	}
	// A process of one network namespace cannot see the values of another: entries
	// of that one stay as they are.
	for i := range slices.Backward(entries) {
		if e := &entries[i]; m.interrupted(*e) && !m.elsewhere(e) {
			if err := m.recoverEntry(e); err != nil {
				return nil, fmt.Errorf("recover the interrupted run %d: %w", e.ID, err)
			}
		}
	}
	markUndone(entries)
	return entries, nil
}

// elsewhere reports whether e changed live values of another network namespace of
// this boot.
func (m *Machine) elsewhere(e *Entry) bool {
	return e.Host.SameBoot(m.Host) && e.Host.Netns != m.Host.Netns && len(e.Changes) > 0
}

// recoverEntry ends one entry. An error other than ErrPartial leaves it for the next
// try.
func (m *Machine) recoverEntry(e *Entry) error {
	sameBoot := e.Host.BootID == m.Host.BootID
	now, mode, err := m.fileNow(e)
	if err != nil {
		return err
	}
	if e.File != nil && equalText(now, e.File.After) {
		return m.conclude(e, PhaseApplied, "", nil) // the commit point was reached
	}
	if e.Phase == PhaseTrial {
		if sameBoot {
			return m.recoverTrial(e)
		}
		return m.conclude(e, PhaseRolledBack, "the host was booted again before the trial was confirmed", nil)
	}
	var left []string
	if e.File != nil && (!equalText(now, e.File.Before) || now != nil && mode != e.File.Mode) {
		left = append(left, fmt.Sprintf("%s is neither as before nor as planned: another hand changed it", e.File.Path))
	}
	if sameBoot && m.Live != nil {
		foreign, err := m.undoInterrupted(e)
		if err != nil {
			return err
		}
		left = append(left, foreign...)
	}
	if len(left) > 0 {
		return m.conclude(e, PhasePartial, "the run was interrupted", left)
	}
	return m.conclude(e, PhaseFailed, "the run was interrupted", nil)
}

// fileNow reads the file of an entry, if it has one.
func (m *Machine) fileNow(e *Entry) (*string, uint32, error) {
	if e.File == nil {
		return nil, 0, nil
	}
	return m.readFile(e.File.Path)
}

// conclude writes the end of an interrupted entry; what is left makes it an error.
func (m *Machine) conclude(e *Entry, phase Phase, failure string, left []string) error {
	e.Phase, e.Failure, e.Left, e.Ended = phase, failure, left, m.clock()
	if err := m.save(e); err != nil {
		return err
	}
	if len(left) > 0 {
		return &PartialError{Entry: e.ID, Err: errors.New(failure), Left: left}
	}
	return nil
}

// undoInterrupted brings back, in reverse, the values that are still as the run left
// them, and names the others.
func (m *Machine) undoInterrupted(e *Entry) (foreign []string, err error) {
	for _, c := range slices.Backward(e.Changes) {
		now, err := m.Live.Get(c.Key)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // the module went, and its values with it
		case err != nil:
			return nil, err
		case now.Equal(c.Before):
		case m.ours(c, now):
			if _, err := m.write(c.Key, c.Before); err != nil {
				return nil, err
			}
		default:
			foreign = append(foreign, fmt.Sprintf("%s is %q, neither %q as before nor %q as planned: another hand changed it", c.Key, now, c.Before, c.After))
		}
	}
	return foreign, nil
}

// ours reports whether a run that was interrupted left this value: the new one, or a
// vector of which a failed write changed the first fields.
func (m *Machine) ours(c Change, now sysctl.Value) bool {
	if m.same(c.Key, c.After, now) {
		return true
	}
	before, after, fields := c.Before.Fields(), c.After.Fields(), now.Fields()
	if len(before) != len(fields) || len(after) != len(fields) {
		return false
	}
	for i, field := range fields {
		if field != before[i] && field != after[i] {
			return false
		}
	}
	return true
}
