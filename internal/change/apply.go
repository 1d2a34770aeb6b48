// SPDX-License-Identifier: Apache-2.0

package change

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/sysctl"
)

// ApplyOptions are how a plan is applied.
type ApplyOptions struct {
	Summary string // what was asked for, for the journal
	// Prove checks, when the files are written, that they say what they should. Nil
	// stands for reading them again as both loaders do.
	Prove func() error
	// Reload runs the host's own loader on the drop-in (as seen from inside the root);
	// nil runs none. Its error undoes the run: exit statuses of loaders are no errors,
	// as the values are read again.
	Reload func(ctx context.Context, file string) (*Reload, error)
	// Trial makes the run a trial: live values only, and Entry.File says what confirm
	// is going to write.
	Trial *Trial
	// Arm starts the watchdog of a trial, when the entry is in the journal and before
	// anything is written. It may complete e.Trial.
	Arm func(e *Entry) error
}

// Apply does what the plan says, or nothing. A plan that changes nothing leaves no
// trace. The result of a run that failed says how far it came; the error of one that
// is not begun comes without a result. See ErrBusy, ErrRefused and ErrPartial.
func (m *Machine) Apply(ctx context.Context, p *Plan, o ApplyOptions) (*Result, error) {
	if err := m.accepts(p); err != nil {
		return nil, fmt.Errorf("apply: %w", err)
	}
	if !p.Changed() {
		return m.applyNothing(p)
	}
	release, err := m.lock()
	if err != nil {
		return nil, fmt.Errorf("apply: %w", err)
	}
	defer release()
	entries, err := m.recover()
	if err == nil {
		err = m.noTrial(entries)
	}
	if err == nil {
		err = m.fresh(p)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("apply: %w", err)
	}
	defer m.hold()()
	return m.apply(ctx, p, o)
}

// apply is Apply under the lock, when everything is as the plan found it.
func (m *Machine) apply(ctx context.Context, p *Plan, o ApplyOptions) (*Result, error) {
	entry, err := m.newEntry(KindApply, p, o.Summary)
	if err != nil {
		return nil, fmt.Errorf("apply: %w", err)
	}
	entry.Trial = o.Trial
	r := &run{m: m, entry: entry, arm: o.Arm, shadowed: p.shadowed()}
	result := &Result{Entry: entry.ID, File: p.File, Before: p.Before, After: p.After, Trial: o.Trial}
	if p.Mode != ModeRuntime && p.After != nil {
		r.prove = o.Prove
		if r.prove == nil {
			r.prove = func() error { return m.prove(p) }
		}
	}
	if o.Reload != nil && m.Live != nil && p.Mode == ModeBoth && p.After != nil {
		r.reload = func() (err error) {
			result.Reload, err = o.Reload(ctx, p.File)
			return err
		}
	}
	if err := r.do(); err != nil {
		err = r.report(err, func() { result.After, result.Keys = m.contentNow(p.File), m.keyResults(p, r) })
		return result, fmt.Errorf("apply: %w", err)
	}
	result.Changed = true
	result.Persisted = p.Mode != ModeRuntime && entry.Trial == nil && p.After != nil
	if err := r.report(nil, func() { result.Keys = m.keyResults(p, nil) }); err != nil {
		return result, fmt.Errorf("apply: %w", err)
	}
	return result, nil
}

// accepts refuses a plan that must not be applied at all.
func (m *Machine) accepts(p *Plan) error {
	switch {
	case len(p.Refused()) > 0:
		return refuse("%s", p.Refused()[0].Text)
	case p.Host.BootID != m.Host.BootID || p.Host.Netns != m.Host.Netns:
		return refuse("%w: this one is of another host, boot or network namespace", ErrStale)
	case p.Mode == ModeRuntime && m.Live == nil:
		return refuse("a directory tree has no live values")
	case p.Mode != ModeRuntime && m.Live != nil && m.Host.child():
		return refuse("this is not the initial network namespace: the files below /etc are those of the host [--runtime-only changes live values only]")
	}
	return nil
}

// applyNothing is the run of a plan that changes nothing. Only a trial is in its way,
// as far as the journal may be read.
func (m *Machine) applyNothing(p *Plan) (*Result, error) {
	entries, err := m.History()
	if err == nil {
		err = m.noTrial(entries)
	}
	if errors.Is(err, ErrBusy) {
		return nil, fmt.Errorf("apply: %w", err)
	}
	return &Result{
		File: p.File, Before: p.Before, After: p.After,
		Persisted: p.Mode != ModeRuntime && p.After != nil,
		Keys:      m.keyResults(p, nil),
	}, nil
}

// noTrial is ErrBusy while a trial is pending.
func (m *Machine) noTrial(entries []Entry) error {
	for _, e := range entries {
		if e.Phase == PhaseTrial && (m.Live == nil || e.Host.SameBoot(m.Host)) {
			return fmt.Errorf("%w: entry %d is a trial that is neither confirmed nor over", ErrBusy, e.ID)
		}
	}
	return nil
}

// fresh refuses a plan that no longer fits what is there.
func (m *Machine) fresh(p *Plan) error {
	if p.Mode != ModeRuntime {
		now, _, err := m.readFile(p.File)
		if err != nil {
			return err
		}
		if !equalText(now, p.Before) {
			return refuse("%w: %s was changed since", ErrStale, p.File)
		}
	}
	if m.Live == nil || p.Mode == ModePersist {
		return nil
	}
	for _, s := range p.Steps {
		if s.Live == nil || s.Status != Changed && s.Status != Unchanged {
			continue
		}
		now, err := m.Live.Get(s.Key)
		if err != nil {
			return err
		}
		if !now.Equal(*s.Live) {
			return refuse("%w: %s is %q now and was %q then", ErrStale, s.Key, now, *s.Live)
		}
	}
	return nil
}

