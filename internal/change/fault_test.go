// SPDX-License-Identifier: Apache-2.0

package change

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/internal/atomicfile/faultfs"
	"github.com/tcptune/tcptune/sysctl"
)

// fakeLive is a tree of values with the kernel's trap: a vector that is refused has
// changed its first field. Each access is an operation of the file system too, so that
// one count meets them all, and a crash ends both.
type fakeLive struct {
	fsys   *faultfs.FS
	values map[sysctl.Key]sysctl.Value
}

func (l fakeLive) Get(key sysctl.Key) (sysctl.Value, error) {
	if _, err := l.fsys.Lstat("/"); err != nil {
		return "", &sysctl.Error{Op: "read", Key: key, Err: cause(err)}
	}
	v, ok := l.values[key]
	if !ok {
		return "", &sysctl.Error{Op: "open", Key: key, Err: fs.ErrNotExist}
	}
	return v, nil
}

func (l fakeLive) Set(key sysctl.Key, value sysctl.Value) error {
	_, err := l.fsys.Lstat("/")
	if err == nil {
		l.values[key] = value
		return nil
	}
	old, fields := l.values[key].Fields(), value.Fields()
	if errors.Is(err, syscall.EINVAL) && len(old) > 1 {
		old[0] = fields[0]
		l.values[key] = sysctl.NewValue(strings.Join(old, " "))
	}
	return &sysctl.Error{Op: "write", Key: key, Err: cause(err)}
}

func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// A world is a machine and all that it can change.
type world struct {
	*Machine
	fsys *faultfs.FS
	live fakeLive
	file string // the drop-in, on the host
}

const (
	oldFile = "# old\n"
	newFile = "# new\nnet.ipv4.tcp_rmem = 8192 131072 6291456\n"
)

func oldLive() map[sysctl.Key]sysctl.Value {
	return map[sysctl.Key]sysctl.Value{
		sysctl.MustKey("net.core.somaxconn"):       "4096",
		sysctl.MustKey("net.ipv4.tcp_rmem"):        "4096 131072 33554432",
		sysctl.MustKey("net.ipv4.tcp_fin_timeout"): "60",
	}
}

func newLive() map[sysctl.Key]sysctl.Value {
	return map[sysctl.Key]sysctl.Value{
		sysctl.MustKey("net.core.somaxconn"):       "8192",
		sysctl.MustKey("net.ipv4.tcp_rmem"):        "8192 131072 6291456",
		sysctl.MustKey("net.ipv4.tcp_fin_timeout"): "30",
	}
}

// newWorld has the old state. Only the lock is a real file.
func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldAt(t.TempDir())
}

// newWorldAt is newWorld with a directory for the lock, which worlds one after the other
// may share.
func newWorldAt(root string) *world {
	fsys := faultfs.New()
	w := &world{fsys: fsys, file: filepath.Join(root, DefaultDropIn)}
	fsys.Put(w.file, oldFile, 0o640)
	fsys.MkdirAll("/")
	initial := true
	w.Machine = &Machine{
		Paths: NewPaths(root, ""), Tool: "tcptune test", Catalogue: sysctl.LoadCatalogue(),
		Host: Host{BootID: "boot 1", Netns: "net:[1]", Initial: &initial},
		Now:  func() time.Time { return time.Unix(1e9, 0) },
	}
	w.use(fsys, oldLive())
	return w
}

// use gives the machine a file system and live values.
func (w *world) use(fsys *faultfs.FS, values map[sysctl.Key]sysctl.Value) {
	w.fsys, w.live = fsys, fakeLive{fsys, values}
	w.Files, w.Live = fsys, w.live
}

