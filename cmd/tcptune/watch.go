// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/netns"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/internal/watch"
	"github.com/tcptune/tcptune/rules"
)

// Bounds of --interval. Below a second rates are noise.
const (
	defaultInterval = 2 * time.Second
	minInterval     = minWindow
	maxInterval     = 10 * time.Minute
)

type watchOptions struct {
	check    checkOptions // what is judged, and by what
	interval time.Duration
	once     bool
}

func newWatchCommand(s streams) *cobra.Command {
	o := &watchOptions{check: checkOptions{noBaseline: true}}
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "See sockets, rates and findings live",
		Long: `watch takes a snapshot in each interval, judges the window since the one before
as check does, and shows sockets by state, counter rates, listeners,
destinations, processes and findings, which appear and clear. It changes
nothing. On a terminal it fills the screen, and ? lists the keys; elsewhere it
writes one line for each interval until the reader goes away.

Exit status: 0 ended by q or by the reader, 130 interrupted. With --once as
check: 1 findings at or above --fail-on, 3 could not judge.`,
		Example: `  tcptune watch
  tcptune watch --interval 5s --only accept-queue
  tcptune watch --netns web
  tcptune watch --once
  tcptune watch | grep --line-buffered +critical`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(cmd); err != nil {
				return err
			}
			return runWatch(cmd.Context(), s, o)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&o.interval, "interval", defaultInterval, "time between two snapshots; longer where collecting takes more than half of it")
	f.BoolVar(&o.once, "once", false, "wait for one window, print the screen as text and end")
	f.String("fail-on", string(rules.Warning), "with --once, exit 1 from this severity on: info, notice, warning, critical or never")
	f.Bool("no-netlink", false, "read /proc/net/tcp instead of asking sock_diag")
	addBudgetFlag(cmd, &o.check.source.budget)
	addNetnsFlag(cmd, &o.check.source.netns, false)
	f.StringSlice("only", nil, "judge these rules or categories only")
	f.StringSlice("skip", nil, "leave these rules or categories out")
	addRulesFlag(cmd, &o.check.rulesDir)
	o.check.waivers.addFlag(cmd)
	completeWords(cmd, "fail-on", failOnWords())
	completeRules(cmd, "only", "skip")
	return cmd
}

// complete merges flags, environment and config file and checks them.
func (o *watchOptions) complete(cmd *cobra.Command) error {
	if err := o.check.complete(cmd); err != nil {
		return err
	}
	switch {
	case o.interval < minInterval || o.interval > maxInterval:
		return usageError(fmt.Errorf("--interval %s is not between %s and %s", o.interval, minInterval, maxInterval), "")
	case o.check.source.netns == allNamespaces:
		return usageError(errors.New("watch shows one network namespace, and --netns all asks for every one"), netnsHint)
	case cmd.Flags().Changed("fail-on") && !o.once:
		return usageError(errors.New("--fail-on is for --once: a view that goes on has no answer"), "")
	}
	return nil
}

func runWatch(ctx context.Context, s streams, o *watchOptions) error {
	source, end, err := o.source()
	if err != nil {
		return err
	}
	defer end()
	style := style(s.out, o.check.settings.Color)
	options := watch.Options{Interval: o.interval, Color: style.Color, Unicode: style.Unicode, Netns: o.check.source.netns}
	switch {
	case o.once:
		round, err := watch.Once(ctx, source, options, style.Width, s.out)
		if err != nil {
			return err
		}
		round.Check.ExitStatus = o.check.status(round.Check)
		return o.check.answer(round.Check)
	case isTerminal(s.in) && isTerminal(s.out) && os.Getenv("TERM") != "dumb":
		err = watch.Run(ctx, source, options, s.in, s.out)
	default:
		signal.Ignore(syscall.SIGPIPE) // a reader who goes away ends the lines, not the program
		err = watch.WriteLines(ctx, source, options, s.out)
	}
	if errors.Is(err, watch.ErrInterrupted) || ctx.Err() != nil {
		return &exitError{status: exitInterrupted} // that it ended is seen
	}
	return endOfLines(err)
}

// endOfLines is nil when the reader of the lines went away: that is how one ends
// tcptune watch | head -3.
func endOfLines(err error) error {
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// isTerminal reports whether a stream of the command is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

// source makes rounds of snapshots, facts and rules; end lets go of what it holds.
func (o *watchOptions) source() (source watch.Source, end func(), err error) {
	e, err := o.check.judges()
	if err != nil {
		return nil, nil, err
	}
	go e.set.Prepare()
	collector, err := o.check.source.collector(e.catalogue)
	if err != nil {
		return nil, nil, err
	}
	name := o.check.source.netns
	var namespace *netns.Namespace
	if name != "" {
		list, _, err := findNamespaces(name)
		if err != nil {
			return nil, nil, err
		}
		namespace = list[0]
	}
	series, err := collector.Series(namespace)
	if err != nil {
		return nil, nil, netnsError(name, err)
	}
	return func(ctx context.Context) (*watch.Round, error) {
		w, err := series.Next(ctx)
		if err != nil {
			return nil, err
		}
		return judgeRound(w, e), nil
	}, series.Close, nil
}

// judgeRound judges a window as check does.
func judgeRound(w *snapshot.Window, e *examination) *watch.Round {
	derived := facts.Derive(w, e.catalogue)
	check := judgeFacts(w, derived, e.set, false)
	check.Waive(e.waivers, w.To.Taken)
	return watch.NewRound(w, derived, check)
}
