// SPDX-License-Identifier: Apache-2.0

package change

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/sysctl"
)

// dropInMode is the mode of a drop-in: loaders of all users may read it.
const dropInMode fs.FileMode = 0o644

// A run takes one entry from pending to its end. Apply and rollback are the same run
// with other changes.
type run struct {
	m      *Machine
	entry  *Entry
	arm    func(*Entry) error // starts the watchdog of a trial; nil for none
	prove  func() error       // whether the files say what they should; nil for no proof
	reload func() error       // runs the host's loader; nil for none
	mode   fs.FileMode        // permission bits of the new file; 0 stands for 0644

	shadowed map[sysctl.Key]bool // keys whose line loses, which was accepted

	touched int        // so many changes of the entry were begun
	file    bool       // the file was begun
	failed  sysctl.Key // the key whose write or reading back failed
}

// do does the run. On an error or a panic everything is undone.
func (r *run) do() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = r.fail(fmt.Errorf("panic: %v", p))
		} else if err != nil {
			err = r.fail(err)
		}
	}()
	r.entry.Phase = PhasePending
	if err := r.m.save(r.entry); err != nil {
		return err
	}
	if err := call(r.arm, r.entry); err != nil {
		return fmt.Errorf("arm the watchdog: %w", err)
	}
	if err := r.writeLive(); err != nil {
		return err
	}
	if r.entry.Trial == nil {
		if err := r.commit(); err != nil {
			return err
		}
	}
	return r.end()
}

func call(f func(*Entry) error, e *Entry) error {
	if f == nil {
		return nil
	}
	return f(e)
}

// writeLive writes each value and reads it back.
func (r *run) writeLive() error {
	for i := range r.entry.Changes {
		r.touched = i + 1
		c := &r.entry.Changes[i]
		read, err := r.m.write(c.Key, c.After)
		if err != nil {
			r.failed = c.Key
			return errors.Join(err, r.putBack(*c))
		}
		c.After = read
	}
	return nil
}

// write writes one value, reads it back, and returns it as the kernel prints it.
func (m *Machine) write(key sysctl.Key, value sysctl.Value) (sysctl.Value, error) {
	if err := m.Live.Set(key, value); err != nil {
		return "", explainWrite(key, value, err)
	}
	read, err := m.Live.Get(key)
	if err != nil {
		return "", err
	}
	if !m.same(key, value, read) {
		return "", &sysctl.Error{Op: "write", Key: key, Err: fmt.Errorf("%q was written and %q is read back", value, read)}
	}
	return read, nil
}

// explainWrite says what an error of the kernel means that does not tell it by itself.
func explainWrite(key sysctl.Key, value sysctl.Value, err error) error {
	if path.Base(key.Path()) == "tcp_congestion_control" && errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%w: this kernel has no algorithm %q and no module of it; net.ipv4.tcp_available_congestion_control names those that are loaded", err, value)
	}
	return fmt.Errorf("%w (the value is %q)", err, value)
}

// same reports whether read is what the kernel makes of wrote.
func (m *Machine) same(key sysctl.Key, wrote, read sysctl.Value) bool {
	if m.Catalogue == nil {
		return wrote.Equal(read)
	}
	return m.Catalogue.SameValue(key, wrote, read)
}

