// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/netns"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/rules"
)

// quietNamespaces makes n namespaces that nobody lives in, mounted as ip netns
// does it, each with a listener.
func quietNamespaces(t *testing.T, n int) (names []string) {
	t.Helper()
	return namespaces(t, n, func(net.Listener) error { return nil })
}

// namespaces makes n of them; visit is called in each when it listens.
func namespaces(t *testing.T, n int, visit func(net.Listener) error) (names []string) {
	t.Helper()
	err := errors.Join(os.MkdirAll("/run", 0o755), unix.Mount("tmpfs", "/run", "tmpfs", 0, ""), os.Mkdir("/run/netns", 0o755))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		name := fmt.Sprintf("quiet%03d", i)
		names = append(names, name)
		if err := quietNamespace(t, filepath.Join("/run/netns", name), visit); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func quietNamespace(t *testing.T, path string, visit func(net.Listener) error) error {
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		return err
	}
	runtime.LockOSThread()
	origin, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer origin.Close()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	err = unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, "")
	listener, failed := net.Listen("tcp4", "127.0.0.1:80")
	if failed == nil {
		t.Cleanup(func() { listener.Close() })
		failed = visit(listener)
	}
	if back := unix.Setns(int(origin.Fd()), unix.CLONE_NEWNET); back != nil {
		return back // the thread stays locked and ends with the test
	}
	runtime.UnlockOSThread()
	return errors.Join(err, failed)
}

// checkAllNamespaces runs check --netns all, which must end with one of the
// statuses, and reads its report.
func checkAllNamespaces(t *testing.T, statuses []int, args ...string) (*report.Checks, string) {
	t.Helper()
	text := filepath.Join(t.TempDir(), "report.txt")
	begin := time.Now()
	cmd := exec.Command("tcptune", append([]string{"check", "--netns", "all", "--format", "json", "--format", "text=" + text}, args...)...)
	cmd.Env = os.Environ()
	out := runCommand(t, cmd)
	usage := cmd.ProcessState
	t.Logf("%v: %s wall, %s CPU, %d bytes of JSON", args, time.Since(begin).Round(time.Millisecond), (usage.UserTime() + usage.SystemTime()).Round(time.Millisecond), len(out.stdout))
	if !slices.Contains(statuses, out.status) {
		t.Fatalf("exit status %d, want one of %d: %s", out.status, statuses, out.stderr)
	}
	if err := validateSchema("check", []byte(out.stdout)); err != nil {
		t.Fatal(err)
	}
	var checks report.Checks
	decoder := json.NewDecoder(strings.NewReader(out.stdout))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&checks); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	return &checks, string(b)
}

// worst lists the rules of warning or above, by namespace.
func worst(checks *report.Checks) map[string][]string {
	found := make(map[string][]string)
	for _, c := range checks.Namespaces {
		for _, f := range c.Findings {
			if f.Severity.AtLeast(rules.Warning) {
				found[c.Host.Namespace.Name] = append(found[c.Host.Namespace.Name], f.Rule)
			}
		}
	}
	return found
}

