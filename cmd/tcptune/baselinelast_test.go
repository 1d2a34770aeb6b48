// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/sockdiag"
	"github.com/tcptune/tcptune/rules"
)

// aRun is a window of one snapshot, and a check of it that found something.
func aRun() (*snapshot.Window, *report.Check) {
	uptime, drops := 100.5, uint32(7)
	w := &snapshot.Window{SchemaVersion: snapshot.SchemaVersion, Tool: "tcptune test", To: &snapshot.Snapshot{
		Taken: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), Uptime: &uptime,
		Host:     &snapshot.Host{Hostname: "web1", BootID: "7e0b7a0c", Netns: "net:[4026531833]"},
		Counters: map[string]int64{"Tcp.OutSegs": 9},
		Sockets: &snapshot.Sockets{
			Method:    "sock_diag",
			Listeners: []snapshot.Listener{{Cookie: 3, Drops: &drops}},
			Open:      []snapshot.Socket{{State: sockdiag.StateCloseWait, Cookie: 5}},
		},
		Sysctls: map[string]string{"net.core.somaxconn": "4096"},
	}}
	c := report.NewCheck(w, &facts.Facts{}, rules.Results{Findings: []rules.Finding{{Rule: "a", Subject: "x[1]", Severity: rules.Warning}}, Passed: []string{"b"}}, report.Ruleset{})
	return w, c
}

func aStore(t *testing.T) (lastRunStore, string) {
	t.Helper()
	s := lastRunStore{filepath.Join(t.TempDir(), "tcptune", "last"), os.Geteuid()}
	w, c := aRun()
	if err := s.save(w, c); err != nil {
		t.Fatal(err)
	}
	return s, filepath.Join(s.dir, "4026531833.json")
}

func TestLastRun(t *testing.T) {
	s, file := aStore(t)
	w, c := aRun()
	b, err := s.load(c.Host.Netns)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.To.Start(), b.window.To, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("the start of the next window (-want +got)\n%s", diff)
	}
	if b.window.To.Sysctls != nil || b.kind != report.BaselineLast || b.source != file {
		t.Errorf("unexpected %+v", b)
	}
	if diff := cmp.Diff(c, b.check, cmpopts.IgnoreUnexported(report.Check{}, report.Ruleset{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("what was found (-want +got)\n%s", diff)
	}
	for path, want := range map[string]os.FileMode{file: 0o600, s.dir: 0o700 | os.ModeDir, filepath.Dir(s.dir): 0o700 | os.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	if b, err := s.load("net:[1]"); b != nil || err != nil {
		t.Errorf("another network namespace: %+v, %v", b, err)
	}
	if _, err := s.load("net:[../../etc/passwd]"); err == nil {
		t.Error("a name that is no number is taken")
	}
}

// TestKeep keeps the runs that are worth comparing with, whatever their status.
func TestKeep(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*snapshot.Window, *report.Check)
		kept bool
	}{
		{"findings", func(_ *snapshot.Window, c *report.Check) { c.ExitStatus = exitNo }, true},
		{"not every rule judged", func(_ *snapshot.Window, c *report.Check) { c.ExitStatus = exitFailed }, true},
		{"no rule judged", func(_ *snapshot.Window, c *report.Check) { c.Summary.Judged = 0 }, false},
		{"interrupted", func(w *snapshot.Window, c *report.Check) { w.Interrupted, c.ExitStatus = true, exitInterrupted }, false},
		{"interrupted plugin", func(w *snapshot.Window, c *report.Check) { w.Interrupted, c.ExitStatus = true, report.PluginWarning }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := baselineOptions{sinceLast: true, store: lastRunStore{filepath.Join(t.TempDir(), "tcptune", "last"), os.Geteuid()}}
			w, c := aRun()
			c.Summary.Judged = 1
			test.edit(w, c)
			if err := o.keep(w, c, nil); err != nil {
				t.Fatal(err)
			}
			if b, err := o.store.load(c.Host.Netns); err != nil || (b != nil) != test.kept {
				t.Errorf("kept %+v, %v; want %v", b, err, test.kept)
			}
		})
	}
}

