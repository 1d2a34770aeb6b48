// SPDX-License-Identifier: Apache-2.0

package change

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/sysctl"
)

// RollbackOptions say how far to go back and what may be in the way.
type RollbackOptions struct {
	Summary string // what was asked for, for the journal
	// To is the entry that is to be the newest in effect then; 0 goes back to before
	// everything. Nil undoes the newest entry in effect, or what is left of a run that
	// failed after it.
	To      *int
	Force   bool // also what another hand changed since
	Partial bool // leave out what another hand changed since
	// PersistOnly undoes only the drop-in: all that is left to undo after a boot.
	PersistOnly bool
}

// A RollbackPlan is a plan backwards.
type RollbackPlan struct {
	Plan    *Plan    `json:"plan"`
	Undoes  []int    `json:"undoes"`            // entries, newest first; none if there is nothing to undo
	Skipped []string `json:"skipped,omitempty"` // what Partial leaves out, one sentence each

	mode uint32 // permission bits that the file gets
}

// PlanRollback returns what Rollback would do. It refuses what Rollback would refuse.
func (m *Machine) PlanRollback(o RollbackOptions) (*RollbackPlan, error) {
	entries, err := m.History()
	var p *RollbackPlan
	if err == nil {
		p, err = m.planRollback(entries, o)
	}
	if err != nil {
		return nil, fmt.Errorf("plan the rollback: %w", err)
	}
	return p, nil
}

// Rollback undoes entries of the journal: exact values, and the exact bytes and mode
// of the file. With nothing to undo it changes nothing. Errors are as those of Apply.
func (m *Machine) Rollback(ctx context.Context, o RollbackOptions) (*Result, error) {
	entries, err := m.History()
	if err != nil {
		return nil, fmt.Errorf("roll back: %w", err)
	}
	if !slices.ContainsFunc(entries, func(e Entry) bool { return e.undoable() || e.Phase == PhasePending }) {
		return &Result{Keys: []KeyResult{}}, nil
	}
	release, err := m.lock()
	if err != nil {
		return nil, fmt.Errorf("roll back: %w", err)
	}
	defer release()
	if entries, err = m.recover(); err != nil {
		return nil, fmt.Errorf("roll back: %w", err)
	}
	p, err := m.planRollback(entries, o)
	if err != nil {
		return nil, fmt.Errorf("roll back: %w", err)
	}
	if len(p.Undoes) == 0 {
		return &Result{Keys: []KeyResult{}}, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("roll back: %w", err)
	}
	defer m.hold()()
	return m.rollback(p, o)
}

// rollback does the plan, under the lock.
func (m *Machine) rollback(p *RollbackPlan, o RollbackOptions) (*Result, error) {
	entry, err := m.newEntry(KindRollback, p.Plan, o.Summary)
	if err != nil {
		return nil, fmt.Errorf("roll back: %w", err)
	}
	entry.Undoes = p.Undoes
	r := &run{m: m, entry: entry, mode: fs.FileMode(p.mode)}
	result := &Result{Entry: entry.ID, File: p.Plan.File, Before: p.Plan.Before, After: p.Plan.After, Notes: p.Skipped}
	if err := r.do(); err != nil {
		err = r.report(err, func() { result.After, result.Keys = m.contentNow(p.Plan.File), m.keyResults(p.Plan, r) })
		return result, fmt.Errorf("roll back: %w", err)
	}
	result.Changed = p.Plan.Changed()
	result.Persisted = p.Plan.Mode != ModeRuntime && p.Plan.After != nil
	if err := r.report(nil, func() { result.Keys = m.keyResults(p.Plan, nil) }); err != nil {
		return result, fmt.Errorf("roll back: %w", err)
	}
	return result, nil
}

// planRollback works the plan out from a journal.
func (m *Machine) planRollback(entries []Entry, o RollbackOptions) (*RollbackPlan, error) {
	undone, err := chooseUndone(m.counting(entries), o.To)
	if err != nil {
		return nil, err
	}
	p := &RollbackPlan{Plan: &Plan{
		SchemaVersion: PlanSchemaVersion, Tool: m.Tool, Created: *m.clock(), Host: m.Host, Mode: ModeBoth,
		Steps: []Step{}, Conflicts: []Conflict{}, Owners: []Owner{}, Notes: []string{},
	}}
	if len(undone) == 0 {
		return p, nil
	}
	for _, e := range undone {
		if err := m.canUndo(&e, o); err != nil {
			return nil, err
		}
		p.Undoes = append(p.Undoes, e.ID)
	}
	p.Plan.Prior, p.Plan.State = undone[0].State, undone[len(undone)-1].Prior
	foreign, err := m.planFileBack(p, undone, o)
	if err != nil {
		return nil, err
	}
	if !o.PersistOnly {
		more, err := m.planLiveBack(p, undone, o)
		if err != nil {
			return nil, err
		}
		foreign = append(foreign, more...)
	}
	switch {
	case len(foreign) > 0 && o.Partial:
		p.Skipped = foreign
	case len(foreign) > 0 && !o.Force:
		return nil, refuse("another hand changed it since: %s [--partial leaves it as it is, --force writes all the same]", strings.Join(foreign, "; "))
	}
	p.Plan.Mode = mode(p.Plan, o)
	if len(p.Skipped) > 0 && !p.Plan.Changed() {
		return nil, refuse("nothing is left to undo but what another hand changed since: %s [--force writes all the same]", strings.Join(p.Skipped, "; "))
	}
	return p, nil
}

