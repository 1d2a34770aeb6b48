// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/sysctl"
)

// Collector reads snapshots of one host.
type Collector struct {
	root      root
	keys      []sysctl.Key
	noNetlink bool
	tool      string
	budget    time.Duration
	began     func(*Snapshot)
}

// Options say what a Collector reads.
type Options struct {
	Root      string       // directory that every path hangs from; "" and "/" are the live host
	Keys      []sysctl.Key // sysctls to read, none of them a pattern
	NoNetlink bool         // read /proc/net/tcp instead of asking sock_diag
	Tool      string       // name and version, kept in saved windows
	// Budget bounds how long sockets and processes are read for each snapshot
	// or table. What was not read by then is a gap. 0 is DefaultBudget.
	Budget time.Duration
	Began  func(*Snapshot) // if not nil, gets the first snapshot of a window before the wait
}

// DefaultBudget is far more than a host with a million sockets needs.
const DefaultBudget = 30 * time.Second

// NewCollector checks the options. It fails when Root is no directory.
func NewCollector(o Options) (*Collector, error) {
	c := &Collector{root: "/", keys: o.Keys, noNetlink: o.NoNetlink, tool: o.Tool, budget: cmp.Or(o.Budget, DefaultBudget), began: o.Began}
	if o.Root == "" {
		return c, nil
	}
	dir, err := filepath.Abs(o.Root)
	if err != nil {
		return nil, fmt.Errorf("open root %s: %w", o.Root, err)
	}
	c.root = root(dir)
	if info, err := statDirectory(dir); err != nil {
		return nil, fmt.Errorf("open root %s: %w", o.Root, err)
	} else if !info {
		return nil, fmt.Errorf("open root %s: not a directory", o.Root)
	}
	return c, nil
}

// Live reports whether the running host is read, not a saved tree.
func (c *Collector) Live() bool { return c.root.live() }

// Window takes two snapshots; wait is called between them and must return
// after the wanted time, or with ErrCutShort before. With a nil wait, and for a
// saved tree, whose counters stand still, it takes one.
func (c *Collector) Window(ctx context.Context, wait func(context.Context) error) (*Window, error) {
	w := &Window{SchemaVersion: SchemaVersion, Tool: c.tool}
	if wait != nil && c.Live() {
		from, err := c.begin(ctx)
		if err != nil {
			return nil, err
		}
		w.From = from
		if c.began != nil {
			c.began(from)
		}
		if err := w.cutShort(wait(ctx)); err != nil {
			return nil, err
		}
	}
	to, err := c.end(ctx, w.From)
	if err != nil {
		return nil, err
	}
	w.To = to
	return w, nil
}

// begin takes the first snapshot of a window: only what is compared with the
// second one.
func (c *Collector) begin(ctx context.Context) (*Snapshot, error) {
	s := c.start()
	c.readMachine(s)
	c.readNamespace(s, namespaceOfFirst())
	c.readSockets(ctx, s, &tiers{openOnly: true})
	return s, c.finish(ctx, s)
}

// end reads everything; from is the start of the window, nil without one. What
// cannot be read becomes a gap; the error is that of the context only.
func (c *Collector) end(ctx context.Context, from *Snapshot) (*Snapshot, error) {
	s := c.start()
	c.readMachine(s)
	c.readNamespace(s, namespaceOfFirst())
	c.readConntrackTable(ctx, s)
	c.readSysctls(s, c.keys)
	c.readConf(s)
	before := from.sample()
	c.readSockets(ctx, s, &tiers{before: before})
	if s.Sockets != nil {
		s.nameHolders(ctx, c.root, before, c.allow(s, holderBudget))
	}
	c.readConfig(s)
	s.readUnits(c.root)
	return s, c.finish(ctx, s)
}

func (c *Collector) start() *Snapshot {
	s := &Snapshot{Taken: time.Now()}
	if up, err := parse(c.root, "proc/uptime", procnet.ParseUptime); err != nil {
		s.gap("/proc/uptime", err, "")
	} else {
		s.Uptime = &up
	}
	return s
}

func (c *Collector) finish(ctx context.Context, s *Snapshot) error {
	s.Cost = time.Since(s.Taken)
	return ctx.Err()
}

