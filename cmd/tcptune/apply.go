// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/internal/report"
)

type applyOptions struct {
	planOptions
	planFile string
	yes      bool
	dryRun   bool
	reload   string
	explicit bool // whether --reload was given

	confirmWithin time.Duration // 0 for no trial
}

func newApplyCommand(s streams) *cobra.Command {
	o := &applyOptions{}
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Change settings: live, in one drop-in, with a proof and an undo",
		Long: `apply changes the settings that it is asked for. It checks the values, writes
the live ones and reads them back, replaces one drop-in in /etc/sysctl.d, proves
that it wins at the next boot, and keeps in its journal what rollback needs. If
a step fails, everything is put back.

On a terminal it shows the plan and asks first. Elsewhere it goes ahead, except
with --recommended, --force and --reload system, which need --yes.

Exit status: 0 applied or nothing to do, 2 with --detailed-exitcode when
something changed, 3 failed or refused and the system is as it was, 4 failed and
partly changed, 64 wrong usage, 75 another run or a trial, 77 permission denied.`,
		Example: `  tcptune apply --profile server
  tcptune apply --profile web --set net.core.somaxconn=8192 --yes
  tcptune apply --set tcp_congestion_control=bbr --confirm-within 60s
  tcptune apply --unset net.core.somaxconn
  tcptune apply --absent`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(cmd); err != nil {
				return err
			}
			return runApply(cmd.Context(), s, o)
		},
	}
	o.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.planFile, "plan", "", "apply this plan, which plan -o saved, unless it is stale")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.dryRun, "dry-run", false, "show the plan only, like tcptune plan")
	o.addReloadFlag(cmd)
	f.DurationVar(&o.confirmWithin, "confirm-within", 0, "try it: everything goes back after this time unless tcptune confirm comes")
	return cmd
}

// complete checks what the flags say together.
func (o *applyOptions) complete(cmd *cobra.Command) error {
	flags := cmd.Flags()
	o.explicit = flags.Changed("reload")
	if err := o.checkReload(); err != nil {
		return err
	}
	if o.explicit && o.reload != string(change.ReloadNone) && o.mode() != change.ModeBoth {
		return usageError(fmt.Errorf("--reload %s needs live values and a file: not with --runtime-only, --persist-only or --root", o.reload), "")
	}
	if flags.Changed("confirm-within") {
		switch {
		case o.confirmWithin < minConfirm || o.confirmWithin > maxConfirm:
			return usageError(fmt.Errorf("--confirm-within %s is not between %s and %s", o.confirmWithin, minConfirm, maxConfirm), "")
		case o.mode() == change.ModePersist:
			return usageError(errors.New("--confirm-within tries live values: not with --persist-only or --root"), "")
		case o.explicit:
			return usageError(errors.New("--confirm-within and --reload exclude each other: nothing is loaded before it is confirmed"), "give --reload to tcptune confirm")
		}
	}
	if o.planFile == "" {
		return o.planOptions.complete(cmd)
	}
	return o.completePlanFile(cmd)
}

func (o *applyOptions) addReloadFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.reload, "reload", string(change.ReloadFile), "let the host's own loader read the drop-in (file), all files (system), or none")
	completeWords(cmd, "reload", reloadWords())
}

func (o *applyOptions) checkReload() error {
	if !slices.Contains(reloadWords(), o.reload) {
		return usageError(fmt.Errorf("--reload %q is not one of %s", o.reload, strings.Join(reloadWords(), ", ")), "")
	}
	return nil
}

// completePlanFile refuses what a saved plan has decided already.
func (o *applyOptions) completePlanFile(cmd *cobra.Command) error {
	decided := slices.Concat(sourceFlags, recommendedFlags, []string{"profiles", "rate", "rtt", "allow-any", "file",
		"accept-shadowed", "force", "require-all", "runtime-only", "persist-only"})
	for _, name := range decided {
		if cmd.Flags().Changed(name) {
			return usageError(fmt.Errorf("--plan and --%s exclude each other: the plan has decided that", name), "make another plan with: tcptune plan -o FILE")
		}
	}
	settings, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	o.settings = settings
	if err := o.formats.check(); err != nil {
		return err
	}
	return o.completePlace(cmd)
}

