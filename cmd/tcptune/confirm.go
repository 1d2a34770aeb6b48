// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/change"
)

// Bounds of --confirm-within: in less nobody can answer, after more nobody
// remembers.
const (
	minConfirm = 5 * time.Second
	maxConfirm = change.MaxTrial
)

func newConfirmCommand(s streams) *cobra.Command {
	o := &applyOptions{}
	cmd := &cobra.Command{
		Use:   "confirm",
		Short: "Keep what apply --confirm-within tries",
		Long: `confirm makes the pending trial last: it writes the drop-in, proves that it
wins and stops the watchdog. Give it from a new connection: if that one cannot be
made, the values go back by themselves.

Exit status: 0 kept, 3 no trial is pending, or it could not be kept and
everything is as it was before it, 4 failed and partly changed, 75 another run.`,
		Example: `  tcptune apply --profile server --confirm-within 60s
  tcptune confirm`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			o.settings = settings
			o.explicit = cmd.Flags().Changed("reload")
			if err := o.formats.check(); err != nil {
				return err
			}
			if err := o.checkReload(); err != nil {
				return err
			}
			return runConfirm(cmd.Context(), s, o)
		},
	}
	f := cmd.Flags()
	o.addReloadFlag(cmd)
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask, with --reload system")
	o.formats.addFlag(cmd)
	return cmd
}

func runConfirm(ctx context.Context, s streams, o *applyOptions) error {
	u := &ui{streams: s, quiet: o.settings.Quiet}
	if err := o.checkYes(u); err != nil {
		return err
	}
	w, err := o.place.open()
	if err != nil {
		return err
	}
	dog, err := w.watchdog()
	if err != nil {
		return err
	}
	reload, err := o.reloader(u, w, &change.Plan{Mode: change.ModeBoth, File: w.machine.Paths.DropIn})
	if err != nil {
		return err
	}
	result, err := w.machine.Confirm(ctx, change.ApplyOptions{Summary: "confirm", Reload: reload}, dog)
	if errors.Is(err, change.ErrNoTrial) {
		return &exitError{status: exitFailed, err: err, hint: "tcptune history shows what became of it"}
	}
	return o.answer(s, change.KindApply, result, err)
}

// watchdog is what ends a trial that nobody confirms.
func (w *workplace) watchdog() (change.Detached, error) {
	program, err := os.Executable()
	if err != nil {
		return change.Detached{}, fmt.Errorf("find the program for the watchdog: %w", err)
	}
	initial := w.machine.Host.Initial
	return change.Detached{Program: program, Systemd: w.live() && initial != nil && *initial}, nil
}

// newRevertTrialCommand is the program of the watchdog; people need it not.
func newRevertTrialCommand() *cobra.Command {
	return &cobra.Command{
		Use:    change.GuardCommand + " ID",
		Short:  "Wait for the end of a trial and put its values back",
		Hidden: true,
		Args:   oneArg("ID"),
		RunE: func(_ *cobra.Command, args []string) error {
			id, err := strconv.Atoi(args[0])
			if err != nil || id < 1 {
				return usageError(fmt.Errorf("%q is not the number of a run", args[0]), "")
			}
			w, err := (&placeOptions{}).open()
			if err != nil {
				return err
			}
			w.machine.Hold = nil // the watchdog ignores signals, and to release them would end that
			_, err = w.machine.Guard(id)
			return changeError(err)
		},
	}
}
