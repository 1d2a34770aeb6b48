// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

func TestScenarioAcceptQueue(t *testing.T) {
	tests := []struct {
		name, somaxconn string
		backlog         int
		queue, limit    uint32
		verdict         rules.Verdict
		sysctls         []string
		words           []string
		not             string
	}{
		{
			name: "program", somaxconn: "4096", backlog: 64, queue: 65, limit: 64,
			verdict: rules.VerdictApplication, sysctls: []string{},
			words: []string{
				"the program must change, no sysctl cures it", "passes to listen() from 64 to 1024 and restart it",
				"The program is the limit here; raising net.core.somaxconn (4096) does nothing",
			},
			not: "set net.core.somaxconn",
		},
		{
			name: "sysctl", somaxconn: "128", backlog: 1024, queue: 129, limit: 128,
			verdict: rules.VerdictSysctl, sysctls: []string{"net.core.somaxconn = 4096"},
			words: []string{
				"a kernel setting", "set net.core.somaxconn = 4096 (now 128)",
				"calls listen() again; restart it",
			},
			not: "does nothing",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lab.Isolate(t, func(t *testing.T) {
				pair := lab.NewPair(t)
				target := pair.Target(8080)
				pair.Server.Sysctl(t, "net.core.somaxconn", test.somaxconn)
				server := lab.Serve(t, pair.Server, lab.Server{Name: "stuck", Address: target, Backlog: test.backlog, Behaviour: lab.NeverAccept})
				lab.Connect(t, pair.Client, lab.Client{Targets: oneTarget(target), Count: int(test.queue) + 20, NonBlocking: true})
				lab.Eventually(t, settleTime, func() (bool, string) {
					l := pair.Server.Listener(t, 8080)
					return l.RecvQ == test.queue && l.SendQ == test.limit, fmt.Sprintf("queue %d/%d", l.RecvQ, l.SendQ)
				})
				client := lab.StartClient(t, pair.Client, lab.Client{
					Targets: oneTarget(target), Duration: time.Minute, Interval: 20 * time.Millisecond, NonBlocking: true,
				})
				d := diagnose(t, pair.Server)
				client.Stop()

				d.finds(t, map[string]rules.Severity{"accept-queue-overflow": rules.Critical})
				f := d.finding(t, "accept-queue-overflow")
				wantAnswer(t, f, test.verdict, target.String())
				if p, n := evidenceOf(t, f, "process"), evidenceOf(t, f, "accept queue"); p != processName(server) || n != float64(test.queue) {
					t.Errorf("process %v, accept queue %v", p, n)
				}
				for _, name := range []string{
					"connection requests dropped by this listener",
					"connection requests dropped because an accept queue was full (ListenOverflows)",
				} {
					if rate, ok := evidenceOf(t, f, name).(float64); !ok || rate < 5 {
						t.Errorf("%s: %v", name, rate)
					}
				}
				if diff := cmp.Diff(test.sysctls, proposals(d.Findings...)); diff != "" {
					t.Errorf("proposals (-want +got):\n%s", diff)
				}
				d.says(t, test.words...)
				d.saysNot(t, test.not)
			})
		})
	}
}

func TestScenarioSynSent(t *testing.T) {
	scan := make([]netip.AddrPort, 400)
	for i := range scan {
		scan[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 19, byte(i / 250), byte(1 + i%250)}), 445)
	}
	backend := netip.MustParseAddrPort("198.19.0.1:5432")
	const scanRule, backendRule = "syn-sent-scan", "syn-sent-dead-backend"
	tests := []struct {
		name        string
		targets     []netip.AddrPort
		rule, other string
		sysctls     []string
	}{
		{"scan", scan, scanRule, backendRule, []string{}},
		{"dead backend", oneTarget(backend), backendRule, scanRule, []string{"net.ipv4.tcp_syn_retries = 3"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lab.Isolate(t, func(t *testing.T) {
				pair := lab.NewPair(t)
				pair.Client.BlackHole(t, "eth0", netip.MustParsePrefix("198.19.0.0/16"))
				client := lab.StartClient(t, pair.Client, lab.Client{Name: "caller", Targets: test.targets, Count: 400, NonBlocking: true})
				if r := client.Result(t); r.OK != 400 {
					t.Fatalf("%d SYNs, errors %v", r.OK, r.Errors)
				}
				lab.WaitState(t, pair.Client, lab.SynSent, 400, settleTime)
				d := diagnose(t, pair.Client)

				d.finds(t, map[string]rules.Severity{test.rule: rules.Critical})
				d.lacks(t, test.other)
				f := d.finding(t, test.rule)
				if n := evidenceOf(t, f, "connections without an answer (SYN_SENT)"); n != 400.0 {
					t.Errorf("SYN_SENT: %v", n)
				}
				if diff := cmp.Diff(test.sysctls, proposals(d.Findings...)); diff != "" {
					t.Errorf("proposals (-want +got):\n%s", diff)
				}
				d.says(t, processName(client), "400 SYN_SENT")
				if test.rule == backendRule {
					wantAnswer(t, f, rules.VerdictOperator, backend.String()+" from "+processName(client))
					return
				}
				wantAnswer(t, f, rules.VerdictOperator, processName(client))
				if exe, ok := evidenceOf(t, f, "program").(string); !ok || !strings.HasSuffix(exe, ".test") {
					t.Errorf("program: %v", exe)
				}
				if hosts, uid := evidenceOf(t, f, "different hosts among them"), evidenceOf(t, f, "user id"); hosts != 400.0 || uid != "0" {
					t.Errorf("%v hosts, uid %v", hosts, uid)
				}
			})
		})
	}
}

