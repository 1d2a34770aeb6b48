// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// leak makes n connections that the clients close and the server does not.
func leak(t *testing.T, n int, s lab.Server) (*lab.Pair, *lab.Process) {
	t.Helper()
	pair := lab.NewPair(t)
	s.Address = pair.Target(8080)
	server := lab.Serve(t, pair.Server, s)
	if r := lab.Connect(t, pair.Client, lab.Client{Targets: oneTarget(s.Address), Count: n}); r.OK != n {
		t.Fatalf("%d of %d connections, errors %v", r.OK, n, r.Errors)
	}
	lab.WaitState(t, pair.Server, lab.CloseWait, n, settleTime)
	return pair, server
}

func TestScenarioCloseWait(t *testing.T) {
	const (
		unread = "Recv-Q 1: end of file never read"
		read   = "Recv-Q 0: end of file read, not closed"
	)
	tests := []struct {
		name     string
		server   lab.Server
		severity rules.Severity
		zero     string // evidence that counts none
		all      string // evidence that counts all of the sockets
		also     map[string]rules.Severity
		words    []string
	}{
		{
			name: "never reads", server: lab.Server{Name: "leaky", Behaviour: lab.Hold},
			severity: rules.Warning, all: unread, zero: read,
			words: []string{"200 sockets have Recv-Q 1, so their end of file was never read"},
		},
		{
			name: "reads the end", server: lab.Server{Name: "leaky", Behaviour: lab.HoldEOF},
			severity: rules.Warning, all: read, zero: unread,
			words: []string{"200 sockets have Recv-Q 0, so the end of file was read and close() did not follow"},
		},
		{
			name: "short of descriptors", server: lab.Server{Name: "leaky", Behaviour: lab.Hold, NoFile: 256},
			severity: rules.Critical, all: unread, zero: read,
			also:  map[string]rules.Severity{"fd-limit-near": rules.Warning},
			words: []string{"of its 256 descriptors are left; at the limit accept() fails with EMFILE"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lab.Isolate(t, func(t *testing.T) {
				pair, server := leak(t, 200, test.server)
				d := diagnose(t, pair.Server)
				want := map[string]rules.Severity{"close-wait-leak": test.severity}
				for id, severity := range test.also {
					want[id] = severity
				}
				d.finds(t, want)
				f := d.finding(t, "close-wait-leak")
				wantAnswer(t, f, rules.VerdictApplication, processName(server))
				for name, n := range map[string]float64{"CLOSE_WAIT": 200, test.all: 200, test.zero: 0} {
					if got := evidenceOf(t, f, name); got != n {
						t.Errorf("%s: %v, want %v", name, got, n)
					}
				}
				if list := proposals(d.Findings...); len(list) > 0 {
					t.Errorf("no sysctl closes a socket, but %q is proposed", list)
				}
				d.says(t, append(test.words, processName(server)+" (close-wait-leak, the program must change, no sysctl cures it",
					"Fix "+processName(server)+": it must call close() when read() returns 0")...)
				d.says(t, "200 CLOSE_WAIT")
			})
		})
	}
}

// TestScenarioFinWait2 is the other end of a leak: 600 sockets of a client that
// has closed.
func TestScenarioFinWait2(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		pair, _ := leak(t, 600, lab.Server{Behaviour: lab.Hold})
		lab.WaitState(t, pair.Client, lab.FinWait2, 600, settleTime)
		d := diagnose(t, pair.Client)
		d.finds(t, map[string]rules.Severity{"fin-wait2-pileup": rules.Warning})
		f := d.finding(t, "fin-wait2-pileup")
		wantAnswer(t, f, rules.VerdictOperator, "")
		for _, name := range []string{"FIN_WAIT2 sockets", "of these held by no process"} {
			if n := evidenceOf(t, f, name); n != 600.0 {
				t.Errorf("%s: %v", name, n)
			}
		}
		if diff := cmp.Diff([]string{"net.ipv4.tcp_fin_timeout = 30"}, proposals(*f)); diff != "" {
			t.Errorf("proposals (-want +got):\n%s", diff)
		}
		d.lacks(t, "fin-timeout-myth")
		d.says(t, "600 FIN_WAIT2", pair.ServerAddress.String(), "does not call close() after this host has closed")
	})
}
