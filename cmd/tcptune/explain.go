// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/explain"
	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/sysctl"
)

type explainOptions struct {
	source  sourceOptions
	rules   string
	formats outputs
	color   string
	quiet   bool
}

func newExplainCommand(s streams) *cobra.Command {
	o := &explainOptions{}
	cmd := &cobra.Command{
		Use:   "explain TOPIC",
		Short: "Explain a TCP state, a sysctl key, a kernel counter or a rule",
		Long: `explain says what a TCP state, a sysctl key, a kernel counter or a rule means,
what acts on it and what does not, and how it stands on this host now.`,
		Example: `  tcptune explain TIME_WAIT
  tcptune explain tcp_fin_timeout
  tcptune explain ListenOverflows
  tcptune explain accept-queue-overflow`,
		Args: someArgs("a TOPIC"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			library, err := newLibrary(sysctl.LoadCatalogue(), o.rules)
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			return library.Names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			o.color, o.quiet, o.source.noNetlink = settings.Color, settings.Quiet, settings.NoNetlink
			if err := o.formats.check(); err != nil {
				return err
			}
			return runExplain(cmd.Context(), s, o, strings.Join(args, " "))
		},
	}
	cmd.Flags().StringVar(&o.source.root, "root", "", "look at this directory tree (proc, sys, etc below it), not at the host")
	addRulesFlag(cmd, &o.rules)
	o.formats.addFlag(cmd)
	return cmd
}

func newLibrary(catalogue *sysctl.Catalogue, rulesDir string) (*explain.Library, error) {
	set, err := loadRules(rulesDir)
	if err != nil {
		return nil, err
	}
	return explain.New(catalogue, procnet.CounterInfos(), set), nil
}

func runExplain(ctx context.Context, s streams, o *explainOptions, query string) error {
	catalogue := sysctl.LoadCatalogue()
	library, err := newLibrary(catalogue, o.rules)
	if err != nil {
		return err
	}
	topic, err := library.Find(query)
	if err != nil {
		return usageError(err, "topics are TCP states, sysctl keys, kernel counters and rules; tcptune rules list shows the rules")
	}
	window, err := o.source.window(ctx, &ui{streams: s, quiet: o.quiet}, catalogue)
	if err != nil {
		return err
	}
	if now, ok := explain.Now(topic, facts.Derive(window, catalogue)); ok {
		topic.Sections = append([]explain.Section{now}, topic.Sections...)
	}
	page := report.NewTopic(topic)
	return o.formats.write(s.out, o.color, page)
}
