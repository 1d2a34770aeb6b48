// SPDX-License-Identifier: Apache-2.0

package change

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/sysctl"
)

// A fakeHost is a root with live values, and what the runs on it left.
type fakeHost struct {
	t     *testing.T
	paths Paths
	host  Host
	last  *Entry
}

// newFakeHost makes a root with these live values.
func newFakeHost(t *testing.T, live map[string]string) *fakeHost {
	t.Helper()
	initial := true
	h := &fakeHost{t: t, paths: NewPaths(t.TempDir(), ""), host: Host{Hostname: "web1", Kernel: "6.18.0", BootID: "boot-1", Netns: "net:[1]", Initial: &initial}}
	h.write("/etc/sysctl.d/README", "")
	h.write("/run/systemd/system/here", "")
	h.write("/proc/sys/net/core/dev_weight", "64\n")
	for key, value := range live {
		h.set(key, value)
	}
	return h
}

func (h *fakeHost) write(name, text string) {
	h.t.Helper()
	file := filepath.Join(h.paths.Root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *fakeHost) set(key, value string) {
	h.t.Helper()
	h.write("/proc/sys/"+sysctl.MustKey(key).Path(), value+"\n")
}

func (h *fakeHost) situation() *Situation {
	h.t.Helper()
	s, err := ReadSituation(h.paths, h.host, filepath.Join(h.paths.Root, "proc/sys"), sysctl.LoadCatalogue(), h.last)
	if err != nil {
		h.t.Fatal(err)
	}
	s.Owners = nil
	return s
}

// plan makes a plan for the live values and the drop-in, unless o says otherwise.
func (h *fakeHost) plan(in Intent, o PlanOptions) *Plan {
	h.t.Helper()
	if o.Mode == "" {
		o.Mode = ModeBoth
	}
	o.Tool, o.Now = "tcptune test", time.Unix(1800000000, 0)
	p, err := NewPlan(h.situation(), in, o)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// apply does what the plan says, without any care.
func (h *fakeHost) apply(p *Plan) {
	h.t.Helper()
	if refused := p.Refused(); len(refused) > 0 {
		h.t.Fatalf("the plan is refused: %v", refused)
	}
	for _, s := range p.Steps {
		if s.New != nil && s.Status == Changed && p.Mode != ModePersist {
			h.set(s.Key.String(), strings.ReplaceAll(string(*s.New), " ", "\t"))
		}
	}
	switch {
	case p.File == "":
	case p.After == nil:
		if err := os.Remove(filepath.Join(h.paths.Root, p.File)); err != nil && p.Before != nil {
			h.t.Fatal(err)
		}
	default:
		h.write(p.File, *p.After)
	}
	h.last = &Entry{ID: 1, Phase: PhaseApplied, Host: p.Host, Mode: p.Mode, Prior: p.Prior, State: p.State}
}

// brief writes one line for each step: "somaxconn set 128 -> 4096 changed".
func brief(p *Plan) []string {
	text := func(v *sysctl.Value) string {
		if v == nil {
			return "none"
		}
		return string(*v)
	}
	var lines []string
	for _, s := range p.Steps {
		lines = append(lines, fmt.Sprintf("%s %s %s -> %s %s", s.Key.Short(), s.Action, text(s.Live), text(s.New), s.Status))
	}
	return lines
}

func wantSteps(t *testing.T, p *Plan, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, brief(p)); diff != "" {
		t.Errorf("unexpected steps (-want +got):\n%s", diff)
	}
}

// wantNothing fails unless the plan changes nothing and nothing speaks against it.
func wantNothing(t *testing.T, p *Plan) {
	t.Helper()
	if p.Changed() || len(p.Conflicts) > 0 {
		t.Errorf("want nothing to do, got steps %q, conflicts %v, after\n%s", brief(p), p.Conflicts, *p.After)
	}
}

func wanted(key, value string, b Bound, origin string) Wanted {
	return Wanted{Key: sysctl.MustKey(key), Value: sysctl.Value(value), Bound: b, Origin: origin, Reason: "because", Risk: "low"}
}

func profile(name string, settings ...Wanted) Intent {
	for i := range settings {
		settings[i].Origin = "profile " + name
	}
	return Intent{Profile: &Profile{Name: name, Inputs: []Input{{"cpus", "4"}}, Settings: settings}}
}

func setOne(key, value string) Intent {
	return Intent{Set: []Wanted{wanted(key, value, Exactly, "--set")}}
}

func server() Intent {
	return profile("server", wanted("net.core.somaxconn", "4096", AtLeast, ""), wanted("net.ipv4.tcp_rmem", "4096 131072 16777216", AtLeast, ""),
		wanted("net.ipv4.tcp_fin_timeout", "30", Exactly, ""))
}

func web() Intent {
	return profile("web", wanted("net.core.somaxconn", "8192", AtLeast, ""), wanted("net.ipv4.tcp_slow_start_after_idle", "0", Exactly, ""))
}

func ordinary() map[string]string {
	return map[string]string{
		"net.core.somaxconn": "128", "net.ipv4.tcp_rmem": "4096\t131072\t6291456", "net.ipv4.tcp_fin_timeout": "60",
		"net.ipv4.tcp_slow_start_after_idle": "1",
	}
}

func TestPlanFirstAndSecond(t *testing.T) {
	h := newFakeHost(t, ordinary())
	p := h.plan(server(), PlanOptions{})
	wantSteps(t, p, "somaxconn set 128 -> 4096 changed", "tcp_fin_timeout set 60 -> 30 changed",
		"tcp_rmem set 4096 131072 6291456 -> 4096 131072 16777216 changed")
	if p.Before != nil || p.After == nil || !p.Changed() {
		t.Errorf("want a new drop-in, got %v", p.After)
	}
	h.apply(p)
	p = h.plan(server(), PlanOptions{})
	wantNothing(t, p)
	wantSteps(t, p, "somaxconn set 4096 -> 4096 unchanged", "tcp_fin_timeout set 30 -> 30 unchanged",
		"tcp_rmem set 4096 131072 16777216 -> 4096 131072 16777216 unchanged")
	t.Run("without a journal", func(t *testing.T) {
		h.last = nil
		wantNothing(t, h.plan(server(), PlanOptions{}))
	})
}

func TestPlanOtherProfile(t *testing.T) {
	h := newFakeHost(t, ordinary())
	h.apply(h.plan(server(), PlanOptions{}))
	p := h.plan(web(), PlanOptions{})
	wantSteps(t, p, "somaxconn set 4096 -> 8192 changed", "tcp_fin_timeout restore 30 -> 60 changed",
		"tcp_rmem restore 4096 131072 16777216 -> 4096 131072 6291456 changed", "tcp_slow_start_after_idle set 1 -> 0 changed")
	if strings.Contains(*p.After, "server") || p.State.Profile != "web" {
		t.Errorf("want the profile server gone from\n%s", *p.After)
	}
	h.apply(p)
	wantNothing(t, h.plan(web(), PlanOptions{}))
}

func TestPlanSetUnsetAbsent(t *testing.T) {
	h := newFakeHost(t, ordinary())
	h.apply(h.plan(server(), PlanOptions{}))

	p := h.plan(setOne("net.core.somaxconn", "1024"), PlanOptions{})
	wantSteps(t, p, "somaxconn set 4096 -> 1024 changed", "tcp_fin_timeout set 30 -> 30 unchanged",
		"tcp_rmem set 4096 131072 16777216 -> 4096 131072 16777216 unchanged")
	if !strings.Contains(*p.After, "# overridden: net.core.somaxconn = 4096\n") {
		t.Errorf("want the profile's value as a comment in\n%s", *p.After)
	}
	h.apply(p)
	wantNothing(t, h.plan(setOne("net.core.somaxconn", "1024"), PlanOptions{}))
	wantNothing(t, h.plan(server(), PlanOptions{})) // set stays stronger

	p = h.plan(Intent{Unset: []sysctl.Key{sysctl.MustKey("net.core.somaxconn"), sysctl.MustKey("net.ipv4.tcp_sack")}}, PlanOptions{})
	wantSteps(t, p, "somaxconn restore 1024 -> 128 changed", "tcp_fin_timeout set 30 -> 30 unchanged",
		"tcp_rmem set 4096 131072 16777216 -> 4096 131072 16777216 unchanged")
	if diff := cmp.Diff([]string{"net.ipv4.tcp_sack is not set by tcptune: there is nothing to take out"}, p.Notes); diff != "" {
		t.Errorf("unexpected notes (-want +got):\n%s", diff)
	}
	h.apply(p)

	p = h.plan(Intent{Absent: true}, PlanOptions{})
	wantSteps(t, p, "tcp_fin_timeout restore 30 -> 60 changed", "tcp_rmem restore 4096 131072 16777216 -> 4096 131072 6291456 changed")
	if p.After != nil {
		t.Errorf("want no drop-in, got\n%s", *p.After)
	}
	h.apply(p)
	p = h.plan(Intent{Absent: true}, PlanOptions{})
	wantSteps(t, p)
	if p.Changed() {
		t.Error("want nothing to do")
	}
}

func TestPlanRestoreWithoutJournal(t *testing.T) {
	h := newFakeHost(t, ordinary())
	h.apply(h.plan(setOne("net.core.somaxconn", "1024"), PlanOptions{}))
	h.last = nil
	p := h.plan(Intent{Absent: true}, PlanOptions{})
	wantSteps(t, p, "somaxconn restore 1024 -> none changed")
	if want := "its value from before tcptune is not known: 1024 stays until the next boot"; p.Steps[0].Detail != want {
		t.Errorf("want %q, got %q", want, p.Steps[0].Detail)
	}
}

func TestPlanBounds(t *testing.T) {
	for _, tt := range []struct {
		name, key, live, value, want string
		bound                        Bound
	}{
		{"larger stays", "net.core.somaxconn", "65535", "4096", "65535", AtLeast},
		{"smaller is raised", "net.core.somaxconn", "128", "4096", "4096", AtLeast},
		{"larger is lowered", "net.ipv4.tcp_fin_timeout", "60", "30", "30", AtMost},
		{"smaller stays", "net.ipv4.tcp_fin_timeout", "15", "30", "15", AtMost},
		{"field by field", "net.ipv4.tcp_rmem", "8192\t131072\t6291456", "4096 131072 16777216", "8192 131072 16777216", AtLeast},
		{"exactly", "net.core.somaxconn", "65535", "4096", "4096", Exactly},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newFakeHost(t, map[string]string{tt.key: tt.live})
			in := Intent{Set: []Wanted{wanted(tt.key, tt.value, tt.bound, "--set")}}
			p := h.plan(in, PlanOptions{})
			if got := string(*p.Steps[0].New); got != tt.want {
				t.Errorf("want %s, got %s", tt.want, got)
			}
			h.apply(p)
			wantNothing(t, h.plan(in, PlanOptions{}))
		})
	}
}

