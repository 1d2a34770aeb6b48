// SPDX-License-Identifier: Apache-2.0

// Package packaging holds the tests of what is shipped for configuration
// management: the real ansible-playbook and puppet run it against a network
// namespace and directory trees of the test's own.
package packaging

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// build makes the program that the tests hand to the tools.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "tcptune")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", program, "../cmd/tcptune")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build tcptune: %v\n%s", err, out)
	}
	return program
}

// find returns the path of a program of the machine, or skips the test.
func find(t *testing.T, name, capability string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		lab.Unavailable(t, capability, errors.New(name+" is not installed"))
	}
	return path
}

// A task is the result of the module, as Ansible registers it.
type task struct {
	Changed bool   `json:"changed"`
	Failed  bool   `json:"failed"`
	Msg     string `json:"msg"`
	Diff    struct {
		Before string `json:"before"`
		After  string `json:"after"`
	} `json:"diff"`
	Keys []struct {
		Key    string `json:"key"`
		Status string `json:"status"`
	} `json:"keys"`
}

// An ansible runs playbooks in a host of the lab.
type ansible struct {
	host     *lab.Host
	playbook string // program
	tcptune  string
	dir      string
}

func newAnsible(t *testing.T) *ansible {
	t.Helper()
	return &ansible{host: lab.Self(t), playbook: find(t, "ansible-playbook", "ansible"), tcptune: build(t), dir: t.TempDir()}
}

// run runs a play on this machine and returns what Ansible printed.
func (a *ansible) run(t *testing.T, play string, args ...string) string {
	t.Helper()
	collections, err := filepath.Abs("ansible")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(a.dir, "play.yml")
	text := "- hosts: localhost\n  connection: local\n  gather_facts: false\n" + indent(strings.ReplaceAll(play, "TCPTUNE", a.tcptune))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := a.host.Command(a.playbook, append([]string{"-i", "localhost,", file}, args...)...)
	cmd.Env = append(cmd.Env, "HOME="+a.dir, "ANSIBLE_LOCAL_TEMP="+a.dir, "ANSIBLE_REMOTE_TEMP="+a.dir,
		"ANSIBLE_COLLECTIONS_PATHS="+collections, "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ansible-playbook: %v\n%s", err, out)
	}
	return string(out)
}

// one runs one task of the module and has Ansible itself write down its result.
func (a *ansible) one(t *testing.T, params string, args ...string) task {
	t.Helper()
	file := filepath.Join(a.dir, "result.json")
	out := a.run(t, "tasks:\n- tcptune.tcptune.tcptune:\n    executable: TCPTUNE\n"+indent(indent(params))+
		"  register: result\n  ignore_errors: true\n"+
		"- copy: {dest: "+file+", content: '{{ result | to_json }}'}\n  check_mode: false\n  diff: false\n", args...)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var r task
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if slices.Contains(args, "--diff") && r.Diff.After != "" && r.Changed && !strings.Contains(out, "+net.") {
		t.Errorf("--diff shows no diff:\n%s", out)
	}
	return r
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
	return b.String()
}

// TestAnsibleRuntime changes live values of a network namespace.
func TestAnsibleRuntime(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		a := newAnsible(t)
		const key = "net.ipv4.tcp_keepalive_time"
		before := a.host.ReadSysctl(t, key)
		want := "settings:\n  " + key + ": 555\nruntime_only: true\n"

		if r := a.one(t, want, "--check"); r.Failed || !r.Changed {
			t.Errorf("check mode: failed %v, changed %v: %s", r.Failed, r.Changed, r.Msg)
		}
		if now := a.host.ReadSysctl(t, key); now != before {
			t.Errorf("check mode changed %s to %s", key, now)
		}
		if r := a.one(t, want); r.Failed || !r.Changed || len(r.Keys) != 1 || r.Keys[0].Status != "changed" {
			t.Errorf("first run: %+v", r)
		}
		if now := a.host.ReadSysctl(t, key); now != "555" {
			t.Errorf("%s = %s after the first run", key, now)
		}
		if r := a.one(t, want); r.Failed || r.Changed {
			t.Errorf("second run: %+v", r)
		}
		if r := a.one(t, "settings: {"+key+": -5}\nruntime_only: true\n"); !r.Failed || r.Changed || !strings.Contains(r.Msg, key) {
			t.Errorf("bad value: %+v", r)
		}
		if r := a.one(t, "state: absent\nruntime_only: true\n"); r.Failed || !r.Changed {
			t.Errorf("absent: %+v", r)
		}
		if now := a.host.ReadSysctl(t, key); now != before {
			t.Errorf("%s = %s after absent, %s before", key, now, before)
		}
	})
}

