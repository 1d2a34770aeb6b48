// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/change"
)

type rollbackOptions struct {
	planOptions // of which the places and the forms are used
	to          int
	partial     bool // leave out what was changed by another hand
	yes         bool
	dryRun      bool
	unwind      bool // whether --to was given
}

func newRollbackCommand(s streams) *cobra.Command {
	o := &rollbackOptions{}
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "Undo the newest apply: the exact values and bytes of before",
		Long: `rollback puts back the live values and the drop-in from before the newest run
of apply. With --to ID it undoes the newer runs too, one after another, until
run ID is the newest; --to 0 undoes all.

A key or a file that another hand has changed since stops it before anything is
done: --force overwrites that, --partial leaves it out.

Exit status: 0 undone, or nothing to undo, 3 failed or refused and the system is
as it was, 4 failed and partly changed, 64 wrong usage, 75 another run, 77
permission denied.`,
		Example: `  tcptune rollback
  tcptune rollback --dry-run
  tcptune history && tcptune rollback --to 3`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(cmd); err != nil {
				return err
			}
			return runRollback(cmd.Context(), s, o)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.to, "to", 0, "undo every run newer than this one; 0 for all")
	f.BoolVar(&o.force, "force", false, "overwrite what another hand has changed since")
	f.BoolVar(&o.partial, "partial", false, "leave out what another hand has changed since")
	f.BoolVar(&o.persistOnly, "persist-only", false, "put back the drop-in only, no live value")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would be undone, and do nothing")
	f.BoolVar(&o.detailedExit, "detailed-exitcode", false, "exit 2 if something changed, or would change")
	f.StringVar(&o.place.root, "root", "", "undo in this directory tree")
	o.formats.addFlag(cmd)
	return cmd
}

// complete checks what the flags say together.
func (o *rollbackOptions) complete(cmd *cobra.Command) error {
	settings, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	o.settings = settings
	o.unwind = cmd.Flags().Changed("to")
	if o.to < 0 {
		return usageError(fmt.Errorf("--to %d is negative", o.to), "tcptune history lists the runs; 0 undoes all")
	}
	if err := o.formats.check(); err != nil {
		return err
	}
	if err := exclusive(cmd, "force", "partial"); err != nil {
		return err
	}
	return o.place.complete()
}

func runRollback(ctx context.Context, s streams, o *rollbackOptions) error {
	u := &ui{streams: s, quiet: o.settings.Quiet}
	if o.force && !o.yes && !o.dryRun && !u.interactive() {
		return usageError(errors.New("--force needs --yes where there is no terminal to ask on"), "")
	}
	w, err := o.place.open()
	if err != nil {
		return err
	}
	options := change.RollbackOptions{Summary: o.summary(), Force: o.force, Partial: o.partial, PersistOnly: o.persistOnly}
	if o.unwind {
		options.To = &o.to
	}
	if o.dryRun || !o.yes && u.interactive() {
		done, err := o.preview(ctx, s, u, w, options)
		if done || err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil { // from the journal on signals are held
		return err
	}
	result, err := w.machine.Rollback(ctx, options)
	return o.answer(s, change.KindRollback, result, err)
}

// preview shows what would be undone and asks, unless that is all that is
// wanted; then it is done.
func (o *rollbackOptions) preview(ctx context.Context, s streams, u *ui, w *workplace, options change.RollbackOptions) (done bool, err error) {
	if !o.dryRun {
		if err := w.machine.Recover(); err != nil {
			return true, changeError(err)
		}
	}
	back, err := w.machine.PlanRollback(options)
	if err != nil {
		return true, changeError(err)
	}
	back.Plan.Notes = append(back.Plan.Notes, back.Skipped...)
	o.diff = true
	if o.dryRun {
		return true, o.show(s, back.Plan)
	}
	if len(back.Undoes) == 0 {
		return false, nil
	}
	if err := o.planReport(back.Plan, exitOK).WriteText(u.err, style(u.err, o.settings.Color)); err != nil {
		return true, fmt.Errorf("write to standard error: %w", err)
	}
	o.diff = false // it has been seen
	return false, u.ask(ctx, "Undo this?")
}

// summary is what was asked for, for the journal.
func (o *rollbackOptions) summary() string {
	var words []string
	if o.unwind {
		words = append(words, fmt.Sprintf("--to %d", o.to))
	}
	for _, flag := range []struct {
		name  string
		given bool
	}{{"force", o.force}, {"partial", o.partial}, {"persist-only", o.persistOnly}} {
		if flag.given {
			words = append(words, "--"+flag.name)
		}
	}
	return strings.Join(words, " ")
}
