// SPDX-License-Identifier: Apache-2.0

// The guest tests are about the initial network namespace and its real files,
// so they run only in a machine that is thrown away: make kernels. They are the
// first that run there, in this order, and see the kernel as it has booted.

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/sockdiag"
	"github.com/tcptune/tcptune/rules"
)

// needGuest skips a test that changes the machine where it would be missed.
func needGuest(t *testing.T) {
	t.Helper()
	if !lab.Guest() {
		t.Skip("changes the machine's own settings, so only in a guest: make kernels")
	}
}

// inGuest runs tcptune on the machine itself.
func inGuest(t *testing.T, args ...string) output {
	t.Helper()
	cmd := exec.Command("tcptune", args...)
	cmd.Env = os.Environ()
	out := runCommand(t, cmd)
	t.Logf("tcptune %s: status %d\n%s%s", strings.Join(args, " "), out.status, out.stdout, out.stderr)
	return out
}

// checkGuest runs check on the machine itself.
func checkGuest(t *testing.T, args ...string) *diagnosis {
	t.Helper()
	return decodeDiagnosis(t, inGuest(t, append([]string{"check", "--window", "2s", "--format", "json"}, args...)...))
}

// applyGuest runs apply or rollback on the machine itself and returns how each
// key ended.
func applyGuest(t *testing.T, want int, args ...string) (*report.Applied, map[string]change.Status) {
	t.Helper()
	out := inGuest(t, append(args, "--format", "json")...)
	if out.status != want {
		t.Fatalf("status %d, want %d", out.status, want)
	}
	if err := validateSchema("applied", []byte(out.stdout)); err != nil {
		t.Fatal(err)
	}
	a := &report.Applied{}
	if err := json.Unmarshal([]byte(out.stdout), a); err != nil {
		t.Fatal(err)
	}
	keys := map[string]change.Status{}
	for _, k := range a.Keys {
		keys[k.Key.String()] = k.Status
	}
	return a, keys
}

// loaded tells whether a module is.
func loaded(t *testing.T, module string) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/modules")
	if err != nil {
		t.Fatal(err)
	}
	return strings.HasPrefix(string(text), module+" ") || strings.Contains(string(text), "\n"+module+" ")
}

