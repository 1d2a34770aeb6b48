// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

// readSockets collects the socket table as t says: all that rules need of it,
// or, for the start of a window, only what is compared with the end.
func (c *Collector) readSockets(ctx context.Context, s *Snapshot, t *tiers) {
	ports, reserved := c.portRange(s)
	collect := func(ctx context.Context, d dumper) error {
		t.dumper, t.fold = d, newFold(ports, reserved, c.reuseDelay())
		t.counts = func() (full, mini int64, ok bool) {
			return countSockstat(c.readSockstat(func(string, error, string) {})) // a gap was noted before
		}
		if err := t.collect(ctx); err != nil {
			return err
		}
		s.Sockets = t.fold.finish()
		s.noteDropped()
		return nil
	}
	if err := c.withDumper(ctx, s, collect); err != nil && ctx.Err() == nil {
		s.Sockets = nil
		s.gap("TCP sockets", err, "")
	}
}

// noteDropped says which sockets were counted but not kept one by one: numbers
// by process, listener and network are lower bounds then.
func (s *Snapshot) noteDropped() {
	for _, state := range slices.Sorted(maps.Keys(s.Sockets.Dropped)) {
		kept := s.Sockets.States[state] - s.Sockets.Dropped[state]
		s.gap("TCP sockets", fmt.Errorf("only %d of %d sockets in %s were kept one by one: by process and listener there are at least that many", kept, s.Sockets.States[state], strings.ToUpper(state)), "")
	}
}

// withDumper runs collect over sock_diag, or, where that is not possible, over
// the text tables, for as long as the budget allows.
func (c *Collector) withDumper(ctx context.Context, s *Snapshot, collect func(context.Context, dumper) error) error {
	budget, cancel := context.WithTimeout(ctx, c.allow(s, c.budget))
	defer cancel()
	err := c.overNetlink(budget, s, collect)
	if err != nil && budget.Err() == nil {
		var dir string
		if dir, err = c.textTables(); err == nil {
			err = collect(budget, sockdiag.ProcTable{Dir: dir})
		}
	}
	if err != nil && budget.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("walking the socket table took longer than %s", c.budget)
	}
	return err
}

// textTables is the directory with the files tcp and tcp6. In a saved tree
// they must lie there themselves: a link could lead out of the tree.
func (c *Collector) textTables() (string, error) {
	dir, err := c.root.path("proc/net")
	if err != nil || c.Live() {
		return dir, err
	}
	for _, name := range []string{"tcp", "tcp6"} {
		f, err := openRegular(filepath.Join(dir, name))
		switch {
		case err == nil:
			_ = f.Close()
		case name == "tcp" || !errors.Is(err, fs.ErrNotExist): // a kernel without IPv6 has no tcp6
			return "", fmt.Errorf("read /proc/net/%s: %s", name, reason(err))
		}
	}
	return dir, nil
}

var errNoNetlink = errors.New("sock_diag was not asked")

// overNetlink collects over sock_diag. Where that is not possible it records
// the gap and returns an error; /proc/net/tcp is the way then.
func (c *Collector) overNetlink(ctx context.Context, s *Snapshot, collect func(context.Context, dumper) error) error {
	if !c.Live() || c.noNetlink {
		if c.Live() {
			s.gap("sock_diag", errNoNetlink, "leave out --no-netlink: only sock_diag tells backlogs and drops of listeners")
		}
		return errNoNetlink
	}
	client, err := sockdiag.Dial(ctx)
	if err == nil {
		defer client.Close()
		err = collect(ctx, client)
	}
	switch {
	case errors.Is(err, sockdiag.ErrUnavailable):
		s.gap("sock_diag", err, "load the kernel modules inet_diag and tcp_diag: only sock_diag tells backlogs and drops of listeners")
	case err != nil:
		s.gap("sock_diag", err, "")
	}
	return err
}

// countSockstat returns the full sockets and the mini-sockets of this network
// namespace.
func countSockstat(stat procnet.Sockstat) (full, mini int64, ok bool) {
	full, ok = stat["TCP.inuse"]
	if !ok {
		return 0, 0, false
	}
	mini, ok = stat["TCP.tw"]
	return full + stat["TCP6.inuse"], mini, ok
}
