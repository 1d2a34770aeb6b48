// SPDX-License-Identifier: Apache-2.0

package change

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/sysctl"
)

// A fakeDog notes what is asked of it and looks at the live value while it is armed.
type fakeDog struct {
	look     func() string
	seen     string
	refuse   error
	disarmed bool
}

func (d *fakeDog) Arm(e *Entry) (string, error) {
	d.seen = string(e.Phase) + " " + d.look()
	return "process 1", d.refuse
}
func (d *fakeDog) Disarm(*Trial) { d.disarmed = true }

// A trialScene is a host in a directory on which a trial can be held.
type trialScene struct {
	*testing.T
	root string
	m    *Machine
	dog  *fakeDog
	now  float64 // seconds since boot
}

const trialKey = "net.ipv4.tcp_fin_timeout"

func newTrialScene(t *testing.T) *trialScene {
	s := &trialScene{T: t, root: writeTree(t, map[string]string{
		"proc/sys/net/ipv4/tcp_fin_timeout": "60\n", "run/systemd/system/x": "", "etc/x": "", "var/lib/x": "",
	}), now: 100}
	live, err := NewLive(filepath.Join(s.root, "proc/sys"))
	if err != nil {
		t.Fatal(err)
	}
	initial := true
	s.m = &Machine{
		Paths: NewPaths(s.root, ""), Host: Host{BootID: "b", Netns: "net:[1]", Initial: &initial}, Catalogue: sysctl.LoadCatalogue(),
		Live: live, Files: atomicfile.OS{}, Boottime: func() (float64, error) { return s.now, nil },
	}
	s.dog = &fakeDog{look: s.live}
	return s
}

func (s *trialScene) live() string {
	v, err := s.m.Live.Get(sysctl.MustKey(trialKey))
	if err != nil {
		s.Fatal(err)
	}
	return string(v)
}

func (s *trialScene) set(value string) {
	if err := s.m.Live.Set(sysctl.MustKey(trialKey), sysctl.Value(value)); err != nil {
		s.Fatal(err)
	}
}

func (s *trialScene) dropIn() string {
	data, err := os.ReadFile(filepath.Join(s.root, DefaultDropIn))
	if err != nil {
		return ""
	}
	return string(data)
}

func (s *trialScene) phase(id int) Phase {
	e, err := s.m.Entry(id)
	if err != nil {
		s.Fatal(err)
	}
	return e.Phase
}

// try tries the value 30 for a minute.
func (s *trialScene) try() (*Result, error) {
	key := sysctl.MustKey(trialKey)
	was, will := sysctl.Value(s.live()), sysctl.Value("30")
	state := State{Settings: []Setting{{Key: key, Value: will, Block: BlockSet, Origin: "--set"}}}
	content := string(state.DropIn())
	plan := &Plan{
		Host: s.m.Host, Mode: ModeBoth, File: DefaultDropIn, After: &content, State: state,
		Steps: []Step{{Key: key, Action: ActionSet, Live: &was, New: &will, Status: Changed}},
	}
	return s.m.Try(s.Context(), plan, ApplyOptions{}, time.Minute, s.dog)
}

func (s *trialScene) begin() {
	s.Helper()
	if _, err := s.try(); err != nil {
		s.Fatal(err)
	}
	if s.live() != "30" || s.dropIn() != "" || s.phase(1) != PhaseTrial {
		s.Fatalf("after the beginning: %s, drop-in %q, %s", s.live(), s.dropIn(), s.phase(1))
	}
}

func (s *trialScene) want(live string, written bool, phase Phase) {
	s.Helper()
	if s.live() != live || (s.dropIn() != "") != written || s.phase(1) != phase {
		s.Errorf("want %s, file %v, %s; got %s, drop-in %q, %s", live, written, phase, s.live(), s.dropIn(), s.phase(1))
	}
}

func TestTrialArmsFirst(t *testing.T) {
	s := newTrialScene(t)
	s.begin()
	if s.dog.seen != "pending 60" {
		t.Errorf("armed when it was %q", s.dog.seen)
	}
	e, err := s.m.Entry(1)
	if err != nil || e.Trial.Boottime != 160 || e.Trial.Seconds != 60 || e.Trial.Watchdog != "process 1" {
		t.Errorf("got %+v, %v", e.Trial, err)
	}
}

func TestTrialWithoutWatchdog(t *testing.T) {
	s := newTrialScene(t)
	s.dog.refuse = errors.New("no fork")
	if _, err := s.try(); err == nil || !strings.Contains(err.Error(), "no fork") {
		t.Errorf("got %v", err)
	}
	s.want("60", false, PhaseFailed)
}

func TestTrialConfirm(t *testing.T) {
	s := newTrialScene(t)
	if _, err := s.m.Confirm(t.Context(), ApplyOptions{}, s.dog); !errors.Is(err, ErrNoTrial) {
		t.Errorf("none pending: %v", err)
	}
	s.begin()
	result, err := s.m.Confirm(t.Context(), ApplyOptions{}, s.dog)
	if err != nil {
		t.Fatal(err)
	}
	if !result.Changed || !result.Persisted || result.Entry != 1 || !s.dog.disarmed {
		t.Errorf("got %+v, disarmed %v", result, s.dog.disarmed)
	}
	s.want("30", true, PhaseApplied)
	s.now = 1000 // the watchdog comes all the same
	if r, err := s.m.GuardTrial(1, func() { t.Fatal("waits") }); err != nil || r.Changed {
		t.Errorf("guard: %+v, %v", r, err)
	}
	if r, err := s.m.RevertTrial(1); err != nil || r.Changed {
		t.Errorf("revert: %+v, %v", r, err)
	}
	s.want("30", true, PhaseApplied)
}

