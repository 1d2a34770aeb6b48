// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/rules"
)

// A healthyHost is a host that needs no tuning, with what goes on there while
// check watches.
type healthyHost struct {
	*lab.Host
	traffic []*lab.Process
}

// TestHealthy is the corpus of false alarms: check finds nothing at warning or
// above on a host that is well. Freshly booted guests are in TestGuestFresh.
func TestHealthy(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(t *testing.T) healthyHost
	}{
		{"idle", idleHost},
		{"container", container},
		{"web server", webServer},
		{"proxy", proxy},
		{"database", database},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lab.Isolate(t, func(t *testing.T) {
				elsewhere := machineFindings(diagnose(t, lab.NewHost(t, "before")))
				h := tt.make(t)
				wantSilence(t, diagnose(t, h.Host), elsewhere)
				for _, p := range h.traffic {
					if r := p.Finish(t); r.OK == 0 || len(r.Errors) > 0 {
						t.Errorf("%s got %d answers and the errors %v: the host is not well", p.Name, r.OK, r.Errors)
					}
				}
			})
		})
	}
}

// machineFindings are the rules about the whole machine that found something.
func machineFindings(d *diagnosis) []string {
	var found []string
	for _, f := range d.Findings {
		if f.Scope == "host" {
			found = append(found, f.Rule)
		}
	}
	return found
}

// wantSilence checks that nothing was found at warning or above. What the
// machine had before the host was made is not the host's.
func wantSilence(t *testing.T, d *diagnosis, before []string) {
	t.Helper()
	for _, f := range d.Findings {
		if f.Severity.AtLeast(rules.Warning) && !slices.Contains(before, f.Rule) {
			t.Errorf("false alarm: %s %s about %q: %+v", f.Severity, f.Rule, f.Subject, f.Evidence)
		}
	}
}

// idleHost has the listeners of any host and nobody who connects.
func idleHost(t *testing.T) healthyHost {
	h := lab.NewHost(t, "idle")
	for name, address := range map[string]string{"sshd": "[::]:22", "resolver": "127.0.0.53:53", "mta": "127.0.0.1:25"} {
		lab.Serve(t, h, lab.Server{Name: name, Address: netip.MustParseAddrPort(address), Backlog: 128, Behaviour: lab.Echo})
	}
	return healthyHost{Host: h}
}

// container is a new network namespace with one service and a few requests.
func container(t *testing.T) healthyHost {
	pair := lab.NewPair(t)
	lab.Serve(t, pair.Server, lab.Server{Name: "app", Address: pair.Target(8080), Behaviour: lab.Echo})
	return healthyHost{pair.Server, []*lab.Process{request(t, pair, 8080, 20*time.Millisecond)}}
}

// request asks an echo server again and again, each time on a new connection,
// until check has watched.
func request(t *testing.T, pair *lab.Pair, port uint16, interval time.Duration) *lab.Process {
	t.Helper()
	return lab.StartClient(t, pair.Client, lab.Client{
		Name: "visitor", Targets: oneTarget(pair.Target(port)), Duration: longTime, Interval: interval,
		Send: "GET", Receive: lab.ReceiveMessage, Timeout: answerTime(),
	})
}

// answerTime is when a visitor would call the host ill.
func answerTime() time.Duration { return lab.Patience(5 * time.Second) }

// many is a number of connections: a tenth of n in a guest, which needs as long
// for them.
func many(n int) int {
	if lab.Guest() {
		return n / 10
	}
	return n
}

// keep opens connections that stay, from several processes: each may have only
// so many descriptors.
func keep(t *testing.T, from *lab.Host, targets []netip.AddrPort, processes, each int) {
	t.Helper()
	for range processes {
		r := lab.Connect(t, from, lab.Client{
			Name: "keeper", Targets: targets, Count: each, Send: "hello", Receive: lab.ReceiveMessage, Timeout: answerTime(), Ending: lab.Keep,
		})
		if r.OK != each {
			t.Fatalf("%d of %d connections stand, errors %v", r.OK, each, r.Errors)
		}
	}
}