func TestScenarioSynFlood(t *testing.T) {
	tests := []struct {
		cookies string
		backlog int
		rule    string
		verdict rules.Verdict
		synRecv [2]float64 // least and most
		sysctls []string
		words   []string
	}{
		{
			cookies: "0", backlog: 4096, rule: "syn-flood-cookies-off", verdict: rules.VerdictSysctl,
			synRecv: [2]float64{185, 200}, // three quarters of tcp_max_syn_backlog, plus one
			sysctls: []string{"net.ipv4.tcp_syncookies = 1", "net.ipv4.tcp_syncookies = 1"},
			words:   []string{"set net.ipv4.tcp_syncookies = 1 (now 0)", "Do not raise net.ipv4.tcp_max_syn_backlog instead"},
		},
		{
			cookies: "1", backlog: 128, rule: "syn-flood-cookies-on", verdict: rules.VerdictOperator,
			synRecv: [2]float64{124, 134},
			sysctls: []string{},
			words:   []string{"Few of the cookies come back, so this is a SYN flood with forged sources"},
		},
	}
	for _, test := range tests {
		t.Run("tcp_syncookies="+test.cookies, func(t *testing.T) {
			lab.Isolate(t, func(t *testing.T) {
				pair := lab.NewPair(t)
				attacker := lab.NewHost(t, "attacker")
				lab.Join(t, attacker, netip.MustParsePrefix("198.18.2.1/24"), pair.Server, netip.MustParsePrefix("198.18.2.2/24"))
				sources := netip.MustParsePrefix("198.19.0.0/16")
				pair.Server.BlackHole(t, "eth1", sources)
				attacker.Route(t, netip.MustParsePrefix("198.18.1.0/24"), netip.MustParseAddr("198.18.2.2"))
				for key, value := range map[string]string{
					"net.ipv4.tcp_syncookies": test.cookies, "net.ipv4.tcp_max_syn_backlog": "256", "net.ipv4.tcp_synack_retries": "5",
				} {
					pair.Server.Sysctl(t, key, value)
				}
				target := pair.Target(8080)
				lab.Serve(t, pair.Server, lab.Server{Address: target, Backlog: test.backlog, Behaviour: lab.Echo})
				flood := lab.StartFlood(t, attacker, lab.Flood{Target: target, Sources: sources, Count: 30000, Duration: time.Minute})
				lab.Eventually(t, settleTime, func() (bool, string) {
					c := pair.Server.Counters(t)
					return c["TcpExt.ListenDrops"]+c["TcpExt.SyncookiesSent"] > 100, "the queue does not fill up"
				})
				d := diagnose(t, pair.Server)
				flood.Stop()

				want := map[string]rules.Severity{test.rule: rules.Critical}
				if test.cookies == "0" {
					want["syncookies-disabled"] = rules.Warning
				}
				d.finds(t, want)
				f := d.finding(t, test.rule)
				if f.Verdict != test.verdict || !strings.Contains(f.Subject, ":8080") {
					t.Errorf("verdict %s about %q, want %s about port 8080", f.Verdict, f.Subject, test.verdict)
				}
				n, ok := evidenceOf(t, f, "half-open connections (SYN_RECV)").(float64)
				if !ok || n < test.synRecv[0] || n > test.synRecv[1] {
					t.Errorf("SYN_RECV: %v, want %v", n, test.synRecv)
				}
				if diff := cmp.Diff(test.sysctls, proposals(d.Findings...)); diff != "" {
					t.Errorf("proposals (-want +got):\n%s", diff)
				}
				d.says(t, test.words...)
			})
		})
	}
}
