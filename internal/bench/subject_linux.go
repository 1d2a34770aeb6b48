// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os/exec"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
)

// A subject is a program that is measured beside a crowd.
type subject struct {
	name    string
	missing string // why it cannot be measured: what is not installed
	run     func(context.Context, *lab.Crowd) (usage, error)
}

// The names of the subjects that goals speak of.
const (
	nameCheck       = "tcptune check --window 0"
	nameDestination = "tcptune states --by destination"
	nameList        = "ss -tan"
	nameBare        = "receive the dump, decode nothing"
)

// ours are the commands of tcptune.
func ours(binary string) []subject {
	return []subject{
		program(nameCheck, "", binary, "check", "--window", "0", "--format", "json"),
		program("tcptune states", "", binary, "states"),
		program(nameDestination, "", binary, "states", "--by", "destination"),
		program("tcptune states --by process", "", binary, "states", "--by", "process"),
	}
}

// peers are what others use, and the bare loop. e is nil where node_exporter is
// not installed.
func peers(e *exporter) []subject {
	const count = `ss -tan | awk '{n[$1]++} END {for (s in n) print s, n[s]}'`
	scrape := subject{name: "node_exporter, tcpstat", missing: "Debian package prometheus-node-exporter"}
	if e != nil {
		scrape.missing = ""
		scrape.run = func(ctx context.Context, _ *lab.Crowd) (usage, error) { return e.scrape(ctx) }
	}
	return []subject{
		program("ss -s", "iproute2", "ss", "-s"),
		program(nameList, "iproute2", "ss", "-tan"),
		program("ss -tan, counted by awk", "iproute2", "sh", "-c", count),
		program("ss -tanp", "iproute2", "ss", "-tanp"),
		program("netstat -ant", "net-tools", "netstat", "-ant"),
		scrape,
		{name: nameBare, run: func(_ context.Context, c *lab.Crowd) (usage, error) { return bare(c) }},
	}
}

// program is a subject that is a program of a package.
func program(name, pkg, path string, args ...string) subject {
	s := subject{name: name, run: func(ctx context.Context, c *lab.Crowd) (usage, error) {
		return command(ctx, c, nil, path, args...)
	}}
	needed := path
	if path == "sh" {
		needed = "ss"
	}
	if _, err := exec.LookPath(needed); err != nil {
		s.missing = "Debian package " + pkg
	}
	return s
}

// A series is the runs of one subject beside one crowd.
type series struct {
	subject
	runs    []usage
	tooMuch bool // it took longer than the limit, once
}

// takeTurns runs the subjects in rounds.
func takeTurns(ctx context.Context, c *lab.Crowd, o *options, subjects []subject) ([]series, error) {
	all := make([]series, len(subjects))
	for i, s := range subjects {
		all[i].subject = s
	}
	for range o.rounds {
		for i := range all {
			if err := all[i].once(ctx, c, o.limit); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

func (s *series) once(ctx context.Context, c *lab.Crowd, limit time.Duration) error {
	if s.missing != "" || s.tooMuch {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	u, err := s.run(limited, c)
	if err != nil && errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
		s.tooMuch = true
		return nil
	}
	if err == nil {
		s.runs = append(s.runs, u)
	}
	return err
}
