// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/tcptune/tcptune/internal/report"
)

// plugin reports whether the command is to behave as a monitoring plugin: its
// standard output is in the nagios format. Then it ends with the statuses of
// plugins, and what goes wrong is UNKNOWN.
func (o *outputs) plugin() bool {
	list, _ := o.list()
	return slices.Contains(list, form{format: report.Nagios})
}

// writeAndKeep writes the result of a check, and keeps the run with keep. The
// line of a plugin comes last, once nothing else can fail: a plugin has one
// answer.
func (o *outputs) writeAndKeep(stdout io.Writer, color string, r result, keep func() error) error {
	if !o.plugin() {
		if err := o.write(stdout, color, r); err != nil {
			return err
		}
		return keep()
	}
	var line bytes.Buffer
	if err := o.write(&line, color, r); err != nil {
		return err
	}
	if err := keep(); err != nil {
		return err
	}
	if _, err := stdout.Write(line.Bytes()); err != nil {
		return outputError(err)
	}
	return nil
}

// pluginAnswer ends a plugin that has printed its line.
func pluginAnswer(status int) error {
	if status == report.PluginOK {
		return nil
	}
	return &exitError{status: status}
}

// asPlugin makes an error of a plugin the answer UNKNOWN. It looks at args, as
// a command line that cannot be read asks for a plugin, too.
func asPlugin(args []string, s streams, err error) error {
	if err == nil || err.Error() == "" || !asksForPlugin(args) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted") // which the status says no more
	}
	if _, failed := io.WriteString(s.out, report.PluginUnknownLine(err.Error())); failed != nil {
		return outputError(failed)
	}
	var known *exitError
	hint := ""
	if errors.As(err, &known) {
		hint = known.hint
	}
	return &exitError{status: report.PluginUnknown, err: err, hint: hint}
}

func asksForPlugin(args []string) bool {
	if !slices.Contains(args, "check") {
		return false
	}
	for i, arg := range args {
		value, ok := strings.CutPrefix(arg, "--format=")
		if arg == "--format" && i+1 < len(args) {
			value, ok = args[i+1], true
		}
		if ok && (value == report.Nagios || value == report.Nagios+"=-") {
			return true
		}
	}
	return false
}
