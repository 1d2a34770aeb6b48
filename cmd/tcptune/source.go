// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/sysctl"
)

// sourceOptions say what is examined: the live host, a directory tree or a
// saved window.
type sourceOptions struct {
	from      string
	root      string
	netns     string // empty: our own
	noNetlink bool
	length    time.Duration
	budget    time.Duration
	since     *snapshot.Snapshot // start of the window, where it was taken earlier
	cut       bool               // SIGINT ends the window, not the command
	began     *snapshot.Snapshot // the start of the window that is open
}

func (o *sourceOptions) addFlags(cmd *cobra.Command, saved bool) {
	f := cmd.Flags()
	f.Duration("window", defaultWindow, "time between the two snapshots; 0 takes one, and rates are unknown")
	f.Bool("no-netlink", false, "read /proc/net/tcp instead of asking sock_diag")
	addBudgetFlag(cmd, &o.budget)
	f.StringVar(&o.root, "root", "", "examine this directory tree (proc, sys, etc below it), not the host")
	if saved {
		f.StringVar(&o.from, "from", "", "judge a window that collect saved (- for standard input)")
	}
}

// complete checks what the flags say together.
func (o *sourceOptions) complete(cmd *cobra.Command, s *fileSettings) error {
	if err := checkNetns(cmd, o.netns); err != nil {
		return err
	}
	if cmd.Flags().Lookup("budget") != nil {
		if err := checkBudget(o.budget); err != nil {
			return err
		}
	}
	o.length, o.noNetlink = s.Window, s.NoNetlink
	if o.length != 0 && (o.length < minWindow || o.length > maxWindow) {
		return settingError(cmd, "window", fmt.Sprintf("%s is not 0 or between %s and %s", o.length, minWindow, maxWindow))
	}
	if o.from == "" {
		return nil
	}
	for _, name := range []string{"window", "budget", "root", "no-netlink"} {
		if cmd.Flags().Changed(name) {
			return usageError(fmt.Errorf("--from and --%s exclude each other: a saved window has been collected already", name), "")
		}
	}
	return nil
}

// window reads the saved window, or collects one.
func (o *sourceOptions) window(ctx context.Context, u *ui, catalogue *sysctl.Catalogue) (*snapshot.Window, error) {
	if o.from != "" {
		return loadWindow(ctx, u.in, o.from)
	}
	collector, err := o.collector(catalogue)
	if err != nil {
		return nil, err
	}
	if o.netns != "" {
		return o.namespace(ctx, u, collector)
	}
	if o.since != nil {
		return collector.Since(ctx, o.since)
	}
	var wait func(context.Context) error
	if o.length > 0 {
		wait = u.waitWindow(o.length, o.cut, o.seen)
	}
	if !collector.Live() && o.length > 0 {
		u.notef("the counters of a directory tree stand still: rates stay unknown")
	}
	w, err := collector.Window(ctx, wait)
	return judgeable(w), err
}

// seen words what the first snapshot of a window counted.
func (o *sourceOptions) seen() string {
	if o.began == nil || o.began.Sockets == nil {
		return ""
	}
	var total int64
	for _, n := range o.began.Sockets.States {
		total += n
	}
	return plural(int(total), "TCP socket", "TCP sockets")
}

// judgeable takes the first snapshot out of a window that was cut too short for
// rates: they would be noise.
func judgeable(w *snapshot.Window) *snapshot.Window {
	if w == nil || !w.Interrupted {
		return w
	}
	if seconds, ok := w.Seconds(); ok && seconds < minWindow.Seconds() {
		w.From = nil
	}
	return w
}

// interrupted reports whether somebody ended this window, not one that was
// saved then.
func (o *sourceOptions) interrupted(w report.Window) bool { return w.Interrupted && o.from == "" }

func (o *sourceOptions) collector(catalogue *sysctl.Catalogue) (*snapshot.Collector, error) {
	collector, err := snapshot.NewCollector(snapshot.Options{
		Root: o.root, Keys: liveKeys(catalogue), NoNetlink: o.noNetlink, Tool: toolName(), Budget: o.budget,
		Began: func(s *snapshot.Snapshot) { o.began = s },
	})
	if err != nil {
		return nil, rootError(err)
	}
	return collector, nil
}

// rootError is a --root that cannot be examined.
func rootError(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return &exitError{status: exitPermission, err: err}
	}
	return usageError(err, "--root takes the directory that holds proc, sys and etc of the examined host")
}

// liveKeys are the catalogued keys that stand for one file each.
func liveKeys(catalogue *sysctl.Catalogue) []sysctl.Key {
	var keys []sysctl.Key
	for _, p := range catalogue.Parameters() {
		if !p.Key.Glob() && !snapshot.Secret(p.Key) {
			keys = append(keys, p.Key)
		}
	}
	return keys
}

// loadWindow reads a saved window, or that of in for "-".
func loadWindow(ctx context.Context, in io.Reader, path string) (*snapshot.Window, error) {
	return await(ctx, func() (*snapshot.Window, error) { return readWindow(in, path) })
}

// await returns what read read. It returns when ctx ends, even while nobody
// writes to a pipe that is read.
func await[T any](ctx context.Context, read func() (T, error)) (value T, err error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case <-ctx.Done():
		return value, ctx.Err()
	case r := <-done:
		return r.value, r.err
	}
}

// readWindow reads the window of a file, or of in for "-".
func readWindow(in io.Reader, path string) (*snapshot.Window, error) {
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, openError(path, err)
		}
		defer f.Close()
		in = f
	}
	w, err := snapshot.Decode(in)
	if err == nil {
		return w, nil
	}
	hint := "make one with: tcptune collect -o FILE"
	switch {
	case errors.Is(err, snapshot.ErrNewerSchema):
		hint = "judge it with the tcptune that collected it, or a newer one"
	case errors.Is(err, snapshot.ErrTruncated):
		hint = "copy it again, or collect it again with: tcptune collect -o FILE"
	}
	return nil, &exitError{status: exitFailed, err: fmt.Errorf("%s: %w", path, err), hint: hint}
}

// openError is a file named on the command line that cannot be opened.
func openError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &exitError{status: exitPermission, err: fmt.Errorf("open %s: permission denied", path)}
	case errors.Is(err, fs.ErrNotExist):
		return usageError(fmt.Errorf("open %s: no such file", path), "")
	}
	return fmt.Errorf("open %s: %w", path, err)
}