// TestLastRunLarge keeps counters and findings of a host with too many sockets.
func TestLastRunLarge(t *testing.T) {
	s, _ := aStore(t)
	w, c := aRun()
	w.To.Sockets.Open = slices.Repeat(w.To.Sockets.Open, 100_000)
	if err := s.save(w, c); err != nil {
		t.Fatal(err)
	}
	b, err := s.load(c.Host.Netns)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.window.To; got.Sockets != nil || got.Counters["Tcp.OutSegs"] != 9 || len(got.Gaps) != 1 || len(w.To.Gaps) != 0 {
		t.Errorf("unexpected %+v", got)
	}
}

// TestLastRunHostile refuses what others could have made, and what is no run;
// it stays as it is.
func TestLastRunHostile(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	for _, test := range []struct {
		name string
		make func(s lastRunStore, file string) error
		want string
	}{
		{"link", func(_ lastRunStore, file string) error {
			return first(os.WriteFile(elsewhere, nil, 0o600), os.Remove(file), os.Symlink(elsewhere, file))
		}, "not a regular file"},
		{"dangling link", func(_ lastRunStore, file string) error {
			return first(os.Remove(file), os.Symlink(filepath.Join(t.TempDir(), "none"), file))
		}, "not a regular file"},
		{"pipe", func(_ lastRunStore, file string) error { return first(os.Remove(file), syscall.Mkfifo(file, 0o600)) }, "not a regular file"},
		{"directory", func(_ lastRunStore, file string) error { return first(os.Remove(file), os.Mkdir(file, 0o700)) }, "not a regular file"},
		{"others may write", func(_ lastRunStore, file string) error { return os.Chmod(file, 0o602) }, "others may write there"},
		{"others may write to the directory", func(s lastRunStore, _ string) error { return os.Chmod(s.dir, 0o770) }, "others may write there"},
		{"others may write above it", func(s lastRunStore, _ string) error { return os.Chmod(filepath.Dir(s.dir), 0o777) }, "others may write there"},
		{"linked directory", func(s lastRunStore, _ string) error {
			return first(os.Rename(s.dir, s.dir+"2"), os.Symlink(s.dir+"2", s.dir))
		}, "is not a directory"},
		{"huge", func(_ lastRunStore, file string) error { return os.Truncate(file, atomicfile.MaxBytes+1) }, "more than"},
		{"empty", func(_ lastRunStore, file string) error { return os.Truncate(file, 0) }, "unexpected end of JSON"},
		{"cut", func(_ lastRunStore, file string) error { return os.Truncate(file, 100) }, "unexpected end of JSON"},
		{"garbage", func(_ lastRunStore, file string) error { return os.WriteFile(file, []byte("\x00\xff{"), 0o600) }, "invalid character"},
		{"of a later tcptune", func(_ lastRunStore, file string) error {
			return os.WriteFile(file, []byte(`{"schema_version": 9}`), 0o600)
		}, "it has schema 9"},
		{"no snapshot", func(_ lastRunStore, file string) error {
			return os.WriteFile(file, []byte(`{"schema_version": 1, "window": {"schema_version": 1}}`), 0o600)
		}, "no snapshot"},
		{"no findings", func(_ lastRunStore, file string) error {
			return replace(file, `"findings":[`, `"fundings":[`)
		}, "no report of check"},
		{"another severity", func(_ lastRunStore, file string) error {
			return replace(file, `"severity":"warning"`, `"severity":"alarming"`)
		}, `the severity "alarming"`},
		{"parts of two hosts", func(_ lastRunStore, file string) error {
			return replace(file, `"netns":"net:[4026531833]"`, `"netns":"net:[1]"`)
		}, "do not belong together"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, file := aStore(t)
			if err := test.make(s, file); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(file)
			b, err := s.load("net:[4026531833]")
			if b != nil || err == nil || !strings.Contains(err.Error(), test.want) || statusOf(err) != exitFailed {
				t.Errorf("%+v, %v, want %s", b, err, test.want)
			}
			if after, _ := os.Lstat(file); !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) || before.Mode() != after.Mode() {
				t.Errorf("%v became %v", before, after)
			}
		})
	}
	t.Run("another owner", func(t *testing.T) {
		s, _ := aStore(t)
		s.user++ // as if we were somebody else
		if _, err := s.load("net:[4026531833]"); err == nil || !strings.Contains(err.Error(), "does not belong to the user") {
			t.Errorf("%v", err)
		}
		w, c := aRun()
		if err := s.save(w, c); err == nil || !strings.Contains(err.Error(), "does not belong to the user") {
			t.Errorf("saved there: %v", err)
		}
	})
}