// TestScenarioNamespaces finds what is wrong in two of two hundred network
// namespaces, and each of them once.
func TestScenarioNamespaces(t *testing.T) {
	lab.IsolateAlone(t, func(t *testing.T) {
		all := 201
		if lab.Guest() { // which takes its time
			all = 21
		}
		want := append(quietNamespaces(t, all-4), "host")
		target := netip.MustParseAddrPort("127.0.0.1:8080")
		full, leaky, shared := lab.NewHost(t, "full"), lab.NewHost(t, "leaky"), lab.NewHost(t, "shared")

		stuck := lab.Serve(t, full, lab.Server{Name: "stuck", Address: target, Backlog: 8, Behaviour: lab.NeverAccept})
		client := lab.StartClient(t, full, lab.Client{Targets: oneTarget(target), Duration: 5 * time.Minute, Interval: 20 * time.Millisecond, NonBlocking: true})
		defer client.Stop()
		leak := lab.Serve(t, leaky, lab.Server{Name: "leaky", Address: target, Behaviour: lab.Hold})
		if r := lab.Connect(t, leaky, lab.Client{Targets: oneTarget(target), Count: 200}); r.OK != 200 {
			t.Fatalf("%d connections, errors %v", r.OK, r.Errors)
		}
		lab.WaitState(t, leaky, lab.CloseWait, 200, settleTime)
		for i := range 3 {
			lab.Serve(t, shared, lab.Server{Name: fmt.Sprintf("part%d", i), Address: netip.AddrPortFrom(target.Addr(), uint16(9000+i)), Behaviour: lab.Hold})
		}
		mounted := "/run/netns/shared"
		if err := os.WriteFile(mounted, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := shared.Do(func() error { return unix.Mount("/proc/thread-self/ns/net", mounted, "", unix.MS_BIND, "") }); err != nil {
			t.Fatal(err)
		}
		want = append(want, "shared", processName(stuck), processName(leak))

		checks, text := checkAllNamespaces(t, []int{exitNo}, "--window", "2s")
		var got []string
		for _, c := range checks.Namespaces {
			got = append(got, c.Host.Namespace.Name)
			if c.Host.Namespace.Name == "shared" && c.Host.Namespace.Processes != 3 {
				t.Errorf("shared: %+v", c.Host.Namespace)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("namespaces (-want +got)\n%s", diff)
		}
		wantFound := map[string][]string{processName(stuck): {"accept-queue-overflow"}, processName(leak): {"close-wait-leak"}}
		if diff := cmp.Diff(wantFound, worst(checks)); diff != "" {
			t.Errorf("findings (-want +got)\n%s", diff)
		}
		s := checks.Summary
		if s.Namespaces != all || s.Quiet != all-2 || s.NotExamined != 0 || !checks.Complete {
			t.Errorf("summary %+v, complete %v", s, checks.Complete)
		}
		for _, words := range []string{
			fmt.Sprintf("%d network namespaces, window", all), "network namespace " + processName(stuck) + ", 2 processes, the first is", "network namespace " + processName(leak) + "\n", fmt.Sprintf("%d namespaces are quiet", all-2),
		} {
			if !strings.Contains(text, words) {
				t.Errorf("the report does not say %q:\n%s", words, text)
			}
		}
		if strings.Contains(text, "quiet001") {
			t.Errorf("the report names a quiet namespace:\n%s", text)
		}
		checkAllNamespaces(t, []int{exitNo}, "--window", "0")
		t.Logf("report:\n%s", text)
		hurried, text := checkAllNamespaces(t, []int{exitOK, exitNo, exitFailed}, "--window", "0", "--budget", "10ms")
		if n := len(hurried.NotExamined); n == 0 || n+len(hurried.Namespaces) != all || hurried.Complete || !strings.Contains(text, fmt.Sprintf("not examined: %d\n", n)) {
			t.Errorf("with 10 ms %d namespaces were not examined, and %d were:\n%s", n, len(hurried.Namespaces), text)
		}
		askNamespaces(t, processName(stuck), stuck.PID)
		countNamespaces(t, processName(leak), all)
	})
}

// askNamespaces asks for one namespace in each way.
func askNamespaces(t *testing.T, stuck string, pid int) {
	t.Helper()
	run := func(args ...string) output {
		cmd := exec.Command("tcptune", args...)
		cmd.Env = os.Environ()
		return runCommand(t, cmd)
	}
	for _, name := range []string{stuck, fmt.Sprint(pid), fmt.Sprintf("/proc/%d/ns/net", pid)} {
		out := run("check", "--netns", name, "--window", "0", "--format", "json")
		d := decodeDiagnosis(t, out)
		if d.Host.Namespace.Name != stuck || len(d.Findings) == 0 || d.status != exitNo {
			t.Errorf("--netns %s: status %d, %+v, %d findings, %s", name, d.status, d.Host.Namespace, len(d.Findings), out.stderr)
		}
	}
	if out := run("check", "--netns", "quiet001", "--window", "0"); out.status != exitOK || !strings.Contains(out.stdout, "in the network namespace quiet001") {
		t.Errorf("status %d: %s%s", out.status, out.stdout, out.stderr)
	}
	if out := run("check", "--netns", "quiet01", "--window", "0"); out.status != exitUsage || !strings.Contains(out.stderr, `--netns "quiet01": no network namespace has this name; did you mean quiet001`) {
		t.Errorf("status %d: %s", out.status, out.stderr)
	}
	file := filepath.Join(t.TempDir(), "window.json")
	if out := run("collect", "--netns", "shared", "--window", "0", "-o", file); out.status != exitOK {
		t.Errorf("collect: status %d, %s", out.status, out.stderr)
	}
	if out := run("check", "--from", file); !strings.Contains(out.stdout, "in the network namespace shared") {
		t.Errorf("check --from: %s%s", out.stdout, out.stderr)
	}
	if out := run("__complete", "check", "--netns", ""); !strings.HasPrefix(out.stdout, "all\nhost\n") || !strings.Contains(out.stdout, "\nquiet000\n") || !strings.Contains(out.stdout, "\nshared\n") {
		t.Errorf("completion: %s", out.stdout)
	}
}

// knock connects to the listener of a namespace once, and closes first: that
// leaves one socket in TIME_WAIT.
func knock(listener net.Listener) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}
	conn, err := net.Dial("tcp4", listener.Addr().String())
	if err != nil {
		return err
	}
	accepted, err := listener.Accept()
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	return errors.Join(conn.Close(), accepted.Close())
}

