// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/explain"
	"github.com/tcptune/tcptune/internal/facts"
	"github.com/tcptune/tcptune/internal/procnet"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
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
		Use:   "explain [TOPIC]",
		Short: "Explain a TCP state, a sysctl key, a kernel counter or a rule",
		Long: `explain says what a TCP state, a sysctl key, a kernel counter or a rule means,
who has to act, what was measured, which popular advice is wrong, and how it
stands on this host now. Without a TOPIC it lists all of them; the words states,
keys, counters and rules list one kind.`,
		Example: `  tcptune explain TIME_WAIT                  a state
  tcptune explain tcp_fin_timeout            a key
  tcptune explain ListenOverflows            a counter
  tcptune explain accept-queue-overflow      a rule
  tcptune explain keys | grep orphan         look for one`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			library, err := newLibrary(sysctl.LoadCatalogue(), o.rules)
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			return topicWords(library), cobra.ShellCompDirectiveNoFileComp
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
	o.formats.addFlag(cmd, "markdown")
	return cmd
}

// topicWords are the topics for the shell, in both spellings, with what they are.
func topicWords(library *explain.Library) []string {
	words := []string{"states", "keys", "counters", "rules"}
	for _, t := range library.Index() {
		words = append(words, cobra.CompletionWithDesc(t.Name, t.Title))
		if t.Label != t.Name {
			words = append(words, cobra.CompletionWithDesc(t.Label, t.Title))
		}
	}
	return words
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
	list := library.Index()
	if kind, ok := explain.KindOf(query); ok {
		list = slices.DeleteFunc(list, func(t explain.Summary) bool { return t.Kind != kind })
		query = ""
	}
	if query == "" {
		return o.formats.write(s.out, o.color, report.NewTopics(list))
	}
	topic, err := library.Find(query)
	if err != nil {
		return usageError(err, "tcptune explain lists the topics: TCP states, sysctl keys, kernel counters and rules")
	}
	window, err := o.source.window(ctx, &ui{streams: s, quiet: o.quiet}, catalogue)
	if err != nil {
		return err
	}
	if now, ok := library.Now(topic, facts.Derive(window, catalogue), totals(window.To)); ok {
		topic.Sections = append([]explain.Section{now}, topic.Sections...)
	}
	return o.formats.write(s.out, o.color, report.NewTopic(topic))
}

// totals are the counters of a snapshot by name, also those that are no facts.
func totals(s *snapshot.Snapshot) map[string]int64 {
	all := make(map[string]int64, len(s.Counters)+len(s.Sockstat))
	maps.Copy(all, s.Counters)
	maps.Copy(all, s.Sockstat)
	for _, cpu := range s.Softnet {
		all["softnet_stat.processed"] += clamped(cpu.Processed)
		all["softnet_stat.dropped"] += clamped(cpu.Dropped)
		all["softnet_stat.time_squeeze"] += clamped(cpu.Squeezed)
	}
	if c := s.Conntrack; c != nil {
		if c.Count != nil {
			all["nf_conntrack.entries"] = *c.Count
		}
		for name, n := range map[string]*uint64{"drop": c.Drops, "early_drop": c.EarlyDrops, "insert_failed": c.InsertFailed} {
			if n != nil {
				all["nf_conntrack."+name] = clamped(*n)
			}
		}
	}
	return all
}

// clamped makes a counter of the kernel a number that can be added up.
func clamped(n uint64) int64 { return int64(min(n, math.MaxInt64>>10)) }