// allow is what is left of the budget of a snapshot, most at most.
func (c *Collector) allow(s *Snapshot, most time.Duration) time.Duration {
	return max(0, min(most, c.budget-time.Since(s.Taken)))
}

// readMachine reads what is the same in every network namespace of the
// machine, but for the sysctls.
func (c *Collector) readMachine(s *Snapshot) {
	s.readHost(c.root)
	if rows, err := parse(c.root, "proc/net/softnet_stat", procnet.ParseSoftnet); err != nil {
		s.gap("/proc/net/softnet_stat", err, "")
	} else {
		for _, r := range rows {
			s.Softnet = append(s.Softnet, Softnet{CPU: r.CPU, Processed: r.Processed, Dropped: r.Dropped, Squeezed: r.Squeezed})
		}
	}
	if nr, err := parse(c.root, "proc/sys/fs/file-nr", procnet.ParseFileNr); err != nil {
		s.gap("/proc/sys/fs/file-nr", err, "")
	} else {
		s.Files = &OpenFiles{Open: clampInt64(nr.Used), Max: clampInt64(nr.Max)}
	}
}

// readNamespace reads what a network namespace has of its own, but for the
// sysctls and the sockets; first is that of process 1. readMachine comes before.
func (c *Collector) readNamespace(s *Snapshot, first string) {
	s.Host.readNamespace(c.root, first)
	c.readCounters(s)
	s.Sockstat = c.readSockstat(s.gap)
	c.readConntrack(s)
	c.readNeighbours(s)
	c.readInterfaces(s)
}

// readCounters reads the counters of TCP.
func (c *Collector) readCounters(s *Snapshot) {
	for _, name := range []string{"proc/net/netstat", "proc/net/snmp"} {
		counters, err := parse(c.root, name, procnet.ParseCounters)
		if err != nil {
			s.gap("/"+name, err, "")
			continue
		}
		if s.Counters == nil {
			s.Counters = make(procnet.Counters, len(counters))
		}
		for k, v := range counters {
			if strings.HasPrefix(k, "Tcp.") || strings.HasPrefix(k, "TcpExt.") || k == "Ip.ForwDatagrams" {
				s.Counters[k] = v
			}
		}
	}
}

// readSockstat reads sockstat and sockstat6, the second only where there is
// IPv6. It returns nil where one of them cannot be read.
func (c *Collector) readSockstat(gap func(string, error, string)) procnet.Sockstat {
	stat, err := parse(c.root, "proc/net/sockstat", procnet.ParseSockstat)
	if err != nil {
		gap("/proc/net/sockstat", err, "")
		return nil
	}
	stat6, err := parse(c.root, "proc/net/sockstat6", procnet.ParseSockstat)
	switch {
	case errors.Is(err, fs.ErrNotExist): // a kernel without IPv6
	case err != nil:
		gap("/proc/net/sockstat6", err, "")
		return nil
	}
	for k, v := range stat6 {
		stat[k] = v
	}
	return stat
}

// readSysctls reads live values.
func (c *Collector) readSysctls(s *Snapshot, keys []sysctl.Key) {
	if exists, _ := c.root.exists("proc/sys/net"); !exists {
		s.gap("/proc/sys", fs.ErrNotExist, "")
		return
	}
	tree, err := c.tree()
	if err != nil {
		s.gap("/proc/sys", err, "")
		return
	}
	s.Sysctls = make(map[string]string, len(keys))
	for _, key := range keys {
		value, err := tree.Get(key)
		switch {
		case err == nil:
			s.Sysctls[key.String()] = strings.Join(value.Fields(), " ")
		case errors.Is(err, fs.ErrNotExist):
			// A saved tree may just lack the file.
			if c.Live() {
				s.Absent = append(s.Absent, key.String())
			}
		default:
			s.gap(key.String(), err, "")
		}
	}
	slices.Sort(s.Absent)
}

func (c *Collector) tree() (*sysctl.Tree, error) {
	dir, err := c.root.path("proc/sys")
	if err != nil {
		return nil, err
	}
	return sysctl.NewTree(dir)
}

// value reads one live value.
func (c *Collector) value(key string) (sysctl.Value, error) {
	tree, err := c.tree()
	if err != nil {
		return "", err
	}
	return tree.Get(sysctl.MustKey(key))
}
