// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/internal/sockdiag"
)

// socketsBudget bounds how long the socket table may be walked in all.
const socketsBudget = 30 * time.Second

// readSockets collects the socket table: all that rules need of it, or, for
// the start of a window, only what is compared with the end.
func (c *Collector) readSockets(ctx context.Context, s *Snapshot, closer bool) {
	ports, reserved := c.portRange(s)
	budget, cancel := context.WithTimeout(ctx, socketsBudget)
	defer cancel()
	collect := func(d dumper) error {
		t := &tiers{dumper: d, fold: newFold(ports, reserved, c.reuseDelay()), openOnly: !closer}
		t.counts = func() (full, mini int64, ok bool) {
			return countSockstat(c.readSockstat(func(string, error, string) {})) // a gap was noted before
		}
		if err := t.collect(budget); err != nil {
			return err
		}
		s.Sockets = t.fold.finish()
		return nil
	}
	err := c.withDumper(budget, s, collect)
	if err == nil || ctx.Err() != nil {
		return
	}
	if budget.Err() != nil {
		err = fmt.Errorf("walking the socket table took longer than %s", socketsBudget)
	}
	s.Sockets = nil
	s.gap("TCP sockets", err, "")
}

// withDumper runs collect over sock_diag, or, where that is not possible, over
// the text tables.
func (c *Collector) withDumper(ctx context.Context, s *Snapshot, collect func(dumper) error) error {
	err := c.overNetlink(ctx, s, collect)
	if err == nil || ctx.Err() != nil {
		return err
	}
	dir, err := c.textTables()
	if err != nil {
		return err
	}
	return collect(sockdiag.ProcTable{Dir: dir})
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
func (c *Collector) overNetlink(ctx context.Context, s *Snapshot, collect func(dumper) error) error {
	if !c.Live() || c.noNetlink {
		if c.Live() {
			s.gap("sock_diag", errNoNetlink, "leave out --no-netlink: only sock_diag tells backlogs and drops of listeners")
		}
		return errNoNetlink
	}
	client, err := sockdiag.Dial(ctx)
	if err == nil {
		defer client.Close()
		err = collect(client)
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
