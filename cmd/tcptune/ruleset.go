// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/expr"
	"github.com/tcptune/tcptune/rules"
	"github.com/tcptune/tcptune/sysctl"
)

// foreignCost bounds the evaluation of one condition of a rule that is not
// built in, in CEL's cost units: about a second.
const foreignCost = 1_000_000

// defaultRulesDir holds rules of the host's administrator.
const defaultRulesDir = "/etc/tcptune/rules.d"

// addRulesFlag adds --rules to a command that uses rules.
func addRulesFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "rules", "", "directory with further rules, beside "+defaultRulesDir)
}

// loadRules returns the built-in rules, those of defaultRulesDir, which need not
// exist, and those of dir unless it is "".
func loadRules(dir string) (*rules.Set, error) {
	set, err := builtinRules()
	if err != nil {
		return nil, err
	}
	if set, err = joinRules(set, defaultRulesDir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if dir == "" || filepath.Clean(dir) == defaultRulesDir && err == nil {
		return set, nil
	}
	return joinRules(set, dir)
}

func builtinRules() (*rules.Set, error) {
	env, err := expr.New(nil)
	if err != nil {
		return nil, err
	}
	return rules.Builtin(env)
}

// joinRules returns the rules of set and those of a directory; set alone with
// an error.
func joinRules(set *rules.Set, dir string) (*rules.Set, error) {
	if _, err := os.Stat(dir); err != nil { // before an environment is made
		return set, rulesError(fmt.Errorf("read rules: %w", err), dir)
	}
	env, err := foreignEnvironment()
	if err != nil {
		return set, err
	}
	more, err := rules.LoadDir(env, dir)
	if err != nil {
		return set, rulesError(err, dir)
	}
	joined, err := set.Join(more)
	if err != nil {
		return set, rulesError(err, dir)
	}
	return joined, nil
}

// foreignEnvironment compiles rules that are not built in.
func foreignEnvironment() (*expr.Environment, error) {
	return expr.New(catalogueKeys(), expr.CostLimit(foreignCost))
}

// rulesError is a directory with rules that cannot be used.
func rulesError(err error, dir string) error {
	if _, ok := errors.AsType[rules.Problems](err); ok {
		return configError(err, "tcptune rules lint "+dir+" shows all that is wrong")
	}
	if errors.Is(err, fs.ErrPermission) {
		return &exitError{status: exitPermission, err: err}
	}
	return configError(err, "")
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
