// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/tcptune/tcptune/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// start runs a program that waits until it is killed at the end of the test,
// in a network namespace of its own or in that of a file.
func start(t *testing.T, attr *syscall.SysProcAttr) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	attr.Pdeathsig = unix.SIGKILL
	cmd.SysProcAttr = attr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// mount keeps the namespace of a process under a path, as ip netns attach does.
func mount(t *testing.T, pid int, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(processPath(pid), path, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
}

// ownRun gives the isolated test a /run of its own.
func ownRun(t *testing.T) {
	t.Helper()
	if err := errors.Join(os.MkdirAll("/run", 0o755), unix.Mount("tmpfs", "/run", "tmpfs", 0, "")); err != nil {
		t.Fatal(err)
	}
}

// named waits until a namespace of the listing has a name: a program that was
// just started still has the name of the one that started it.
func named(t *testing.T, name string) *Listing {
	t.Helper()
	for deadline := time.Now().Add(lab.Patience(20 * time.Second)); ; time.Sleep(time.Millisecond) {
		l, err := List()
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(l.Names(), name) {
			return l
		}
		if time.Now().After(deadline) {
			t.Fatalf("no namespace is called %s: %q", name, l.Names())
		}
	}
}

// TestList finds a namespace once, also when several processes live in it and
// it is mounted as well.
func TestList(t *testing.T) {
	lab.IsolateAlone(t, func(t *testing.T) {
		ownRun(t)
		first := start(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET})
		blue := start(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET})
		mount(t, blue.Process.Pid, "/run/netns/blue")
		mount(t, blue.Process.Pid, "/run/docker/netns/7d0e4b1c33aa")
		l, err := List()
		if err != nil {
			t.Fatal(err)
		}
		n, err := l.Named("blue")
		if err != nil {
			t.Fatal(err)
		}
		h, err := n.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Do(func() error { start(t, &syscall.SysProcAttr{}); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		gone := start(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET})
		mount(t, gone.Process.Pid, "/run/netns/cni-0f3c5a7e-1b2d")
		_ = gone.Process.Kill()
		_ = gone.Wait()
		if err := os.WriteFile("/run/netns/stale", nil, 0o644); err != nil { // its mount is gone
			t.Fatal(err)
		}

		name := fmt.Sprintf("sleep[%d]", first.Process.Pid)
		type row struct {
			Name, Kind string
			Processes  int
		}
		var got []row
		for _, n := range named(t, name).Namespaces {
			got = append(got, row{n.Name, n.Kind, n.Processes})
		}
		want := []row{{"host", KindHost, 1}, {"blue", KindNamed, 2}, {"cni-0f3c5a7e-1b2d", KindMount, 0}, {name, KindProcess, 1}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}

		l = named(t, name)
		for _, test := range []struct {
			arg, want string
			err       error
		}{
			{"blue", "blue", nil},
			{"7d0e4b1c33aa", "blue", nil},
			{"/run/docker/netns/7d0e4b1c33aa", "blue", nil},
			{fmt.Sprint(blue.Process.Pid), "blue", nil},
			{"1", "host", nil},
			{fmt.Sprint(gone.Process.Pid), "", ErrNoProcess},
			{"/run/netns/stale", "", ErrNot},
			{"/run/netns/none", "", os.ErrNotExist},
			{"/proc/self/ns/mnt", "", ErrNot},
			{"blu", "", ErrUnknown},
		} {
			n, err := l.Find(test.arg)
			if !errors.Is(err, test.err) || n != nil && n.Name != test.want || n == nil && test.want != "" {
				t.Errorf("Find(%q) = %+v, %v, want %s, %v", test.arg, n, err, test.want, test.err)
			}
		}
	})
}

