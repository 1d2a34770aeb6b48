// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"testing"
	"time"
)

// TestTriple: the gateway translates, and forgets a connection that is silent
// for too long unless keepalive keeps it alive.
func TestTriple(t *testing.T) {
	tests := []struct {
		name      string
		keepAlive bool
		want      string
	}{
		{"silent", false, "timeout"},
		{"keepalive", true, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			Isolate(t, func(t *testing.T) {
				n := NewTriple(t)
				n.Gateway.Sysctl(t, "net.netfilter.nf_conntrack_tcp_timeout_established", "4")
				n.Client.Sysctl(t, "net.ipv4.tcp_keepalive_time", "1")
				n.Client.Sysctl(t, "net.ipv4.tcp_keepalive_intvl", "1")
				Serve(t, n.Server, Server{Address: n.Target(8080), Behaviour: Answer})
				caller := StartCaller(t, n.Client, Caller{Target: n.Target(8080), Options: Options{KeepAlive: test.keepAlive}})
				if r := caller.Ask(t, Request{Receive: 1}); r.Error != "" {
					t.Fatalf("first request: %+v", r)
				}
				flows := n.Server.Flows(t, 8080)
				if len(flows) != 1 || flows[0].Remote.Addr() != n.GatewayAddress {
					t.Errorf("the server sees %+v, want one connection from %v", flows, n.GatewayAddress)
				}
				if r := caller.Ask(t, Request{Silence: 6 * time.Second, Receive: 1}); r.Error != test.want {
					t.Errorf("second request: %+v, want error %q", r, test.want)
				}
				probes := needCounter(t, n.Client, "TcpExt.TCPKeepAlive")
				t.Logf("%d probes", probes)
				if (probes > 0) != test.keepAlive {
					t.Errorf("%d keepalive probes", probes)
				}
			})
		})
	}
}

// TestTripleHalfClosed: the gateway forgets a connection that the client has
// half closed while the server thinks.
func TestTripleHalfClosed(t *testing.T) {
	tests := []struct {
		closeWait string // seconds
		want      string
	}{
		{"1", "timeout"},
		{"60", ""},
	}
	for _, test := range tests {
		t.Run(test.closeWait+" s", func(t *testing.T) {
			Isolate(t, func(t *testing.T) {
				n := NewTriple(t)
				n.Gateway.Sysctl(t, "net.netfilter.nf_conntrack_tcp_timeout_close_wait", test.closeWait)
				Serve(t, n.Server, Server{Address: n.Target(8080), Behaviour: Answer})
				caller := StartCaller(t, n.Client, Caller{Target: n.Target(8080)})
				r := caller.Ask(t, Request{HalfClose: true, Think: 3 * time.Second, Receive: 1, Timeout: 6 * time.Second})
				if r.Error != test.want {
					t.Errorf("answer: %+v, want error %q", r, test.want)
				}
			})
		})
	}
}
