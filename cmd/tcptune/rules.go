// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/rules"
	"github.com/tcptune/tcptune/sysctl"
)

// foreignCost bounds the evaluation of one condition of a rule that is not
// built in, in CEL's cost units: about a second.
const foreignCost = 1_000_000

// loadRules returns the built-in rules and those of dir, if any.
func loadRules(dir string) (*rules.Set, error) {
	env, err := expr.New(nil)
	if err != nil {
		return nil, err
	}
	set, err := rules.Builtin(env)
	if err != nil {
		return nil, err
	}
	if dir == "" {
		return set, nil
	}
	foreign, err := expr.New(catalogueKeys(), expr.CostLimit(foreignCost))
	if err != nil {
		return nil, err
	}
	more, err := rules.LoadDir(foreign, dir)
	if err != nil {
		hint := ""
		if _, ok := errors.AsType[rules.Problems](err); ok {
			hint = "tcptune rules lint " + dir + " shows all that is wrong"
		}
		return nil, configError(err, hint)
	}
	joined, err := set.Join(more)
	if err != nil {
		return nil, configError(err, "")
	}
	return joined, nil
}

// selectRules returns the rules that --only and --skip leave.
func selectRules(set *rules.Set, only, skip []string) (*rules.Set, error) {
	left, err := set.Select(only, skip)
	if err != nil {
		return nil, usageError(err, "tcptune rules list shows all rules and categories")
	}
	if len(left.Rules) == 0 {
		return nil, usageError(errors.New("--only and --skip leave no rule to judge"), "")
	}
	return left, nil
}

// catalogueKeys are the keys that a rule may name.
func catalogueKeys() []string {
	var keys []string
	for _, p := range sysctl.LoadCatalogue().Parameters() {
		keys = append(keys, p.Key.String())
	}
	return keys
}

func newRulesCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "List, show and check rules",
		Args:  noSuchCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRulesListCommand(s), newRulesShowCommand(s), newRulesLintCommand(s))
	return cmd
}

func newRulesListCommand(s streams) *cobra.Command {
	var only, formats []string
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
			if err := checkFormats(formats); err != nil {
				return err
			}
			set, err := loadRules("")
			if err != nil {
				return err
			}
			if set, err = set.Select(only, nil); err != nil {
				return usageError(err, "tcptune rules list shows all rules and categories")
			}
			list := report.NewRuleList(set)
			return writeResult(s.out, formats, settings.Color, list)
		},
	}
	cmd.Flags().StringSliceVar(&only, "only", nil, "these rules or categories only")
	addFormatFlag(cmd, &formats)
	completeRules(cmd, "only")
	return cmd
}

func newRulesShowCommand(s streams) *cobra.Command {
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
			set, err := loadRules("")
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
	return cmd
}

func newRulesLintCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "lint PATH...",
		Short: "Check rule files, or directories of them",
		Long: `lint reports everything that is wrong with rule files, with file:line:column:
wrong fields, types, facts and syntax keep a rule from loading (exit 78);
warnings do not.`,
		Example: "  tcptune rules lint /etc/tcptune/rules.d",
		Args:    someArgs("a PATH"),
		RunE: func(_ *cobra.Command, args []string) error {
			env, err := expr.New(catalogueKeys())
			if err != nil {
				return err
			}
			known := ruleIDs()
			var broken int
			for _, path := range args {
				problems, err := rules.Lint(env, path, known)
				if err != nil {
					return configError(err, "")
				}
				for _, p := range problems {
					if !p.Warning {
						broken++
					}
					if _, err := fmt.Fprintln(s.out, report.Clean(p.Error())); err != nil {
						return outputError(err)
					}
				}
			}
			if broken > 0 {
				return configError(errors.New(plural(broken, "error", "errors")+" in rule files"), "")
			}
			return nil
		},
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