// plan leads from what is there to the new state.
func (w *world) plan() *Plan {
	p := &Plan{Host: w.Host, Mode: ModeBoth, File: DefaultDropIn, State: State{Settings: []Setting{}}}
	if text, ok := w.fsys.Files()[w.file]; ok {
		p.Before = &text
	}
	after := newFile
	p.After = &after
	for _, name := range []string{"net.core.somaxconn", "net.ipv4.tcp_rmem", "net.ipv4.tcp_fin_timeout"} {
		key := sysctl.MustKey(name)
		now, want := w.live.values[key], newLive()[key]
		s := Step{Key: key, Action: ActionSet, Live: &now, New: &want, Status: Unchanged}
		if now != want {
			s.Status = Changed
		}
		p.Steps = append(p.Steps, s)
	}
	return p
}

func (w *world) apply(t *testing.T) error {
	t.Helper()
	_, err := w.Apply(t.Context(), w.plan(), ApplyOptions{Prove: func() error { return nil }})
	return err
}

func (w *world) rollback(t *testing.T) error {
	t.Helper()
	_, err := w.Rollback(t.Context(), RollbackOptions{})
	return err
}

// state is "old" or "new", or says what is mixed.
func (w *world) state() string {
	file := w.fsys.Files()[w.file]
	switch {
	case file == oldFile && maps.Equal(w.live.values, oldLive()):
		return "old"
	case file == newFile && maps.Equal(w.live.values, newLive()):
		return "new"
	}
	return fmt.Sprintf("mixed: %q %v", file, w.live.values)
}

// honest compares the journal with the state.
func (w *world) honest(t *testing.T, state string) {
	t.Helper()
	entry, err := w.Newest()
	if err != nil {
		t.Fatal(err)
	}
	if (entry != nil) != (state == "new") {
		t.Errorf("the state is %s, the newest entry in effect is %+v", state, entry)
	}
	for name := range w.fsys.Files() {
		if strings.HasSuffix(name, ".conf") && name != w.file {
			t.Errorf("%s stays behind", name)
		}
	}
}

// faults are what may happen at an operation.
func faults() map[string]faultfs.Fault {
	return map[string]faultfs.Fault{
		"EINVAL":      {Err: syscall.EINVAL},
		"EPERM":       {Err: syscall.EPERM},
		"EROFS":       {Err: syscall.EROFS},
		"ENOSPC":      {Err: syscall.ENOSPC},
		"late EIO":    {Err: syscall.EIO, After: true},
		"short write": {Short: true, Err: syscall.ENOSPC},
		"crash":       {Crash: true},
		"late crash":  {Crash: true, After: true},
	}
}

// TestFaults lets every operation of apply and of rollback fail in every way.
func TestFaults(t *testing.T) {
	for _, action := range []string{"apply", "rollback"} {
		for name, fault := range faults() {
			t.Run(action+"/"+name, func(t *testing.T) {
				root, n := t.TempDir(), 1
				for testFault(t, root, action, n, fault) {
					n++
				}
				if n < 20 {
					t.Errorf("only %d operations", n)
				}
			})
		}
	}
}

// testFault meets the n-th operation; false if there is none.
func testFault(t *testing.T, root, action string, n int, fault faultfs.Fault) bool {
	t.Helper()
	w := newWorldAt(root)
	act, from, to := w.apply, "old", "new"
	if action == "rollback" {
		if err := w.apply(t); err != nil {
			t.Fatal(err)
		}
		act, from, to = w.rollback, "new", "old"
	}
	before := len(w.fsys.Ops())
	w.fsys.Inject(n, fault)
	var err error
	faultfs.Catch(func() { err = act(t) })
	fired := w.fsys.Fired()
	ops := w.fsys.Ops()[before:]
	at := ops[min(n, len(ops))-1]
	if !fired {
		if err != nil || w.state() != to {
			t.Fatalf("no fault: %v, %s", err, w.state())
		}
		return false
	}
	if fault.Crash {
		w.afterPowerLoss(t, fmt.Sprintf("power loss at %d, %s", n, at))
		w.use(w.fsys.Restart(), w.live.values)
	} else {
		want := to
		if err != nil {
			want = from
		}
		if got := w.state(); got != want || errors.Is(err, ErrPartial) {
			t.Errorf("operation %d, %s: want the %s state, got %s\nerror: %v", n, at, want, got, err)
		}
		w.use(w.fsys.Restart(), w.live.values)
	}
	if err := w.Recover(); err != nil {
		t.Errorf("operation %d, %s: recover: %v", n, at, err)
	}
	state := w.state()
	if state != "old" && state != "new" {
		t.Errorf("operation %d, %s: after the recovery: %s", n, at, state)
	}
	w.honest(t, state)
	if err := act(t); err != nil || w.state() != to {
		t.Errorf("operation %d, %s: the next run: %v, %s", n, at, err, w.state())
	}
	return !t.Failed()
}