// A bound is worked out from the value before tcptune, so that a lower one of a later
// run is not held up by tcptune's own higher one.
func TestPlanBoundOfOriginal(t *testing.T) {
	h := newFakeHost(t, ordinary())
	h.apply(h.plan(profile("a", wanted("net.core.somaxconn", "8192", AtLeast, "")), PlanOptions{}))
	p := h.plan(profile("b", wanted("net.core.somaxconn", "1024", AtLeast, "")), PlanOptions{})
	wantSteps(t, p, "somaxconn set 8192 -> 1024 changed")
}

func TestPlanSameList(t *testing.T) {
	h := newFakeHost(t, map[string]string{"net.ipv4.ip_local_reserved_ports": ""})
	in := setOne("net.ipv4.ip_local_reserved_ports", "8082,8080,8081,9000-9002")
	h.apply(h.plan(in, PlanOptions{}))
	h.set("net.ipv4.ip_local_reserved_ports", "8080-8082,9000-9002")
	wantNothing(t, h.plan(in, PlanOptions{}))
}

func TestPlanShadowed(t *testing.T) {
	for _, tt := range []struct {
		name, file, text string
		want             []string
	}{
		{"a later file", "/etc/sysctl.d/99-x.conf", "# mine\nnet.core.somaxconn=128\n",
			[]string{"/etc/sysctl.d/99-x.conf:2 sets net.core.somaxconn = 128 after /etc/sysctl.d/90-tcptune.conf and wins under systemd and procps | delete line 2 of /etc/sysctl.d/99-x.conf: net.core.somaxconn = 128"}},
		{"sysctl.conf", "/etc/sysctl.conf", "net.core.somaxconn = 128\n",
			[]string{"/etc/sysctl.conf:1 sets net.core.somaxconn = 128 after /etc/sysctl.d/90-tcptune.conf and wins under procps | delete line 1 of /etc/sysctl.conf: net.core.somaxconn = 128"}},
		{"an exclusion", "/etc/sysctl.d/99-x.conf", "-net.core.somaxconn\n",
			[]string{"/etc/sysctl.d/99-x.conf:1 excludes net.core.somaxconn, so that no value is set under systemd | delete line 1 of /etc/sysctl.d/99-x.conf: -net.core.somaxconn"}},
		{"an earlier file", "/etc/sysctl.d/10-x.conf", "net.core.somaxconn = 128\n", nil},
		{"the same value", "/etc/sysctl.d/99-x.conf", "net.core.somaxconn = 4096\n", nil},
		{"a value beyond the bound", "/etc/sysctl.d/99-x.conf", "net.core.somaxconn = 65535\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newFakeHost(t, ordinary())
			h.write(tt.file, tt.text)
			in := profile("web", wanted("net.core.somaxconn", "4096", AtLeast, ""))
			p := h.plan(in, PlanOptions{})
			var got []string
			for _, c := range p.Refused() {
				got = append(got, c.Text+" | "+c.Edit)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("unexpected conflicts (-want +got):\n%s", diff)
			}
			p = h.plan(in, PlanOptions{AcceptShadowed: true})
			if tt.want == nil { // the machine proves what the plan relies on
				h.apply(p)
				if err := (&Machine{Paths: h.paths, Catalogue: sysctl.LoadCatalogue()}).prove(p); err != nil {
					t.Errorf("want it proven, got %v", err)
				}
			}
			if len(p.Refused()) > 0 || p.Steps[0].Shadowed != (tt.want != nil) || p.Steps[0].Status != Changed {
				t.Errorf("want it accepted, got %v and %+v", p.Refused(), p.Steps[0])
			}
		})
	}
}