// TestAnsibleTree writes the drop-in of an image.
func TestAnsibleTree(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		a := newAnsible(t)
		root := t.TempDir()
		for _, dir := range []string{"etc/sysctl.d", "proc/sys/net"} {
			if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		dropIn := filepath.Join(root, "etc/sysctl.d/90-tcptune.conf")
		want := "profile: server\nroot: " + root + "\n"

		r := a.one(t, want, "--check", "--diff")
		if r.Failed || !r.Changed {
			t.Fatalf("check mode: %+v", r)
		}
		before, after := r.Diff.Before, r.Diff.After
		if before != "" || !strings.Contains(after, "net.ipv4.tcp_mtu_probing = 1\n") {
			t.Errorf("diff before %q after %q", before, after)
		}
		// Also no lock and no journal.
		for _, dir := range []string{"etc/sysctl.d", "run", "var"} {
			if entries, _ := os.ReadDir(filepath.Join(root, dir)); len(entries) > 0 {
				t.Errorf("check mode wrote %s/%s", dir, entries[0].Name())
			}
		}
		if r := a.one(t, want); r.Failed || !r.Changed {
			t.Fatalf("first run: %+v", r)
		}
		if text, err := os.ReadFile(dropIn); err != nil || string(text) != after {
			t.Errorf("the drop-in is not what check mode showed: %v\n%s", err, text)
		}
		if r := a.one(t, want, "--diff"); r.Failed || r.Changed {
			t.Errorf("second run: %+v", r)
		}
		role := "roles:\n- role: tcptune.tcptune.tcptune\n  vars: {tcptune_executable: TCPTUNE, tcptune_root: " + root + ", tcptune_profile: server}\n"
		if out := a.run(t, role); !strings.Contains(out, "ok=1 ") || !strings.Contains(out, "changed=0 ") {
			t.Errorf("the role with the same profile:\n%s", out)
		}
		if r := a.one(t, "profile: sever\nroot: "+root+"\n"); !r.Failed || !strings.Contains(r.Msg, "sever") {
			t.Errorf("unknown profile: %+v", r)
		}
		if r := a.one(t, "state: absent\nroot: "+root+"\n"); r.Failed || !r.Changed {
			t.Errorf("absent: %+v", r)
		}
		if _, err := os.Lstat(dropIn); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the drop-in is still there: %v", err)
		}
	})
}

// TestAnsibleDocumentation has ansible-doc read the module's documentation.
func TestAnsibleDocumentation(t *testing.T) {
	cmd := exec.Command(find(t, "ansible-doc", "ansible"), "--json", "-t", "module", "tcptune.tcptune.tcptune")
	collections, err := filepath.Abs("ansible")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "ANSIBLE_COLLECTIONS_PATHS="+collections, "HOME="+home, "ANSIBLE_LOCAL_TEMP="+home, "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ansible-doc: %v", err)
	}
	var documented map[string]struct {
		Doc struct {
			Options map[string]any `json:"options"`
		} `json:"doc"`
		Examples string         `json:"examples"`
		Return   map[string]any `json:"return"`
	}
	if err := json.Unmarshal(out, &documented); err != nil {
		t.Fatal(err)
	}
	module := documented["tcptune.tcptune.tcptune"]
	if len(module.Doc.Options) < 10 || module.Examples == "" || len(module.Return) == 0 {
		t.Errorf("ansible-doc shows %d options, examples %q, %d return values", len(module.Doc.Options), module.Examples, len(module.Return))
	}
}

// TestPuppet applies the define twice.
func TestPuppet(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host, puppet, program := lab.Self(t), find(t, "puppet", "puppet"), build(t)
		define, err := os.ReadFile("puppet/tcptune.pp")
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		manifest := filepath.Join(dir, "site.pp")
		use := "\ntcptune { 'server': executable => '" + program + "', options => ['--runtime-only'], " +
			"settings => { 'net.ipv4.tcp_keepalive_time' => '555' } }\n"
		if err := os.WriteFile(manifest, append(define, use...), 0o600); err != nil {
			t.Fatal(err)
		}
		// 0 nothing to do, 2 changed, 4 and 6 failures (puppet-apply(8)).
		apply := func() int {
			cmd := host.Command(puppet, "apply", "--detailed-exitcodes", "--confdir="+dir, "--vardir="+dir,
				"--ssldir="+dir+"/ssl", "--rundir="+dir, "--logdir="+dir, "--statedir="+dir+"/state", manifest)
			cmd.Env = append(cmd.Env, "HOME="+dir, "LC_ALL=C.UTF-8")
			out, err := cmd.CombinedOutput()
			if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
				t.Fatalf("puppet apply: %v\n%s", err, out)
			}
			t.Logf("puppet apply:\n%s", out)
			return cmd.ProcessState.ExitCode()
		}
		if status := apply(); status != 2 {
			t.Errorf("first run ended with %d, want 2 (changed)", status)
		}
		if now := host.ReadSysctl(t, "net.ipv4.tcp_keepalive_time"); now != "555" {
			t.Errorf("tcp_keepalive_time = %s", now)
		}
		if status := apply(); status != 0 {
			t.Errorf("second run ended with %d, want 0 (nothing to do)", status)
		}
	})
}
