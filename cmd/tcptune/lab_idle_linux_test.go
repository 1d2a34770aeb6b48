// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// idleRows are about connections that say nothing for a while.
func idleRows() []row {
	return []row{
		{
			rule:    "slow-start-after-idle",
			symptom: "a program with reno sends 1 MB for a request on each of 4 connections; the round trip is 200 ms, the requests come after 6 s of silence",
			window:  10 * time.Second,
			finds:   findings{"slow-start-after-idle": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "ms for the slowest answer",
			cure:   recommended("low"),
			effect: shrinks(2),
			stage:  func(t *testing.T) *stage { return answers(t, "reno") },
		},
		{
			rule:     "slow-start-after-idle-inert",
			symptom:  "the same with bbr",
			needs:    needs{bbr: true},
			window:   10 * time.Second,
			settings: map[string]string{"net.ipv4.tcp_slow_start_after_idle": "0", "net.ipv4.tcp_congestion_control": "bbr"},
			finds:    findings{"slow-start-after-idle-inert": rules.Info}, verdict: rules.VerdictHarmless,
			number: "ms for the slowest answer",
			cure:   tried("net.ipv4.tcp_slow_start_after_idle=1"),
			effect: stays(200, 900),
			stage:  func(t *testing.T) *stage { return answers(t, "bbr") },
		},
		{
			rule: "keepalive-sysctl-inert",
			symptom: "3 programs without keepalive ask again after 12 s of silence, behind a gateway that forgets them after 6 s; " +
				"25 more connections say nothing",
			settings: map[string]string{"net.ipv4.tcp_keepalive_time": "3", "net.ipv4.tcp_keepalive_intvl": "2"},
			finds:    findings{"keepalive-sysctl-inert": rules.Notice}, verdict: rules.VerdictApplication,
			number: "requests lost",
			cure:   acted("Switch keepalive on in the programs", "the programs set SO_KEEPALIVE"),
			effect: falls(3, 0),
			stage: func(t *testing.T) *stage {
				options := &lab.Options{}
				s := forgetful(t, 6*time.Second, 12*time.Second, 0, options)
				s.act = func(*testing.T) { options.KeepAlive = true }
				return s
			},
		},
		{
			rule: "keepalive-vs-idle-timeout",
			symptom: "3 programs with keepalive ask again after 215 s of silence, behind a gateway that forgets them after 200 s; " +
				"25 more connections say nothing",
			minutes: 8,
			finds:   findings{"keepalive-vs-idle-timeout": rules.Notice}, verdict: rules.VerdictSysctl,
			number: "requests lost",
			cure:   recommended("low"),
			effect: falls(3, 0),
			stage: func(t *testing.T) *stage {
				return forgetful(t, 200*time.Second, 215*time.Second, 180*time.Second, &lab.Options{KeepAlive: true})
			},
		},
	}
}

// beginAll makes callers begin a request at the same time.
func beginAll(t *testing.T, callers []*lab.Process, r lab.Request) {
	t.Helper()
	for _, c := range callers {
		c.Begin(t, r)
	}
}

// askAll makes callers do a request at the same time that must be answered, and
// returns how long the slowest answer took.
func askAll(t *testing.T, callers []*lab.Process, r lab.Request) time.Duration {
	t.Helper()
	beginAll(t, callers, r)
	return slowest(t, callers)
}

func slowest(t *testing.T, callers []*lab.Process) (took time.Duration) {
	t.Helper()
	for _, c := range callers {
		r := c.Reply(t)
		if r.Error != "" {
			t.Fatalf("no answer: %s", r.Error)
		}
		took = max(took, r.Took)
	}
	return took
}

// answers is a stage on whose server a program answers with 1 MB. An answer takes
// less than 2 s, so that the window of check holds one and has silence at an end
// at least.
func answers(t *testing.T, congestion string) *stage {
	t.Helper()
	request := lab.Request{Receive: 1 << 20, Timeout: settleTime}
	pair := lab.NewLine(t, lab.Line{Delay: 100 * time.Millisecond})
	pair.Client.Sysctl(t, "net.ipv4.tcp_rmem", "4096 131072 16777216")
	pair.Server.Sysctl(t, "net.ipv4.tcp_wmem", "4096 16384 16777216")
	target := pair.Target(8080)
	lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.Answer, Options: lab.Options{Congestion: congestion}})
	var callers []*lab.Process
	return &stage{
		host: pair.Server,
		load: func(t *testing.T) {
			for _, c := range callers {
				c.Stop()
			}
			callers = startCallers(t, pair.Client, 4, lab.Caller{Target: target})
			for range 4 { // until the windows are open
				askAll(t, callers, request)
			}
			lab.Eventually(t, settleTime, func() (bool, string) {
				for _, f := range pair.Server.Flows(t, 8080) {
					if f.Last_data_sent < 1500 {
						return false, "data is still sent"
					}
				}
				return true, ""
			})
			r := request
			r.Silence = 6 * time.Second
			for range 5 { // while check looks, and apply
				beginAll(t, callers, r)
			}
		},
		number: func(t *testing.T) float64 { return float64(slowest(t, callers).Milliseconds()) },
	}
}

func startCallers(t *testing.T, h *lab.Host, n int, c lab.Caller) (callers []*lab.Process) {
	t.Helper()
	for range n {
		callers = append(callers, lab.StartCaller(t, h, c))
	}
	return callers
}

// forgetful is a stage with a gateway that forgets a connection on which it saw
// nothing for some time. Three programs ask, are silent, and ask again; check
// looks when the silence has lasted for quiet.
func forgetful(t *testing.T, forgets, silence, quiet time.Duration, options *lab.Options) *stage {
	t.Helper()
	n := lab.NewTriple(t)
	n.Gateway.Sysctl(t, "net.netfilter.nf_conntrack_tcp_timeout_established", fmt.Sprint(forgets.Seconds()))
	target := n.Target(8080)
	lab.Serve(t, n.Server, lab.Server{Address: target, Behaviour: lab.Answer})
	var callers []*lab.Process
	var others *lab.Process
	return &stage{
		host: n.Client,
		load: func(t *testing.T) {
			if others != nil {
				others.Stop()
			}
			others = lab.StartClient(t, n.Client, lab.Client{Targets: oneTarget(target), Count: 25, Ending: lab.Keep, Options: *options})
			others.Result(t)
			callers = nil
			for range 3 {
				c := startCallers(t, n.Client, 1, lab.Caller{Target: target, Options: *options})
				askAll(t, c, lab.Request{Receive: 1})
				callers = append(callers, c...)
			}
			beginAll(t, callers, lab.Request{Silence: silence, Receive: 1})
			began := time.Now()
			lab.Eventually(t, quiet+settleTime, func() (bool, string) { return time.Since(began) >= quiet, "the silence is not long enough" })
		},
		number: func(t *testing.T) float64 {
			lost := 0.0
			for _, c := range callers {
				r := c.Reply(t)
				if r.Error != "" && r.Error != "timeout" {
					t.Errorf("error %q", r.Error)
				}
				if r.Error != "" {
					lost++
				}
				c.Stop()
			}
			return lost
		},
	}
}
