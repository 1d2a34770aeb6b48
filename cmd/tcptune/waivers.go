// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/rules"
)

// defaultWaiversFile holds the waivers of the host's administrator.
const defaultWaiversFile = "/etc/tcptune/waivers.yaml"

// waiverOptions say where waivers are.
type waiverOptions struct {
	file string // "" for defaultWaiversFile, which need not exist
}

func (o *waiverOptions) addFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.file, "waivers", "", "file with findings that do not count, each with a reason and a last day (default "+defaultWaiversFile+")")
}

// load reads the waivers; they may name the rules of the set.
func (o *waiverOptions) load(set *rules.Set) ([]rules.Waiver, error) {
	file := o.file
	if file == "" {
		file = defaultWaiversFile
	}
	list, err := rules.LoadWaivers(file, append(set.IDs(), deviationRule))
	switch {
	case err == nil:
		return list, nil
	case o.file == "" && errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, openError(file, err)
	}
	return nil, configError(err, "docs/waivers.md describes the file")
}
