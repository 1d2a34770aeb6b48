// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/rules"
	"github.com/tcptune/tcptune/sysctl"
)

// Bounds of --window. Below a second rates are noise.
const (
	defaultWindow = 10 * time.Second
	minWindow     = time.Second
	maxWindow     = time.Hour
)

type checkOptions struct {
	source          sourceOptions
	rulesDir        string
	waivers         waiverOptions
	formats         outputs
	why             bool
	requireComplete bool
	settings        *fileSettings
	failOn          rules.Severity
	profile         string
	profiles        profileOptions
	baseline        baselineOptions
	newOnly         bool // --fail-on counts what is new against the baseline
	noBaseline      bool // nothing is compared, so that --fail-on has plain words only
}

func newCheckCommand(s streams) *cobra.Command {
	o := &checkOptions{source: sourceOptions{cut: true}}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Look for TCP problems and say what cures them",
		Long: `check takes two snapshots of the host, judges them by the built-in rules and
those of /etc/tcptune/rules.d, and prints what it found, with the measured
values and the next step. It changes nothing and needs no privilege; as an
ordinary user it cannot name other users' processes, and says so. Ctrl-C ends
the window early: what was seen until then is judged.

Exit status: 0 nothing at or above --fail-on, 1 findings at or above it,
3 could not judge, 130 interrupted, 64 wrong usage, 78 a bad rule, waiver or config file.`,
		Example: `  tcptune check
  tcptune check --window 0 --format json
  tcptune check --format text --format html=report.html
  tcptune check --only accept-queue --fail-on notice
  tcptune collect -o host.json && tcptune check --from host.json
  tcptune check --since-last --fail-on new-warning
  tcptune check --baseline host.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(cmd); err != nil {
				return err
			}
			return runCheck(cmd.Context(), s, o)
		},
	}
	o.source.addFlags(cmd, true)
	addNetnsFlag(cmd, &o.source.netns, true)
	f := cmd.Flags()
	f.String("fail-on", string(rules.Warning), "exit 1 from this severity on: info, notice, warning, critical or never; new-warning and the like: for what is new against the baseline")
	f.StringSlice("only", nil, "judge these rules or categories only")
	f.StringSlice("skip", nil, "leave these rules or categories out")
	addRulesFlag(cmd, &o.rulesDir)
	o.waivers.addFlag(cmd)
	o.formats.addFlag(cmd, report.Formats()...)
	o.formats.addVerboseFlag(cmd, "say everything: all of why, every value and step, references, what passed, what could not be judged")
	f.StringVar(&o.profile, "profile", "", "also report what is not as this profile wants it")
	o.profiles.addDirFlag(cmd)
	o.profiles.addPathFlags(cmd)
	o.baseline.addFlags(cmd)
	f.BoolVar(&o.why, "why", false, "show the values that made each rule fire")
	f.BoolVar(&o.requireComplete, "require-complete", false, "exit 3 unless every rule could be judged")
	completeWords(cmd, "fail-on", slices.Concat(failOnWords(), failOnNewWords()))
	completeRules(cmd, "only", "skip")
	completeProfiles(cmd, "profile")
	return cmd
}

// neverFail is the --fail-on that makes no finding a failure.
const neverFail = "never"

// failOnWords are the values of --fail-on without a baseline.
func failOnWords() []string {
	var words []string
	for _, s := range rules.Severities() {
		words = append(words, string(s))
	}
	return append(words, neverFail)
}

// failOnNewWords are those that count what is new against a baseline.
func failOnNewWords() []string {
	var words []string
	for _, s := range rules.Severities() {
		words = append(words, newPrefix+string(s))
	}
	return words
}

// completeFailOn checks --fail-on, and the baseline that it may need. A setting
// is for every command: one without a baseline takes its severity.
func (o *checkOptions) completeFailOn(cmd *cobra.Command) error {
	settings, words := o.settings, slices.Concat(failOnWords(), failOnNewWords())
	if o.noBaseline {
		if !cmd.Flags().Changed("fail-on") && slices.Contains(words, settings.FailOn) {
			settings.FailOn = strings.TrimPrefix(settings.FailOn, newPrefix)
		}
		words = failOnWords()
	}
	if !slices.Contains(words, settings.FailOn) {
		return settingError(cmd, "fail-on", fmt.Sprintf("%q is not one of %s", settings.FailOn, strings.Join(words, ", ")))
	}
	severity, newOnly := strings.CutPrefix(settings.FailOn, newPrefix)
	o.failOn, o.newOnly = rules.Severity(severity), newOnly
	if err := o.baseline.complete(cmd, &o.source); err != nil {
		return err
	}
	if newOnly && !o.baseline.given() {
		return settingError(cmd, "fail-on", settings.FailOn+" needs something to compare with: add --baseline FILE or --since-last")
	}
	return nil
}

// complete merges flags, environment and config file and checks them.
func (o *checkOptions) complete(cmd *cobra.Command) error {
	settings, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	o.settings = settings
	if err := o.completeFailOn(cmd); err != nil {
		return err
	}
	if err := o.formats.check(); err != nil {
		return err
	}
	for _, name := range []string{"rate", "rtt", "profiles"} {
		if o.profile == "" && cmd.Flags().Changed(name) {
			return usageError(fmt.Errorf("--%s is for a profile, and none is named", name), "add --profile NAME")
		}
	}
	if cmd.Flags().Changed("profile") && o.profile == "" {
		return usageError(errors.New("--profile needs a name"), "tcptune profiles list shows the profiles")
	}
	if o.source.netns == allNamespaces && o.profile != "" {
		return usageError(errors.New("--profile is for one network namespace, and --netns all asks for every one"), "tcptune check --netns NAME --profile "+o.profile)
	}
	return o.source.complete(cmd, settings)
}

func runCheck(ctx context.Context, s streams, o *checkOptions) error {
	e, err := o.judges()
	if err != nil {
		return err
	}
	u := &ui{streams: s, quiet: o.settings.Quiet}
	go e.set.Prepare() // beside the window, not after it
	if o.source.netns == allNamespaces {
		return o.checkAll(ctx, u, e)
	}
	window, base, err := o.collect(ctx, u, e.catalogue)
	if err != nil {
		return err
	}
	check, left := o.examine(window, e, time.Now())
	check.Root = o.source.root
	if left > 0 {
		u.notef("not for this host: %s of the profile %s; tcptune profiles diff %s says why", plural(left, "setting", "settings"), o.profile, o.profile)
	}
	if base != nil {
		if err := o.compare(check, base, window, e); err != nil {
			return err
		}
	}
	check.ExitStatus = o.status(check)
	if o.formats.plugin() {
		check.ExitStatus = check.PluginStatus()
	}
	err = o.formats.writeAndKeep(s.out, o.settings.Color, check, func() error { return o.baseline.keep(window, check, base) })
	if err != nil {
		return err
	}
	return o.answer(check)
}

// judges loads what windows are judged by.
func (o *checkOptions) judges() (*examination, error) {
	set, err := loadRules(o.rulesDir)
	if err != nil {
		return nil, err
	}
	waivers, err := o.waivers.load(set)
	if err != nil {
		return nil, err
	}
	if set, err = selectRules(set, o.settings.Only, o.settings.Skip); err != nil {
		return nil, err
	}
	e := &examination{set: set, waivers: waivers, catalogue: sysctl.LoadCatalogue()}
	if o.profile == "" {
		return e, nil
	}
	if e.profile, err = o.profiles.resolve(o.profile); err != nil {
		return nil, err
	}
	e.given, err = o.profiles.given()
	return e, err
}

// examine judges a window by rules, profile and waivers; left is the number of
// the profile's settings that are not for this host.
func (o *checkOptions) examine(w *snapshot.Window, e *examination, at time.Time) (check *report.Check, left int) {
	f := facts.Derive(w, e.catalogue)
	check = judgeFacts(w, f, e.set, o.why)
	if e.profile != nil {
		evaluation := e.profile.Evaluate(f, e.given)
		list := deviations(evaluation, f, e.catalogue)
		check.Add(deviationFindings(o.profile, list, o.applyCommand()))
		if len(list) == 0 {
			check.Passed = append(check.Passed, deviationRule)
		}
		left = len(evaluation.Left)
	}
	check.Waive(e.waivers, at)
	return check, left
}

// interrupted is the answer of a check whose window somebody ended: what was
// seen until then has been judged and printed.
func interrupted(w report.Window) error {
	err := errors.New("interrupted before a window of " + minWindow.String() + ": rates are unknown")
	if w.Seconds != nil {
		err = fmt.Errorf("interrupted after %.3g s: what was seen until then is judged", *w.Seconds)
	}
	return &exitError{status: exitInterrupted, err: err}
}

// applyCommand is the command that removes the deviations from the profile.
func (o *checkOptions) applyCommand() string {
	command := "tcptune apply --profile " + o.profile
	for _, flag := range []struct{ name, value string }{{"rate", o.profiles.rate}, {"rtt", o.profiles.rtt}} {
		if flag.value != "" {
			command += " --" + flag.name + " " + flag.value
		}
	}
	return command
}

// judge derives facts and evaluates the rules.
func judge(window *snapshot.Window, set *rules.Set, catalogue *sysctl.Catalogue, why bool) *report.Check {
	return judgeFacts(window, facts.Derive(window, catalogue), set, why)
}

// judgeFacts evaluates the rules on what was derived from a window.
func judgeFacts(window *snapshot.Window, derived *facts.Facts, set *rules.Set, why bool) *report.Check {
	results := set.Evaluate(derived, rules.Options{Why: why})
	return report.NewCheck(window, derived, results, report.NewRuleset(set))
}

// status is the exit status that a check leads to.
func (o *checkOptions) status(c *report.Check) int {
	switch {
	case o.source.interrupted(c.Window):
		return exitInterrupted
	case c.Summary.Judged == 0, o.requireComplete && len(c.Skipped) > 0:
		return exitFailed
	case o.settings.FailOn == neverFail:
	case o.newOnly && c.Baseline != nil:
		if c.NewAtLeast(o.failOn) > 0 {
			return exitNo
		}
	case c.AtLeast(o.failOn) > 0:
		return exitNo
	}
	return exitOK
}

func (o *checkOptions) answer(c *report.Check) error {
	if o.formats.plugin() {
		return pluginAnswer(c.ExitStatus)
	}
	switch c.ExitStatus {
	case exitOK:
		return nil
	case exitNo:
		return answerNo()
	case exitInterrupted:
		return interrupted(c.Window)
	}
	if c.Summary.Judged == 0 {
		return &exitError{status: exitFailed, err: errors.New("no rule could be judged: see what was not read"),
			hint: "a directory given with --root needs at least proc/net and proc/sys"}
	}
	return &exitError{status: exitFailed, err: fmt.Errorf("%d rules could not be judged, and --require-complete asks for all", len(c.Skipped))}
}
