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
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/sysctl"
)

const (
	// envReloads makes TestReloadSubject the program that TestApplyReload runs; its value
	// is the path of the loader to be expected.
	envReloads = "TCPTUNE_CHANGE_TEST_RELOADS"
	// neighbour is a file of somebody else, which no test but TestApplyReload puts there.
	neighbour = "/etc/sysctl.d/10-lab-neighbour.conf"
	// neighbourKey is the key that it sets, to another value than the kernel's default.
	neighbourKey = "net.ipv4.tcp_keepalive_intvl"
)

// TestApplyReload applies a profile below / with the host's own loaders, in a network
// namespace that is taken for the initial one and with a private /etc, /run and /var/lib.
func TestApplyReload(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		for _, tt := range []struct {
			loader  string
			hidden  []string // directories that are not there for the programs
			program []string
		}{
			{loader: "systemd-sysctl", program: []string{"/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl"}},
			{loader: "sysctl", hidden: []string{"/usr/lib/systemd", "/lib/systemd"}, program: []string{"/usr/sbin/sysctl", "/sbin/sysctl", "/usr/bin/sysctl"}},
		} {
			t.Run(tt.loader, func(t *testing.T) {
				program := Reloader{Root: "/"}.program(tt.program)
				if program == "" {
					lab.Unavailable(t, "loaders", fmt.Errorf("%s is not installed", tt.loader))
				}
				host := lab.NewHost(t, "host")
				host.Tree.WriteFile(t, neighbour, neighbourKey+" = 33\n")
				for _, dir := range tt.hidden {
					if err := os.Remove(host.Tree.Path(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) { // a link of the test's own
						t.Fatal(err)
					}
				}
				self, err := os.Executable()
				if err != nil {
					t.Fatal(err)
				}
				cmd := host.Command(self, "-test.run=^TestReloadSubject$", "-test.v", "-test.timeout=60s")
				cmd.Env = append(cmd.Env, envReloads+"="+program)
				output, err := cmd.CombinedOutput()
				t.Logf("%s", output)
				if err != nil || !strings.Contains(string(output), "--- PASS: TestReloadSubject/system") {
					t.Error(err)
				}
			})
		}
	})
}

// TestReloadSubject is run by TestApplyReload only, in its namespaces.
func TestReloadSubject(t *testing.T) {
	program := os.Getenv(envReloads)
	if program == "" {
		return // it is a program, not a test
	}
	if _, err := os.Stat(neighbour); err != nil {
		t.Fatalf("/etc is not the lab's: %v", err)
	}
	m, err := trialMachine("/")
	if err != nil {
		t.Fatal(err)
	}
	initial := true
	m.Host.Initial = &initial
	for _, kind := range []ReloadKind{ReloadFile, ReloadSystem} {
		t.Run(string(kind), func(t *testing.T) { applyAndReload(t, m, kind, program) })
	}
}

// applyAndReload applies a profile twice and rolls back.
func applyAndReload(t *testing.T, m *Machine, kind ReloadKind, program string) {
	wanted := kernelValues()
	wanted["net.ipv4.tcp_mtu_probing"] = "1"
	set(t, m.Live, sysctl.MustKey(neighbourKey), "75")
	before := values(t, m, wanted)
	files := below(t, "/etc/sysctl.d")

	plan := planServer(t, m, wanted)
	if !plan.Changed() || len(plan.Conflicts) > 0 {
		t.Fatalf("first plan: %+v", plan)
	}
	options, preview := reloadOptions(t, m, kind, plan)
	result, err := m.Apply(t.Context(), plan, options)
	if err != nil || !result.Changed || result.Reload == nil || result.Reload.Command[0] != program || result.Reload.ExitStatus != 0 {
		t.Fatalf("first run: %+v, %v", result, err)
	}
	wantValues(t, m, wanted)
	wantNeighbour(t, m, kind, preview, result.Reload.Collateral)

	again := planServer(t, m, wanted)
	wantNothing(t, again)
	if result, err := m.Apply(t.Context(), again, options); err != nil || result.Changed || result.Reload != nil {
		t.Errorf("second run: %+v, %v", result, err)
	}

	// The line of the file is what the loader reads, not only what stands there already.
	set(t, m.Live, sysctl.MustKey("net.ipv4.tcp_fin_timeout"), "44")
	if _, err := options.Reload(t.Context(), m.Paths.DropIn); err != nil {
		t.Error(err)
	}
	wantValues(t, m, wanted)

	if _, err := m.Rollback(t.Context(), RollbackOptions{}); err != nil {
		t.Fatal(err)
	}
	if after := values(t, m, wanted); !maps.Equal(before, after) {
		t.Errorf("after rollback (-before +after):\n%s", cmp.Diff(before, after))
	}
	if diff := cmp.Diff(files, below(t, "/etc/sysctl.d")); diff != "" {
		t.Errorf("files after rollback (-before +after):\n%s", diff)
	}
}

