// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/rules"
)

type rulesLintOptions struct {
	alone   bool
	strict  bool
	formats outputs
	color   string
}

func newRulesLintCommand(s streams) *cobra.Command {
	o := &rulesLintOptions{}
	cmd := &cobra.Command{
		Use:   "lint PATH...",
		Short: "Check rule files, or directories of them",
		Long: `lint reports everything that is wrong with rule files, with file:line:column.
Errors keep a rule from loading: wrong fields, types, facts, keys and syntax, an
id that is taken. Warnings do not: no reference or proof, conditions that can
never be true, recommendations that are never given, excludes that name nothing.

Exit status: 0 no error, 1 warnings with --strict, 78 errors.`,
		Example: `  tcptune rules lint /etc/tcptune/rules.d
  tcptune rules lint --strict my-rule.yaml`,
		Args: someArgs("a PATH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			o.color = settings.Color
			if err := o.formats.check(); err != nil {
				return err
			}
			return runRulesLint(s, o, args)
		},
	}
	cmd.Flags().BoolVar(&o.strict, "strict", false, "exit 1 when there are warnings")
	cmd.Flags().BoolVar(&o.alone, "standalone", false, "do not look at the built-in rules beside; for those themselves")
	o.formats.addFlag(cmd)
	return cmd
}

func runRulesLint(s streams, o *rulesLintOptions, paths []string) error {
	env, err := foreignEnvironment()
	if err != nil {
		return err
	}
	beside := &rules.Set{}
	if !o.alone {
		if beside, err = builtinRules(); err != nil {
			return err
		}
	}
	problems, err := rules.Lint(env, paths, beside)
	if err != nil {
		return configError(err, "")
	}
	result := report.NewRuleLint(problems)
	if err := o.formats.write(s.out, o.color, result); err != nil {
		return err
	}
	switch {
	case result.Errors > 0:
		return configError(errors.New(plural(result.Errors, "error", "errors")+" in rule files"), "")
	case result.Warnings > 0 && o.strict:
		return answerNo()
	}
	return nil
}
