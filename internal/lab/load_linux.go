// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Load is a large number of TCP sockets in one network namespace.
type Load struct {
	Established int  // sockets; a connection has both of its ends here
	CloseWait   int  // sockets of processes called "leaky", whose peers have closed
	TimeWait    int  // sockets of outgoing connections to many destinations; gone after 60 s
	Exhausted   bool // one destination has every ephemeral port in TIME_WAIT
}

// Bounds of a load.
const (
	maxLoad         = 2_500_000
	loadTimeout     = 5 * time.Minute
	holderSockets   = 15_000  // sockets of one process: less than 80 % of 20,000 open files, a common limit
	filesReserve    = 100     // open files of a process besides
	socketBytes     = 5 << 10 // kernel memory of an open socket with its file, rounded up
	timeWaitBytes   = 512
	timeWaitMakers  = 4
	timeWaitPerPeer = 14_000 // less than half of the ephemeral range: nothing to complain about
)

// The ephemeral range of a new network namespace.
const (
	firstPort = 32768
	lastPort  = 60999
)

// everyIPv6 is how many processes there are for each one that uses ::1.
const everyIPv6 = 10

// A Crowd is a network namespace with the sockets of a load, and the processes
// that hold them.
type Crowd struct {
	*Host
	Processes []*Process
	Made      time.Duration // how long it took

	directory string
}

// NewLoad makes the load for a test; it goes at the test's end.
func NewLoad(t testing.TB, l Load) *Crowd {
	t.Helper()
	c, err := StartLoad(t.Context(), l)
	if err != nil {
		failNetns(t, err)
	}
	t.Cleanup(c.Stop)
	return c
}

// StartLoad makes a network namespace, fills it and returns when all sockets
// are there. Nothing of it is left when there is an error or ctx ends before;
// the caller stops it otherwise, and it ends with the calling process in any
// case. The program must call [Dispatch] first.
func StartLoad(ctx context.Context, l Load) (*Crowd, error) {
	began := time.Now()
	most, err := l.check()
	if err != nil {
		return nil, err
	}
	c := &Crowd{}
	if err := c.fill(ctx, l, most); err != nil {
		c.Stop()
		return nil, errors.Join(err, ctx.Err())
	}
	c.Made = time.Since(began)
	return c, nil
}

// fill makes the namespace, starts the processes and waits until each has made
// its sockets, most each.
func (c *Crowd) fill(ctx context.Context, l Load, most int) (err error) {
	if c.directory, err = os.MkdirTemp("", "tcptune-load-"); err != nil {
		return err
	}
	if c.Host, err = newHost("crowd"); err != nil {
		return err
	}
	if err := c.write("net/ipv4/tcp_max_tw_buckets", fmt.Sprint(maxLoad)); err != nil {
		return err
	}
	if l.Exhausted {
		// By default connect() may take the port of a TIME_WAIT over the loopback
		// interface again after a second. Destinations of a proxy are elsewhere.
		if err := c.write("net/ipv4/tcp_tw_reuse", "0"); err != nil {
			return err
		}
	}
	for _, h := range l.holders(most, c.HasSysctl("net.ipv6.conf.lo.disable_ipv6")) {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := launch(c.Host, c.directory, h.name(), program{Holder: &h})
		if p != nil {
			c.Processes = append(c.Processes, p)
		}
		if err != nil {
			return fmt.Errorf("start %s: %w", h.name(), err)
		}
	}
	defer context.AfterFunc(ctx, c.kill)()
	deadline := time.Now().Add(loadTimeout)
	for _, p := range c.Processes {
		if _, err := p.next(time.Until(deadline)); err != nil {
			return fmt.Errorf("make sockets: %w", err)
		}
	}
	return nil
}

// kill ends the processes without waiting for them.
func (c *Crowd) kill() {
	for _, p := range c.Processes {
		p.cmd.Process.Kill()
	}
}