// mode says what a plan backwards touches.
func mode(p *Plan, o RollbackOptions) Mode {
	switch {
	case o.PersistOnly:
		return ModePersist
	case p.File == "":
		return ModeRuntime
	}
	return ModeBoth
}

// undoable reports whether a rollback can undo e: also what a run that failed left.
func (e *Entry) undoable() bool {
	return e.InEffect() || e.Kind == KindApply && e.Phase == PhasePartial
}

// chooseUndone returns the entries to undo, newest first.
func chooseUndone(entries []Entry, to *int) ([]Entry, error) {
	var undone []Entry
	for _, e := range slices.Backward(entries) {
		if !e.undoable() {
			continue
		}
		if to == nil {
			return []Entry{e}, nil
		}
		if e.ID > *to {
			undone = append(undone, e)
		}
	}
	if to == nil || *to == 0 {
		return undone, nil
	}
	for _, e := range entries {
		if e.ID == *to && e.InEffect() {
			return undone, nil
		}
	}
	return nil, refuse("entry %d is not in effect: only one that is, or 0, can be gone back to", *to)
}

// canUndo refuses an entry of another boot or network namespace.
func (m *Machine) canUndo(e *Entry, o RollbackOptions) error {
	here := e.Host.BootID == m.Host.BootID && e.Host.Netns == m.Host.Netns
	initial := m.Live == nil || m.Host.Initial != nil && *m.Host.Initial
	switch {
	case o.PersistOnly && !initial:
		return refuse("this is not known to be the initial network namespace: the files below /etc may be those of another host")
	case here || o.PersistOnly:
		return nil
	case e.Host.SameBoot(m.Host):
		return refuse("entry %d belongs to the network namespace %s, this is %s", e.ID, e.Host.Netns, m.Host.Netns)
	}
	return refuse("entry %d belongs to another boot or host: its live values are gone [--persist-only undoes the drop-in, if this is the initial network namespace]", e.ID)
}

// planFileBack plans what the file is to be, and says if another hand changed it.
func (m *Machine) planFileBack(p *RollbackPlan, undone []Entry, o RollbackOptions) (foreign []string, err error) {
	var newest, oldest *FileChange
	for i, e := range undone {
		if e.File == nil || e.Phase == PhaseTrial {
			continue // a trial has not written it
		}
		if newest == nil {
			newest = undone[i].File
		}
		oldest = undone[i].File
		if oldest.Path != newest.Path {
			return nil, refuse("entry %d wrote %s and a later one %s [roll back to one after the other]", e.ID, oldest.Path, newest.Path)
		}
	}
	if newest == nil {
		return nil, nil
	}
	now, _, err := m.readFile(newest.Path)
	if err != nil {
		return nil, err
	}
	if !equalText(now, newest.After) && !equalText(now, oldest.Before) {
		foreign = append(foreign, newest.Path+" is not as tcptune wrote it")
		if o.Partial {
			p.Plan.State = p.Plan.Prior
			return foreign, nil
		}
	}
	p.Plan.File, p.Plan.Before, p.Plan.After, p.mode = newest.Path, now, oldest.Before, oldest.Mode
	return foreign, nil
}

// planLiveBack plans a step for each key, and names those that another hand changed.
func (m *Machine) planLiveBack(p *RollbackPlan, undone []Entry, o RollbackOptions) (foreign []string, err error) {
	var keys []sysctl.Key
	last, first := map[sysctl.Key]Change{}, map[sysctl.Key]Change{}
	for _, e := range undone {
		for _, c := range slices.Backward(e.Changes) {
			if _, seen := last[c.Key]; !seen {
				last[c.Key] = c
				keys = append(keys, c.Key)
			}
			first[c.Key] = c
		}
	}
	if len(keys) > 0 && m.Live == nil {
		return nil, refuse("a directory tree has no live values")
	}
	for _, key := range keys {
		target := first[key].Before
		step := Step{Key: key, Action: ActionRestore, New: &target, Status: Changed, Reason: "as it was before", Risk: "none"}
		now, err := m.Live.Get(key)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			step.Status, step.Detail = Unsupported, "it is gone, and its value with it"
			p.Plan.Steps = append(p.Plan.Steps, step)
			continue
		case err != nil:
			return nil, err
		case now.Equal(target):
			step.Status = Unchanged
		case !m.same(key, last[key].After, now):
			foreign = append(foreign, fmt.Sprintf("%s is %q, tcptune wrote %q", key, now, last[key].After))
			if o.Partial {
				continue
			}
		}
		step.Live = &now
		p.Plan.Steps = append(p.Plan.Steps, step)
	}
	return foreign, nil
}
