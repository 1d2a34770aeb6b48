// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
	"github.com/tcptune/tcptune/profiles"
	"github.com/tcptune/tcptune/rules"
	"github.com/tcptune/tcptune/sysctl"
)

// An examination is what windows are judged by.
type examination struct {
	set       *rules.Set
	waivers   []rules.Waiver
	catalogue *sysctl.Catalogue
	profile   *profiles.Profile // nil for none
	given     profiles.Given
}

// checkAll is check for every network namespace of the host.
func (o *checkOptions) checkAll(ctx context.Context, u *ui, e *examination) error {
	collector, err := o.source.collector(e.catalogue)
	if err != nil {
		return err
	}
	visits, hidden, err := o.source.survey(ctx, u, collector)
	if err != nil {
		return err
	}
	now := time.Now()
	list, missed := report.Visits(visits, func(w *snapshot.Window) *report.Check {
		check, _ := o.examine(w, e, now)
		return check
	})
	checks := report.NewChecks(list, missed, hidden, func(rule string) bool {
		r, ok := e.set.Lookup(rule)
		return ok && r.Scope == "host"
	})
	for _, check := range list {
		check.ExitStatus = o.status(check)
	}
	checks.ExitStatus = o.statusOfAll(checks)
	if o.formats.plugin() {
		checks.ExitStatus = checks.PluginStatus()
	}
	nothing := func() error { return nil } // --since-last is not for all
	if err := o.formats.writeAndKeep(u.out, o.settings.Color, checks, nothing); err != nil {
		return err
	}
	return o.answerAll(checks)
}

// statusOfAll is the worst status of any namespace, and of what is about the
// machine.
func (o *checkOptions) statusOfAll(c *report.Checks) int {
	switch {
	case o.source.interrupted(c.Window):
		return exitInterrupted
	case !c.Judged(), o.requireComplete && (!c.AllJudged() || c.Hidden > 0):
		return exitFailed
	case o.settings.FailOn != neverFail && c.AtLeast(o.failOn) > 0:
		return exitNo
	}
	return exitOK
}

func (o *checkOptions) answerAll(c *report.Checks) error {
	if o.formats.plugin() {
		return pluginAnswer(c.ExitStatus)
	}
	switch {
	case c.ExitStatus == exitOK:
		return nil
	case c.ExitStatus == exitInterrupted:
		return interrupted(c.Window)
	case c.ExitStatus == exitNo:
		return answerNo()
	case !c.Judged():
		return &exitError{status: exitFailed, err: errors.New("no network namespace could be judged: see what was not examined")}
	}
	if c.AllJudged() {
		return &exitError{status: exitFailed, err: fmt.Errorf("network namespaces of %s are hidden, and --require-complete asks for all", plural(c.Hidden, "process", "processes"))}
	}
	return &exitError{status: exitFailed, err: fmt.Errorf("not every rule could be judged in every one of %s, and --require-complete asks for all",
		plural(c.Summary.Namespaces, "network namespace", "network namespaces"))}
}
