// SPDX-License-Identifier: Apache-2.0

package change

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/sysctl"
)

// trialMachine changes the live values of this network namespace and the files below
// root.
func trialMachine(root string) (*Machine, error) {
	live, err := NewLive("/proc/sys")
	if err != nil {
		return nil, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, err
	}
	netns, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return nil, err
	}
	return &Machine{
		Paths: NewPaths(root, ""), Host: Host{BootID: strings.TrimSpace(string(boot)), Netns: netns},
		Catalogue: sysctl.LoadCatalogue(), Live: live, Files: atomicfile.OS{},
	}, nil
}

// tryOnTheKernel tries tcp_fin_timeout = 30 and lets the watchdog be this program.
func tryOnTheKernel(t *testing.T, root string, within time.Duration) {
	t.Helper()
	m, err := trialMachine(root)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	key := sysctl.MustKey(trialKey)
	was, will := sysctl.Value("60"), sysctl.Value("30")
	state := State{Settings: []Setting{{Key: key, Value: will, Block: BlockSet, Origin: "--set"}}}
	content := string(state.DropIn())
	plan := &Plan{
		Host: m.Host, Mode: ModeBoth, File: DefaultDropIn, After: &content, State: state,
		Steps: []Step{{Key: key, Action: ActionSet, Live: &was, New: &will, Status: Changed}},
	}
	if _, err := m.Try(t.Context(), plan, ApplyOptions{}, within, Detached{Program: program, Args: []string{GuardCommand, root}}); err != nil {
		t.Fatal(err)
	}
}

// waitTrialEnd waits until the watchdog has ended entry 1 and returns the live value.
func waitTrialEnd(t *testing.T, m *Machine, phase Phase) string {
	t.Helper()
	lab.Eventually(t, 20*time.Second, func() (bool, string) {
		e, err := m.Entry(1)
		return err == nil && e.Phase == phase, fmt.Sprintf("entry 1 is %+v, %v", e, err)
	})
	v, err := m.Live.Get(sysctl.MustKey(trialKey))
	if err != nil {
		t.Fatal(err)
	}
	return string(v)
}

// waitGone waits until the watchdog of entry 1 is gone.
func waitGone(t *testing.T, m *Machine) {
	t.Helper()
	e, err := m.Entry(1)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(e.Trial.Watchdog, "process ")
	pid, err := strconv.Atoi(text)
	if !ok || err != nil {
		t.Fatalf("watchdog %q", e.Trial.Watchdog)
	}
	lab.Eventually(t, 20*time.Second, func() (bool, string) {
		status, err := os.ReadFile("/proc/" + text + "/stat")
		gone := err != nil || strings.Contains(string(status), ") Z ") // a zombie, or nothing
		return gone, fmt.Sprintf("the watchdog %d is still there", pid)
	})
}

// envApplier makes TestTrialApplier the process that is killed.
const envApplier = "TCPTUNE_CHANGE_TEST_APPLIER"

// TestTrialApplier is run by TestTrialOnTheKernel only, in its namespace.
func TestTrialApplier(t *testing.T) {
	root := os.Getenv(envApplier)
	if root == "" {
		return // it is a program, not a test
	}
	tryOnTheKernel(t, root, 2*time.Second)
	if err := os.WriteFile(filepath.Join(root, "ready"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	select {} // until it is killed
}

func TestTrialOnTheKernel(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.Self(t)
		begin := func(t *testing.T) (string, *Machine) {
			host.Sysctl(t, trialKey, "60")
			root := t.TempDir()
			m, err := trialMachine(root)
			if err != nil {
				t.Fatal(err)
			}
			return root, m
		}
		t.Run("reverts", func(t *testing.T) {
			root, m := begin(t)
			tryOnTheKernel(t, root, time.Second)
			if got := host.ReadSysctl(t, trialKey); got != "30" {
				t.Errorf("during the trial: %s", got)
			}
			if got := waitTrialEnd(t, m, PhaseRolledBack); got != "60" {
				t.Errorf("after the trial: %s", got)
			}
			waitGone(t, m)
		})
		t.Run("confirmed", func(t *testing.T) {
			root, m := begin(t)
			tryOnTheKernel(t, root, 30*time.Second)
			if _, err := m.Confirm(t.Context(), ApplyOptions{}, Detached{}); err != nil {
				t.Fatal(err)
			}
			waitGone(t, m) // long before the deadline
			if got := waitTrialEnd(t, m, PhaseApplied); got != "30" {
				t.Errorf("after confirm: %s", got)
			}
			if _, err := os.Stat(filepath.Join(root, DefaultDropIn)); err != nil {
				t.Error(err)
			}
		})
		t.Run("kill -9 of the process group, HUP and TERM of the watchdog", func(t *testing.T) {
			root, m := begin(t)
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestTrialApplier$", "-test.timeout=60s")
			cmd.Env = append(os.Environ(), envApplier+"="+root)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
				if _, err := os.Stat(filepath.Join(root, "ready")); err == nil {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("the trial did not begin")
				}
			}
			if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("the applier was not killed")
			}
			e, err := m.Entry(1)
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimPrefix(e.Trial.Watchdog, "process "))
			if err != nil {
				t.Fatal(err)
			}
			for _, signal := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
				if err := syscall.Kill(pid, signal); err != nil {
					t.Errorf("signal %v: %v", signal, err)
				}
			}
			if got := host.ReadSysctl(t, trialKey); got != "30" {
				t.Errorf("during the trial: %s", got)
			}
			if got := waitTrialEnd(t, m, PhaseRolledBack); got != "60" {
				t.Errorf("after the trial: %s", got)
			}
			waitGone(t, m)
		})
	})
}