// afterPowerLoss boots what fsync left and looks at the file and the journal. Live
// values are then those of the boot.
func (w *world) afterPowerLoss(t *testing.T, at string) {
	t.Helper()
	for _, fsys := range []*faultfs.FS{w.fsys.PowerLoss(), w.fsys.PowerLossFlushed()} {
		values := oldLive()
		file := fsys.Files()[w.file]
		if file == newFile {
			values = newLive()
		}
		next := *w
		machine := *w.Machine
		next.Machine = &machine
		next.Host.BootID, next.Host.Netns = "boot 2", "net:[2]"
		next.use(fsys, maps.Clone(values))
		if err := next.Recover(); err != nil {
			t.Errorf("%s: recover: %v", at, err)
		}
		if file != newFile && file != oldFile {
			t.Errorf("%s: the file is %q", at, file)
		}
		if state := next.state(); state != "old" && state != "new" {
			t.Errorf("%s: %s", at, state)
		} else {
			next.honest(t, state)
		}
	}
}

// TestFaultLasting lets everything fail from one operation on.
func TestFaultLasting(t *testing.T) {
	for n := 1; ; n++ {
		w := newWorld(t)
		for i := range 300 {
			w.fsys.Inject(n+i, faultfs.Fault{Err: syscall.EROFS})
		}
		err := w.apply(t)
		state := w.state()
		if err == nil {
			if state != "new" {
				t.Errorf("operation %d: %s without an error", n, state)
			}
			break
		}
		if state != "old" && !errors.Is(err, ErrPartial) {
			t.Errorf("operation %d: %s, and the error is %v", n, state, err)
		}
		if !errors.Is(err, syscall.EROFS) {
			t.Errorf("operation %d: EROFS is not in the chain of %v", n, err)
		}
		w.use(w.fsys.Restart(), w.live.values)
		if err := w.Recover(); err != nil {
			t.Errorf("operation %d: recover: %v", n, err)
		}
		w.honest(t, w.state())
	}
}

// TestPanic lets a hook panic behind the commit: everything comes back.
func TestPanic(t *testing.T) {
	w := newWorld(t)
	_, err := w.Apply(t.Context(), w.plan(), ApplyOptions{Prove: func() error { panic("a bug") }})
	if err == nil || !strings.Contains(err.Error(), "a bug") || errors.Is(err, ErrPartial) {
		t.Errorf("unexpected error %v", err)
	}
	if got := w.state(); got != "old" {
		t.Error(got)
	}
	if info, err := w.fsys.Lstat(w.file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is not as it was: %v, %v", info, err)
	}
	entries, err := w.History()
	if err != nil || len(entries) != 1 || entries[0].Phase != PhaseFailed {
		t.Errorf("unexpected journal %+v, %v", entries, err)
	}
}

// TestApplyTwice: the second run leaves no trace.
func TestApplyTwice(t *testing.T) {
	w := newWorld(t)
	if err := w.apply(t); err != nil {
		t.Fatal(err)
	}
	files := w.fsys.Files()
	result, err := w.Apply(t.Context(), w.plan(), ApplyOptions{})
	if err != nil || result.Changed || result.Entry != 0 {
		t.Errorf("unexpected %+v, %v", result, err)
	}
	if diff := cmp.Diff(files, w.fsys.Files()); diff != "" {
		t.Errorf("the second run wrote (-want +got)\n%s", diff)
	}
}

