// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/rules"
)

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
