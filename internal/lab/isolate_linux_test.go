// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// envInner makes the tests below play their part when TestIsolateOutcome runs
// the test binary on them.
const envInner = "TCPTUNE_LAB_TEST_INNER"

// TestInner is run by TestIsolateOutcome only.
func TestInner(t *testing.T) {
	part := os.Getenv(envInner)
	if part == "" {
		t.Skip("run by TestIsolateOutcome")
	}
	t.Run("sub test (odd name)", func(t *testing.T) {
		if part == "refused" && os.Getenv(envIsolated) == "" {
			refuse(t)
		}
		Isolate(t, func(t *testing.T) {
			t.Log("inside")
			switch part {
			case "fail":
				t.Error("on purpose")
			case "sub-fail":
				t.Run("deeper", func(t *testing.T) { t.Error("on purpose") })
			case "skip":
				t.Skip("on purpose")
			case "die":
				os.Exit(0)
			case "unavailable":
				Unavailable(t, "netns", unix.EPERM)
			case "hang":
				t.Cleanup(func() {})
				select {}
			}
		})
	})
}

// refuse forbids network namespaces in this process's user namespace, see
// namespaces(7).
func refuse(t *testing.T) {
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	if fields := strings.Fields(string(ids)); len(fields) != 3 || fields[2] != "1" {
		t.Fatalf("not in a user namespace of the test: %s", ids)
	}
	if err := os.WriteFile("/proc/sys/user/max_net_namespaces", []byte("0"), 0); err != nil {
		t.Fatal(err)
	}
}

func TestIsolateOutcome(t *testing.T) {
	Isolate(t, func(t *testing.T) {}) // skips everything where namespaces are refused
	if os.Getenv(envIsolated) != "" {
		return
	}
	tests := []struct {
		part, require string
		want          string
		ok            bool
	}{
		{"pass", "", "--- PASS: TestInner/sub_test_(odd_name)", true},
		{"fail", "", "--- FAIL: TestInner/sub_test_(odd_name)", false},
		{"sub-fail", "", "on purpose", false},
		{"skip", "", "--- SKIP: TestInner/sub_test_(odd_name)", true},
		{"die", "", "without an outcome", false},
		{"hang", "", "panic: test timed out", false},
		{"refused", "", "no netns here: fork/exec", true},
		{"refused", "netns", "netns is required by TCPTUNE_REQUIRE: fork/exec", false},
		{"unavailable", "", "no netns here: operation not permitted", true},
		{"unavailable", "ss,netns", "netns is required by TCPTUNE_REQUIRE", false},
	}
	for _, test := range tests {
		t.Run(test.part+test.require, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestInner$", "-test.v", "-test.timeout=5s")
			cmd.Env = append(os.Environ(), envInner+"="+test.part, envRequire+"="+test.require)
			if test.part == "refused" {
				cmd.SysProcAttr = isolatedAttributes(true)
			}
			out, err := cmd.CombinedOutput()
			if (err == nil) != test.ok || !strings.Contains(string(out), test.want) {
				t.Errorf("got %v, want success %v and %q in:\n%s", err, test.ok, test.want, out)
			}
		})
	}
}

func TestNotIsolated(t *testing.T) {
	if os.Getenv(envIsolated) != "" {
		t.Skip("isolated already")
	}
	if _, err := isolated(); err == nil || !strings.Contains(err.Error(), "call lab.Isolate") {
		t.Errorf("isolated() = %v", err)
	}
	// A variable that leaked into the machine's namespace must not help.
	inode, err := currentNamespace()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(isolation{Test: "T", Origin: inode})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{string(text), "{}", "no JSON"} {
		t.Setenv(envIsolated, bad)
		if _, err := isolated(); err == nil {
			t.Errorf("isolated() with %s: no error", bad)
		}
	}
}

// TestOrdinaryUser runs a scenario as an ordinary user, in a user namespace.
func TestOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("every other test is this one already")
	}
	// The test binary stands in a directory that only root may enter.
	directory, err := os.MkdirTemp("", "tcptune-lab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	binary := filepath.Join(directory, "lab.test")
	text, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(binary, text, 0o755), os.Chmod(directory, 0o777)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "-test.run=^(TestCloseWait|TestTree)$", "-test.v", "-test.timeout="+Patience(30*time.Second).String())
	cmd.Dir = directory
	cmd.Env = append(os.Environ(), "TMPDIR="+directory)
	const nobody = 65534
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "--- SKIP") {
		Unavailable(t, "netns", errors.New("no user namespace for an ordinary user"))
	}
}