// TestScenarioNamespacesBesideMany: beside many sockets only those namespaces
// are walked whose cheap facts call for it, and the report says so.
func TestScenarioNamespacesBesideMany(t *testing.T) {
	lab.IsolateAlone(t, func(t *testing.T) {
		const sockets, quiet = 42_000, 100 // together more than cheap walks pass over
		namespaces(t, quiet, knock)
		leaky := lab.NewHost(t, "leaky")
		target := netip.MustParseAddrPort("127.0.0.1:8080")
		leak := lab.Serve(t, leaky, lab.Server{Name: "leaky", Address: target, Behaviour: lab.Hold})
		if r := lab.Connect(t, leaky, lab.Client{Targets: oneTarget(target), Count: 200}); r.OK != 200 {
			t.Fatalf("%d connections, errors %v", r.OK, r.Errors)
		}
		lab.WaitState(t, leaky, lab.CloseWait, 200, settleTime)
		lab.NewLoad(t, lab.Load{Established: sockets})

		checks, _ := checkAllNamespaces(t, []int{exitNo}, "--window", "2s")
		unwalked := 0
		for _, c := range checks.Namespaces {
			walked := slices.Contains(c.Collection.Tiers, 1)
			if strings.HasPrefix(c.Host.Namespace.Name, "quiet") {
				if !walked && !c.Collection.Complete && strings.Contains(c.Collection.Closer, "they were not walked") && c.States["close_wait"] == nil {
					unwalked++
				}
			} else if !walked && c.Host.Namespace.Kind != netns.KindHost {
				t.Errorf("%s was not walked: %+v", c.Host.Namespace.Name, c.Collection)
			}
		}
		if unwalked < quiet*9/10 { // a connection that waits in a queue calls for a walk
			t.Errorf("%d of %d quiet namespaces were not walked", unwalked, quiet)
		}
		if found := worst(checks)[processName(leak)]; !slices.Contains(found, "close-wait-leak") || checks.Complete {
			t.Errorf("the leak was not found: %v, complete %v", worst(checks), checks.Complete)
		}
	})
}