func TestPlanOtherLoader(t *testing.T) {
	h := newFakeHost(t, ordinary())
	h.write("/etc/sysctl.d/99-x.conf", "net.core.somaxconn = 128\n")
	s := h.situation()
	s.Boot = sysctl.Boot{Name: "busybox", Reason: "this host boots with busybox sysctl, which is not modelled"}
	p, err := NewPlan(s, server(), PlanOptions{Mode: ModeBoth})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"which value wins at the next boot is not proven: this host boots with busybox sysctl, which is not modelled"}
	if diff := cmp.Diff(want, p.Notes); diff != "" || len(p.Conflicts) > 0 {
		t.Errorf("unexpected notes (-want +got), conflicts %v:\n%s", p.Conflicts, diff)
	}
}

func TestPlanRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(*fakeHost)
		in      Intent
		o       PlanOptions
		kind    string
		text    string
	}{
		{name: "out of range", in: setOne("net.core.somaxconn", "-1"), kind: "invalid", text: "net.core.somaxconn"},
		{name: "wrong arity", in: setOne("net.ipv4.tcp_rmem", "4096"), kind: "invalid", text: "net.ipv4.tcp_rmem"},
		{name: "wrong order", in: setOne("net.ipv4.tcp_rmem", "9000 500 100"), kind: "invalid", text: "net.ipv4.tcp_rmem"},
		{name: "octal", in: setOne("net.core.somaxconn", "010"), kind: "invalid", text: "net.core.somaxconn"},
		{name: "tw_recycle", prepare: func(h *fakeHost) { h.set("net.ipv4.tcp_tw_recycle", "0") }, in: setOne("net.ipv4.tcp_tw_recycle", "1"), kind: "invalid", text: "behind NAT"},
		{name: "outside net", prepare: func(h *fakeHost) { h.set("vm.swappiness", "60") }, in: setOne("vm.swappiness", "10"), kind: "invalid", text: "--allow-any"},
		{name: "the machine's, from a child namespace", prepare: func(h *fakeHost) {
			initial := false
			h.host.Initial = &initial
			h.set("vm.swappiness", "60")
		}, in: setOne("vm.swappiness", "10"), o: PlanOptions{Mode: ModeRuntime, AllowAny: true}, kind: "invalid", text: "belongs to the whole machine"},
		{name: "a pattern", in: setOne("net.ipv4.conf.*.rp_filter", "1"), kind: "invalid", text: "is a pattern"},
		{name: "no value", prepare: func(h *fakeHost) { h.set("net.ipv4.ip_local_reserved_ports", "80") }, in: setOne("net.ipv4.ip_local_reserved_ports", ""), kind: "invalid", text: "without a value"},
		{name: "across keys", prepare: func(h *fakeHost) {
			h.set("net.ipv4.ip_local_port_range", "32768\t60999")
			h.set("net.ipv4.ip_unprivileged_port_start", "1024")
		}, in: setOne("net.ipv4.ip_unprivileged_port_start", "40000"), kind: "invalid", text: "ip_local_port_range"},
		{name: "required and absent", in: setOne("net.ipv4.tcp_sack", "1"), o: PlanOptions{RequireAll: true}, kind: "unsupported", text: "this kernel has no such key"},
		{name: "another program's file", prepare: func(h *fakeHost) { h.write(DefaultDropIn, "net.core.somaxconn = 7\n") }, in: server(), kind: "file", text: "it was not written by tcptune"},
		{name: "a link", prepare: func(h *fakeHost) {
			if err := os.Symlink("/etc/passwd", filepath.Join(h.paths.Root, DefaultDropIn)); err != nil {
				h.t.Fatal(err)
			}
		}, in: server(), kind: "file", text: "is a symbolic link"},
		{name: "a directory", prepare: func(h *fakeHost) { h.write(DefaultDropIn+"/x", "") }, in: server(), kind: "file", text: "is not a regular file"},
		{name: "elsewhere", prepare: func(h *fakeHost) { h.paths.DropIn = "/etc/cron.d/x.conf" }, in: server(), kind: "file", text: "is not in one of /etc/sysctl.d"},
		{name: "not .conf", prepare: func(h *fakeHost) { h.paths.DropIn = "/etc/sysctl.d/x" }, in: server(), kind: "file", text: "does not end in .conf"},
		{name: "child namespace", prepare: func(h *fakeHost) { initial := false; h.host.Initial = &initial }, in: server(), kind: "namespace", text: "no file is written from here"},
		{name: "masked", prepare: func(h *fakeHost) {
			h.paths.DropIn = "/usr/lib/sysctl.d/90-tcptune.conf"
			h.write(DefaultDropIn, "")
		}, in: server(), kind: "shadowed", text: "a file of the same name in a better directory hides it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newFakeHost(t, ordinary())
			if tt.prepare != nil {
				tt.prepare(h)
			}
			p := h.plan(tt.in, tt.o)
			refused := p.Refused()
			if len(refused) == 0 || refused[0].Kind != tt.kind || !strings.Contains(refused[0].Text, tt.text) {
				t.Fatalf("want a conflict %q with %q, got %+v", tt.kind, tt.text, refused)
			}
		})
	}
}

