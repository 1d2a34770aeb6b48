// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// idleRows are about connections that say nothing for a while.
func idleRows() []row {
	return []row{
		{
			rule:     "slow-start-after-idle-inert",
			symptom:  "a program with bbr sends 1 MB for each request; the round trip is 200 ms, the request comes after 3 s of silence",
			needs:    needs{bbr: true},
			settings: map[string]string{"net.ipv4.tcp_slow_start_after_idle": "0", "net.ipv4.tcp_congestion_control": "bbr"},
			finds:    findings{"slow-start-after-idle-inert": rules.Info}, verdict: rules.VerdictHarmless,
			number: "ms for the answer",
			cure:   tried("net.ipv4.tcp_slow_start_after_idle=1"),
			effect: stays(200, 800),
			stage:  func(t *testing.T) *stage { return answers(t, "bbr") },
		},
	}
}

// answers is a stage on whose server a program answers with 1 MB.
func answers(t *testing.T, congestion string) *stage {
	t.Helper()
	const size = 1 << 20
	pair := lab.NewLine(t, lab.Line{Delay: 100 * time.Millisecond})
	pair.Client.Sysctl(t, "net.ipv4.tcp_rmem", "4096 131072 16777216")
	pair.Server.Sysctl(t, "net.ipv4.tcp_wmem", "4096 16384 16777216")
	target := pair.Target(8080)
	lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.Answer, Options: lab.Options{Congestion: congestion}})
	var caller *lab.Process
	ask := func(t *testing.T, silence time.Duration) time.Duration {
		r := caller.Ask(t, lab.Request{Silence: silence, Receive: size, Timeout: settleTime})
		if r.Error != "" {
			t.Fatalf("no answer: %s", r.Error)
		}
		return r.Took
	}
	return &stage{
		host: pair.Server,
		load: func(t *testing.T) {
			if caller != nil {
				caller.Stop()
			}
			caller = lab.StartCaller(t, pair.Client, lab.Caller{Target: target})
			for range 4 { // until the window is open
				ask(t, 0)
			}
		},
		number: func(t *testing.T) float64 { return float64(ask(t, 3*time.Second).Milliseconds()) },
	}
}