// TestBusy: one of two runs gets the lock, also while a trial is pending.
func TestBusy(t *testing.T) {
	w := newWorld(t)
	release, err := w.lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.apply(t); !errors.Is(err, ErrBusy) || w.state() != "old" {
		t.Errorf("locked: %v, %s", err, w.state())
	}
	release()
	o := ApplyOptions{Trial: &Trial{Seconds: 60, Boottime: 1e12}}
	if _, err := w.Apply(t.Context(), w.plan(), o); err != nil {
		t.Fatal(err)
	}
	if w.fsys.Files()[w.file] != oldFile || !maps.Equal(w.live.values, newLive()) {
		t.Error("a trial changes live values only")
	}
	if err := w.apply(t); !errors.Is(err, ErrBusy) {
		t.Errorf("trial: %v", err)
	}
	if err := w.rollback(t); err != nil || w.state() != "old" {
		t.Errorf("roll a trial back: %v, %s", err, w.state())
	}
}

// TestRefused: stale plans and other hosts, with nothing written.
func TestRefused(t *testing.T) {
	key := sysctl.MustKey("net.core.somaxconn")
	for name, spoil := range map[string]func(w *world, p *Plan){
		"live value":  func(w *world, _ *Plan) { w.live.values[key] = "5000" },
		"file":        func(w *world, _ *Plan) { w.fsys.Put(w.file, "# other\n", 0o644) },
		"boot":        func(_ *world, p *Plan) { p.Host.BootID = "boot 0" },
		"namespace":   func(_ *world, p *Plan) { p.Host.Netns = "net:[9]" },
		"conflict":    func(_ *world, p *Plan) { p.Conflicts = []Conflict{{Text: "shadowed"}} },
		"not initial": func(w *world, _ *Plan) { *w.Host.Initial = false },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.plan()
			spoil(w, p)
			files, values := w.fsys.Files(), maps.Clone(w.live.values)
			if _, err := w.Apply(t.Context(), p, ApplyOptions{}); !errors.Is(err, ErrRefused) {
				t.Errorf("unexpected error %v", err)
			}
			if diff := cmp.Diff(files, w.fsys.Files()); diff != "" || !maps.Equal(values, w.live.values) {
				t.Errorf("something was written (-want +got)\n%s", diff)
			}
		})
	}
}

// TestRollbackForeign: what another hand changed stops a rollback before anything is
// done.
func TestRollbackForeign(t *testing.T) {
	key := sysctl.MustKey("net.core.somaxconn")
	for _, test := range []struct {
		name    string
		options RollbackOptions
		refused bool
		want    sysctl.Value // of the key
		file    string
	}{
		{"plain", RollbackOptions{}, true, "5000", newFile},
		{"force", RollbackOptions{Force: true}, false, "4096", oldFile},
		{"partial", RollbackOptions{Partial: true}, false, "5000", oldFile},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			if err := w.apply(t); err != nil {
				t.Fatal(err)
			}
			w.live.values[key] = "5000"
			_, err := w.Rollback(t.Context(), test.options)
			if test.refused != errors.Is(err, ErrRefused) || !test.refused && err != nil {
				t.Errorf("unexpected error %v", err)
			}
			if got := w.live.values[key]; got != test.want {
				t.Errorf("want %s, got %s", test.want, got)
			}
			if got := w.fsys.Files()[w.file]; got != test.file {
				t.Errorf("want %q, got %q", test.file, got)
			}
		})
	}
}