func TestTrialConfirmFails(t *testing.T) {
	s := newTrialScene(t)
	s.begin()
	_, err := s.m.Confirm(t.Context(), ApplyOptions{Prove: func() error { return errors.New("shadowed") }}, s.dog)
	if err == nil || !strings.Contains(err.Error(), "shadowed") {
		t.Errorf("got %v", err)
	}
	s.want("60", false, PhaseFailed)
}

func TestTrialReverts(t *testing.T) {
	s := newTrialScene(t)
	s.begin()
	ticks := 0
	r, err := s.m.GuardTrial(1, func() { ticks++; s.now += 25 })
	if err != nil || !r.Changed || ticks != 3 {
		t.Errorf("got %+v, %v after %d ticks", r, err, ticks)
	}
	s.want("60", false, PhaseRolledBack)
	if _, err := s.m.Confirm(t.Context(), ApplyOptions{}, s.dog); !errors.Is(err, ErrNoTrial) {
		t.Errorf("too late: %v", err)
	}
}

func TestTrialLeavesAnotherHand(t *testing.T) {
	s := newTrialScene(t)
	s.begin()
	s.set("45")
	if _, err := s.m.Confirm(t.Context(), ApplyOptions{}, s.dog); !errors.Is(err, ErrRefused) {
		t.Errorf("confirm: %v", err)
	}
	s.want("45", false, PhaseTrial)
	r, err := s.m.RevertTrial(1)
	want := []string{trialKey + ` is "45", the trial set it to "30": another hand changed it, so it stays`}
	if err != nil || !cmp.Equal(want, r.Notes) {
		t.Errorf("got %+v, %v", r, err)
	}
	s.want("45", false, PhaseRolledBack)
}

func TestTrialIsInTheWay(t *testing.T) {
	s := newTrialScene(t)
	s.begin()
	s.set("30")
	if err := s.m.Recover(); err != nil {
		t.Error(err)
	}
	if _, err := s.try(); err == nil { // its plan has nothing to change live, and the file
		t.Error("a second trial began")
	} else if !errors.Is(err, ErrBusy) {
		t.Errorf("a second trial: %v", err)
	}
	s.want("30", false, PhaseTrial)
	s.now = 161 // its watchdog died
	if err := s.m.Recover(); err != nil {
		t.Error(err)
	}
	s.want("60", false, PhaseRolledBack)
}

func TestTrialElsewhere(t *testing.T) {
	for name, host := range map[string]Host{"boot": {BootID: "c", Netns: "net:[1]"}, "namespace": {BootID: "b", Netns: "net:[2]"}} {
		t.Run(name, func(t *testing.T) {
			s := newTrialScene(t)
			s.begin()
			s.m.Host, s.now = host, 1000
			if _, err := s.m.Confirm(t.Context(), ApplyOptions{}, s.dog); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v", err)
			}
			s.want("30", false, PhaseTrial)
			if err := s.m.Recover(); err != nil {
				t.Error(err)
			}
			want := PhaseTrial
			if name == "boot" {
				want = PhaseRolledBack
			}
			s.want("30", false, want) // the live value is not ours to touch
		})
	}
}

func TestTrialInterrupted(t *testing.T) {
	s := newTrialScene(t)
	s.begin()
	e, err := s.m.Entry(1)
	if err != nil {
		t.Fatal(err)
	}
	e.Phase = PhasePending // killed between the last write and the journal
	if err := s.m.save(e); err != nil {
		t.Fatal(err)
	}
	s.now = 200
	if _, err := s.m.GuardTrial(1, func() { t.Fatal("waits") }); err != nil {
		t.Error(err)
	}
	s.want("60", false, PhaseFailed)
}

func TestTrialRefusals(t *testing.T) {
	s := newTrialScene(t)
	for _, within := range []time.Duration{0, -time.Second, 25 * time.Hour} {
		if _, err := s.m.Try(t.Context(), &Plan{Mode: ModeBoth}, ApplyOptions{}, within, s.dog); !errors.Is(err, ErrRefused) {
			t.Errorf("%v: %v", within, err)
		}
	}
	if _, err := s.m.Try(t.Context(), &Plan{Mode: ModePersist}, ApplyOptions{}, time.Minute, s.dog); !errors.Is(err, ErrRefused) {
		t.Errorf("files only: %v", err)
	}
	if _, err := os.Stat(filepath.Join(s.root, "run/tcptune")); err == nil {
		t.Error("a refusal left a lock")
	}
}

func TestTrialRevertsBesideDamage(t *testing.T) {
	s := newTrialScene(t)
	s.begin()
	if err := os.WriteFile(filepath.Join(s.root, s.m.Paths.Journal, "2.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := s.m.RevertTrial(1); err != nil || !r.Changed || s.live() != "60" {
		t.Errorf("got %+v, %v, %s", r, err, s.live())
	}
	waits := 0
	if _, err := s.m.GuardTrial(2, func() { waits++ }); err == nil || waits != maxGuardFailures-1 {
		t.Errorf("a damaged entry: %v after %d tries", err, waits)
	}
}
