// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/rules"
	"github.com/tcptune/tcptune/sysctl"
)

type rulesTestOptions struct {
	run     string
	formats outputs
	color   string
}

func newRulesTestCommand(s streams) *cobra.Command {
	o := &rulesTestOptions{}
	cmd := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Run tests of rules: facts and what must be found in them",
		Long: `test runs files that name rules, give them facts or a saved window, and say
which findings there must be. A PATH is such a file, or a directory, whose
*_test.yaml are run; without one it is the current directory. Built-in rules can
be tested too.

Exit status: 0 all cases pass, 1 some fail, 78 a bad test or rule file.`,
		Example: `  tcptune rules test
  tcptune rules test /etc/tcptune/rules.d
  tcptune rules test --run 'full queue' accept-queue-filling_test.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			o.color = settings.Color
			if err := o.formats.check(); err != nil {
				return err
			}
			if len(args) == 0 {
				args = []string{"."}
			}
			return runRulesTest(cmd.Context(), s, o, args)
		},
	}
	cmd.Flags().StringVar(&o.run, "run", "", "run only the cases whose name matches this regular expression")
	o.formats.addFlag(cmd)
	return cmd
}

func runRulesTest(ctx context.Context, s streams, o *rulesTestOptions, paths []string) error {
	pattern, err := regexp.Compile(o.run)
	if err != nil {
		return usageError(fmt.Errorf("--run: %w", err), "")
	}
	files, err := readTests(ctx, paths)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return configError(err, "")
	}
	result := report.NewRuleTests()
	for _, file := range files {
		result.Run(file, func(c *rules.TestCase) bool { return pattern.MatchString(c.Name) })
	}
	if result.Passed+result.Failed == 0 {
		return usageError(fmt.Errorf("--run %q matches the name of no case", o.run), "")
	}
	if err := o.formats.write(s.out, o.color, result); err != nil {
		return err
	}
	if result.Failed > 0 {
		return answerNo()
	}
	return nil
}

// readTests reads the test files of all paths. The error holds the mistakes of
// all of them.
func readTests(ctx context.Context, paths []string) ([]*rules.TestFile, error) {
	env, err := foreignEnvironment()
	if err != nil {
		return nil, err
	}
	builtin, err := builtinRules()
	if err != nil {
		return nil, err
	}
	tester := &rules.Tester{Environment: env, Builtin: builtin, Window: func(path string) (*facts.Facts, error) {
		window, err := loadWindow(ctx, strings.NewReader(""), path) // a file called - is no standard input
		if err != nil {
			return nil, err
		}
		return facts.Derive(window, sysctl.LoadCatalogue()), nil
	}}
	var files []*rules.TestFile
	var wrong []error
	for _, path := range paths {
		names, err := rules.TestFiles(path)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			file, err := tester.Read(name)
			if err != nil {
				wrong = append(wrong, err)
				continue
			}
			files = append(files, file)
		}
	}
	return files, errors.Join(wrong...)
}
