// SPDX-License-Identifier: Apache-2.0

// This file is the tool's voice. The rules are:
//
//   - data goes to standard output, everything said about it to standard error
//   - a message is one line: "tcptune: error: " and a lower-case sentence
//     without a full stop
//   - what to do next comes on a line of its own that begins with "hint: "
//   - text that comes from the examined host or from a file is cleaned of
//     control characters before a terminal sees it
//   - progress is shown on a terminal only, and is gone when the work is done

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/term"

	"github.com/tcptune/tcptune/internal/report"
)

// ui talks to the person at the terminal.
type ui struct {
	streams
	quiet bool
}

func newUI(s streams) *ui { return &ui{streams: s} }

// report says what went wrong, if anything, and returns the exit status.
func (u *ui) report(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		u.errorf("interrupted")
		return exitInterrupted
	}
	if text := err.Error(); text != "" {
		for line := range strings.Lines(text) {
			u.errorf("%s", strings.TrimRight(line, "\n"))
		}
	}
	var e *exitError
	if errors.As(err, &e) && e.hint != "" {
		fmt.Fprintf(u.err, "hint: %s\n", report.Clean(e.hint))
	}
	return statusOf(err)
}

// mistake says that tcptune itself is wrong and where, and returns the exit
// status.
func (u *ui) mistake(what any, stack []byte) int {
	u.errorf("internal mistake: %v", what)
	fmt.Fprintf(u.err, "hint: please report it with these lines; if a change was begun, the next apply or rollback completes or undoes it\n")
	for line := range strings.Lines(string(stack)) {
		fmt.Fprintln(u.err, report.Clean(strings.TrimRight(strings.ReplaceAll(line, "\t", "  "), "\n")))
	}
	return exitFailed
}

func (u *ui) errorf(format string, args ...any) {
	fmt.Fprintf(u.err, "tcptune: error: %s\n", report.Clean(fmt.Sprintf(format, args...)))
}

// notef says something that is no error; --quiet leaves it out.
func (u *ui) notef(format string, args ...any) {
	if !u.quiet {
		fmt.Fprintf(u.err, "tcptune: %s\n", report.Clean(fmt.Sprintf(format, args...)))
	}
}

// defaultWidth is the width of a layout when that of the terminal is not known.
const defaultWidth = 80

// style lays text out for the stream w: as wide as the terminal, coloured when
// color asks for it. Order of decision: --color, NO_COLOR, a terminal.
func style(w io.Writer, color string) report.Style {
	s := report.Style{Width: defaultWidth}
	f, ok := w.(*os.File)
	terminal := ok && term.IsTerminal(f.Fd())
	if terminal {
		if width, _, err := term.GetSize(f.Fd()); err == nil && width > 0 {
			s.Width = width
		}
		s.Unicode = utf8Locale()
	} else if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		s.Width = columns
	}
	switch color {
	case "always":
		s.Color = true
	case "never":
	default:
		s.Color = terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return s
}

// utf8Locale reports whether the environment says that the terminal knows more
// than ASCII.
func utf8Locale() bool {
	locale := strings.ToUpper(cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG")))
	return strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
