// SPDX-License-Identifier: Apache-2.0

package change

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/sysctl"
)

// kernelMachine works on the real kernel below /proc/sys, and on files of its own.
func kernelMachine(t *testing.T) *Machine {
	t.Helper()
	live, err := NewLive("/proc/sys")
	if err != nil {
		t.Fatal(err)
	}
	return &Machine{
		Paths: NewPaths(t.TempDir(), ""), Tool: "tcptune test", Catalogue: sysctl.LoadCatalogue(),
		Host: Host{BootID: "boot", Netns: "net"}, Live: live, Files: atomicfile.OS{},
	}
}

// planFor plans the values, from what is live, without a planner.
func planFor(t *testing.T, m *Machine, wanted map[string]sysctl.Value) *Plan {
	t.Helper()
	p := &Plan{Host: m.Host, Mode: ModeBoth, File: DefaultDropIn, State: State{Settings: []Setting{}}}
	for name, value := range wanted {
		key := sysctl.MustKey(name)
		p.State.Settings = append(p.State.Settings, Setting{Key: key, Value: value, Block: BlockSet, Origin: "--set"})
		now, err := m.Live.Get(key)
		if err != nil {
			t.Fatal(err)
		}
		s := Step{Key: key, Action: ActionSet, Live: &now, New: &value, Status: Unchanged}
		if !m.same(key, value, now) {
			s.Status = Changed
		}
		p.Steps = append(p.Steps, s)
	}
	text := string(p.State.DropIn())
	p.After = &text
	before, _, err := m.readFile(p.File)
	if err != nil {
		t.Fatal(err)
	}
	p.Before = before
	return p
}

// kernelValues are values that differ from the kernel's defaults, two of which can be
// written in one order only.
func kernelValues() map[string]sysctl.Value {
	return map[string]sysctl.Value{
		"net.ipv4.tcp_rmem":                   "8192 131072 6291456",
		"net.ipv4.tcp_fin_timeout":            "30",
		"net.ipv4.tcp_keepalive_time":         "600",
		"net.core.somaxconn":                  "16384",
		"net.ipv4.ip_local_port_range":        "900 65000",
		"net.ipv4.ip_unprivileged_port_start": "800",
		"net.ipv4.ip_local_reserved_ports":    "8082,8080,8081",
	}
}

// TestKernelApply: apply, read, apply again, roll back, on the real kernel.
func TestKernelApply(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		m := kernelMachine(t)
		wanted := kernelValues()
		before := values(t, m, wanted)
		result, err := m.Apply(t.Context(), planFor(t, m, wanted), ApplyOptions{})
		if err != nil || !result.Changed {
			t.Fatal(result, err)
		}
		for name, got := range values(t, m, wanted) {
			if !m.same(sysctl.MustKey(name), wanted[name], got) {
				t.Errorf("%s: want %s, got %s", name, wanted[name], got)
			}
		}
		result, err = m.Apply(t.Context(), planFor(t, m, wanted), ApplyOptions{})
		if err != nil || result.Changed {
			t.Errorf("the second run: %+v, %v", result, err)
		}
		if _, err := m.Rollback(t.Context(), RollbackOptions{}); err != nil {
			t.Fatal(err)
		}
		if after := values(t, m, wanted); !maps.Equal(before, after) {
			t.Errorf("want %v back, got %v", before, after)
		}
		if _, err := os.Lstat(filepath.Join(m.Paths.Root, DefaultDropIn)); !os.IsNotExist(err) {
			t.Errorf("the drop-in is still there: %v", err)
		}
	})
}

// TestKernelRefuses: the kernel stores two fields of this vector and refuses the third.
// They and everything before it come back.
func TestKernelRefuses(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		m := kernelMachine(t)
		wanted := map[string]sysctl.Value{
			"net.ipv4.tcp_fin_timeout": "30",
			"net.ipv4.tcp_rmem":        "8192 100000 2147483648",
		}
		before := values(t, m, wanted)
		if result, err := m.Apply(t.Context(), planFor(t, m, wanted), ApplyOptions{}); err == nil {
			t.Errorf("unexpected %+v", result)
		}
		if after := values(t, m, wanted); !maps.Equal(before, after) {
			t.Errorf("want %v back, got %v", before, after)
		}
		entries, err := m.History()
		if err != nil || len(entries) != 1 || entries[0].Phase != PhaseFailed {
			t.Errorf("unexpected journal %+v, %v", entries, err)
		}
	})
}

func values(t *testing.T, m *Machine, names map[string]sysctl.Value) map[string]sysctl.Value {
	t.Helper()
	found := map[string]sysctl.Value{}
	for name := range names {
		v, err := m.Live.Get(sysctl.MustKey(name))
		if err != nil {
			t.Fatal(err)
		}
		found[name] = v
	}
	return found
}

// TestConcurrentApply: of two runs at the same time one does it and the other finds the
// lock held, or a host that is no longer as planned.
func TestConcurrentApply(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		m := kernelMachine(t)
		wanted := map[string]sysctl.Value{"net.core.somaxconn": "16384", "net.ipv4.tcp_fin_timeout": "30"}
		plan := planFor(t, m, wanted)
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = m.Apply(t.Context(), plan, ApplyOptions{}) })
		}
		wg.Wait()
		done := 0
		for _, err := range errs {
			switch {
			case err == nil:
				done++
			case !errors.Is(err, ErrBusy) && !errors.Is(err, ErrRefused):
				t.Errorf("unexpected error %v", err)
			}
		}
		entries, err := m.History()
		if done != 1 || len(entries) != 1 || err != nil {
			t.Errorf("%d runs, %d entries, %v", done, len(entries), err)
		}
	})
}