func TestHostsAreApart(t *testing.T) {
	Isolate(t, func(t *testing.T) {
		pair := NewPair(t)
		mine, err := currentNamespace()
		if err != nil {
			t.Fatal(err)
		}
		pair.Server.Sysctl(t, "net.ipv4.tcp_fin_timeout", "17")
		pair.Server.Sysctl(t, "net/ipv4/tcp_rmem", "4096 65536 99999")
		if got := pair.Server.ReadSysctl(t, "net.ipv4.tcp_rmem"); got != "4096 65536 99999" {
			t.Errorf("tcp_rmem = %q", got)
		}
		if got := pair.Client.ReadSysctl(t, "net.ipv4.tcp_fin_timeout"); got != "60" {
			t.Errorf("tcp_fin_timeout of the client = %q, want the default", got)
		}
		if got := Self(t).ReadSysctl(t, "net.ipv4.tcp_fin_timeout"); got != "60" {
			t.Errorf("own tcp_fin_timeout = %q, want the default", got)
		}
		// No goroutine may ever run in another namespace, whatever fn does.
		for range 20 {
			err := pair.Client.Do(func() error {
				got, err := currentNamespace()
				if got != pair.Client.inode || got == mine || got == pair.Server.inode {
					t.Errorf("Do ran in namespace %d", got)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			func() {
				defer func() { _ = recover() }()
				pair.Server.Do(func() error { panic("on purpose") })
			}()
		}
		var group sync.WaitGroup
		for range 500 {
			group.Go(func() {
				if got, err := currentNamespace(); got != mine || err != nil {
					t.Errorf("a goroutine ran in namespace %d (%v)", got, err)
				}
			})
		}
		group.Wait()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("lo of the isolated process: %v", err)
		}
		l.Close()
	})
}

func TestSysctlRefuses(t *testing.T) {
	for _, key := range []string{
		"vm.swappiness", "fs/file-max", "net.netfilter.nf_conntrack_max", "net/../vm/swappiness", "net.ipv4.tcp_allowed_congestion_control", "",
	} {
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			(&Host{}).Sysctl(r, key, "1")
		}()
		<-done
		if !strings.Contains(r.fatal, "not a key of a network namespace") {
			t.Errorf("Sysctl(%q): %q", key, r.fatal)
		}
	}
}

func TestCommandNotFound(t *testing.T) {
	cmd := (&Host{Tree: &Tree{}}).Command("no-such-program-anywhere")
	if err := cmd.Run(); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("Run() = %v, want %v", err, exec.ErrNotFound)
	}
}

// A recorder is a test that records how it was failed.
type recorder struct {
	testing.TB
	fatal string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit() // as testing.T does
}