func TestPlanEdited(t *testing.T) {
	h := newFakeHost(t, ordinary())
	h.apply(h.plan(server(), PlanOptions{}))
	text, err := os.ReadFile(filepath.Join(h.paths.Root, DefaultDropIn))
	if err != nil {
		t.Fatal(err)
	}
	h.write(DefaultDropIn, string(text)+"net.ipv4.tcp_sack = 0\n")
	p := h.plan(server(), PlanOptions{})
	refused := p.Refused()
	if len(refused) != 1 || refused[0].Kind != "edited" || refused[0].File != DefaultDropIn || refused[0].Line != bytes.Count(text, []byte("\n"))+1 {
		t.Errorf("want the added line refused, got %+v", refused)
	}
	p = h.plan(server(), PlanOptions{Force: true})
	if len(p.Refused()) > 0 || len(p.Conflicts) != 1 {
		t.Errorf("want it accepted, got %+v", p.Conflicts)
	}
	if *p.After != string(text) {
		t.Errorf("want the line dropped, got\n%s", *p.After)
	}
	h.apply(p)
	wantNothing(t, h.plan(server(), PlanOptions{}))
}

func TestPlanUnfitKeys(t *testing.T) {
	h := newFakeHost(t, map[string]string{"net.core.somaxconn": "128", "net.ipv4.tcp_available_congestion_control": "cubic", "net.core.rmem_max": "212992"})
	if err := os.Chmod(filepath.Join(h.paths.Root, "proc/sys/net/core/rmem_max"), 0o444); err != nil {
		t.Fatal(err)
	}
	in := Intent{Set: []Wanted{
		wanted("net.core.somaxconn", "4096", Exactly, "--set"), wanted("net.ipv4.tcp_sack", "1", Exactly, "--set"),
		wanted("net.netfilter.nf_conntrack_max", "262144", Exactly, "--set"), wanted("net.core.rmem_max", "4194304", Exactly, "--set"),
	}}
	p := h.plan(in, PlanOptions{})
	wantSteps(t, p, "rmem_max set 212992 -> 4194304 read-only", "somaxconn set 128 -> 4096 changed", "tcp_sack set none -> 1 unsupported",
		"nf_conntrack_max set none -> 262144 pending")
	if want := `its kernel module nf_conntrack is not loaded: put the line "nf_conntrack" into /etc/modules-load.d/nf_conntrack.conf, so that it is there when the line is read at boot`; p.Steps[3].Detail != want {
		t.Errorf("want %q, got %q", want, p.Steps[3].Detail)
	}
	for key, want := range map[string]bool{"somaxconn": true, "tcp_sack": false, "nf_conntrack_max": true, "rmem_max": false} {
		if strings.Contains(*p.After, key+" = ") != want {
			t.Errorf("want a line for %s: %v, got\n%s", key, want, *p.After)
		}
	}
	h.apply(p)
	wantNothing(t, h.plan(in, PlanOptions{}))
}