// Stop ends the processes, and with them the namespace. A second call does
// nothing.
func (c *Crowd) Stop() {
	for _, p := range c.Processes {
		p.stdin.Close() // all of them have work to do, so all begin at once
	}
	for _, p := range c.Processes {
		p.Stop()
	}
	if c.Host != nil {
		c.netns.Close()
	}
	os.RemoveAll(c.directory)
}

// sockets is how many sockets the load has, and how many of them are open files.
func (l Load) sockets() (all, files int) {
	files = l.Established + l.CloseWait
	return files + l.TimeWait, files
}

// check refuses a load that the machine cannot bear, and returns how many
// sockets a process may have.
func (l Load) check() (most int, err error) {
	all, files := l.sockets()
	if min(l.Established, l.CloseWait, l.TimeWait) < 0 || all < 1 || all > maxLoad || l.Established%2 != 0 {
		return 0, fmt.Errorf("load %+v: must have 1 to %d sockets, ESTABLISHED ones in pairs", l, maxLoad)
	}
	if l.Exhausted && l.TimeWait <= lastPort-firstPort {
		return 0, fmt.Errorf("load %+v: a destination has %d ports", l, lastPort-firstPort+1)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read limit on open files: %w", err)
	}
	if limit.Max < 2*filesReserve {
		return 0, fmt.Errorf("load: a process may open %d files only", limit.Max)
	}
	most = int(min(limit.Max-filesReserve, holderSockets)) &^ 1
	var open, unused, allowed, available int
	if err := scan("/proc/sys/fs/file-nr", "", &open, &unused, &allowed); err != nil {
		return 0, err
	}
	if open+files > allowed {
		return 0, fmt.Errorf("load: %d files are open and %d sockets come, fs.file-max is %d", open, files, allowed)
	}
	if err := scan("/proc/meminfo", "MemAvailable:", &available); err != nil {
		return 0, err
	}
	if want := (files*socketBytes + l.TimeWait*timeWaitBytes) >> 10; want > available {
		return 0, fmt.Errorf("load: %d KiB of memory are free, want %d KiB", available, want)
	}
	return most, nil
}

// scan reads the numbers behind a word of a file.
func scan(path, word string, numbers ...any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(text), word)
	if _, err := fmt.Sscan(rest, numbers...); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// holders divides the load among processes of most sockets each. What a tool
// should find comes last, where it is found last.
func (l Load) holders(most int, ipv6 bool) (list []holder) {
	number := 0
	next := func(ipv6 bool) netip.AddrPort {
		number++
		if ipv6 {
			return netip.AddrPortFrom(netip.IPv6Loopback(), uint16(8000+number))
		}
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 1, byte(number / 250), byte(1 + number%250)}), 8000)
	}
	established, closeWait := l.Established, l.CloseWait
	for n := 0; established+closeWait > 0; n++ {
		at := next(ipv6 && n%everyIPv6 == everyIPv6-1)
		pairs := min(established, most) / 2
		leaks := 0
		if left := established + closeWait; left <= most || pairs == 0 {
			leaks = min(closeWait, most-2*pairs)
		}
		established, closeWait = established-2*pairs, closeWait-leaks
		list = append(list, holder{[]task{{at, Established, pairs}, {at, CloseWait, leaks}}})
	}
	// The exhausted destination comes last: in a minute the first ones are gone.
	var counts []int
	left := l.TimeWait
	if l.Exhausted {
		left -= lastPort - firstPort + 1
	}
	for ; left > 0; left -= timeWaitPerPeer {
		counts = append(counts, min(left, timeWaitPerPeer))
	}
	if l.Exhausted {
		counts = append(counts, lastPort-firstPort+1)
	}
	makers := len(list)
	for n, count := range counts {
		if n < timeWaitMakers {
			list = append(list, holder{})
		}
		m := &list[makers+n%timeWaitMakers]
		m.Tasks = append(m.Tasks, task{next(false), TimeWait, count})
	}
	return list
}