func TestTree(t *testing.T) {
	Isolate(t, func(t *testing.T) {
		const config = "net.ipv4.tcp_syncookies = 1\nnet.ipv4.tcp_tw_reuse = 1\nnet.ipv4.tcp_tw_recycle = 1\nnet.ipv4.tcp_fin_timeout = 30\n"
		pair := NewPair(t)
		tree := pair.Server.Tree
		tree.WriteFile(t, "/etc/sysctl.conf", config)
		tree.WriteFile(t, "/run/sysctl.d/10-run.conf", "net.ipv4.tcp_sack = 1\n")
		tree.WriteFile(t, "/usr/lib/sysctl.d/50-vendor.conf", "net.ipv4.tcp_sack = 0\n")
		before, err := os.ReadFile("/etc/passwd")
		if err != nil {
			t.Fatal(err)
		}

		see := func(h *Host, names ...string) sighting {
			cmd := h.Command(os.Args[0], names...)
			cmd.Env = append(cmd.Env, envProbe+"=1")
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var s sighting
			if err := json.Unmarshal(out, &s); err != nil {
				t.Fatal(err)
			}
			return s
		}
		names := []string{"/etc/sysctl.conf", "/run/sysctl.d/10-run.conf", "/usr/lib/sysctl.d/50-vendor.conf", "/etc/passwd"}
		got := see(pair.Server, names...)
		want := sighting{
			Namespace: pair.Server.inode,
			Arguments: append([]string{os.Args[0]}, names...),
			LabFree:   true,
			Files: map[string]string{
				names[0]: config, names[1]: "net.ipv4.tcp_sack = 1\n", names[2]: "net.ipv4.tcp_sack = 0\n", names[3]: string(before),
			},
			Denied: []string{"/etc/passwd"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what a program in the server sees (-want +got):\n%s", diff)
		}
		// What the program wrote is there for the test and for the next program.
		if text := tree.ReadFile(t, "/etc/sysctl.conf"); !strings.Contains(text, "# seen by") {
			t.Errorf("sysctl.conf after the program wrote to it: %q", text)
		}
		if s := see(pair.Server, "/etc/sysctl.conf"); !strings.Contains(s.Files["/etc/sysctl.conf"], "# seen by") {
			t.Errorf("sysctl.conf seen by the second program: %q", s.Files["/etc/sysctl.conf"])
		}
		if s := see(pair.Client, "/etc/sysctl.conf"); len(s.Missing) != 1 || s.Namespace != pair.Client.inode {
			t.Errorf("the client sees %+v, want no sysctl.conf", s)
		}
		if after, err := os.ReadFile("/etc/passwd"); err != nil || string(after) != string(before) {
			t.Errorf("/etc/passwd of the machine changed: %v", err)
		}
		if _, err := os.Stat("/run/sysctl.d/10-run.conf"); err == nil {
			t.Error("the machine has the file that belongs to the tree")
		}
	})
}

// TestNothingIsLeft sees that processes end with the test, and also when the
// isolated process is killed without a chance to clean up.
func TestNothingIsLeft(t *testing.T) {
	Isolate(t, func(t *testing.T) {
		var stopped []*Process
		t.Run("scenario", func(t *testing.T) {
			pair := NewPair(t)
			server := Serve(t, pair.Server, Server{Name: "left-behind", Address: pair.Target(8080), Behaviour: Hold})
			client := StartClient(t, pair.Client, Client{Targets: one(pair.Target(8080)), Count: 10, Ending: Keep})
			client.Result(t)
			for _, p := range []*Process{server, client} {
				comm, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.PID), "comm"))
				if err != nil || strings.TrimSpace(string(comm)) != p.Name {
					t.Errorf("comm of %s = %q, %v", p.Name, comm, err)
				}
			}
			// One that does not read its standard input any more is killed.
			if err := unix.Kill(client.PID, unix.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			stopped = append(stopped, server, client)
		})
		for _, p := range stopped {
			if _, err := os.Stat(filepath.Join("/proc", strconv.Itoa(p.PID))); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is still there: %v", p.Name, err)
			}
		}
	})
}

// TestKilled sees that the processes of a test that is killed die with it.
func TestKilled(t *testing.T) {
	const envNote = "TCPTUNE_LAB_TEST_NOTE"
	note := os.Getenv(envNote)
	if note == "" { // the watcher; the victim is this test run once more
		note = filepath.Join(t.TempDir(), "note")
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$", "-test.timeout=60s")
		cmd.Env = append(os.Environ(), envNote+"="+note, "TMPDIR="+filepath.Dir(note)) // it cannot remove its own
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var pids []string
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		Eventually(t, 20*time.Second, func() (bool, string) {
			text, _ := os.ReadFile(note)
			pids = strings.Fields(string(text))
			return len(pids) == 2 || len(ended) > 0, "the victim did not come up"
		})
		if len(pids) != 2 {
			Unavailable(t, "netns", errors.New("the victim could not start"))
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		Eventually(t, 10*time.Second, func() (bool, string) {
			for _, pid := range pids {
				if comm, err := os.ReadFile(filepath.Join("/proc", pid, "stat")); err == nil && !strings.Contains(string(comm), ") Z ") {
					return false, "still there: " + string(comm)
				}
			}
			return true, ""
		})
		return
	}
	Isolate(t, func(t *testing.T) {
		pair := NewPair(t)
		p := Serve(t, pair.Server, Server{Name: "victim", Address: pair.Target(8080), Behaviour: NeverAccept})
		text := strconv.Itoa(p.PID) + " " + strconv.Itoa(os.Getpid())
		if err := os.WriteFile(note, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		<-t.Context().Done()
	})
}

// TestContainer: a program of a container is process 1 and sees no other.
func TestContainer(t *testing.T) {
	Isolate(t, func(t *testing.T) {
		host := NewHost(t, "host")
		for _, container := range []bool{false, true} {
			host.Container = container
			out, err := host.Command("sh", "-c", "echo $$; ls -d /proc/[0-9]* | wc -l; test /proc/1/ns/net -ef /proc/self/ns/net && echo here; true").Output()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(out), "here"); got != container {
				t.Errorf("container %v: process 1 lives here: %v\n%s", container, got, out)
			}
			if first := strings.HasPrefix(string(out), "1\n"); first != container {
				t.Errorf("container %v: the program is process 1: %v\n%s", container, first, out)
			}
		}
	})
}