func TestPlanRuntime(t *testing.T) {
	h := newFakeHost(t, ordinary())
	initial := false
	h.host.Initial = &initial
	p := h.plan(server(), PlanOptions{Mode: ModeRuntime})
	if p.File != "" || p.After != nil || len(p.Conflicts) > 0 || !p.Changed() {
		t.Errorf("want live values only, got %+v", p)
	}
	h.apply(p)
	if p = h.plan(server(), PlanOptions{Mode: ModeRuntime}); p.Changed() {
		t.Errorf("want nothing to do, got %q", brief(p))
	}
	p = h.plan(Intent{Absent: true}, PlanOptions{Mode: ModeRuntime})
	wantSteps(t, p, "somaxconn restore 4096 -> 128 changed", "tcp_fin_timeout restore 30 -> 60 changed",
		"tcp_rmem restore 4096 131072 16777216 -> 4096 131072 6291456 changed")
}

// What was set for the running system only ends with the next full run.
func TestPlanAfterRuntime(t *testing.T) {
	h := newFakeHost(t, ordinary())
	h.apply(h.plan(setOne("net.core.somaxconn", "1024"), PlanOptions{Mode: ModeRuntime}))
	p := h.plan(setOne("net.ipv4.tcp_fin_timeout", "30"), PlanOptions{})
	wantSteps(t, p, "somaxconn restore 1024 -> 128 changed", "tcp_fin_timeout set 60 -> 30 changed")
}