// live is the value of a key, its fields joined by one space; "" if there is
// none.
func live(t *testing.T, key string) string {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(key, ".", "/"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

// write writes a file of the machine.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestGuestSockDiag: tcp_diag is a module that nobody has loaded. While it
// cannot be loaded, and with --no-netlink, sockets come from /proc/net/tcp; then
// the first request loads it. All ways see the same.
func TestGuestSockDiag(t *testing.T) {
	needGuest(t)
	if loaded(t, "tcp_diag") || loaded(t, "inet_diag") {
		t.Fatal("tcp_diag is loaded already")
	}
	for range 3 {
		connection(t)
	}
	want := map[string]int64{"listen": 3, "established": 6}
	look := func(name, method string, isLoaded bool, args ...string) *diagnosis {
		t.Helper()
		d := checkGuest(t, args...)
		if d.Collection.Method != method || loaded(t, "tcp_diag") != isLoaded {
			t.Errorf("%s: sockets by %s, tcp_diag loaded: %v; want %s and %v", name, d.Collection.Method, loaded(t, "tcp_diag"), method, isLoaded)
		}
		got := map[string]int64{}
		for state, n := range d.States {
			if n != nil && *n > 0 {
				got[state] = *n
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: states (-want +got):\n%s", name, diff)
		}
		wantSilence(t, d, nil)
		return d
	}

	modprobe := live(t, "kernel.modprobe")
	write(t, "/proc/sys/kernel/modprobe", "/bin/false\n")
	d := look("no modprobe", sockdiag.MethodProc, false)
	if !slices.ContainsFunc(d.Collection.Gaps, func(g snapshot.Gap) bool { return g.Source == "sock_diag" && g.Remedy != "" }) {
		t.Errorf("gaps %+v: none about sock_diag that says what to do", d.Collection.Gaps)
	}
	write(t, "/proc/sys/kernel/modprobe", modprobe+"\n")
	look("--no-netlink", sockdiag.MethodProc, false, "--no-netlink")
	look("on demand", sockdiag.MethodSockDiag, true)
}

// connection makes both ends of a connection over lo.
func connection(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	for _, open := range []func() (net.Conn, error){
		func() (net.Conn, error) { return net.Dial("tcp", listener.Addr().String()) },
		listener.Accept,
	} {
		c, err := open()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
}

// TestGuestFresh: a machine that has just booted needs no tuning, and everything
// that this kernel can tell was judged.
func TestGuestFresh(t *testing.T) {
	needGuest(t)
	d := checkGuest(t)
	wantSilence(t, d, nil)
	if d.Host.InitialNetns == nil || !*d.Host.InitialNetns {
		t.Errorf("host %+v: not the initial network namespace", d.Host)
	}
	for _, s := range d.Skipped {
		t.Logf("skipped: %s: %v", s.Rule, s.Missing)
	}
	text := inGuest(t, "check", "--window", "2s").stdout
	if !strings.Contains(text, "no problem found") {
		t.Error("the text does not say that no problem was found")
	}
}

// TestGuestConntrack: a key of a module that is not loaded is pending, and
// applied once it is.
func TestGuestConntrack(t *testing.T) {
	needGuest(t)
	const key, value = "net.netfilter.nf_conntrack_max", "54321"
	if loaded(t, "nf_conntrack") {
		t.Fatal("nf_conntrack is loaded already")
	}
	set := []string{"apply", "--set", key + "=" + value, "--detailed-exitcode"}
	a, keys := applyGuest(t, exitChanged, set...)
	if keys[key] != change.Pending || !a.Persisted || live(t, key) != "" || loaded(t, "nf_conntrack") {
		t.Errorf("without the module: %s is %s (live %q), persisted %v", key, keys[key], live(t, key), a.Persisted)
	}
	if out := inGuest(t, "verify"); out.status != exitOK || !strings.Contains(out.stdout, "pending") {
		t.Errorf("verify without the module: status %d", out.status)
	}

	if out, err := exec.Command("modprobe", "nf_conntrack").CombinedOutput(); err != nil {
		t.Fatalf("modprobe: %v\n%s", err, out)
	}
	if before := live(t, key); before == "" || before == value {
		t.Fatalf("%s is %q with the module", key, before)
	}
	if out := inGuest(t, "verify"); out.status != exitNo {
		t.Errorf("verify with the module's own value: status %d, want %d", out.status, exitNo)
	}
	if _, keys := applyGuest(t, exitChanged, set...); keys[key] != change.Changed || live(t, key) != value {
		t.Errorf("with the module: %s is %s (live %q)", key, keys[key], live(t, key))
	}
	if out := inGuest(t, "verify"); out.status != exitOK {
		t.Errorf("verify: status %d", out.status)
	}
	rollBack(t)
}

// rollBack undoes everything that tcptune has done to the machine.
func rollBack(t *testing.T) {
	t.Helper()
	applyGuest(t, exitOK, "rollback", "--to", "0")
	if entries, err := os.ReadDir("/etc/sysctl.d"); err != nil || len(entries) > 0 {
		t.Errorf("/etc/sysctl.d has %v, %v after all was undone", entries, err)
	}
}

// TestGuestMissingKeys: what this kernel lacks is named, and is no failure unless
// every key is required. A rule that asks for it is skipped and says so.
func TestGuestMissingKeys(t *testing.T) {
	needGuest(t)
	young := map[string]string{ // younger than the oldest guest
		"net.ipv4.tcp_rto_max_ms": "60000", "net.ipv4.tcp_tw_reuse_delay": "500", "net.ipv4.tcp_syn_linear_timeouts": "5",
	}
	args := []string{"apply", "--detailed-exitcode", "--set", "net.ipv4.tcp_fin_timeout=30"}
	var absent []string
	for _, key := range slices.Sorted(maps.Keys(young)) {
		args = append(args, "--set", key+"="+young[key])
		if live(t, key) == "" {
			absent = append(absent, key)
		}
	}
	if len(absent) == 0 {
		t.Fatal("this kernel has them all: name younger ones")
	}
	if out := inGuest(t, append(args, "--require-all")...); out.status != exitFailed {
		t.Errorf("with --require-all: status %d, want %d", out.status, exitFailed)
	}
	_, keys := applyGuest(t, exitChanged, args...)
	for key := range young {
		if got := keys[key] == change.Unsupported; got != slices.Contains(absent, key) {
			t.Errorf("%s is %s", key, keys[key])
		}
	}
	rollBack(t)

	rule := filepath.Join(t.TempDir(), "young.yaml")
	write(t, rule, fmt.Sprintf(youngRule, absent[0]))
	d := checkGuest(t, "--rules", filepath.Dir(rule))
	missing := fmt.Sprintf("sysctl(%q)", absent[0])
	if !slices.ContainsFunc(d.Skipped, func(s rules.Skipped) bool { return s.Rule == "young" && slices.Contains(s.Missing, missing) }) {
		t.Errorf("skipped %+v, want the rule young for want of %s", d.Skipped, missing)
	}
}

// youngRule is a rule about a key.
const youngRule = `id: young
title: A key that not every kernel has
category: retransmit
when: sysctl(%[1]q) > 1
severity: info
confidence: high
verdict: harmless
scope: netns
evidence:
  - {name: value, value: sysctl(%[1]q)}
recommend:
  - action: Leave it alone.
why: It is about a key that not every kernel has.
`

// TestGuestApply applies a profile and keys of the whole machine where files
// and live values are both the machine's, lets the real loader of the next boot
// run, and undoes all.
func TestGuestApply(t *testing.T) {
	needGuest(t)
	hostWide := map[string]string{
		"net.ipv4.tcp_mem": "20000 30000 40000", "net.ipv4.tcp_max_orphans": "4096",
		"net.core.netdev_max_backlog": "2500", "net.core.rmem_max": "8388608",
	}
	before := map[string]string{}
	args := []string{"apply", "--profile", "server", "--detailed-exitcode"}
	for key, value := range hostWide {
		args = append(args, "--set", key+"="+value)
		before[key] = live(t, key)
	}
	a, keys := applyGuest(t, exitChanged, args...)
	if a.Reload == nil || !a.Persisted {
		t.Errorf("reload %v, persisted %v", a.Reload, a.Persisted)
	}
	for key, want := range hostWide {
		if got := live(t, key); keys[key] != change.Changed || got != want {
			t.Errorf("%s is %s: %q, want %q", key, keys[key], got, want)
		}
	}
	text, err := os.ReadFile("/etc/sysctl.d/90-tcptune.conf")
	if err != nil || !strings.Contains(string(text), "net.ipv4.tcp_mem = 20000 30000 40000\n") {
		t.Errorf("the drop-in is wrong: %v\n%s", err, text)
	}
	if out := inGuest(t, "verify"); out.status != exitOK {
		t.Errorf("verify: status %d", out.status)
	}
	if again, _ := applyGuest(t, exitOK, args...); again.Changed {
		t.Errorf("the second run changed something: %v", again.Keys)
	}

	// The next boot, as far as the loader is concerned.
	write(t, "/proc/sys/net/ipv4/tcp_max_orphans", before["net.ipv4.tcp_max_orphans"])
	if out := inGuest(t, "verify"); out.status != exitNo || !strings.Contains(out.stdout, "tcp_max_orphans") {
		t.Errorf("verify after another hand: status %d, want %d", out.status, exitNo)
	}
	if out, err := exec.Command("/usr/lib/systemd/systemd-sysctl").CombinedOutput(); err != nil {
		t.Errorf("systemd-sysctl: %v\n%s", err, out)
	}
	if out := inGuest(t, "verify"); out.status != exitOK {
		t.Errorf("verify after the loader: status %d", out.status)
	}

	rollBack(t)
	for key, want := range before {
		if got := live(t, key); got != want {
			t.Errorf("%s is %q after rollback, want %q", key, got, want)
		}
	}
}