// planServer plans the values as a profile, on the host as it is.
func planServer(t *testing.T, m *Machine, values map[string]sysctl.Value) *Plan {
	t.Helper()
	entries, err := m.History()
	if err != nil {
		t.Fatal(err)
	}
	var last *Entry
	for i := range entries {
		if entries[i].Phase == PhaseApplied {
			last = &entries[i]
		}
	}
	s, err := ReadSituation(m.Paths, m.Host, "/proc/sys", m.Catalogue, last)
	if err != nil {
		t.Fatal(err)
	}
	var settings []Wanted
	for name, value := range values {
		settings = append(settings, wanted(name, string(value), Exactly, ""))
	}
	plan, err := NewPlan(s, profile("server", settings...), PlanOptions{Mode: ModeBoth, Tool: m.Tool, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// reloadOptions let the host's own loader load, as the command apply does, and tell what
// it would change beside the plan.
func reloadOptions(t *testing.T, m *Machine, kind ReloadKind, plan *Plan) (ApplyOptions, []KeyResult) {
	t.Helper()
	files, err := sysctl.FindLines("/")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := sysctl.NewTree("/proc/sys")
	if err != nil {
		t.Fatal(err)
	}
	var ours []sysctl.Key
	for _, step := range plan.Steps {
		ours = append(ours, step.Key)
	}
	reload := func(ctx context.Context, file string) (*Reload, error) {
		bystander := NewBystander(files, tree, ours)
		reload, err := Reloader{Root: "/"}.Run(ctx, kind, file)
		if err == nil {
			reload.Collateral = bystander.Changed(tree)
		}
		return reload, err
	}
	return ApplyOptions{Summary: "--profile server", Reload: reload}, SystemPreview(files, sysctl.Systemd, tree, m.Catalogue)
}

// wantNeighbour: the other file counts for a reload of the whole system only, which was
// said before and is said after.
func wantNeighbour(t *testing.T, m *Machine, kind ReloadKind, preview, collateral []KeyResult) {
	t.Helper()
	key := sysctl.MustKey(neighbourKey)
	if len(preview) != 1 || preview[0].Key != key || *preview[0].Wanted != "33" || preview[0].Detail != neighbour+":1" {
		t.Errorf("preview: %+v", preview)
	}
	want := sysctl.Value("75")
	if kind == ReloadSystem {
		want = "33"
		if len(collateral) != 1 || collateral[0].Key != key || *collateral[0].Before != "75" || *collateral[0].After != "33" {
			t.Errorf("what else was changed: %+v", collateral)
		}
	} else if len(collateral) > 0 {
		t.Errorf("what else was changed: %+v", collateral)
	}
	if got, err := m.Live.Get(key); err != nil || got != want {
		t.Errorf("%s: want %s, got %s, %v", key, want, got, err)
	}
}

func wantValues(t *testing.T, m *Machine, wanted map[string]sysctl.Value) {
	t.Helper()
	for name, got := range values(t, m, wanted) {
		if !m.same(sysctl.MustKey(name), wanted[name], got) {
			t.Errorf("%s: want %s, got %s", name, wanted[name], got)
		}
	}
}

// below reads every file of a directory.
func below(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range entries {
		text, err := atomicfile.OS{}.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[e.Name()] = string(text)
	}
	return found
}