// A boot ends what was set for the running system only.
func TestPlanRuntimeAfterBoot(t *testing.T) {
	h := newFakeHost(t, ordinary())
	h.apply(h.plan(setOne("net.core.somaxconn", "1024"), PlanOptions{Mode: ModeRuntime}))
	h.host.BootID = "boot-2"
	h.set("net.core.somaxconn", "128")
	p := h.plan(setOne("net.ipv4.tcp_fin_timeout", "30"), PlanOptions{Mode: ModeRuntime})
	wantSteps(t, p, "tcp_fin_timeout set 60 -> 30 changed")
	// What an admin gave this boot is what comes back.
	h.set("net.core.somaxconn", "512")
	h.apply(h.plan(setOne("net.core.somaxconn", "1024"), PlanOptions{}))
	wantSteps(t, h.plan(Intent{Absent: true}, PlanOptions{}), "somaxconn restore 1024 -> 512 changed")
}

// A boot keeps what the drop-in says, and the journal the values from before it.
func TestPlanRestoreAfterBoot(t *testing.T) {
	h := newFakeHost(t, ordinary())
	h.apply(h.plan(setOne("net.core.somaxconn", "1024"), PlanOptions{}))
	h.host.BootID = "boot-2"
	wantNothing(t, h.plan(setOne("net.core.somaxconn", "1024"), PlanOptions{}))
	wantSteps(t, h.plan(Intent{Absent: true}, PlanOptions{}), "somaxconn restore 1024 -> 128 changed")
}

