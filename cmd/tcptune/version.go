// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version and commit are set by the linker: -X main.version=1.2.3.
var (
	version = "devel"
	commit  = ""
)

// toolName is the program and its version, as saved windows and reports carry
// it.
func toolName() string { return "tcptune " + version }

func newVersionCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version, the commit and the Go release",
		Example: "  tcptune version",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(s.out, "tcptune %s\ncommit %s\n%s %s/%s\n", version, commitOrUnknown(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return outputErrorOrNil(err)
		},
	}
}

// commitOrUnknown prefers the linker's commit; `go build` in a checkout stamps
// one of its own.
func commitOrUnknown() string {
	if commit != "" {
		return commit
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}
