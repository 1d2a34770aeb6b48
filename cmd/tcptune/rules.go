// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/report"
)

func newRulesCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "List, show, check and test rules",
		Example: `  tcptune rules list --only time-wait
  tcptune rules lint my-rule.yaml`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRulesListCommand(s), newRulesShowCommand(s), newRulesLintCommand(s), newRulesTestCommand(s))
	return cmd
}

func newRulesListCommand(s streams) *cobra.Command {
	var only []string
	var formats outputs
	var dir string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the rules",
		Example: "  tcptune rules list --only time-wait",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			if err := formats.check(); err != nil {
				return err
			}
			set, err := loadRules(dir)
			if err != nil {
				return err
			}
			if set, err = set.Select(only, nil); err != nil {
				return usageError(err, "tcptune rules list shows all rules and categories")
			}
			list := report.NewRuleList(set)
			return formats.write(s.out, settings.Color, list)
		},
	}
	addRulesFlag(cmd, &dir)
	cmd.Flags().StringSliceVar(&only, "only", nil, "these rules or categories only")
	formats.addFlag(cmd)
	completeRules(cmd, "only")
	return cmd
}

func newRulesShowCommand(s streams) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:     "show RULE",
		Short:   "Show one rule: when it fires, what it says and why",
		Example: "  tcptune rules show close-wait-leak",
		Args:    oneArg("RULE"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ruleIDs(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			set, err := loadRules(dir)
			if err != nil {
				return err
			}
			// Select words the error with what was probably meant.
			if _, err := set.Select(args, nil); err != nil {
				return usageError(err, "tcptune rules list shows all rules")
			}
			rule, ok := set.Lookup(args[0])
			if !ok {
				return usageError(fmt.Errorf("%q is a category, not a rule", args[0]), "tcptune rules list --only "+args[0])
			}
			return outputErrorOrNil(report.WriteRule(s.out, rule, style(s.out, settings.Color)))
		},
	}
	addRulesFlag(cmd, &dir)
	return cmd
}