// One desired state is not kept in two files.
func TestPlanOtherFile(t *testing.T) {
	h := newFakeHost(t, ordinary())
	p := h.plan(server(), PlanOptions{})
	h.apply(p)
	h.last.File = &FileChange{Path: p.File, After: p.After}
	h.paths.DropIn = "/etc/sysctl.d/95-other.conf"
	set := setOne("net.ipv4.tcp_fin_timeout", "30")
	if refused := h.plan(set, PlanOptions{}).Refused(); len(refused) != 1 || !strings.Contains(refused[0].Text, "what tcptune set is in "+DefaultDropIn) {
		t.Errorf("want a refusal that names the other file, got %+v", refused)
	}
	if err := os.Remove(filepath.Join(h.paths.Root, DefaultDropIn)); err != nil {
		t.Fatal(err)
	}
	if refused := h.plan(set, PlanOptions{}).Refused(); len(refused) > 0 {
		t.Errorf("the other file is gone, and it is refused: %+v", refused)
	}
}

// A drop-in that went missing is written again, whole.
func TestPlanFileGone(t *testing.T) {
	h := newFakeHost(t, ordinary())
	h.apply(h.plan(server(), PlanOptions{}))
	if err := os.Remove(filepath.Join(h.paths.Root, DefaultDropIn)); err != nil {
		t.Fatal(err)
	}
	p := h.plan(setOne("net.ipv4.tcp_fin_timeout", "20"), PlanOptions{})
	wantSteps(t, p, "somaxconn set 4096 -> 4096 changed", "tcp_fin_timeout set 30 -> 20 changed",
		"tcp_rmem set 4096 131072 16777216 -> 4096 131072 16777216 changed")
}

func TestPlanTree(t *testing.T) {
	h := newFakeHost(t, nil)
	h.host = Host{Hostname: "image"}
	s := h.situation()
	s.Live = nil
	p, err := NewPlan(s, server(), PlanOptions{Mode: ModePersist})
	if err != nil {
		t.Fatal(err)
	}
	wantSteps(t, p, "somaxconn set none -> 4096 changed", "tcp_fin_timeout set none -> 30 changed", "tcp_rmem set none -> 4096 131072 16777216 changed")
	h.write(DefaultDropIn, *p.After)
	s = h.situation()
	s.Live = nil
	if p, err = NewPlan(s, server(), PlanOptions{Mode: ModePersist}); err != nil {
		t.Fatal(err)
	}
	wantNothing(t, p)
	if _, err := NewPlan(s, server(), PlanOptions{Mode: ModeRuntime}); err == nil {
		t.Error("want live values of a tree refused")
	}
}

