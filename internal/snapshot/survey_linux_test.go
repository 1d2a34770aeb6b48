// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/netns"
)

// A town is some hosts, each with a setting and a listener of its own.
type town struct {
	hosts []*lab.Host
	names []string // of their network namespaces
	list  *netns.Listing
}

func newTown(t *testing.T, size int) *town {
	t.Helper()
	town := &town{}
	for i := range size {
		h := lab.NewHost(t, fmt.Sprintf("house%d", i))
		h.Sysctl(t, "net.ipv4.tcp_fin_timeout", fmt.Sprint(20+i))
		p := lab.Serve(t, h, lab.Server{Name: fmt.Sprintf("srv%d", i), Address: netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(9000+i)), Behaviour: lab.Hold})
		town.hosts, town.names = append(town.hosts, h), append(town.names, fmt.Sprintf("srv%d[%d]", i, p.PID))
	}
	var err error
	if town.list, err = netns.List(); err != nil {
		t.Fatal(err)
	}
	return town
}

// namespaces are those of the hosts, in their order.
func (town *town) namespaces(t *testing.T) (list []*netns.Namespace) {
	t.Helper()
	for _, name := range town.names {
		n, err := town.list.Named(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list = append(list, n)
	}
	return list
}

// check fails where a visit has anything of another namespace.
func (town *town) check(t *testing.T, i int, v Visit) {
	t.Helper()
	if v.Err != nil {
		t.Fatalf("%s: %v", v.Label.Name, v.Err)
	}
	for _, s := range []*Snapshot{v.Window.From, v.Window.To} {
		if s == nil {
			continue
		}
		if s.Host.Namespace.Name != town.names[i] || s.Host.Initial == nil || *s.Host.Initial {
			t.Errorf("%s: host %+v", town.names[i], s.Host)
		}
		if s.Sockets == nil || len(s.Sockets.Listeners) != 1 || s.Sockets.Listeners[0].Local.Port() != uint16(9000+i) {
			t.Fatalf("%s: sockets %+v, gaps %+v", town.names[i], s.Sockets, s.Gaps)
		}
		if s.Sockstat["TCP.inuse"]+s.Sockstat["TCP6.inuse"] != 1 {
			t.Errorf("%s: sockstat %v", town.names[i], s.Sockstat)
		}
	}
	s := v.Window.To
	if got, want := s.Sysctls["net.ipv4.tcp_fin_timeout"], fmt.Sprint(20+i); got != want {
		t.Errorf("%s: tcp_fin_timeout %s, want %s", town.names[i], got, want)
	}
	if s.Sysctls["fs.nr_open"] == "" || s.Softnet == nil || s.Files == nil {
		t.Errorf("%s: the machine's facts are missing: %v, %v, %v", town.names[i], s.Sysctls, s.Softnet, s.Files)
	}
	if !s.LinesRead || len(s.Lines) != 0 || !s.UnitsRead || len(s.Units) != 0 {
		t.Errorf("%s: lines %v, units %v", town.names[i], s.Lines, s.Units)
	}
	if owners := s.Sockets.Listeners[0].Owners; len(owners) != 1 || len(s.Processes) != 1 || s.Processes[owners[0]].Name != fmt.Sprintf("srv%d", i) {
		t.Errorf("%s: owners %v, processes %+v", town.names[i], owners, s.Processes)
	}
}

// rounds is how often something is tried: a guest takes its time.
func rounds(n int) int {
	if lab.Guest() {
		return n / 5
	}
	return n
}

// busy keeps other threads running and starting, as goroutines of a program do.
func busy(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { ended <- struct{}{} }()
			for ctx.Err() == nil {
				if _, err := os.ReadFile("/proc/thread-self/net/sockstat"); err != nil {
					t.Error(err)
				}
				runtime.Gosched()
			}
		}()
	}
	t.Cleanup(func() {
		cancel()
		for range 4 {
			<-ended
		}
	})
}

// TestSurvey: each snapshot has the values of its namespace and never those of
// another, whatever else the program does, and our own namespace stays ours.
func TestSurvey(t *testing.T) {
	lab.IsolateAlone(t, func(t *testing.T) {
		town := newTown(t, 5)
		c := live(t, Options{Keys: keys("net.ipv4.tcp_fin_timeout", "fs.nr_open")})
		busy(t)
		for range rounds(20) {
			waits := 0
			visits, err := c.Survey(t.Context(), Survey{Namespaces: town.namespaces(t), Wait: func(context.Context) error { waits++; return nil }})
			if err != nil || len(visits) != 5 || waits != 1 {
				t.Fatalf("%d visits, %d waits, %v", len(visits), waits, err)
			}
			for i, v := range visits {
				town.check(t, i, v)
			}
		}
		own := snapshotNow(t, c)
		if len(own.Sockets.Listeners) != 0 || own.Sysctls["net.ipv4.tcp_fin_timeout"] != "60" {
			t.Errorf("our own namespace has %+v and %v", own.Sockets.Listeners, own.Sysctls)
		}
	})
}

