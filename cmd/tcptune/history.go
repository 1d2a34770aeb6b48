// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/internal/report"
)

type historyOptions struct {
	root    string
	formats outputs
	color   string
}

func newHistoryCommand(s streams) *cobra.Command {
	o := &historyOptions{}
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List what apply and rollback did here",
		Long: `history lists the runs of apply and rollback that the journal holds, newest
first. The journal belongs to root.`,
		Example: `  tcptune history
  tcptune history show 3`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			machine, err := o.complete(cmd)
			if err != nil {
				return err
			}
			entries, damaged := machine.History()
			if damaged != nil && !errors.Is(damaged, change.ErrDamaged) {
				return changeError(damaged)
			}
			if err := o.formats.write(s.out, o.color, report.NewHistory(entries, toolName())); err != nil {
				return err
			}
			return changeError(damaged)
		},
	}
	show := &cobra.Command{
		Use:     "show ID",
		Short:   "Show one run: what it changed, from what to what",
		Example: "  tcptune history show 3",
		Args:    oneArg("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.Atoi(args[0])
			if err != nil || id < 1 {
				return usageError(fmt.Errorf("%q is not the number of a run", args[0]), "tcptune history lists the runs")
			}
			machine, err := o.complete(cmd)
			if err != nil {
				return err
			}
			entry, err := machine.Entry(id)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return &exitError{status: exitFailed, err: fmt.Errorf("the journal has no run %d", id), hint: "tcptune history lists the runs"}
			case err != nil:
				return changeError(err)
			}
			return o.formats.write(s.out, o.color, oneEntry{report.NewHistory([]change.Entry{*entry}, toolName())})
		},
	}
	for _, c := range []*cobra.Command{cmd, show} {
		c.Flags().StringVar(&o.root, "root", "", "read the journal of this directory tree")
		o.formats.addFlag(c)
	}
	cmd.AddCommand(show)
	return cmd
}

// oneEntry prints a history in full.
type oneEntry struct{ *report.History }

// WriteText writes everything that the entry changed.
func (e oneEntry) WriteText(w io.Writer, style report.Style) error { return e.WriteEntries(w, style) }

func (o *historyOptions) complete(cmd *cobra.Command) (*change.Machine, error) {
	settings, err := loadSettings(cmd)
	if err != nil {
		return nil, err
	}
	o.color = settings.Color
	if err := o.formats.check(); err != nil {
		return nil, err
	}
	place := placeOptions{root: o.root}
	if err := place.complete(); err != nil {
		return nil, err
	}
	w, err := place.open()
	if err != nil {
		return nil, err
	}
	return w.machine, nil
}
