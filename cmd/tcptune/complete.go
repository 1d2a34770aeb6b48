// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tcptune/tcptune/rules"
	"github.com/tcptune/tcptune/sysctl"
)

// completeWords offers the words of a flag to the shell.
func completeWords(cmd *cobra.Command, flag string, words []string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // fails for a flag that does not exist: a test completes each
}

// completeRules offers rule ids and categories to the shell, also behind a comma.
func completeRules(cmd *cobra.Command, flags ...string) {
	for _, flag := range flags {
		_ = cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
			words := ruleIDs()
			for _, c := range rules.Categories() {
				words = append(words, c.Name)
			}
			before := word[:strings.LastIndexByte(word, ',')+1]
			for i, w := range words {
				words[i] = before + w
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

// completeSettings offers keys to --set, and behind "KEY=" the values that have a
// meaning of their own, with it.
func completeSettings(cmd *cobra.Command, flag string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		catalogue := sysctl.LoadCatalogue()
		key, _, hasValue := strings.Cut(word, "=")
		if hasValue {
			return valueWords(catalogue, key), cobra.ShellCompDirectiveNoFileComp
		}
		words := keyNames(catalogue)
		for i := range words {
			words[i] += "="
		}
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
}

// valueWords are the values of an enumeration as "KEY=VALUE", with their meaning.
func valueWords(catalogue *sysctl.Catalogue, key string) []string {
	var words []string
	for _, found := range catalogue.Resolve(key) {
		p, ok := catalogue.Lookup(found)
		if !ok {
			continue
		}
		for value, meaning := range p.Values {
			words = append(words, cobra.CompletionWithDesc(key+"="+strconv.Itoa(value), meaning))
		}
	}
	slices.Sort(words)
	return words
}

// completeKeys offers keys to a flag.
func completeKeys(cmd *cobra.Command, flag string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return keyNames(sysctl.LoadCatalogue()), cobra.ShellCompDirectiveNoFileComp
	})
}

// completeNoFiles keeps the shell from offering files where none belong: for flags
// that take a number or a time, and for commands that take no argument. It leaves
// alone what completes something else.
func completeNoFiles(cmd *cobra.Command) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if number := slices.Contains([]string{"int", "duration"}, f.Value.Type()); number || f.Name == "rate" || f.Name == "rtt" {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions) // fails where there is a completion already
		}
	})
	if cmd.Runnable() && cmd.ValidArgsFunction == nil && !strings.Contains(cmd.Use, "PATH") {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, sub := range cmd.Commands() {
		completeNoFiles(sub)
	}
}
