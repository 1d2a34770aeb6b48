// SPDX-License-Identifier: Apache-2.0

package change

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tcptune/tcptune/internal/atomicfile"
)

// maxEntries is the most entries that are read of a journal.
const maxEntries = 1 << 14

// History returns the entries of the journal, oldest first; none if there is no
// journal. An entry that cannot be read is left out and named in the error, which is
// then ErrDamaged: the others are returned with it. Entries that a later rollback
// undid have the phase PhaseRolledBack.
func (m *Machine) History() ([]Entry, error) {
	ids, dir, err := m.ids()
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	var entries []Entry
	var damaged []error
	for _, id := range ids {
		entry, err := m.load(dir, id)
		if err != nil {
			damaged = append(damaged, err)
			continue
		}
		entries = append(entries, *entry)
	}
	markUndone(entries)
	if damaged != nil {
		err = fmt.Errorf("%w: %w", ErrDamaged, errors.Join(damaged...))
	}
	return entries, err
}

// markUndone gives the phase PhaseRolledBack to what an applied rollback undid. The
// rollback's own entry says so and nothing else does, so that a rollback takes hold
// with one write.
func markUndone(entries []Entry) {
	undone := map[int]bool{}
	for _, e := range entries {
		if e.Kind == KindRollback && e.Phase == PhaseApplied {
			for _, id := range e.Undoes {
				undone[id] = true
			}
		}
	}
	for i := range entries {
		if undone[entries[i].ID] {
			entries[i].Phase = PhaseRolledBack
		}
	}
}

// Entry returns the entry with this id; fs.ErrNotExist if there is none.
func (m *Machine) Entry(id int) (*Entry, error) {
	entries, err := m.History()
	if err != nil && !errors.Is(err, ErrDamaged) {
		return nil, err
	}
	for _, e := range entries {
		if e.ID == id {
			return &e, nil
		}
	}
	if err == nil {
		err = fs.ErrNotExist
	}
	return nil, fmt.Errorf("read entry %d of the journal: %w", id, err)
}

// Newest returns the newest entry in effect that counts here, the one that a rollback
// would undo, else the newest in effect elsewhere; nil if there is none.
func (m *Machine) Newest() (*Entry, error) {
	entries, err := m.History()
	if err != nil {
		return nil, err
	}
	return newest(m.counting(entries)), nil
}

// counting returns the entries that count at this host, as runs in other network
// namespaces have no part in its history. If none of those counts that are in effect or
// left something, it returns all, so that one can be named.
func (m *Machine) counting(entries []Entry) []Entry {
	elsewhere := func(e Entry) bool { return !e.Host.countsFor(m.Host) }
	here := slices.DeleteFunc(slices.Clone(entries), elsewhere)
	if slices.ContainsFunc(here, func(e Entry) bool { return e.undoable() }) {
		return here
	}
	return entries
}

func newest(entries []Entry) *Entry {
	for _, e := range slices.Backward(entries) {
		if e.InEffect() {
			return &e
		}
	}
	return nil
}

// InEffect reports whether e is a change that is there and that a rollback could undo.
func (e *Entry) InEffect() bool {
	return e.Kind == KindApply && (e.Phase == PhaseApplied || e.Phase == PhaseTrial)
}

// ids returns the ids of the entries, in order, and the directory on the host.
func (m *Machine) ids() ([]int, string, error) {
	dir, err := m.hostPath(m.Paths.Journal)
	if err != nil {
		return nil, "", err
	}
	names, err := m.Files.ReadDir(dir)
	if err == nil {
		err = m.checkJournal(dir)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, "", err
	}
	var ids []int
	for _, name := range names {
		text, ok := strings.CutSuffix(name, ".json")
		id, err := strconv.Atoi(text)
		if ok && err == nil && id > 0 && strconv.Itoa(id) == text {
			ids = append(ids, id)
		}
	}
	if len(ids) > maxEntries {
		return nil, "", fmt.Errorf("%s has %d entries, at most %d are read [move old ones away]", m.Paths.Journal, len(ids), maxEntries)
	}
	slices.Sort(ids)
	return ids, dir, nil
}

// checkJournal refuses a journal that others than root could have written: what it
// says is written back to /proc/sys and /etc.
func (m *Machine) checkJournal(dir string) error {
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := checkStateDir(m.Files, d); err != nil {
			return err
		}
	}
	return nil
}

// load reads one entry.
func (m *Machine) load(dir string, id int) (*Entry, error) {
	name := strconv.Itoa(id) + ".json"
	data, err := m.Files.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("read entry %s: %w", path.Join(m.Paths.Journal, name), err)
	}
	entry, err := decodeEntry(data)
	if err == nil && entry.ID != id {
		err = fmt.Errorf("it says that it is entry %d", entry.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("decode entry %s: %w", path.Join(m.Paths.Journal, name), err)
	}
	return entry, nil
}

// decodeEntry is strict: an entry is what root writes back to /proc/sys and /etc.
func decodeEntry(data []byte) (*Entry, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var e Entry
	if err := decoder.Decode(&e); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("something follows the entry")
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	return &e, nil
}

// check returns what makes an entry unusable.
func (e *Entry) check() error {
	switch {
	case e.SchemaVersion != EntrySchemaVersion:
		return fmt.Errorf("its schema version is %d, this tcptune reads %d", e.SchemaVersion, EntrySchemaVersion)
	case e.ID < 1:
		return fmt.Errorf("its id is %d, the first is 1", e.ID)
	case e.Kind != KindApply && e.Kind != KindRollback:
		return fmt.Errorf("its kind is %q", e.Kind)
	case !slices.Contains([]Phase{PhasePending, PhaseTrial, PhaseApplied, PhaseFailed, PhasePartial, PhaseRolledBack}, e.Phase):
		return fmt.Errorf("its phase is %q", e.Phase)
	case e.Mode != ModeBoth && e.Mode != ModeRuntime && e.Mode != ModePersist:
		return fmt.Errorf("its mode is %q", e.Mode)
	case e.File != nil && (!path.IsAbs(e.File.Path) || path.Clean(e.File.Path) != e.File.Path || e.File.Path == "/"):
		return fmt.Errorf("its file %q is not a clean absolute path", e.File.Path)
	case e.File != nil && e.File.Mode&^0o777 != 0:
		return fmt.Errorf("its file has the mode %o", e.File.Mode)
	}
	for _, c := range e.Changes {
		if c.Key.IsZero() || c.Key.Glob() {
			return fmt.Errorf("it changes %q, which is no single key", c.Key)
		}
	}
	return nil
}

// save writes an entry durably.
func (m *Machine) save(e *Entry) error {
	dir, err := m.hostPath(m.Paths.Journal)
	if err != nil {
		return err
	}
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := makeStateDir(m.Files, d); err != nil {
			return fmt.Errorf("write the journal: %w", err)
		}
	}
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	name := filepath.Join(dir, strconv.Itoa(e.ID)+".json")
	if err := atomicfile.Replace(m.Files, name, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

// nextID returns the id of the next entry; a damaged one keeps its own.
func (m *Machine) nextID() (int, error) {
	ids, _, err := m.ids()
	if err != nil || len(ids) == 0 {
		return 1, err
	}
	return ids[len(ids)-1] + 1, nil
}
