// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/profiles"
	"github.com/tcptune/tcptune/sysctl"
)

// defaultProfilesDir holds profiles of the host's administrator.
const defaultProfilesDir = "/etc/tcptune/profiles.d"

// profileOptions say where profiles are and what their formulas reckon with.
type profileOptions struct {
	dir       string // "" for defaultProfilesDir, which need not exist
	rate, rtt string // "1Gbit", "100ms"; "" for unknown
}

func (o *profileOptions) addDirFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.dir, "profiles", "", "directory with further profiles (default "+defaultProfilesDir+")")
}

func (o *profileOptions) addPathFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.rate, "rate", "", "rate that a profile reckons with, such as 10gbit")
	cmd.Flags().StringVar(&o.rtt, "rtt", "", "round-trip time that a profile reckons with, such as 80ms")
}

// load returns the built-in profiles and those of the directory.
func (o *profileOptions) load() (*profiles.Set, error) {
	env, err := expr.New(catalogueKeys(), expr.CostLimit(foreignCost))
	if err != nil {
		return nil, err
	}
	set, err := profiles.Builtin(env)
	if err != nil {
		return nil, err
	}
	dir := o.dir
	if dir == "" {
		dir = defaultProfilesDir
	}
	more, err := set.LoadDir(env, dir)
	switch {
	case err == nil:
		return more, nil
	case o.dir == "" && errors.Is(err, fs.ErrNotExist):
		return set, nil
	}
	return nil, configError(err, "")
}

// resolve returns a profile with what it inherits.
func (o *profileOptions) resolve(name string) (*profiles.Profile, error) {
	set, err := o.load()
	if err != nil {
		return nil, err
	}
	p, err := set.Resolve(name)
	if err != nil {
		return nil, usageError(err, "tcptune profiles list shows the profiles")
	}
	return p, nil
}

// given are rate and rtt as numbers.
func (o *profileOptions) given() (profiles.Given, error) {
	var given profiles.Given
	if o.rate != "" {
		rate, err := parseRate(o.rate)
		if err != nil {
			return given, usageError(fmt.Errorf("--rate %w", err), "")
		}
		given.Rate = &rate
	}
	if o.rtt != "" {
		rtt, err := time.ParseDuration(o.rtt)
		if err != nil || rtt <= 0 || rtt > time.Minute {
			return given, usageError(fmt.Errorf("--rtt %q is not a time such as 80ms, of at most a minute", o.rtt), "")
		}
		seconds := rtt.Seconds()
		given.RTT = &seconds
	}
	return given, nil
}

// rateText is what a rate looks like; the units are decimal, as those of tc(8).
var rateText = regexp.MustCompile(`^([0-9]{1,12}(?:\.[0-9]{1,6})?)([kmgt]?)bit$`)

// parseRate reads a rate in bits per second.
func parseRate(text string) (float64, error) {
	m := rateText.FindStringSubmatch(strings.ToLower(text))
	if m == nil {
		return 0, fmt.Errorf("%q is not a rate such as 100mbit or 10gbit", text)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	n *= map[string]float64{"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}[m[2]]
	if err != nil || n < 1 || n > 1e15 {
		return 0, fmt.Errorf("%q is not between 1bit and 1000tbit", text)
	}
	return n, nil
}

// evaluateProfile works out a profile for the host. frozen are inputs of an
// earlier evaluation, which win over the facts; nil reads everything anew.
func evaluateProfile(name string, frozen []change.Input, f *facts.Facts, o profileOptions) (*change.Profile, []profiles.Left, error) {
	p, err := o.resolve(name)
	if err != nil {
		return nil, nil, err
	}
	given, err := o.given()
	if err != nil {
		return nil, nil, err
	}
	given.Frozen = make(map[string]string, len(frozen))
	for _, in := range frozen {
		given.Frozen[in.Name] = in.Value
	}
	e := p.Evaluate(f, given)
	intent, err := profileIntent(e)
	return intent, e.Left, err
}

// profileIntent turns an evaluation into what package change takes.
func profileIntent(e profiles.Evaluation) (*change.Profile, error) {
	intent := &change.Profile{Name: e.Profile}
	for _, in := range e.Inputs {
		intent.Inputs = append(intent.Inputs, change.Input{Name: in.Name, Value: in.Value})
	}
	for _, s := range e.Settings {
		key, err := sysctl.ParseKey(s.Key)
		if err != nil {
			return nil, fmt.Errorf("read profile %s: %w", e.Profile, err)
		}
		intent.Settings = append(intent.Settings, change.Wanted{
			Key: key, Value: sysctl.NewValue(s.Value), Bound: change.Bound(s.Bound), Origin: "profile " + s.From,
			Reason: s.Reason, Source: s.Source, Risk: s.Risk, Effect: s.Effect, Guard: s.Guard,
		})
	}
	return intent, nil
}

func newProfilesCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profiles",
		Short: "List, show and compare profiles",
		Example: `  tcptune profiles list
  tcptune profiles show web`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newProfilesListCommand(s), newProfilesShowCommand(s), newProfilesDiffCommand(s))
	return cmd
}

