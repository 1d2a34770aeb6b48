// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/internal/report"
)

type verifyOptions struct {
	intent   intentOptions // of which the profile is used
	place    placeOptions
	runtime  bool
	boot     bool
	formats  outputs
	settings *fileSettings
}

func newVerifyCommand(s streams) *cobra.Command {
	o := &verifyOptions{}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Compare what was applied with the live values and the next boot",
		Long: `verify compares what apply left, or a profile, with the live values and with
the lines that win at the next boot under each loader. It only reads. With
--quiet it prints nothing but errors.

Exit status: 0 in sync, 1 drift, 3 there is nothing to compare with, or not
everything could be judged.`,
		Example: `  tcptune verify
  tcptune verify --profile server --runtime
  tcptune verify --quiet || tcptune apply --profile server`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(cmd); err != nil {
				return err
			}
			return runVerify(cmd.Context(), s, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.intent.profile, "profile", "", "compare with this profile, not with what was applied")
	o.intent.profiles.addDirFlag(cmd)
	o.intent.profiles.addPathFlags(cmd)
	f.BoolVar(&o.runtime, "runtime", false, "live values only")
	f.BoolVar(&o.boot, "boot", false, "files only: what the next boot brings")
	o.place.addFlags(cmd)
	f.Lookup("root").Usage = "judge the files of this directory tree (an image, say), no live value"
	o.formats.addFlag(cmd)
	completeProfiles(cmd, "profile")
	return cmd
}

// complete checks what the flags say together.
func (o *verifyOptions) complete(cmd *cobra.Command) error {
	settings, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	o.settings = settings
	if err := o.formats.check(); err != nil {
		return err
	}
	if err := exclusive(cmd, "runtime", "boot"); err != nil {
		return err
	}
	if o.runtime && o.place.root != "" {
		return usageError(errors.New("--runtime and --root exclude each other: a directory tree has no live values"), "")
	}
	if cmd.Flags().Changed("profile") && o.intent.profile == "" {
		return usageError(errors.New("--profile needs a name"), "tcptune profiles list shows the profiles")
	}
	for _, name := range []string{"rate", "rtt", "profiles"} {
		if cmd.Flags().Changed(name) && o.intent.profile == "" {
			return usageError(fmt.Errorf("--%s is for a profile, and none is named", name), "add --profile NAME")
		}
	}
	o.intent.source.root, o.intent.source.noNetlink = o.place.root, settings.NoNetlink
	return o.place.complete()
}

func runVerify(ctx context.Context, s streams, o *verifyOptions) error {
	u := &ui{streams: s, quiet: o.settings.Quiet}
	w, err := o.place.open()
	if err != nil {
		return err
	}
	situation, err := w.situation(u)
	if err != nil {
		return err
	}
	var notes []string
	in := change.VerifyInput{Situation: situation, LiveOnly: o.runtime, BootOnly: o.boot}
	if o.intent.profile != "" {
		prior, _, err := situation.Prior(change.ModeBoth)
		if err != nil {
			prior = change.State{} // the verification says why
		}
		profile, left, err := o.intent.evaluate(ctx, u, w, prior)
		if err != nil {
			return err
		}
		notes = left
		in.Profile, in.Wanted = profile.Name, profile.Settings
	}
	v := change.Verify(in)
	v.Notes = append(v.Notes, notes...)
	if !o.settings.Quiet || o.toFile() {
		if err := o.formats.write(s.out, o.settings.Color, report.NewVerify(v, toolName())); err != nil {
			return err
		}
	}
	switch {
	case v.Source == "":
		return &exitError{status: exitFailed, err: errors.New("there is nothing to verify: no run of tcptune that counts here was found"),
			hint: "tcptune verify --profile NAME compares the host with a profile"}
	case !v.InSync():
		return answerNo()
	case !v.Judged():
		return &exitError{status: exitFailed, err: errors.New("not every key could be judged")}
	}
	return nil
}

// toFile reports whether a form of the result was asked for that --quiet does
// not mean: anything but text.
func (o *verifyOptions) toFile() bool { return o.formats.String() != "text" }
