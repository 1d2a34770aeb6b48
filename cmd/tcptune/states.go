// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
)

// defaultTop is how many rows states prints.
const defaultTop = 20

type statesOptions struct {
	by        string
	top       int
	root      string
	netns     string // empty: our own
	noNetlink bool
	budget    time.Duration
	formats   outputs
	color     string
}

func newStatesCommand(s streams) *cobra.Command {
	o := &statesOptions{}
	cmd := &cobra.Command{
		Use:   "states",
		Short: "Count the sockets in each TCP state, by listener, destination or process",
		Long: `states counts the TCP sockets of this network namespace by state. --by groups
them: by the listener that accepts them, by the destination of outgoing
connections, or by the process that holds them. --netns counts those of another
network namespace, or of every one.`,
		Example: `  tcptune states
  tcptune states --by process
  tcptune states --by destination --top 5
  tcptune states --netns all
  tcptune explain CLOSE_WAIT`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			o.color, o.noNetlink = settings.Color, settings.NoNetlink
			if o.formats.verbose && !cmd.Flags().Changed("top") {
				o.top = 0
			}
			if !slices.Contains(groupingNames(), o.by) {
				return usageError(fmt.Errorf("--by %q is not one of %s", o.by, strings.Join(groupingNames(), ", ")), "")
			}
			if o.top < 0 {
				return usageError(fmt.Errorf("--top %d is negative", o.top), "0 prints all rows")
			}
			if err := checkBudget(o.budget); err != nil {
				return err
			}
			if err := o.formats.check(); err != nil {
				return err
			}
			if err := checkNetns(cmd, o.netns); err != nil {
				return err
			}
			return runStates(cmd.Context(), s, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.by, "by", string(snapshot.ByState), "rows: state, listener, destination or process")
	f.IntVar(&o.top, "top", defaultTop, "print this many rows; 0 for all")
	f.StringVar(&o.root, "root", "", "examine this directory tree (proc below it), not the host")
	addNetnsFlag(cmd, &o.netns, true)
	addBudgetFlag(cmd, &o.budget)
	f.Bool("no-netlink", false, "read /proc/net/tcp instead of asking sock_diag")
	o.formats.addFlag(cmd)
	o.formats.addVerboseFlag(cmd, "say everything: every row, and what each state means")
	completeWords(cmd, "by", groupingNames())
	return cmd
}

func groupingNames() []string {
	var names []string
	for _, g := range snapshot.Groupings() {
		names = append(names, string(g))
	}
	return names
}

func runStates(ctx context.Context, s streams, o *statesOptions) error {
	collector, err := snapshot.NewCollector(snapshot.Options{Root: o.root, NoNetlink: o.noNetlink, Tool: toolName(), Budget: o.budget})
	if err != nil {
		return rootError(err)
	}
	if o.netns != "" {
		return o.ofNamespaces(ctx, s, collector)
	}
	table, err := collector.Table(ctx, snapshot.Grouping(o.by))
	if err != nil {
		return err
	}
	states := report.NewStates(table, toolName(), o.top)
	states.Root = o.root
	return o.formats.write(s.out, o.color, states)
}

// ofNamespaces counts the sockets of the network namespaces that are asked for.
func (o *statesOptions) ofNamespaces(ctx context.Context, s streams, c *snapshot.Collector) error {
	list, hidden, err := findNamespaces(o.netns)
	if err != nil {
		return err
	}
	survey := snapshot.Survey{Namespaces: list}
	if o.netns == allNamespaces {
		survey.Budget = o.budget
	}
	by := snapshot.Grouping(o.by)
	visits, err := c.Tables(ctx, survey, by)
	if err != nil {
		return err
	}
	all := report.NewNamespaceStates(by, visits, hidden, toolName(), o.top)
	switch {
	case o.netns == allNamespaces:
		return o.formats.write(s.out, o.color, all)
	case visits[0].Err != nil:
		return netnsError(o.netns, visits[0].Err)
	}
	return o.formats.write(s.out, o.color, all.Namespaces[0])
}