// TestSurveyEnds: a namespace that has ended, and one that is reached too late,
// say so; the others are examined.
func TestSurveyEnds(t *testing.T) {
	lab.IsolateAlone(t, func(t *testing.T) {
		town := newTown(t, 2)
		list := town.namespaces(t)
		c := live(t, Options{Keys: keys("net.ipv4.tcp_fin_timeout", "fs.nr_open")})
		gone := &netns.Namespace{Label: netns.Label{Name: "gone"}}
		visits, err := c.Survey(t.Context(), Survey{Namespaces: []*netns.Namespace{list[0], gone}})
		if err != nil || len(visits) != 2 || !errors.Is(visits[1].Err, netns.ErrGone) || visits[1].Window != nil {
			t.Fatalf("%+v, %v", visits, err)
		}
		town.check(t, 0, visits[0])

		visits, err = c.Survey(t.Context(), Survey{Namespaces: list, Budget: time.Nanosecond})
		if err != nil || !errors.Is(visits[0].Err, ErrTimeUp) || !errors.Is(visits[1].Err, ErrTimeUp) {
			t.Errorf("%+v, %v", visits, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		<-ctx.Done()
		if visits, err = c.Survey(ctx, Survey{Namespaces: list}); err != nil || !errors.Is(visits[0].Err, ErrTimeUp) {
			t.Errorf("%+v, %v", visits, err)
		}
		ctx, stop := context.WithCancel(t.Context())
		if _, err = c.Survey(ctx, Survey{Namespaces: list, Wait: func(ctx context.Context) error { stop(); return ctx.Err() }}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if _, err := live(t, Options{Root: t.TempDir()}).Survey(t.Context(), Survey{Namespaces: list}); err == nil {
			t.Error("a saved tree has namespaces")
		}
	})
}

// TestSurveyTimeUpLater: the time is up between the cheap facts and the walks.
// What is there says that it is not all.
func TestSurveyTimeUpLater(t *testing.T) {
	lab.IsolateAlone(t, func(t *testing.T) {
		town := newTown(t, 1)
		s := newSurvey(live(t, Options{}), town.namespaces(t))
		defer s.close()
		machine := s.start()
		s.readMachine(machine)
		v := s.visits[0]
		if v.err = v.do(func() { s.look(t.Context(), v, machine, true) }); v.err != nil {
			t.Fatal(v.err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		s.walk(ended, v, true)
		n := s.results()[0].Window.To
		if n.Sockets.Complete || len(n.Sockets.Listeners) != 1 || !strings.Contains(fmt.Sprint(n.Gaps), "not walked: the time was up") {
			t.Errorf("sockets %+v, gaps %+v", n.Sockets, n.Gaps)
		}
		if _, known := n.Sockets.States["close_wait"]; known {
			t.Errorf("states %v that nobody counted", n.Sockets.States)
		}
	})
}

// TestSurveyLeaks surveys many times: descriptors, threads and goroutines stay
// as many as they were.
func TestSurveyLeaks(t *testing.T) {
	lab.IsolateAlone(t, func(t *testing.T) {
		town := newTown(t, 3)
		list := town.namespaces(t)
		c := live(t, Options{Keys: keys("net.ipv4.tcp_fin_timeout", "fs.nr_open")})
		round := func() {
			visits, err := c.Survey(t.Context(), Survey{Namespaces: list, Wait: func(context.Context) error { return nil }})
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range visits {
				town.check(t, i, v)
			}
		}
		for range 10 {
			round()
		}
		runtime.GC()
		fds, threads, goroutines := count(t, "/proc/self/fd"), count(t, "/proc/self/task"), runtime.NumGoroutine()
		for range rounds(100) {
			round()
		}
		runtime.GC()
		fdsAfter, threadsAfter, goroutinesAfter := count(t, "/proc/self/fd"), count(t, "/proc/self/task"), runtime.NumGoroutine()
		t.Logf("before and after the surveys: %d and %d descriptors, %d and %d threads, %d and %d goroutines", fds, fdsAfter, threads, threadsAfter, goroutines, goroutinesAfter)
		if fdsAfter > fds || threadsAfter > threads+4 || goroutinesAfter > goroutines {
			t.Error("surveys leave something behind")
		}
	})
}

func count(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
