// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/sysctl"
)

// reloadWords are the values of --reload.
func reloadWords() []string {
	var words []string
	for _, k := range change.ReloadKinds() {
		words = append(words, string(k))
	}
	return words
}

// reloader returns what runs the host's loader after the drop-in is written;
// nil for none. For the whole system it adds to the plan what else would change.
func (o *applyOptions) reloader(u *ui, w *workplace, plan *change.Plan) (func(context.Context, string) (*change.Reload, error), error) {
	kind := change.ReloadKind(o.reload)
	if !w.live() || plan.Mode != change.ModeBoth || kind == change.ReloadNone {
		return nil, nil
	}
	r := change.Reloader{Root: w.root}
	command, err := r.Command(kind, plan.File)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !o.explicit:
		u.notef("no loader is installed (systemd-sysctl, sysctl): --reload is left out")
		return nil, nil
	case err != nil:
		return nil, &exitError{status: exitFailed, err: err, hint: "--reload none runs no loader"}
	case kind == change.ReloadFile:
		return func(ctx context.Context, file string) (*change.Reload, error) {
			return r.Run(context.WithoutCancel(ctx), kind, file) // signals are held
		}, nil
	}
	ours := make([]sysctl.Key, len(plan.Steps))
	for i, step := range plan.Steps {
		ours[i] = step.Key
	}
	files, err := sysctl.FindLines(w.root)
	if err != nil {
		return nil, err
	}
	for _, k := range change.SystemPreview(files, loaderOf(command), w.tree, w.catalogue) {
		if !slices.Contains(ours, k.Key) {
			plan.Notes = append(plan.Notes, fmt.Sprintf("--reload system also changes %s from %s to %s (%s)", k.Key, *k.Before, *k.Wanted, k.Detail))
		}
	}
	return func(ctx context.Context, file string) (*change.Reload, error) {
		bystander := change.NewBystander(files, w.tree, ours)
		reload, err := r.Run(context.WithoutCancel(ctx), kind, file)
		if err == nil {
			reload.Collateral = bystander.Changed(w.tree)
		}
		return reload, err
	}, nil
}

// loaderOf names the loader of a command.
func loaderOf(command []string) sysctl.Loader {
	if filepath.Base(command[0]) == "systemd-sysctl" {
		return sysctl.Systemd
	}
	return sysctl.Procps
}
