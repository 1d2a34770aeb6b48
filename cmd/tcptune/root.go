// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// newRootCommand builds the command tree.
func newRootCommand(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "tcptune",
		Short: "Find out what is wrong with a host's TCP, whether a sysctl cures it, and change it safely",
		Long: `tcptune compares what the kernel measures (socket states by listener,
destination and process; counters over a window; memory; sysctl files) with the
current sysctl values, and says what is wrong, what cures it, and why. Where a
setting is the cure it changes that setting, proves it and can take it back.`,
		Example: `  tcptune check                   look for problems for 10 seconds
  tcptune states --by process     who holds which sockets
  tcptune plan --profile server   what a profile would change; apply does it
  tcptune rollback                take the last change back
  tcptune explain CLOSE_WAIT      what a state, a key, a counter or a rule means`,
		Version:                    version,
		SilenceErrors:              true,
		SuggestionsMinimumDistance: 2,
		SilenceUsage:               true,
		Args:                       noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetIn(s.in)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages ", ".FlagUsagesWrapped 80 "))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(err, fmt.Sprintf("%s --help lists the flags", cmd.CommandPath()))
	})
	root.PersistentFlags().String("color", "auto", "colour the text: auto, always or never")
	completeWords(root, "color", []string{"auto", "always", "never"})
	root.PersistentFlags().BoolP("quiet", "q", false, "say nothing on standard error but errors")
	root.PersistentFlags().String("config", defaultConfigFile, "config file")
	root.AddCommand(
		newCheckCommand(s),
		newPlanCommand(s),
		newApplyCommand(s),
		newVerifyCommand(s),
		newConfirmCommand(s),
		newRevertTrialCommand(),
		newRollbackCommand(s),
		newHistoryCommand(s),
		newStatesCommand(s),
		newWatchCommand(s),
		newExplainCommand(s),
		newWhereCommand(s),
		newRulesCommand(s),
		newProfilesCommand(s),
		newCollectCommand(s),
		newVersionCommand(s),
	)
	addDefaultCommands(root)
	completeNoFiles(root)
	wrapArgs(root)
	return root
}

// addDefaultCommands adds cobra's help and completion now, not when the program
// runs, so that they refuse wrong arguments as every other command does.
func addDefaultCommands(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = func(_ *cobra.Command, args []string) error {
				found, rest, err := root.Find(args)
				if err != nil {
					return err
				}
				return noSuchCommand(found, rest)
			}
			cmd.Example = "  tcptune help check\n  tcptune help rules lint"
		case "completion":
			cmd.Args = noSuchCommand
			for _, shell := range cmd.Commands() {
				shell.Example = completionExamples()[shell.Name()]
			}
			cmd.Example = completionExamples()["bash"]
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

// completionExamples say how each shell takes its script.
func completionExamples() map[string]string {
	return map[string]string{
		"bash":       "  tcptune completion bash > /etc/bash_completion.d/tcptune",
		"zsh":        "  tcptune completion zsh > /usr/local/share/zsh/site-functions/_tcptune",
		"fish":       "  tcptune completion fish > /etc/fish/completions/tcptune.fish",
		"powershell": "  tcptune completion powershell > tcptune.ps1",
	}
}

// noSuchCommand refuses arguments of a command that has commands only, and says
// which of them was probably meant.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = cmd.Root().SuggestionsMinimumDistance
	text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return errors.New(text)
}

// noArgs refuses arguments of a command that takes none.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument, and got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// oneArg wants one argument, which help calls what.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s takes one %s, and got %d", cmd.CommandPath(), what, len(args))
		}
		return nil
	}
}

// someArgs wants an argument or more.
func someArgs(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("%s needs %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

// wrapArgs makes wrong arguments of every command usage errors.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError(err, fmt.Sprintf("%s --help shows how it is called", c.CommandPath()))
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}
