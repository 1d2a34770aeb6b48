// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tcptune/tcptune/internal/atomicfile"
	"github.com/tcptune/tcptune/internal/report"
)

// A result is what a command prints.
type result interface {
	WriteText(io.Writer, report.Style) error
	WriteJSON(io.Writer) error
}

// A document is a result that has further forms.
type document interface {
	Write(w io.Writer, format string) error
}

// outputs are the --format flags of a command: in which forms it writes its
// result, and where to. Without one it is text on standard output.
type outputs struct {
	given   []string // as typed: F or F=FILE
	more    []string // formats that this command has besides text and json
	verbose bool     // leave nothing out of the text
}

// A form is one --format.
type form struct {
	format string
	file   string // empty: standard output
}

// addFlag adds --format to a command that prints a result; one with further
// forms names them.
func (o *outputs) addFlag(cmd *cobra.Command, more ...string) {
	o.more = more
	cmd.Flags().Var(o, "format", strings.Join(o.allowed(), ", ")+"; =FILE writes to a file; repeatable")
	_ = cmd.RegisterFlagCompletionFunc("format", o.completeWord) // fails for a flag that does not exist
}

// addVerboseFlag adds -v to a command whose text is short without it.
func (o *outputs) addVerboseFlag(cmd *cobra.Command, what string) {
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, what)
}

// Set, String and Type make it a flag.
func (o *outputs) Set(text string) error {
	o.given = append(o.given, text)
	return nil
}

func (o *outputs) String() string {
	if len(o.given) == 0 {
		return "text"
	}
	return strings.Join(o.given, " ")
}

// Type is what help writes for the value.
func (o *outputs) Type() string { return "F[=FILE]" }

func (o *outputs) allowed() []string { return append([]string{"text", "json"}, o.more...) }

// completeWord offers the formats, and files behind a format's "=".
func (o *outputs) completeWord(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	if strings.Contains(word, "=") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return o.allowed(), cobra.ShellCompDirectiveNoFileComp
}

// check refuses formats that the command does not have, and two that would
// overwrite each other.
func (o *outputs) check() error {
	_, err := o.list()
	return err
}

// has reports whether the format is asked for.
func (o *outputs) has(format string) bool {
	list, _ := o.list()
	return slices.ContainsFunc(list, func(one form) bool { return one.format == format })
}

func (o *outputs) list() ([]form, error) {
	if len(o.given) == 0 {
		return []form{{format: "text"}}, nil
	}
	allowed := "a format is one of " + strings.Join(o.allowed(), ", ")
	var list []form
	for _, text := range o.given {
		format, file, toFile := strings.Cut(text, "=")
		switch {
		case !slices.Contains(o.allowed(), format):
			return nil, usageError(fmt.Errorf("--format %q is not one of %s", format, strings.Join(o.allowed(), ", ")), "--format FORMAT writes to standard output, --format FORMAT=FILE to a file")
		case toFile && file == "":
			return nil, usageError(fmt.Errorf("--format %s names no file", text), "--format "+format+" writes to standard output; "+allowed)
		case file == "-":
			file = ""
		case toFile:
			file = filepath.Clean(file)
		}
		for _, other := range list {
			switch {
			case (other.file == "") != (file == ""), file != "" && !sameFile(other.file, file):
			case file != "":
				return nil, usageError(fmt.Errorf("two formats, %s and %s, cannot both go to %s", other.format, format, file), "give each a file of its own; "+allowed)
			default:
				return nil, usageError(fmt.Errorf("two formats, %s and %s, cannot both go to standard output", other.format, format), "write one to a file: --format "+format+"=FILE; "+allowed)
			}
		}
		list = append(list, form{format, file})
	}
	return list, nil
}

// sameFile reports whether two paths are the same file, or would make the same.
func sameFile(a, b string) bool {
	absA, errA := filepath.Abs(a)
	absB, errB := filepath.Abs(b)
	if errA != nil || errB != nil { // the working directory is gone
		return a == b
	}
	if filepath.Base(absA) == filepath.Base(absB) && sameExisting(filepath.Dir(absA), filepath.Dir(absB)) {
		return true
	}
	return sameExisting(absA, absB)
}

func sameExisting(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return a == b || errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// write renders each form whole before it writes a byte, files first. That one
// cannot be written keeps none of the others back.
func (o *outputs) write(stdout io.Writer, color string, r result) error {
	list, err := o.list()
	if err != nil {
		return err
	}
	var failures []error
	for _, toFile := range []bool{true, false} {
		for _, one := range list {
			if toFile != (one.file != "") {
				continue
			}
			err := one.write(stdout, color, o.verbose, r)
			if err != nil && (len(failures) == 0 || err.Error() != "") {
				failures = append(failures, err)
			}
		}
	}
	return errors.Join(failures...)
}

func (o form) write(stdout io.Writer, color string, verbose bool, r result) error {
	to := stdout
	var b bytes.Buffer
	if o.file != "" {
		to = &b
	}
	look := style(to, color)
	look.Verbose = verbose
	if err := o.render(&b, look, r); err != nil {
		return fmt.Errorf("render %s: %w", o.format, err)
	}
	if o.file != "" {
		return writeFile(o.file, b.Bytes(), o.mode())
	}
	if _, err := stdout.Write(b.Bytes()); err != nil {
		return outputError(err)
	}
	return nil
}

// mode is the mode of the file: that of the one it replaces, else what the umask
// leaves. Metrics are for a collector, who is another user.
func (o form) mode() fs.FileMode {
	if o.format == report.Prometheus {
		return 0o644
	}
	if info, err := os.Lstat(o.file); err == nil && info.Mode().IsRegular() {
		return info.Mode().Perm()
	}
	mask := syscall.Umask(0)
	syscall.Umask(mask)
	return 0o666 &^ fs.FileMode(mask)
}

func (o form) render(w io.Writer, style report.Style, r result) error {
	switch o.format {
	case "text":
		return r.WriteText(w, style)
	case "json":
		return r.WriteJSON(w)
	}
	d, ok := r.(document)
	if !ok {
		return errors.New("the result has no such form")
	}
	return d.Write(w, o.format)
}

// outputError is a standard output that does not take the report.
func outputError(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return &exitError{status: exitFailed} // the reader went away; there is nobody to tell
	}
	return fmt.Errorf("write to standard output: %w", err)
}

// writeFile replaces a file that a person named: whole or not at all, and
// durably. What is no regular file, such as /dev/null, a pipe or a link, stays
// what it is and is written to, as a shell does.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		if err := os.WriteFile(path, data, mode); err != nil {
			return writeError(path, err)
		}
		return nil
	}
	if err := atomicfile.Publish(atomicfile.OS{}, path, data, mode); err != nil {
		return writeError(path, err)
	}
	return nil
}

func writeError(path string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	err = fmt.Errorf("write %s: %w", path, err)
	if errors.Is(err, fs.ErrPermission) {
		return &exitError{status: exitPermission, err: err}
	}
	return err
}
