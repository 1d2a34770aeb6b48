// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/sysctl"
)

type collectOptions struct {
	source sourceOptions
	output string
	quiet  bool
}

func newCollectCommand(s streams) *cobra.Command {
	o := &collectOptions{source: sourceOptions{cut: true}}
	cmd := &cobra.Command{
		Use:   "collect -o FILE",
		Short: "Save what check would judge, to judge it later or elsewhere",
		Long: `collect takes the two snapshots that check would take and saves them as JSON.
The file holds addresses, process names, sysctl values and sysctl files' lines
of the host; it is made readable for its owner only.`,
		Example: `  tcptune collect -o host.json --window 60s
  tcptune check --from host.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			if o.output == "" {
				return usageError(errors.New("collect needs -o FILE"), "tcptune collect -o host.json")
			}
			o.quiet = settings.Quiet
			if err := o.source.complete(cmd, settings); err != nil {
				return err
			}
			if o.source.netns == allNamespaces {
				return usageError(errors.New("--netns all: collect saves one network namespace"), "tcptune check --netns all judges every one")
			}
			return runCollect(cmd.Context(), s, o)
		},
	}
	o.source.addFlags(cmd, false)
	addNetnsFlag(cmd, &o.source.netns, false)
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "file to write (- for standard output)")
	return cmd
}

func runCollect(ctx context.Context, s streams, o *collectOptions) error {
	u := &ui{streams: s, quiet: o.quiet}
	window, err := o.source.window(ctx, u, sysctl.LoadCatalogue())
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := window.Encode(&b); err != nil {
		return err
	}
	if o.output == "-" {
		if _, err := s.out.Write(b.Bytes()); err != nil {
			return outputError(err)
		}
	} else {
		if err := writeFile(o.output, b.Bytes(), 0o600); err != nil {
			return err
		}
		u.notef("wrote %s", o.output)
	}
	if window.Interrupted {
		return interrupted(report.NewWindow(window))
	}
	return nil
}

func outputErrorOrNil(err error) error {
	if err == nil {
		return nil
	}
	return outputError(err)
}
