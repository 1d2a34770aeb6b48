// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
)

// lastRunSchema is the version of the saved form of a lastRun.
const lastRunSchema = 1

// maxLastRuns is the number of network namespaces whose last run is kept: the
// oldest go.
const maxLastRuns = 64

// lastRunsOfRoot is where root keeps them.
const lastRunsOfRoot = "/var/lib/tcptune/last"

// A lastRun is what --since-last keeps of a run: what was found, and the
// snapshot that the next window begins with.
type lastRun struct {
	SchemaVersion int             `json:"schema_version"`
	Window        json.RawMessage `json:"window"` // as collect saves it, with one snapshot
	Check         json.RawMessage `json:"check"`  // as check --format json
}

// decodeLastRun reads what encodeLastRun wrote.
func decodeLastRun(data []byte, source string) (*baseline, error) {
	var l lastRun
	if err := json.Unmarshal(data, &l); err != nil {
		return nil, err
	}
	if l.SchemaVersion != lastRunSchema {
		return nil, fmt.Errorf("it has schema %d, this tcptune reads %d", l.SchemaVersion, lastRunSchema)
	}
	window, err := snapshot.Decode(bytes.NewReader(l.Window))
	if err != nil {
		return nil, err
	}
	check, err := report.DecodeCheck(l.Check)
	if err != nil {
		return nil, err
	}
	if err := check.Host.SameAs(report.HostOf(window.To)); err != nil {
		return nil, fmt.Errorf("its snapshot and its findings do not belong together: %w", err)
	}
	return &baseline{kind: report.BaselineLast, source: source, window: window, check: check}, nil
}

// encodeLastRun keeps a run. Where there are too many sockets to keep, the next
// one cannot compare sockets.
func encodeLastRun(w *snapshot.Window, c *report.Check) ([]byte, error) {
	found := *c
	found.Baseline, found.Gone, found.Undecided = nil, nil, nil
	check, err := json.Marshal(&found)
	if err != nil {
		return nil, err
	}
	start := w.To.Start()
	for {
		window, err := json.Marshal(&snapshot.Window{SchemaVersion: snapshot.SchemaVersion, Tool: w.Tool, To: start})
		if err != nil {
			return nil, err
		}
		data, err := json.Marshal(lastRun{lastRunSchema, window, check})
		if err != nil || len(data) <= atomicfile.MaxBytes || start.Sockets == nil {
			return data, err
		}
		start.Sockets = nil
		start.Gaps = append(slices.Clip(start.Gaps), snapshot.Gap{Source: "TCP sockets of the last run", Reason: "they were too many to keep"})
	}
}

// A lastRunStore keeps the last run in each network namespace: a file that is
// called like the namespace, in a directory that only the user can write to.
type lastRunStore struct {
	dir  string
	user int // whose the files must be
}

// ownLastRuns is the store of this user: below /var/lib for root, else where
// the XDG Base Directory Specification has state.
func ownLastRuns() (lastRunStore, error) {
	user := os.Geteuid()
	if user == 0 {
		return lastRunStore{lastRunsOfRoot, user}, nil
	}
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) { // which the specification has us ignore
		home, err := os.UserHomeDir()
		if err != nil || !filepath.IsAbs(home) {
			return lastRunStore{}, usageError(errors.New("--since-last has no place for its state: neither XDG_STATE_HOME nor HOME is an absolute path"), "XDG_STATE_HOME=/some/directory tcptune check --since-last")
		}
		state = filepath.Join(home, ".local", "state")
	}
	return lastRunStore{filepath.Join(state, "tcptune", "last"), user}, nil
}

// file is where the run of a network namespace is kept.
func (s lastRunStore) file(netns string) (string, error) {
	number := strings.TrimSuffix(strings.TrimPrefix(netns, "net:["), "]")
	if _, err := strconv.ParseUint(number, 10, 64); err != nil {
		return "", fmt.Errorf("find the last run: the network namespace is not known")
	}
	return filepath.Join(s.dir, number+lastRunSuffix), nil
}

const lastRunSuffix = ".json"

// dirs are the directories that must be the user's.
func (s lastRunStore) dirs() []string { return []string{filepath.Dir(s.dir), s.dir} }

// load reads the last run of a network namespace; nil where there is none.
func (s lastRunStore) load(netns string) (*baseline, error) {
	file, err := s.file(netns)
	if err != nil {
		return nil, err
	}
	b, err := s.read(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, &exitError{status: exitPermission, err: fmt.Errorf("read the last run: %w", err)}
	case errors.Is(err, atomicfile.ErrUntrusted):
		return nil, &exitError{status: exitFailed, err: fmt.Errorf("read the last run: %w", err), hint: "if nobody put it there on purpose, remove it: the next --since-last begins anew"}
	case err != nil:
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, &exitError{status: exitFailed, err: fmt.Errorf("read the last run %s: %w", file, err), hint: "remove that file, and the next --since-last begins anew"}
	}
	return b, nil
}

func (s lastRunStore) read(file string) (*baseline, error) {
	for _, dir := range s.dirs() {
		if err := atomicfile.CheckStateDir(atomicfile.OS{}, dir, s.user); err != nil {
			return nil, err
		}
	}
	info, err := os.Lstat(file)
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() { // a link's own mode says nothing: reading refuses it
		if err := atomicfile.CheckOwner(file, info, s.user); err != nil {
			return nil, err
		}
	}
	data, err := atomicfile.OS{}.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return decodeLastRun(data, file)
}

// save keeps a run for the next one.
func (s lastRunStore) save(w *snapshot.Window, c *report.Check) error {
	err := s.write(w, c)
	if err == nil {
		s.prune()
		return nil
	}
	err = fmt.Errorf("keep this run for the next --since-last: %w", err)
	if errors.Is(err, fs.ErrPermission) {
		return &exitError{status: exitPermission, err: err}
	}
	return &exitError{status: exitFailed, err: err}
}

func (s lastRunStore) write(w *snapshot.Window, c *report.Check) error {
	file, err := s.file(c.Host.Netns)
	if err != nil {
		return err
	}
	data, err := encodeLastRun(w, c)
	if err != nil {
		return err
	}
	for _, dir := range s.dirs() {
		if err := atomicfile.MakeStateDir(atomicfile.OS{}, dir, s.user); err != nil {
			return err
		}
	}
	return atomicfile.Replace(atomicfile.OS{}, file, data, 0o600)
}

// prune removes the oldest runs beyond maxLastRuns, on a best effort: network
// namespaces come and go.
func (s lastRunStore) prune() {
	names, err := atomicfile.OS{}.ReadDir(s.dir)
	if err != nil {
		return
	}
	type kept struct {
		file string
		at   time.Time
	}
	var runs []kept
	for _, name := range names {
		number, ours := strings.CutSuffix(name, lastRunSuffix)
		if _, err := strconv.ParseUint(number, 10, 64); !ours || err != nil {
			continue
		}
		file := filepath.Join(s.dir, name)
		if info, err := os.Lstat(file); err == nil {
			runs = append(runs, kept{file, info.ModTime()})
		}
	}
	slices.SortFunc(runs, func(a, b kept) int { return b.at.Compare(a.at) })
	for _, run := range runs[min(len(runs), maxLastRuns):] {
		_ = atomicfile.Remove(atomicfile.OS{}, run.file)
	}
}
