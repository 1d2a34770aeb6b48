// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/charmbracelet/x/term"

	"github.com/tcptune/tcptune/internal/report"
)

// errDeclined is the answer no to a question.
var errDeclined = errors.New("nothing was changed: you said no")

// interactive reports whether there is somebody to ask: standard input and
// standard error are terminals.
func (u *ui) interactive() bool {
	in, inOK := u.in.(*os.File)
	talk, talkOK := u.err.(*os.File)
	return inOK && talkOK && term.IsTerminal(in.Fd()) && term.IsTerminal(talk.Fd())
}

// ask asks a question on standard error and wants yes or no. No answer is no.
// It returns errDeclined for no, and the context's error when that ends first.
func (u *ui) ask(ctx context.Context, question string) error {
	answers := make(chan string, 1)
	fmt.Fprintf(u.err, "%s [y/N] ", report.Clean(question))
	go func() {
		line, err := bufio.NewReader(u.in).ReadString('\n')
		if err != nil {
			fmt.Fprintln(u.err)
		}
		answers <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(u.err)
		return ctx.Err()
	case answer := <-answers:
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "y", "yes":
			return nil
		}
		return &exitError{status: exitFailed, err: errDeclined}
	}
}
