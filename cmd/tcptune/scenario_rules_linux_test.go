// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// ownRule is a rule that an administrator might write.
const ownRule = `id: own-rule
title: This host has listeners
category: accept-queue
when: size(listeners) >= 0
severity: notice
confidence: high
verdict: operator
scope: netns
evidence:
  - {name: listeners, value: size(listeners)}
recommend:
  - {sysctl: net.core.somaxconn, value: 5000, risk: low, effect: at once}
why: An example.
`

// TestScenarioOwnRules judges by the rules of /etc/tcptune/rules.d without being
// told to, and by none that somebody else may have written.
func TestScenarioOwnRules(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		host.Tree.WriteFile(t, "/etc/tcptune/rules.d/own-rule.yaml", ownRule)
		diagnose(t, host).finds(t, map[string]rules.Severity{"own-rule": rules.Notice})
		list := runCommand(t, host.Command("tcptune", "rules", "list"))
		if want := "own-rule (from /etc/tcptune/rules.d/own-rule.yaml)"; list.status != exitOK || !strings.Contains(list.stdout, want) {
			t.Errorf("rules list: %+v, want %q", list, want)
		}
		plan := runCommand(t, host.Command("tcptune", "plan", "--recommended", "--runtime-only", "--window", "0"))
		if plan.status != exitOK || !strings.Contains(plan.stdout, "own-rule") {
			t.Errorf("plan --recommended: %+v, want the setting of own-rule", plan)
		}
		// The directory and --rules that names it are one.
		again := runCommand(t, host.Command("tcptune", "rules", "list", "--rules", defaultRulesDir+"/"))
		if again.status != exitOK || again.stdout != list.stdout {
			t.Errorf("rules list --rules %s: %+v", defaultRulesDir, again)
		}

		host.Tree.WriteFile(t, "/etc/tcptune/rules.d/broken.yaml", strings.Replace(ownRule, "size(listeners) >= 0", "listners", 1))
		broken := runCommand(t, host.Command("tcptune", "check", "--window", "0"))
		if want := `did you mean "listeners"?`; broken.status != exitConfig || broken.stdout != "" || !strings.Contains(broken.stderr, want) {
			t.Errorf("check with a broken rule: %+v, want %q", broken, want)
		}
	})
}
