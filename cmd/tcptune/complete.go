// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/rules"
)

// completeWords offers the words of a flag to the shell.
func completeWords(cmd *cobra.Command, flag string, words []string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // fails for a flag that does not exist: a test completes each
}

// completeRules offers rule ids and categories to the shell.
func completeRules(cmd *cobra.Command, flags ...string) {
	for _, flag := range flags {
		_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			words := ruleIDs()
			for _, c := range rules.Categories() {
				words = append(words, c.Name)
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		})
	}
}

func ruleIDs() []string {
	set, err := loadRules("")
	if err != nil {
		return nil
	}
	return set.IDs()
}