// putBack restores a value at once: a failed write leaves a vector half changed, and
// nobody should see that for longer than needed. An error here is not the last word:
// undo tries again.
func (r *run) putBack(c Change) error {
	now, err := r.m.Live.Get(c.Key)
	if err != nil || now.Equal(c.Before) {
		return nil //nolint:nilerr // undo reads again and says so
	}
	if _, err := r.m.write(c.Key, c.Before); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// commit replaces the file, which is the commit point, and proves it.
func (r *run) commit() error {
	if r.entry.File != nil {
		r.file = true
		if err := r.m.writeFile(r.entry.File.Path, r.entry.File.After, cmp.Or(r.mode, dropInMode)); err != nil {
			return err
		}
	}
	if r.prove != nil {
		if err := r.prove(); err != nil {
			return err
		}
	}
	if r.reload == nil {
		return nil
	}
	if err := r.reload(); err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	return r.compareLive()
}

// compareLive reads every changed value again, but those that a reload may change.
func (r *run) compareLive() error {
	for _, c := range r.entry.Changes {
		if r.shadowed[c.Key] {
			continue
		}
		now, err := r.m.Live.Get(c.Key)
		if err == nil && !r.m.same(c.Key, c.After, now) {
			err = fmt.Errorf("%s is %q after the reload, it was set to %q", c.Key, now, c.After)
		}
		if err != nil {
			r.failed = c.Key
			return err
		}
	}
	return nil
}

// end writes the last word. If only its durability is in doubt it stands: what a power
// cut could bring back is the pending entry, which the next run completes, as the file
// is as planned.
func (r *run) end() error {
	r.entry.Phase = PhaseApplied
	if r.entry.Trial != nil {
		r.entry.Phase = PhaseTrial
	}
	r.entry.Ended = r.m.clock()
	err := r.m.save(r.entry)
	if err != nil && r.m.saved(r.entry) {
		return nil
	}
	return err
}

// saved reports whether the journal holds the entry in its phase.
func (m *Machine) saved(e *Entry) bool {
	_, dir, err := m.ids()
	if err != nil {
		return false
	}
	stored, err := m.load(dir, e.ID)
	return err == nil && stored.Phase == e.Phase
}

// fail undoes the run and returns the error to report.
func (r *run) fail(cause error) error {
	left := r.undo()
	r.entry.Phase, r.entry.Failure, r.entry.Left = PhaseFailed, cause.Error(), left
	if len(left) > 0 {
		r.entry.Phase = PhasePartial
	}
	r.entry.Ended = r.m.clock()
	if err := quietly(func() error { return r.m.save(r.entry) }); err != nil {
		// The entry stays pending or was never there: the next run looks again.
		cause = fmt.Errorf("%w; %w", cause, err)
	}
	if len(left) > 0 {
		return &PartialError{Entry: r.entry.ID, Err: cause, Left: left}
	}
	return cause
}

// quietly turns a panic into an error.
func quietly(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f()
}

// report completes the result of a run that is over. A panic there changes nothing any
// more: what the run did stands, and failed says how it ended.
func (r *run) report(failed error, f func()) error {
	err := quietly(func() error {
		f()
		return nil
	})
	switch {
	case err == nil || errors.Is(failed, ErrPartial):
		return failed
	case failed != nil:
		return fmt.Errorf("%w; then %w", failed, err)
	}
	return &PartialError{Entry: r.entry.ID, Err: err, Left: []string{"the run is complete and stands"}}
}

// undo goes back in reverse and returns what it could not undo.
func (r *run) undo() (left []string) {
	if r.file {
		f := r.entry.File
		err := quietly(func() error {
			now, mode, err := r.m.readFile(f.Path)
			if err != nil || equalText(now, f.Before) && (now == nil || mode == f.Mode) {
				return err
			}
			return r.m.writeFile(f.Path, f.Before, fs.FileMode(f.Mode))
		})
		if err != nil {
			left = append(left, fmt.Sprintf("%s is not as it was: %v", f.Path, err))
		}
	}
	for _, c := range slices.Backward(r.entry.Changes[:r.touched]) {
		if err := quietly(func() error { return r.m.restore(c) }); err != nil {
			left = append(left, fmt.Sprintf("%s may not be %q again: %v", c.Key, c.Before, err))
		}
	}
	return left
}

// restore brings one value back, without a write if it is there.
func (m *Machine) restore(c Change) error {
	now, err := m.Live.Get(c.Key)
	if err == nil && now.Equal(c.Before) {
		return nil
	}
	_, err = m.write(c.Key, c.Before)
	return err
}

// readFile returns the content and the mode of a file; nil if there is none.
func (m *Machine) readFile(name string) (*string, uint32, error) {
	host, err := m.hostPath(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := m.Files.Lstat(host)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	data, err := m.Files.ReadFile(host)
	if err != nil {
		return nil, 0, err
	}
	text := string(data)
	return &text, uint32(info.Mode().Perm()), nil
}

// contentNow returns the content of a file, which may be "" for none; nil if there is
// none or it cannot be read.
func (m *Machine) contentNow(name string) *string {
	if name == "" {
		return nil
	}
	now, _, err := m.readFile(name)
	if err != nil {
		return nil
	}
	return now
}

// writeFile gives a file its content, or removes it if that is nil.
func (m *Machine) writeFile(name string, content *string, mode fs.FileMode) error {
	host, err := m.hostPath(name)
	if err != nil {
		return err
	}
	if content == nil {
		return atomicfile.Remove(m.Files, host)
	}
	if err := m.makeParent(name); err != nil {
		return err
	}
	return atomicfile.Replace(m.Files, host, []byte(*content), mode)
}
