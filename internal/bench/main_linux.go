// SPDX-License-Identifier: Apache-2.0

// Command bench measures what `tcptune check --window 0` costs and prints it
// beside its budget: on an idle network namespace, and beside established
// sockets in comparison with `ss -tan` in the same run. Times differ between
// machines; the ratio should not.
//
//	go run ./internal/bench [-sockets 100000]
//
// It builds ./cmd/tcptune, makes a network namespace of its own and opens the
// sockets over its loopback interface, in processes that end with it. Where
// namespaces are refused or ss is missing it says so and measures the rest.
//
// Out of scope: loading and evaluating rules, which `go test -bench . ./rules`
// measures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

// The budgets, from ARCHITECTURE.md.
const (
	idleWallMS    = 30
	idlePeakMB    = 40
	crowdRatio    = 0.25
	crowdPeakMB   = 64
	idleRuns      = 20
	crowdRuns     = 5
	budgetSockets = 1_000_000 // what the last two are promised for
)

// The stages of the program; each is a process of its own.
const (
	stageOutside = ""       // builds, and starts the next one in a new namespace
	stageMeasure = "inside" // measures, and starts crowds
	stageCrowd   = "crowd"  // holds connections until its standard input ends
)

func main() {
	stage := flag.String("stage", stageOutside, "used by the program itself")
	binary := flag.String("tcptune", "", "program to measure; built from ./cmd/tcptune when empty")
	sockets := flag.Int("sockets", 100_000, "established sockets, both ends counted")
	address := flag.String("address", "", "used by the program itself")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var err error
	switch *stage {
	case stageCrowd:
		err = hold(os.Stdin, os.Stdout, *address, *sockets/2)
	case stageMeasure:
		err = measure(ctx, os.Stdout, *binary, *sockets)
	default:
		err = outside(ctx, *binary, *sockets)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// outside builds the program and measures it in a new network namespace.
func outside(ctx context.Context, binary string, sockets int) error {
	if sockets < 2 || sockets > maxSockets {
		return fmt.Errorf("-sockets %d is not between 2 and %d", sockets, maxSockets)
	}
	if binary == "" {
		dir, err := os.MkdirTemp("", "tcptune-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "tcptune")
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", binary, "./cmd/tcptune")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build tcptune: %w", err)
		}
	}
	cmd := again(ctx, "-stage", stageMeasure, "-tcptune", binary, "-sockets", fmt.Sprint(sockets))
	cmd.Stdout = os.Stdout
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	err := cmd.Run()
	if errors.Is(err, syscall.EPERM) {
		fmt.Println("not measured: a network namespace needs root")
		return nil
	}
	return err
}

// measure prints the two measurements; it runs in the new namespace.
func measure(ctx context.Context, out io.Writer, binary string, sockets int) error {
	if err := raiseLoopback(); err != nil {
		return err
	}
	if err := idle(ctx, out, binary); err != nil {
		return err
	}
	stop, err := gather(ctx, sockets)
	if err != nil {
		return err
	}
	defer stop()
	return crowd(ctx, out, binary, sockets)
}

// again starts this program again. The child ends with its parent.
func again(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}