// first is the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func replace(file, before, after string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !strings.Contains(string(data), before) {
		return fmt.Errorf("%s is not in %s", before, data)
	}
	return os.WriteFile(file, []byte(strings.Replace(string(data), before, after, 1)), 0o600)
}

// TestLastRunsPruned keeps the newest runs, and what is none.
func TestLastRunsPruned(t *testing.T) {
	s, file := aStore(t)
	for i := range maxLastRuns + 3 {
		name := filepath.Join(s.dir, fmt.Sprintf("%d.json", i))
		long := time.Now().Add(-time.Hour * time.Duration(1+i))
		if err := first(os.WriteFile(name, nil, 0o600), os.Chtimes(name, long, long)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, "notes.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w, c := aRun()
	if err := s.save(w, c); err != nil {
		t.Fatal(err)
	}
	names, err := atomicfile.OS{}.ReadDir(s.dir)
	if err != nil || len(names) != maxLastRuns+1 || !slices.Contains(names, filepath.Base(file)) || !slices.Contains(names, "notes.json") ||
		!slices.Contains(names, "0.json") || slices.Contains(names, fmt.Sprintf("%d.json", maxLastRuns)) {
		t.Errorf("%d files: %q, %v", len(names), names, err)
	}
}

func TestOwnLastRuns(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Setenv("XDG_STATE_HOME", "/elsewhere")
		if s, err := ownLastRuns(); err != nil || s.dir != "/var/lib/tcptune/last" || s.user != 0 {
			t.Errorf("%+v, %v", s, err)
		}
		return
	}
	for _, test := range []struct{ state, home, want string }{
		{"/state", "/home/a", "/state/tcptune/last"},
		{"", "/home/a", "/home/a/.local/state/tcptune/last"},
		{"state", "/home/a", "/home/a/.local/state/tcptune/last"},
		{"", "", ""},
	} {
		t.Setenv("XDG_STATE_HOME", test.state)
		t.Setenv("HOME", test.home)
		if s, err := ownLastRuns(); s.dir != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%+v: %q, %v", test, s.dir, err)
		}
	}
}

// FuzzBaseline reads a baseline of any kind without harm.
func FuzzBaseline(f *testing.F) {
	w, c := aRun()
	data, err := encodeLastRun(w, c)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	f.Add(`{"schema_version": 1, "to": {}}`)
	f.Add(`{"schema_version": 1, "findings": [{"rule": "a", "severity": "info", "more": -1}], "host": {"boot_id": "b"}}`)
	f.Fuzz(func(t *testing.T, data string) {
		b, err := readBaseline(strings.NewReader(data), "file")
		if (b == nil) == (err == nil) {
			t.Fatalf("%+v, %v", b, err)
		}
		if err != nil {
			return
		}
		_ = b.host().SameAs(c.Host)
		_, _ = b.describe(w, true)
		if b.check != nil {
			now := *c
			now.CompareWith(b.check, report.Baseline{})
			if b.window != nil {
				if _, err := encodeLastRun(b.window, b.check); err != nil {
					t.Error(err)
				}
			}
		}
	})
}