func newProfilesListCommand(s streams) *cobra.Command {
	var o profileOptions
	var formats outputs
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the profiles",
		Example: "  tcptune profiles list",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printProfiles(cmd, s, &formats, func(context.Context, *fileSettings) (result, error) {
				set, err := o.load()
				if err != nil {
					return nil, err
				}
				return report.NewProfileList(set), nil
			})
		},
	}
	o.addDirFlag(cmd)
	formats.addFlag(cmd)
	return cmd
}

func newProfilesShowCommand(s streams) *cobra.Command {
	var o profileOptions
	var formats outputs
	cmd := &cobra.Command{
		Use:               "show NAME",
		Short:             "Show one profile: its settings with reason, source, risk and effect",
		Example:           "  tcptune profiles show web",
		Args:              oneArg("NAME"),
		ValidArgsFunction: completeProfileArg(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return printProfiles(cmd, s, &formats, func(context.Context, *fileSettings) (result, error) {
				p, err := o.resolve(args[0])
				if err != nil {
					return nil, err
				}
				return report.NewProfile(p), nil
			})
		},
	}
	o.addDirFlag(cmd)
	formats.addFlag(cmd)
	return cmd
}

func newProfilesDiffCommand(s streams) *cobra.Command {
	var o profileOptions
	var source sourceOptions
	var formats outputs
	cmd := &cobra.Command{
		Use:   "diff NAME [NAME]",
		Short: "Compare two profiles, or a profile with the live values of this host",
		Example: `  tcptune profiles diff server web
  tcptune profiles diff web`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return fmt.Errorf("%s takes one NAME or two, and got %d", cmd.CommandPath(), len(args))
			}
			return nil
		},
		ValidArgsFunction: completeProfileArg(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return printProfiles(cmd, s, &formats, func(ctx context.Context, settings *fileSettings) (result, error) {
				if len(args) == 2 {
					return diffProfiles(o, args[0], args[1])
				}
				source.noNetlink = settings.NoNetlink
				return diffHost(ctx, &ui{streams: s, quiet: settings.Quiet}, o, source, args[0])
			})
		},
	}
	o.addDirFlag(cmd)
	o.addPathFlags(cmd)
	cmd.Flags().StringVar(&source.root, "root", "", "look at this directory tree (proc, sys, etc below it), not at the host")
	formats.addFlag(cmd)
	return cmd
}

// printProfiles makes a result and prints it.
func printProfiles(cmd *cobra.Command, s streams, formats *outputs, make func(context.Context, *fileSettings) (result, error)) error {
	settings, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	if err := formats.check(); err != nil {
		return err
	}
	r, err := make(cmd.Context(), settings)
	if err != nil {
		return err
	}
	return formats.write(s.out, settings.Color, r)
}

func diffProfiles(o profileOptions, from, to string) (result, error) {
	a, err := o.resolve(from)
	if err != nil {
		return nil, err
	}
	b, err := o.resolve(to)
	if err != nil {
		return nil, err
	}
	return report.NewProfileDiff(a, b), nil
}

// diffHost compares what a profile means on the host with the live values.
func diffHost(ctx context.Context, u *ui, o profileOptions, source sourceOptions, name string) (result, error) {
	p, err := o.resolve(name)
	if err != nil {
		return nil, err
	}
	given, err := o.given()
	if err != nil {
		return nil, err
	}
	catalogue := sysctl.LoadCatalogue()
	window, err := source.window(ctx, u, catalogue)
	if err != nil {
		return nil, err
	}
	f := facts.Derive(window, catalogue)
	e := p.Evaluate(f, given)
	return report.NewHostDiff(e, deviations(e, f, catalogue)), nil
}

// completeProfileArg offers profile names for the first n arguments.
func completeProfileArg(n int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= n {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return profileNames(), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeProfiles offers profile names for a flag.
func completeProfiles(cmd *cobra.Command, flag string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, completeProfileArg(1)) // fails for a flag that does not exist
}

func profileNames() []string {
	set, err := (&profileOptions{}).load()
	if err != nil {
		return nil
	}
	return set.Names()
}