// newEntry makes the entry of a run of the plan. The plan is fresh: what it says was
// there is there.
func (m *Machine) newEntry(kind Kind, p *Plan, summary string) (*Entry, error) {
	id, err := m.nextID()
	if err != nil {
		return nil, err
	}
	e := &Entry{
		SchemaVersion: EntrySchemaVersion, ID: id, Kind: kind, Phase: PhasePending, Started: *m.clock(),
		Tool: m.Tool, Host: m.Host, Mode: p.Mode, Summary: summary,
		Changes: m.changes(p), Prior: p.Prior, State: p.State,
	}
	if p.Mode != ModeRuntime && !equalText(p.Before, p.After) {
		_, mode, err := m.readFile(p.File)
		if err != nil {
			return nil, err
		}
		e.File = &FileChange{Path: p.File, Before: p.Before, Mode: mode, After: p.After}
	}
	return e, nil
}

// changes returns the live values to write, in an order that the kernel takes.
func (m *Machine) changes(p *Plan) []Change {
	changes := []Change{}
	if m.Live == nil || p.Mode == ModePersist {
		return changes
	}
	from, to := map[sysctl.Key]sysctl.Value{}, map[sysctl.Key]sysctl.Value{}
	var keys []sysctl.Key
	for _, s := range p.Steps {
		if s.Status != Changed || s.Live == nil || s.New == nil {
			continue
		}
		if s.Action == ActionRestore && !s.New.Equal(*s.Live) || !m.same(s.Key, *s.New, *s.Live) {
			keys = append(keys, s.Key)
			from[s.Key], to[s.Key] = *s.Live, *s.New
		}
	}
	for _, key := range sysctl.WriteOrder(keys, m.known(from), m.known(to)) {
		changes = append(changes, Change{Key: key, Before: from[key], After: to[key]})
	}
	return changes
}

// known looks values up: those given, else the live one, which stays as it is.
func (m *Machine) known(values map[sysctl.Key]sysctl.Value) func(sysctl.Key) (sysctl.Value, bool) {
	return func(key sysctl.Key) (sysctl.Value, bool) {
		if v, ok := values[key]; ok {
			return v, true
		}
		v, err := m.Live.Get(key)
		return v, err == nil
	}
}

// prove reads the files again and makes sure that each line of the plan's state wins
// under both loaders, except those whose loss was accepted.
func (m *Machine) prove(p *Plan) error {
	if !sysctl.BootLoader(m.Paths.Root).Known {
		return nil // the plan says so
	}
	files, err := sysctl.FindLines(m.Paths.Root)
	if err != nil {
		return err
	}
	shadowed := p.shadowed()
	target := hostFiles(m.Paths.Root).inside(p.File)
	for _, s := range p.State.Settings {
		if s.Overridden || shadowed[s.Key] {
			continue
		}
		for _, loader := range sysctl.Loaders() {
			w := files.Outcome(loader, s.Key).Winner
			switch {
			case w == nil:
				return fmt.Errorf("prove %s: no line of it is found by %s", s.Key, loader)
			case w.File != target && !s.MetBy(m.Catalogue, sysctl.Value(w.Value)):
				return fmt.Errorf("prove %s: under %s the line %s:%d wins", s.Key, loader, w.File, w.Number)
			case w.File == target && !sysctl.Value(w.Value).Equal(s.Value):
				return fmt.Errorf("prove %s: line %d of %s says %q", s.Key, w.Number, w.File, w.Value)
			}
		}
	}
	return nil
}

// shadowed returns the keys whose line may lose.
func (p *Plan) shadowed() map[sysctl.Key]bool {
	keys := map[sysctl.Key]bool{}
	for _, s := range p.Steps {
		if s.Shadowed {
			keys[s.Key] = true
		}
	}
	return keys
}

// keyResults says of each key what was done. A run that failed is not nil: what it
// would have changed is then as before, or left in part, as its error says.
func (m *Machine) keyResults(p *Plan, failed *run) []KeyResult {
	results := []KeyResult{}
	for _, s := range p.Steps {
		k := KeyResult{Key: s.Key, Before: s.Live, Wanted: s.New, Status: s.Status, Detail: s.Detail, Shadowed: s.Shadowed}
		if m.Live != nil {
			if now, err := m.Live.Get(s.Key); err == nil {
				k.After = &now
			}
		}
		if failed != nil && s.Status == Changed {
			k.Status, k.Detail = Unchanged, "undone, as the run failed"
			if s.Key == failed.failed {
				k.Status, k.Detail = Failed, failed.entry.Failure
			}
			if k.After != nil && k.Before != nil && !k.After.Equal(*k.Before) {
				k.Status, k.Detail = Failed, "it could not be undone"
			}
		}
		results = append(results, k)
	}
	return results
}

// makeParent makes the directory of name, as seen from inside the root.
func (m *Machine) makeParent(name string) error {
	host, err := m.hostPath(name)
	if err != nil {
		return err
	}
	dir := filepath.Dir(host)
	if err := atomicfile.MakeDir(m.Files, dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func (m *Machine) clock() *time.Time {
	now := time.Now
	if m.Now != nil {
		now = m.Now
	}
	t := now().UTC()
	return &t
}

// hold keeps signals away until the function that it returns is called.
func (m *Machine) hold() (release func()) {
	if m.Hold == nil {
		return func() {}
	}
	return m.Hold()
}
