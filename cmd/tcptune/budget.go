// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/snapshot"
)

// Bounds of --budget.
const (
	minBudget = 10 * time.Millisecond
	maxBudget = 10 * time.Minute
)

func addBudgetFlag(cmd *cobra.Command, budget *time.Duration) {
	cmd.Flags().DurationVar(budget, "budget", snapshot.DefaultBudget,
		"stop reading sockets and processes after this time, in each snapshot, and say what was left out")
}

func checkBudget(budget time.Duration) error {
	if budget < minBudget || budget > maxBudget {
		return usageError(fmt.Errorf("--budget %s is not between %s and %s", budget, minBudget, maxBudget), "")
	}
	return nil
}