// countNamespaces counts the sockets of all namespaces, and of one.
func countNamespaces(t *testing.T, leaky string, count int) {
	t.Helper()
	run := func(args ...string) output {
		cmd := exec.Command("tcptune", append([]string{"states", "--top", "0"}, args...)...)
		cmd.Env = os.Environ()
		out := runCommand(t, cmd)
		if out.status != exitOK || out.stderr != "" {
			t.Errorf("%v: status %d, %s", args, out.status, out.stderr)
		}
		return out
	}
	for _, by := range []string{"state", "process", "listener", "destination"} {
		begin := time.Now()
		out := run("--netns", "all", "--by", by, "--format", "json")
		t.Logf("states --by %s: %s wall", by, time.Since(begin).Round(time.Millisecond))
		if err := validateSchema("states", []byte(out.stdout)); err != nil {
			t.Fatal(err)
		}
		var all report.NamespaceStates
		if err := json.Unmarshal([]byte(out.stdout), &all); err != nil {
			t.Fatal(err)
		}
		if len(all.Namespaces) != count || len(all.NotExamined) != 0 {
			t.Errorf("--by %s: %d namespaces, %d not examined", by, len(all.Namespaces), len(all.NotExamined))
		}
		for _, s := range all.Namespaces {
			if want := int64(200); s.Namespace.Name == leaky && s.States["close_wait"] != want || s.Namespace.Name == "quiet007" && s.States["listen"] != 1 {
				t.Errorf("--by %s: %s has %v", by, s.Namespace.Name, s.States)
			}
		}
	}
	if out := run("--netns", "all"); !strings.Contains(out.stdout, "quiet007") || !strings.Contains(out.stdout, "1 network namespace has no TCP socket") || !strings.Contains(out.stdout, "CLOSE-W") {
		t.Errorf("states of all:\n%s", out.stdout)
	}
	if out := run("--netns", "all", "--by", "process"); !strings.Contains(out.stdout, "network namespace "+leaky+"\n") {
		t.Errorf("states of all by process:\n%s", out.stdout)
	}
	out := run("--netns", leaky, "--format", "json")
	if err := validateSchema("states", []byte(out.stdout)); err != nil || !strings.Contains(out.stdout, `"close_wait": 200`) {
		t.Errorf("states of one: %v\n%s", err, out.stdout)
	}
}

// TestScenarioNamespacesOrdinaryUser: who may not enter says so, and judges the
// namespace that it lives in.
func TestScenarioNamespacesOrdinaryUser(t *testing.T) {
	lab.IsolateAlone(t, func(t *testing.T) {
		needUsers(t)
		quietNamespaces(t, 2)
		run := func(args ...string) output {
			cmd := exec.Command(unprivileged, args...)
			cmd.Env = os.Environ()
			return runCommand(t, cmd)
		}
		out := run("check", "--netns", "quiet000", "--window", "0")
		if out.status != exitPermission || !strings.Contains(out.stderr, "enter network namespace quiet000: operation not permitted") || !strings.Contains(out.stderr, "hint: entering another network namespace needs root") {
			t.Errorf("status %d: %s", out.status, out.stderr)
		}
		out = run("check", "--netns", "all", "--window", "0")
		for _, words := range []string{"not examined: 2", "quiet000: enter network namespace quiet000: operation not permitted", "1 namespace is quiet"} {
			if !strings.Contains(out.stdout, words) {
				t.Errorf("status %d, the report does not say %q:\n%s%s", out.status, words, out.stdout, out.stderr)
			}
		}
		if out.status != exitOK {
			t.Errorf("status %d", out.status)
		}
		if out = run("check", "--netns", "all", "--window", "0", "--require-complete"); out.status != exitFailed {
			t.Errorf("--require-complete: status %d", out.status)
		}
	})
}

// TestScenarioNamespacesHostile: a process that lends its name to a namespace
// cannot write to the terminal.
func TestScenarioNamespacesHostile(t *testing.T) {
	lab.IsolateAlone(t, func(t *testing.T) {
		target := netip.MustParseAddrPort("127.0.0.1:8080")
		evil := lab.NewHost(t, "evil")
		lab.Serve(t, evil, lab.Server{Name: "ev\x1b[2J\nil", Address: target, Behaviour: lab.Hold})
		if r := lab.Connect(t, evil, lab.Client{Targets: oneTarget(target), Count: 100}); r.OK != 100 {
			t.Fatalf("%d connections, errors %v", r.OK, r.Errors)
		}
		lab.WaitState(t, evil, lab.CloseWait, 100, settleTime)
		for _, args := range [][]string{
			{"check", "--netns", "all", "--window", "1s"}, {"check", "--netns", "all", "--window", "0", "--format", "json"},
			{"states", "--netns", "all"}, {"states", "--netns", "all", "--by", "process"}, {"__complete", "check", "--netns", ""},
			{"check", "--netns", "ev\x1b[2J"},
		} {
			cmd := exec.Command("tcptune", args...)
			cmd.Env = os.Environ()
			out := runCommand(t, cmd)
			if text := out.stdout + out.stderr; strings.Contains(text, "\x1b") || !strings.Contains(text, "il[") && args[0] != "__complete" && args[2] == "all" {
				t.Errorf("%q: %q", args, text)
			}
		}
	})
}
