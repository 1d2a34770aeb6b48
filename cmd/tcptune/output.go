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

	"github.com/tcptune/tcptune/internal/report"
)

// A result is what a command prints.
type result interface {
	WriteText(io.Writer, report.Style) error
	WriteJSON(io.Writer) error
}

// resultFormats are the forms of a result.
func resultFormats() []string { return []string{"text", "json"} }

// addFormatFlag adds --format to a command that prints a result.
func addFormatFlag(cmd *cobra.Command, formats *[]string) {
	cmd.Flags().StringArrayVar(formats, "format", []string{"text"}, "text or json, =FILE writes to a file; repeatable")
	completeWords(cmd, "format", resultFormats())
}

// checkFormats refuses a --format that is not one of the allowed ones.
func checkFormats(formats []string) error {
	allowed := resultFormats()
	toStdout := 0
	for _, f := range formats {
		name, file, _ := strings.Cut(f, "=")
		if !slices.Contains(allowed, name) {
			return usageError(fmt.Errorf("--format %q is not one of %s", name, strings.Join(allowed, ", ")), "")
		}
		if file == "" {
			toStdout++
		}
	}
	if toStdout > 1 {
		return usageError(errors.New("two formats cannot both go to standard output"), "write one to a file: --format json=FILE")
	}
	return nil
}

// writeResult renders each format whole before it writes a byte to a file.
func writeResult(out io.Writer, formats []string, color string, r result) error {
	render := func(w io.Writer, format string) error {
		if format == "json" {
			return r.WriteJSON(w)
		}
		return r.WriteText(w, style(w, color))
	}
	for _, f := range formats {
		name, file, toFile := strings.Cut(f, "=")
		if !toFile || file == "" {
			if err := render(out, name); err != nil {
				return outputError(err)
			}
			continue
		}
		var b bytes.Buffer
		if err := render(&b, name); err != nil {
			return err
		}
		if err := writeFile(file, b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// outputError is a standard output that does not take the report.
func outputError(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return &exitError{status: exitFailed} // the reader went away; there is nobody to tell
	}
	return fmt.Errorf("write to standard output: %w", err)
}

// writeFile replaces a file that a person named: whole or not at all. What is no
// regular file, such as /dev/null, a pipe or a link, stays what it is and is
// written to, as a shell does.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		if err := os.WriteFile(path, data, mode); err != nil {
			return writeError(path, err)
		}
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return writeError(path, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
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