// TestRollbackPartialOfNothing: leaving out everything is no rollback, and the entry
// stays in effect.
func TestRollbackPartialOfNothing(t *testing.T) {
	w := newWorld(t)
	if err := w.apply(t); err != nil {
		t.Fatal(err)
	}
	for key := range maps.Clone(w.live.values) {
		w.live.values[key] += "7"
	}
	edited := newFile + "# by hand\n"
	if err := w.writeFile(DefaultDropIn, &edited, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Rollback(t.Context(), RollbackOptions{Partial: true}); !errors.Is(err, ErrRefused) {
		t.Errorf("unexpected %v", err)
	}
	if e, err := w.Newest(); err != nil || e == nil || e.ID != 1 {
		t.Errorf("unexpected %+v, %v", e, err)
	}
}

// TestRollbackOtherBoot: after a boot only the drop-in can be undone.
func TestRollbackOtherBoot(t *testing.T) {
	w := newWorld(t)
	if err := w.apply(t); err != nil {
		t.Fatal(err)
	}
	w.Host.BootID = "boot 2"
	if err := w.rollback(t); !errors.Is(err, ErrRefused) || w.state() != "new" {
		t.Errorf("unexpected %v, %s", err, w.state())
	}
	if _, err := w.Rollback(t.Context(), RollbackOptions{PersistOnly: true}); err != nil {
		t.Error(err)
	}
	if w.fsys.Files()[w.file] != oldFile || !maps.Equal(w.live.values, newLive()) {
		t.Error("want the old file and the live values as they are, got", w.state())
	}
	if info, err := w.fsys.Lstat(w.file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is not as it was: %v, %v", info, err)
	}
}

// TestRollbackTo unwinds two runs at once and to the first.
func TestRollbackTo(t *testing.T) {
	key := sysctl.MustKey("net.core.somaxconn")
	for to, want := range map[int]sysctl.Value{0: "4096", 1: "8192"} {
		w := newWorld(t)
		if err := w.apply(t); err != nil {
			t.Fatal(err)
		}
		p := w.plan()
		value, text := sysctl.Value("16384"), "# third\n"
		p.Steps[0].New, p.Steps[0].Status, p.After = &value, Changed, &text
		if _, err := w.Apply(t.Context(), p, ApplyOptions{Prove: func() error { return nil }}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Rollback(t.Context(), RollbackOptions{To: &to}); err != nil {
			t.Fatal(err)
		}
		if got := w.live.values[key]; got != want {
			t.Errorf("to %d: want %s, got %s", to, want, got)
		}
		state := map[int]string{0: "old", 1: "new"}[to]
		if got := w.state(); got != state {
			t.Errorf("to %d: %s", to, got)
		}
		w.honest(t, state)
	}
}

// TestHistoryDamaged: a damaged entry is named, and the others can be read.
func TestHistoryDamaged(t *testing.T) {
	w := newWorld(t)
	if err := w.apply(t); err != nil {
		t.Fatal(err)
	}
	w.fsys.Put(filepath.Join(w.Paths.Root, w.Paths.Journal, "7.json"), `{"id": 7, "surprise": 1}`, 0o600)
	entries, err := w.History()
	if len(entries) != 1 || !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "7.json") {
		t.Errorf("unexpected %d entries, %v", len(entries), err)
	}
	if err := w.rollback(t); !errors.Is(err, ErrDamaged) || w.state() != "new" {
		t.Errorf("unexpected %v, %s", err, w.state())
	}
}

// TestRecoverForeign: what another hand changed after a crash is named and left alone,
// and a forced rollback brings it back.
func TestRecoverForeign(t *testing.T) {
	key := sysctl.MustKey("net.core.somaxconn")
	for n := 1; ; n++ {
		w := newWorld(t)
		w.fsys.Inject(n, faultfs.Fault{Crash: true})
		faultfs.Catch(func() { _ = w.apply(t) })
		if !w.fsys.Fired() {
			t.Fatal("no crash leaves the first value changed")
		}
		if w.live.values[key] != "8192" {
			continue
		}
		w.live.values[key] = "5000"
		w.use(w.fsys.Restart(), w.live.values)
		err := w.Recover()
		var partial *PartialError
		if !errors.As(err, &partial) || len(partial.Left) != 1 || !strings.Contains(partial.Left[0], key.String()) {
			t.Errorf("unexpected error %v", err)
		}
		if err := w.Recover(); err != nil || w.live.values[key] != "5000" {
			t.Errorf("unexpected %v, %s", err, w.live.values[key])
		}
		if err := w.rollback(t); !errors.Is(err, ErrRefused) {
			t.Errorf("unexpected error %v", err)
		}
		if _, err := w.Rollback(t.Context(), RollbackOptions{Force: true}); err != nil || w.state() != "old" {
			t.Errorf("unexpected %v, %s", err, w.state())
		}
		return
	}
}

// TestProve: a line that wins over the drop-in undoes the run unless that was accepted.
func TestProve(t *testing.T) {
	key, value, text := sysctl.MustKey("net.core.somaxconn"), sysctl.Value("8192"), ""
	state := State{Settings: []Setting{{Key: key, Value: value, Block: BlockSet, Origin: "--set"}}}
	text = string(state.DropIn())
	for _, test := range []struct {
		name, file, line   string
		accepted, unproven bool
	}{
		{name: "wins", file: "/etc/sysctl.d/10-first.conf", line: "net.core.somaxconn = 1\n"},
		{name: "shadowed", file: "/etc/sysctl.d/99-last.conf", line: "net.core.somaxconn = 1\n", unproven: true},
		{name: "shadowed under procps", file: "/etc/sysctl.conf", line: "net/core/somaxconn=1\n", unproven: true},
		{name: "accepted", file: "/etc/sysctl.d/99-last.conf", line: "net.core.somaxconn = 1\n", accepted: true},
		{name: "the same value", file: "/etc/sysctl.d/99-last.conf", line: "net.core.somaxconn = 8192\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			for name, content := range map[string]string{test.file: test.line, "/run/systemd/system/x": ""} {
				name = filepath.Join(root, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			m := &Machine{Paths: NewPaths(root, ""), Files: atomicfile.OS{}}
			p := &Plan{Mode: ModePersist, File: DefaultDropIn, After: &text, State: state,
				Steps: []Step{{Key: key, New: &value, Status: Changed, Shadowed: test.accepted}}}
			_, err := m.Apply(t.Context(), p, ApplyOptions{})
			if (err != nil) != test.unproven || errors.Is(err, ErrPartial) {
				t.Errorf("unexpected error %v", err)
			}
			data, err := os.ReadFile(filepath.Join(root, DefaultDropIn))
			if test.unproven && !errors.Is(err, fs.ErrNotExist) || !test.unproven && string(data) != text {
				t.Errorf("unexpected drop-in %q, %v", data, err)
			}
		})
	}
}

// TestReload: a reload that changes what was written undoes the run, but for a key
// whose line may lose.
func TestReload(t *testing.T) {
	key := sysctl.MustKey("net.core.somaxconn")
	for _, shadowed := range []bool{false, true} {
		w := newWorld(t)
		p := w.plan()
		p.Steps[0].Shadowed = shadowed
		result, err := w.Apply(t.Context(), p, ApplyOptions{
			Prove: func() error { return nil },
			Reload: func(_ context.Context, file string) (*Reload, error) {
				w.live.values[key] = "1"
				return &Reload{Command: []string{"loader", file}, ExitStatus: 0}, nil
			},
		})
		if shadowed != (err == nil) || errors.Is(err, ErrPartial) {
			t.Errorf("shadowed %t: unexpected error %v", shadowed, err)
		}
		if want := []string{"loader", DefaultDropIn}; result.Reload == nil || !cmp.Equal(want, result.Reload.Command) {
			t.Errorf("unexpected reload %+v", result.Reload)
		}
		if !shadowed && (w.state() != "old" || result.Keys[0].Status != Failed || result.Keys[1].Status != Unchanged) {
			t.Errorf("unexpected %s, %+v", w.state(), result.Keys)
		}
	}
}

// TestHold: signals are held from before the journal until the end, also of a run that
// fails. A run that is cancelled before that leaves nothing.
func TestHold(t *testing.T) {
	for _, proof := range []error{nil, errors.New("a line wins")} {
		w := newWorld(t)
		var calls []string
		w.Hold = func() func() {
			calls = append(calls, fmt.Sprintf("hold with %d files", len(w.fsys.Files())))
			return func() { calls = append(calls, "release in the state "+w.state()) }
		}
		state := "new"
		if proof != nil {
			state = "old"
		}
		ctx, cancel := context.WithCancel(t.Context())
		_, err := w.Apply(ctx, w.plan(), ApplyOptions{Prove: func() error { cancel(); return proof }})
		if !errors.Is(err, proof) {
			t.Errorf("unexpected error %v", err)
		}
		if want := []string{"hold with 1 files", "release in the state " + state}; !cmp.Equal(want, calls) {
			t.Errorf("want %q, got %q", want, calls)
		}
		files := w.fsys.Files()
		if proof != nil {
			if _, err := w.Apply(ctx, w.plan(), ApplyOptions{}); !errors.Is(err, context.Canceled) || !cmp.Equal(files, w.fsys.Files()) {
				t.Errorf("cancelled: %v, %v", err, w.fsys.Files())
			}
		}
	}
}

// TestRollbackElsewhere: another network namespace is refused, before anything is
// written, with and without PersistOnly.
func TestRollbackElsewhere(t *testing.T) {
	w := newWorld(t)
	if err := w.apply(t); err != nil {
		t.Fatal(err)
	}
	files := w.fsys.Files()
	w.Host.Netns, *w.Host.Initial = "net:[2]", false
	for _, o := range []RollbackOptions{{}, {PersistOnly: true}, {Force: true}} {
		if p, err := w.PlanRollback(o); !errors.Is(err, ErrRefused) || p != nil {
			t.Errorf("%+v: unexpected plan, %v", o, err)
		}
		if _, err := w.Rollback(t.Context(), o); !errors.Is(err, ErrRefused) {
			t.Errorf("%+v: unexpected error %v", o, err)
		}
	}
	if !cmp.Equal(files, w.fsys.Files()) || w.state() != "new" {
		t.Error("something was written")
	}
}

// TestRollbackTwice: the second rollback finds nothing, and the journal says why.
func TestRollbackTwice(t *testing.T) {
	w := newWorld(t)
	if err := w.apply(t); err != nil {
		t.Fatal(err)
	}
	p, err := w.PlanRollback(RollbackOptions{})
	if err != nil || !cmp.Equal([]int{1}, p.Undoes) || len(p.Plan.Steps) != 3 || !p.Plan.Changed() {
		t.Errorf("unexpected %+v, %v", p, err)
	}
	result, err := w.Rollback(t.Context(), RollbackOptions{Summary: "rollback"})
	if err != nil || !result.Changed || result.Entry != 2 {
		t.Errorf("unexpected %+v, %v", result, err)
	}
	files := w.fsys.Files()
	result, err = w.Rollback(t.Context(), RollbackOptions{})
	if err != nil || result.Changed || !cmp.Equal(files, w.fsys.Files()) {
		t.Errorf("the second rollback: %+v, %v", result, err)
	}
	for id, want := range map[int]Phase{1: PhaseRolledBack, 2: PhaseApplied} {
		if e, err := w.Entry(id); err != nil || e.Phase != want {
			t.Errorf("entry %d: %+v, %v", id, e, err)
		}
	}
	if _, err := w.Entry(3); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("unexpected error %v", err)
	}
}