func runApply(ctx context.Context, s streams, o *applyOptions) error {
	u := &ui{streams: s, quiet: o.settings.Quiet}
	if err := o.checkYes(u); err != nil {
		return err
	}
	w, err := o.place.open()
	if err != nil {
		return err
	}
	if !o.dryRun { // a plan is made from a host at rest
		if err := w.machine.Recover(); err != nil {
			return changeError(err)
		}
	}
	plan, err := o.makePlan(ctx, u, w)
	if err != nil {
		return err
	}
	reload, err := o.reloader(u, w, plan)
	if err != nil {
		return err
	}
	if o.dryRun || len(plan.Refused()) > 0 {
		return o.show(s, plan)
	}
	if plan.Changed() && !o.yes && u.interactive() {
		if err := o.askFor(ctx, u, plan); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil { // from the journal on signals are held
		return err
	}
	result, err := o.run(ctx, w, plan, change.ApplyOptions{Summary: o.summary(), Reload: reload})
	if errors.Is(err, change.ErrStale) && o.planFile == "" {
		err = &exitError{status: exitBusy, err: fmt.Errorf("another change came first: %w", err), hint: "run it again"}
	}
	return o.answer(s, change.KindApply, result, err)
}

// run applies the plan, for good or on trial.
func (o *applyOptions) run(ctx context.Context, w *workplace, plan *change.Plan, options change.ApplyOptions) (*change.Result, error) {
	if o.confirmWithin == 0 {
		return w.machine.Apply(ctx, plan, options)
	}
	dog, err := w.watchdog()
	if err != nil {
		return nil, err
	}
	options.Reload = nil // nothing to load before the drop-in is written
	return w.machine.Try(ctx, plan, options, o.confirmWithin, dog)
}

// summary is what was asked for, for the journal.
func (o *applyOptions) summary() string {
	if o.planFile != "" {
		return "--plan " + o.planFile
	}
	return o.intent.summary()
}

// checkYes refuses what nobody has agreed to.
func (o *applyOptions) checkYes(u *ui) error {
	if o.yes || o.dryRun || u.interactive() {
		return nil
	}
	for flag, given := range map[string]bool{"--recommended": o.intent.recommended, "--reload system": o.reload == string(change.ReloadSystem), "--force": o.force} {
		if given {
			return usageError(fmt.Errorf("%s needs --yes where there is no terminal to ask on", flag), "")
		}
	}
	return nil
}

func (o *applyOptions) makePlan(ctx context.Context, u *ui, w *workplace) (*change.Plan, error) {
	if o.planFile != "" {
		return o.loadPlan(u, w)
	}
	return o.plan(ctx, u, w)
}

// loadPlan reads a saved plan and refuses it if the host is not as it was.
func (o *applyOptions) loadPlan(u *ui, w *workplace) (*change.Plan, error) {
	f, err := os.Open(o.planFile)
	if err != nil {
		return nil, openError(o.planFile, err)
	}
	defer f.Close()
	hint := "make one with: tcptune plan -o FILE"
	plan, err := change.DecodePlan(f)
	if err != nil {
		return nil, &exitError{status: exitFailed, err: fmt.Errorf("%s: %w", o.planFile, err), hint: hint}
	}
	if plan.File != "" {
		w.machine.Paths.DropIn = plan.File
	}
	situation, err := w.situation(u)
	if err != nil {
		return nil, err
	}
	if err := plan.Stale(situation); err != nil {
		return nil, &exitError{status: exitFailed, err: fmt.Errorf("%s: %w", o.planFile, err), hint: hint}
	}
	return plan, nil
}

// askFor shows the plan on standard error and asks.
func (o *applyOptions) askFor(ctx context.Context, u *ui, plan *change.Plan) error {
	if err := o.planReport(plan, exitOK).WriteText(u.err, style(u.err, o.settings.Color)); err != nil {
		return fmt.Errorf("write to standard error: %w", err)
	}
	o.diff = false // it has been seen
	question := "Apply this?"
	if o.confirmWithin > 0 {
		question = fmt.Sprintf("Apply this for %s, until you confirm?", o.confirmWithin)
	}
	return u.ask(ctx, question)
}

// answer prints what a run did and returns what its exit status is. The system
// has been changed by now: a reader of standard output who went away does not
// change the status.
func (o *planOptions) answer(s streams, kind change.Kind, result *change.Result, err error) error {
	r := report.NewApplied(kind, result, toolName())
	r.Root, r.ShowDiff = o.place.root, o.diff
	failure := changeError(err)
	if failure != nil {
		r.Error = failure.Error()
	} else if o.detailedExit && r.Changed {
		failure = &exitError{status: exitChanged}
	}
	r.ExitStatus = statusOf(failure)
	if result == nil && failure != nil && !o.formats.has("json") {
		return failure
	}
	written := o.formats.write(s.out, o.settings.Color, r)
	if e, ok := errors.AsType[*exitError](written); failure != nil || written == nil || ok && e.err == nil {
		return failure
	}
	status := exitFailed
	if r.Changed {
		status = exitPartial
	}
	return &exitError{status: status, err: fmt.Errorf("the run is complete, its report is lost: %w", written), hint: "tcptune history shows it"}
}