func TestPlanMaxRisk(t *testing.T) {
	h := newFakeHost(t, ordinary())
	high := wanted("net.core.somaxconn", "4096", Exactly, "rule r")
	high.Risk = "medium"
	p := h.plan(Intent{Recommended: []Wanted{high, wanted("net.ipv4.tcp_fin_timeout", "30", Exactly, "rule r")}}, PlanOptions{MaxRisk: "low"})
	wantSteps(t, p, "tcp_fin_timeout set 60 -> 30 changed")
	if len(p.Notes) != 1 {
		t.Errorf("want a note about the other, got %q", p.Notes)
	}
}

func TestPlanFile(t *testing.T) {
	h := newFakeHost(t, ordinary())
	p := h.plan(server(), PlanOptions{})
	var b bytes.Buffer
	if err := EncodePlan(&b, p); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	got, err := DecodePlan(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, got, equateKeys()); diff != "" {
		t.Errorf("unexpected plan (-want +got):\n%s", diff)
	}
	if err := got.Stale(h.situation()); err != nil {
		t.Errorf("want it fresh, got %v", err)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"version", `"schema_version": 1`, `"schema_version": 2`, "its version is 2, this tcptune reads 1"},
		{"unknown field", `"mode"`, `"made"`, "unknown field"},
		{"mode", `"both"`, `"all"`, `mode "all" is not one of`},
		{"file", `"/etc/sysctl.d/90-tcptune.conf"`, `"/etc/cron.d/x"`, "is not in one of"},
		{"content", `# --- profile`, `* * * * * root reboot\n# --- profile`, "is not what the state comes to"},
		{"status", `"changed"`, `"done"`, `unknown status "done"`},
		{"hidden step", `"new": "4096"`, `"new": "5000"`, `the state sets net.core.somaxconn to "4096", and no step does`},
		{"no step", `"action": "set"`, `"action": "restore"`, "and no step does"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan, err := DecodePlan(strings.NewReader(strings.Replace(text, tt.old, tt.new, 1)))
			if plan != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("want error %q, got %v", tt.want, err)
			}
		})
	}
}

func TestPlanStale(t *testing.T) {
	for _, tt := range []struct {
		name string
		move func(*fakeHost)
	}{
		{"host", func(h *fakeHost) { h.host.Hostname = "web2" }},
		{"boot", func(h *fakeHost) { h.host.BootID = "boot-2" }},
		{"namespace", func(h *fakeHost) { h.host.Netns = "net:[2]" }},
		{"live value", func(h *fakeHost) { h.set("net.core.somaxconn", "129") }},
		{"drop-in", func(h *fakeHost) { h.write(DefaultDropIn, "") }},
		{"file", func(h *fakeHost) { h.paths.DropIn = "/etc/sysctl.d/91-tcptune.conf" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newFakeHost(t, ordinary())
			p := h.plan(server(), PlanOptions{})
			tt.move(h)
			if err := p.Stale(h.situation()); !errors.Is(err, ErrStale) {
				t.Errorf("want it stale, got %v", err)
			}
		})
	}
}

func FuzzDecodePlan(f *testing.F) {
	f.Add([]byte(`{"schema_version":1,"mode":"runtime","steps":[]}`))
	f.Add([]byte(`{"schema_version":1,"mode":"both","file":"/etc/sysctl.d/x.conf","steps":[{"key":"net.core.somaxconn","action":"set","new":"1","status":"changed"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := DecodePlan(bytes.NewReader(data))
		if err != nil {
			if p != nil {
				t.Fatalf("want no plan beside %v", err)
			}
			return
		}
		var b bytes.Buffer
		if err := EncodePlan(&b, p); err != nil {
			t.Fatal(err)
		}
		if _, err := DecodePlan(&b); err != nil {
			t.Fatalf("a plan that was read cannot be read again: %v", err)
		}
	})
}
