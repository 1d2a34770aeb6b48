// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

func TestScenarioPortsUsedUp(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		pair := lab.NewPair(t)
		target := pair.Target(8080)
		for key, value := range map[string]string{
			"net.ipv4.ip_local_port_range": "20000 20499", "net.ipv4.tcp_tw_reuse": "2",
			"net.ipv4.tcp_rfc1337": "1", // or a RST frees a port now and then
		} {
			pair.Client.Sysctl(t, key, value)
		}
		lab.Serve(t, pair.Client, lab.Server{Address: netip.AddrPortFrom(pair.ClientAddress, 18080), Behaviour: lab.Hold})
		lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.SinkClose})
		r := lab.Connect(t, pair.Client, lab.Client{Targets: oneTarget(target), Count: 600})
		if r.OK != 500 || r.Errors["EADDRNOTAVAIL"] != 100 {
			t.Fatalf("%d ok, errors %v", r.OK, r.Errors)
		}
		lab.WaitState(t, pair.Client, lab.TimeWait, 500, settleTime)

		d := diagnose(t, pair.Client)
		d.finds(t, map[string]rules.Severity{"ephemeral-port-exhaustion": rules.Critical})
		f := d.finding(t, "ephemeral-port-exhaustion")
		wantAnswer(t, f, rules.VerdictSysctl, target.String())
		for name, n := range map[string]float64{"local ports in use": 500, "share in use": 100, "TIME_WAIT": 500} {
			if got := evidenceOf(t, f, name); got != n {
				t.Errorf("%s: %v, want %v", name, got, n)
			}
		}
		if first := f.Recommendations[0]; first.Kind != "action" || !strings.Contains(first.Action, "connection pool") {
			t.Errorf("the first recommendation is %+v, not a connection pool", first)
		}
		if diff := cmp.Diff([]string{
			"net.ipv4.tcp_tw_reuse = 1", "net.ipv4.ip_local_reserved_ports = 18080", "net.ipv4.ip_local_port_range = 10240 65535",
		}, proposals(*f)); diff != "" {
			t.Errorf("proposals (-want +got):\n%s", diff)
		}
		d.says(t, "set net.ipv4.tcp_tw_reuse = 1 (now 2)", "the present value 2 reuses them over loopback only",
			"set net.ipv4.ip_local_port_range = 10240 65535 (now 20000 20499)")
	})
}

func TestScenarioTimeWait(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		connections, enough := many(24000), many(16000) // a SYN may be accepted out of TIME_WAIT, so fewer stay
		pair := lab.NewPair(t)
		target := pair.Target(8080)
		pair.Client.Sysctl(t, "net.ipv4.ip_local_port_range", "1024 65535")
		pair.Server.Sysctl(t, "net.ipv4.tcp_max_tw_buckets", "131072")
		lab.Serve(t, pair.Server, lab.Server{Address: target, Behaviour: lab.ActiveClose})
		r := lab.Connect(t, pair.Client, lab.Client{Targets: oneTarget(target), Count: connections, Receive: lab.ReceiveEOF})
		if r.OK != connections {
			t.Fatalf("%d ok, errors %v", r.OK, r.Errors)
		}
		if n := pair.Server.States(t)[lab.TimeWait]; n < enough {
			t.Fatalf("%d sockets in TIME_WAIT, want more than %d", n, enough)
		}
		d := diagnose(t, pair.Server)
		d.finds(t, map[string]rules.Severity{})
		f := d.finding(t, "time-wait-high-harmless")
		wantAnswer(t, f, rules.VerdictHarmless, "")
		if n, ok := evidenceOf(t, f, "TIME_WAIT").(float64); !ok || n < float64(enough) || n > float64(connections) {
			t.Errorf("TIME_WAIT: %v", n)
		}
		if list := proposals(d.Findings...); f.Severity != rules.Info || len(list) > 0 {
			t.Errorf("severity %s, proposals %q", f.Severity, list)
		}
		d.says(t, "Many TIME_WAIT sockets, no harm: leave them alone", ":8080", "no problem found")
	})
}
