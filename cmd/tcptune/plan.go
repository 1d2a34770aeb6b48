// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/sysctl"
)

// planOptions are what plan and apply share: what is wanted, where, and how
// strictly.
type planOptions struct {
	intent         intentOptions
	place          placeOptions
	acceptShadowed bool
	requireAll     bool
	force          bool
	runtimeOnly    bool
	persistOnly    bool
	diff           bool
	detailedExit   bool
	formats        outputs
	save           string // -o
	settings       *fileSettings
}

func newPlanCommand(s streams) *cobra.Command {
	o := &planOptions{}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what apply would change, and change nothing",
		Long: `plan shows what apply would do with the same flags: each key with its live and
its new value, the reason, the risk and when it takes effect, and whatever
stands in the way; with --diff also the diff of the drop-in. It writes nothing
at all, not even a lock file, and needs no privilege.

Exit status: 0 planned, 2 with --detailed-exitcode when something would change,
3 the plan would be refused, 64 wrong usage, 78 a bad config or profile file.`,
		Example: `  tcptune plan --profile server
  tcptune plan --recommended --window 30s
  tcptune plan --recommended --only accept-queue --max-risk medium
  tcptune plan --set tcp_fin_timeout=30 --diff
  tcptune plan --profile web -o web.json && tcptune apply --plan web.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(cmd); err != nil {
				return err
			}
			return runPlan(cmd.Context(), s, o)
		},
	}
	o.addFlags(cmd)
	cmd.Flags().StringVarP(&o.save, "output", "o", "", "save the plan for apply --plan (- for standard output)")
	return cmd
}

func (o *planOptions) addFlags(cmd *cobra.Command) {
	o.intent.addFlags(cmd)
	o.place.addFlags(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.acceptShadowed, "accept-shadowed", false, "go on although another file wins over a line of the drop-in")
	f.BoolVar(&o.requireAll, "require-all", false, "refuse the plan if a key does not exist here or cannot be written")
	f.BoolVar(&o.force, "force", false, "go on although somebody has edited the drop-in: the edits are lost")
	f.BoolVar(&o.runtimeOnly, "runtime-only", false, "live values only, no file")
	f.BoolVar(&o.persistOnly, "persist-only", false, "the drop-in only, no live value")
	f.BoolVar(&o.diff, "diff", false, "show the diff of the drop-in")
	f.BoolVar(&o.detailedExit, "detailed-exitcode", false, "exit 2 if something changed, or would change")
	o.formats.addFlag(cmd)
}

// complete checks what the flags say together.
func (o *planOptions) complete(cmd *cobra.Command) error {
	settings, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	o.settings = settings
	if err := o.formats.check(); err != nil {
		return err
	}
	if err := o.completePlace(cmd); err != nil {
		return err
	}
	return o.intent.complete(cmd, settings)
}

func (o *planOptions) completePlace(cmd *cobra.Command) error {
	if err := exclusive(cmd, "runtime-only", "persist-only"); err != nil {
		return err
	}
	flags := cmd.Flags()
	for _, name := range []string{"root", "file"} {
		if o.runtimeOnly && flags.Changed(name) {
			return usageError(fmt.Errorf("--runtime-only and --%s exclude each other: --%s is about files", name, name), "")
		}
	}
	if o.acceptShadowed && o.runtimeOnly {
		return usageError(errors.New("--runtime-only and --accept-shadowed exclude each other: only a line of a file is shadowed"), "")
	}
	o.intent.source.root = o.place.root
	return o.place.complete()
}

// exclusive refuses two flags that contradict each other. It stands for cobra's
// own check, whose error is no usage error.
func exclusive(cmd *cobra.Command, one, other string) error {
	if cmd.Flags().Changed(one) && cmd.Flags().Changed(other) {
		return usageError(fmt.Errorf("--%s and --%s exclude each other", one, other), "")
	}
	return nil
}

// mode is what the run changes; a tree has no live values.
func (o *planOptions) mode() change.Mode {
	switch {
	case o.runtimeOnly:
		return change.ModeRuntime
	case o.persistOnly || o.place.root != "":
		return change.ModePersist
	}
	return change.ModeBoth
}

// plan works out what the run would do; it only reads.
func (o *planOptions) plan(ctx context.Context, u *ui, w *workplace) (*change.Plan, error) {
	situation, err := w.situation(u)
	if err != nil {
		return nil, err
	}
	prior, _, err := situation.Prior(o.mode())
	if err != nil {
		prior = change.State{} // the plan says why
	}
	in, notes, err := o.intent.build(ctx, u, w, prior)
	if err != nil {
		return nil, err
	}
	plan, err := change.NewPlan(situation, in, change.PlanOptions{
		Mode: o.mode(), AcceptShadowed: o.acceptShadowed, AllowAny: o.intent.allowAny, RequireAll: o.requireAll, Force: o.force,
		MaxRisk: o.intent.maxRisk, Tool: toolName(), Now: w.machine.Now(),
	})
	if err != nil {
		return nil, changeError(err)
	}
	plan.Notes = append(plan.Notes, notes...)
	return plan, nil
}

func runPlan(ctx context.Context, s streams, o *planOptions) error {
	u := &ui{streams: s, quiet: o.settings.Quiet}
	w, err := o.place.open()
	if err != nil {
		return err
	}
	plan, err := o.plan(ctx, u, w)
	if err != nil {
		return err
	}
	if o.save != "" {
		if err := savePlan(s, o.save, plan); err != nil {
			return err
		}
	}
	return o.show(s, plan)
}

// savePlan writes the plan for apply --plan. It holds what the owner of the
// file may know only: live values.
func savePlan(s streams, path string, plan *change.Plan) error {
	var b bytes.Buffer
	if err := change.EncodePlan(&b, plan); err != nil {
		return err
	}
	if path == "-" {
		if _, err := s.out.Write(b.Bytes()); err != nil {
			return outputError(err)
		}
		return nil
	}
	return writeFile(path, b.Bytes(), 0o600)
}

// show prints the plan, and returns what its exit status is.
func (o *planOptions) show(s streams, plan *change.Plan) error {
	status := o.planStatus(plan)
	if o.save != "-" {
		if err := o.formats.write(s.out, o.settings.Color, o.planReport(plan, status)); err != nil {
			return err
		}
	}
	switch status {
	case exitFailed:
		return refusal(plan)
	case exitOK:
		return nil
	}
	return &exitError{status: status}
}

func (o *planOptions) planStatus(plan *change.Plan) int {
	switch {
	case len(plan.Refused()) > 0:
		return exitFailed
	case plan.Changed() && o.detailedExit:
		return exitChanged
	}
	return exitOK
}

// refusal is a plan that must not be applied; its conflicts have been printed.
func refusal(plan *change.Plan) error {
	refused := plan.Refused()
	hint := "nothing was changed"
	for _, c := range refused {
		switch {
		case c.Kind == "shadowed":
			hint = "make the edit that the plan shows, or go on with --accept-shadowed"
		case c.Edit != "" && len(refused) == 1:
			hint = c.Edit
		case c.Kind == "invalid" && c.Key != nil && len(refused) == 1:
			if _, known := sysctl.LoadCatalogue().Lookup(*c.Key); known {
				hint = fmt.Sprintf("nothing was changed; tcptune explain %s says what it takes", c.Key)
			}
		}
	}
	text := refused[0].Text
	if len(refused) > 1 {
		text = fmt.Sprintf("%s (and %s)", text, plural(len(refused)-1, "more conflict", "more conflicts"))
	}
	return &exitError{status: exitFailed, err: errors.New("the plan is refused: " + text), hint: hint}
}

func (o *planOptions) planReport(plan *change.Plan, status int) planResult {
	r := planResult{report.NewPlan(plan), o.diff}
	r.ExitStatus = status
	return r
}

// A planResult prints a plan; in its text the diff of the drop-in is left out
// unless it was asked for.
type planResult struct {
	*report.Plan
	diff bool
}

// WriteText writes the plan for people.
func (r planResult) WriteText(w io.Writer, style report.Style) error {
	if r.diff {
		return r.Plan.WriteText(w, style)
	}
	short := *r.Plan
	short.Diff.Unified = ""
	return short.WriteText(w, style)
}