// webServer has 20,000 keep-alive connections, about 10,000 sockets in
// TIME_WAIT, and new visitors.
func webServer(t *testing.T) healthyHost {
	const workers = 4
	each, gone := many(5000), many(10500) // a SYN may be accepted out of TIME_WAIT, so fewer stay
	pair := lab.NewPair(t)
	pair.Client.Sysctl(t, "net.ipv4.ip_local_port_range", "1024 65535")
	pair.Server.Sysctl(t, "net.ipv4.tcp_max_tw_buckets", "65536")
	for worker := range workers {
		port := uint16(8080 + worker)
		lab.Serve(t, pair.Server, lab.Server{Name: "httpd", Address: pair.Target(port), Behaviour: lab.Echo})
		keep(t, pair.Client, oneTarget(pair.Target(port)), 1, each)
	}
	lab.Serve(t, pair.Server, lab.Server{Name: "httpd", Address: pair.Target(80), Behaviour: lab.ActiveClose})
	lab.Connect(t, pair.Client, lab.Client{Targets: oneTarget(pair.Target(80)), Count: gone, Receive: lab.ReceiveEOF, Timeout: answerTime()})
	states := pair.Server.States(t)
	if states[lab.Established] != workers*each || states[lab.TimeWait] < many(8000) {
		t.Fatalf("the server has %v", states)
	}
	return healthyHost{pair.Server, []*lab.Process{request(t, pair, 8080, 5*time.Millisecond)}}
}

// proxy uses just under half of its local ports to one of twenty destinations,
// half of them in TIME_WAIT.
func proxy(t *testing.T) healthyHost {
	const destinations = 20
	ports, few, half := many(28232), many(300), many(6900)
	pair := lab.NewPair(t)
	backends := oneTarget(pair.Target(8080))
	for i := range destinations - 1 {
		address := netip.AddrFrom4([4]byte{198, 18, 1, byte(10 + i)})
		pair.Server.AddAddress(t, "eth0", netip.PrefixFrom(address, 24))
		backends = append(backends, netip.AddrPortFrom(address, 8080))
	}
	pair.Client.Sysctl(t, "net.ipv4.ip_local_port_range", fmt.Sprintf("32768 %d", 32767+ports))
	pair.Client.Sysctl(t, "net.ipv4.tcp_max_tw_buckets", "65536")
	lab.Serve(t, pair.Client, lab.Server{Name: "proxy", Address: netip.AddrPortFrom(pair.ClientAddress, 80), Behaviour: lab.Echo})
	lab.Serve(t, pair.Server, lab.Server{Name: "backend", Address: netip.MustParseAddrPort("0.0.0.0:8080"), Behaviour: lab.Echo})
	keep(t, pair.Client, backends, 1, destinations*few)
	keep(t, pair.Client, backends[:1], 1, half-few)
	r := lab.Connect(t, pair.Client, lab.Client{
		Targets: backends[:1], Count: half, Send: "GET", Receive: lab.ReceiveMessage, Timeout: answerTime(),
	})
	if r.OK != half {
		t.Fatalf("%d of %d requests answered, errors %v", r.OK, half, r.Errors)
	}
	return healthyHost{pair.Client, []*lab.Process{lab.StartClient(t, pair.Client, lab.Client{
		Name: "proxy", Targets: backends[1:], Duration: longTime, Interval: 5 * time.Millisecond,
		Send: "GET", Receive: lab.ReceiveMessage, Timeout: answerTime(),
	})}}
}

// database has 300 long connections, some of them busy.
func database(t *testing.T) healthyHost {
	pair := lab.NewPair(t)
	lab.Serve(t, pair.Server, lab.Server{Name: "postgres", Address: pair.Target(5432), Backlog: 244, Behaviour: lab.Echo})
	keep(t, pair.Client, oneTarget(pair.Target(5432)), 3, 100)
	return healthyHost{pair.Server, []*lab.Process{request(t, pair, 5432, 50*time.Millisecond)}}
}