// TestFindUnlisted opens what the listing does not have: it is made later.
func TestFindUnlisted(t *testing.T) {
	lab.IsolateAlone(t, func(t *testing.T) {
		ownRun(t)
		l, err := List()
		if err != nil {
			t.Fatal(err)
		}
		late := start(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET})
		n, err := l.Find(fmt.Sprint(late.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		if n.Kind != KindProcess || n.PID != late.Process.Pid {
			t.Errorf("%+v is not the process %d", n, late.Process.Pid)
		}
		mount(t, late.Process.Pid, "/srv-netns")
		_ = late.Process.Kill()
		_ = late.Wait()
		if _, err := n.Open(); !errors.Is(err, ErrGone) {
			t.Errorf("open after its end: %v, want %v", err, ErrGone)
		}
		n, err = l.Find("/srv-netns")
		if err != nil || n.Name != "/srv-netns" {
			t.Errorf("Find = %+v, %v", n, err)
		}
		_ = unix.Unmount("/srv-netns", 0)
		_ = os.Remove("/srv-netns")
	})
}

// TestDo enters a namespace whose values and sockets differ from ours, and
// leaves no thread behind in it.
func TestDo(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		other := start(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET})
		l, err := List()
		if err != nil {
			t.Fatal(err)
		}
		n, err := l.Find(fmt.Sprint(other.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		h, err := n.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		ours, theirs := own(t), ""
		if err := h.Do(func() error {
			theirs = own(t)
			return os.WriteFile("/proc/sys/net/ipv4/tcp_fin_timeout", []byte("17"), 0)
		}); err != nil {
			t.Fatal(err)
		}
		if want := n.ID.String(); theirs != want || ours == theirs {
			t.Errorf("fn ran in %s, want %s (ours is %s)", theirs, want, ours)
		}
		if text, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_fin_timeout"); string(text) == "17\n" {
			t.Error("fn wrote to our namespace")
		}
		failed := errors.New("failed")
		if err := h.Do(func() error { return failed }); !errors.Is(err, failed) {
			t.Errorf("Do = %v, want the error of fn", err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was lost")
				}
			}()
			_ = h.Do(func() error { panic("on purpose") })
		}()
		if now := own(t); now != ours {
			t.Errorf("the thread is in %s after a panic, want %s", now, ours)
		}
		checkThreads(t, ours)
	})
}

// TestDoLeaksNothing enters namespaces from many goroutines.
func TestDoLeaksNothing(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		l, err := List()
		if err != nil {
			t.Fatal(err)
		}
		n, err := l.Find(fmt.Sprint(start(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}).Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		round := func() {
			done := make(chan error)
			for range 8 {
				go func() {
					h, err := n.Open()
					if err == nil {
						err = h.Do(func() error {
							c, err := net.ListenPacket("udp4", "127.0.0.1:0")
							if err != nil {
								return err
							}
							return c.Close()
						})
						err = errors.Join(err, h.Close())
					}
					done <- err
				}()
			}
			for range 8 {
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 20 { // the runtime starts threads as it needs them
			round()
		}
		fds, threads, goroutines := resources(t)
		for range 500 {
			round()
		}
		runtime.GC()
		fdsAfter, threadsAfter, goroutinesAfter := resources(t)
		t.Logf("before and after 4000 visits: %d and %d descriptors, %d and %d threads, %d and %d goroutines",
			fds, fdsAfter, threads, threadsAfter, goroutines, goroutinesAfter)
		if fdsAfter > fds || threadsAfter > threads+8 || goroutinesAfter > goroutines {
			t.Error("visits leave something behind")
		}
		checkThreads(t, own(t))
	})
}

func own(t *testing.T) string {
	t.Helper()
	link, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// checkThreads fails for a thread of this process that is in a foreign
// namespace.
func checkThreads(t *testing.T, want string) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/task/*/ns/net")
	if err != nil || len(links) == 0 {
		t.Fatalf("%d threads, %v", len(links), err)
	}
	for _, path := range links {
		if link, err := os.Readlink(path); err == nil && link != want {
			t.Errorf("%s is %s, want %s", path, link, want)
		}
	}
}

func resources(t *testing.T) (fds, threads, goroutines int) {
	t.Helper()
	for path, n := range map[string]*int{"/proc/self/fd": &fds, "/proc/self/task": &threads} {
		list, err := os.ReadDir(path)
		if err != nil {
			t.Fatal(err)
		}
		*n = len(list)
	}
	return fds, threads, runtime.NumGoroutine()
}
