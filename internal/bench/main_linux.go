// SPDX-License-Identifier: Apache-2.0

// Command bench measures what tcptune costs beside many sockets, in comparison
// with other programs in the same run, and prints it with the goals of
// ARCHITECTURE.md. Times differ between machines; ratios should not.
//
//	go run ./internal/bench [-sizes 10000,100000] [-goals=false] [-write docs/performance.md]
//
// It builds ./cmd/tcptune and makes network namespaces full of sockets
// (internal/lab), one after another. A program to compare with that is not
// installed is named in the table; where namespaces are refused it says so and
// measures nothing.
//
// Out of scope: loading and evaluating rules, which `go test -bench . ./rules`
// measures.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
)

// options say what is measured.
type options struct {
	binary string        // tcptune; "" to build it
	sizes  []int         // established sockets
	goals  bool          // also the goals that need a load of their own
	rounds int           // in which all programs take turns
	limit  time.Duration // of one run of one program
}

func main() {
	if status, ok := lab.Dispatch(); ok {
		os.Exit(status)
	}
	var o options
	sizes := flag.String("sizes", "10000,100000,1000000", "numbers of established sockets, both ends of a connection counted")
	write := flag.String("write", "", "also put the result between the marks of this page")
	flag.StringVar(&o.binary, "tcptune", "", "program to measure; built from ./cmd/tcptune when empty")
	flag.BoolVar(&o.goals, "goals", true, "also measure the goals at a million sockets in other states")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each program runs")
	flag.DurationVar(&o.limit, "limit", time.Minute, "end a program that takes longer")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := o.parseSizes(*sizes)
	if err == nil {
		err = run(ctx, os.Stdout, &o, *write)
	}
	if errors.Is(err, syscall.EPERM) {
		fmt.Println("not measured: a network namespace needs root")
		err = nil
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func (o *options) parseSizes(list string) error {
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 2 || n%2 != 0 {
			return fmt.Errorf("-sizes %s: %q is not an even number", list, word)
		}
		o.sizes = append(o.sizes, n)
	}
	if o.rounds < 1 {
		return fmt.Errorf("-rounds %d: want at least 1", o.rounds)
	}
	return nil
}

// run measures everything, writes the result to out and into the page.
func run(ctx context.Context, out io.Writer, o *options, page string) error {
	if o.binary == "" {
		dir, err := os.MkdirTemp("", "tcptune-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.binary = filepath.Join(dir, "tcptune")
		if err := build(ctx, o.binary); err != nil {
			return err
		}
	}
	r, err := measure(ctx, o)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	r.write(&text)
	if _, err := out.Write(text.Bytes()); err != nil || page == "" {
		return err
	}
	return insert(page, text.String())
}

// build builds tcptune as a release is built.
func build(ctx context.Context, path string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", path, "github.com/tcptune/tcptune/cmd/tcptune")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build tcptune: %w\n%s", err, out)
	}
	return nil
}

// The marks between which the result stands in a page.
const (
	beginMark = "<!-- make bench: begin -->"
	endMark   = "<!-- make bench: end -->"
)

// insert puts the text between the marks of a page.
func insert(page, text string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(old), beginMark)
	_, after, ok2 := strings.Cut(rest, endMark)
	if !ok1 || !ok2 {
		return fmt.Errorf("write %s: no %s and %s in it", page, beginMark, endMark)
	}
	return os.WriteFile(page, []byte(before+beginMark+"\n\n"+text+"\n"+endMark+after), 0o644)
}
