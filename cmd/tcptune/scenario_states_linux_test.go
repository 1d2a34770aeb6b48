// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/lab"
	"github.com/tcptune/tcptune/internal/report"
	"github.com/tcptune/tcptune/internal/snapshot"
)

// A zoo is a host with sockets in many states, over IPv4 and IPv6, that stay
// there for a minute.
type zoo struct {
	host            *lab.Host
	holder, quitter *lab.Process // servers: the one keeps what it accepts, the other closes
	caller          *lab.Process // has connections in ESTABLISHED
	dialer          *lab.Process // has connections in SYN_SENT
}

// The numbers of sockets of a zoo, for each of IPv4 and IPv6.
const (
	zooOpen    = 5  // ESTABLISHED on both ends
	zooClosed  = 7  // CLOSE_WAIT on the server, FIN_WAIT2 on the client
	zooDone    = 11 // TIME_WAIT on the client
	zooUnheard = 3  // SYN_SENT, IPv4 only
)

func newZoo(t *testing.T) *zoo {
	t.Helper()
	pair := lab.NewPair(t)
	z := &zoo{host: pair.Client}
	z.host.Sysctl(t, "net.ipv4.tcp_rfc1337", "1") // or a RST ends a TIME_WAIT now and then
	z.host.BlackHole(t, "eth0", netip.MustParsePrefix("198.19.0.0/16"))
	var holders, quitters []netip.AddrPort
	for _, address := range []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()} {
		holders, quitters = append(holders, netip.AddrPortFrom(address, 8080)), append(quitters, netip.AddrPortFrom(address, 8081))
	}
	for i := range holders {
		z.holder = lab.Serve(t, z.host, lab.Server{Name: "holder", Address: holders[i], Behaviour: lab.Hold})
		z.quitter = lab.Serve(t, z.host, lab.Server{Name: "quitter", Address: quitters[i], Behaviour: lab.SinkClose})
	}
	connect := func(c lab.Client) *lab.Process {
		t.Helper()
		p := lab.StartClient(t, z.host, c)
		if r := p.Result(t); r.OK != c.Count {
			t.Fatalf("%d of %d connections, errors %v", r.OK, c.Count, r.Errors)
		}
		return p
	}
	connect(lab.Client{Targets: holders, Count: 2 * zooClosed})
	connect(lab.Client{Targets: quitters, Count: 2 * zooDone})
	z.caller = connect(lab.Client{Name: "caller", Targets: holders, Count: 2 * zooOpen, Ending: lab.Keep})
	z.dialer = connect(lab.Client{Name: "dialer", Targets: oneTarget(netip.MustParseAddrPort("198.19.0.1:5432")), Count: zooUnheard, NonBlocking: true})
	for state, n := range map[lab.State]int{
		lab.Listen: 4, lab.Established: 4 * zooOpen, lab.CloseWait: 2 * zooClosed, lab.FinWait2: 2 * zooClosed,
		lab.TimeWait: 2 * zooDone, lab.SynSent: zooUnheard,
	} {
		lab.WaitState(t, z.host, state, n, settleTime)
	}
	return z
}

// askStates runs the command and returns its JSON form.
func askStates(t *testing.T, h *lab.Host, args ...string) *report.States {
	t.Helper()
	out := runCommand(t, h.Command("tcptune", append([]string{"states", "--format", "json"}, args...)...))
	if out.status != exitOK || out.stderr != "" {
		t.Fatalf("states %v: status %d, stderr %q", args, out.status, out.stderr)
	}
	if err := validateSchema("states", []byte(out.stdout)); err != nil {
		t.Fatalf("states %v: %v", args, err)
	}
	s := &report.States{}
	if err := json.Unmarshal([]byte(out.stdout), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// ssStates maps the states of ss(8) to ours.
func ssStates() map[string]string {
	return map[string]string{
		"LISTEN": "listen", "ESTAB": "established", "SYN-SENT": "syn_sent", "SYN-RECV": "syn_recv", "FIN-WAIT-1": "fin_wait1",
		"FIN-WAIT-2": "fin_wait2", "TIME-WAIT": "time_wait", "UNCONN": "close", "CLOSE-WAIT": "close_wait", "LAST-ACK": "last_ack",
		"CLOSING": "closing",
	}
}

// countSS counts the sockets that ss -tanH lists, by state.
func countSS(t *testing.T, h *lab.Host) map[string]int64 {
	t.Helper()
	if _, err := exec.LookPath("ss"); err != nil {
		lab.Unavailable(t, "ss", err)
	}
	out := runCommand(t, h.Command("ss", "-tanH"))
	if out.status != 0 {
		t.Fatalf("ss: %+v", out)
	}
	counts := map[string]int64{}
	for line := range strings.Lines(out.stdout) {
		state, _, _ := strings.Cut(line, " ")
		name, ok := ssStates()[state]
		if !ok {
			t.Fatalf("unknown state of ss: %q", line)
		}
		counts[name]++
	}
	return counts
}

func needIPv6(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/proc/thread-self/net/tcp6"); err != nil {
		lab.Unavailable(t, "ipv6", errors.New("the kernel has no IPv6"))
	}
}

// zooStates are the numbers of sockets in all.
func zooStates() map[string]int64 {
	return map[string]int64{
		"listen": 4, "established": 4 * zooOpen, "close_wait": 2 * zooClosed, "fin_wait2": 2 * zooClosed,
		"time_wait": 2 * zooDone, "syn_sent": zooUnheard,
	}
}

func TestScenarioStates(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		needIPv6(t)
		z := newZoo(t)
		for _, args := range [][]string{nil, {"--no-netlink"}} {
			if diff := cmp.Diff(zooStates(), askStates(t, z.host, args...).States); diff != "" {
				t.Errorf("states %v (-want +got):\n%s", args, diff)
			}
		}
		out := runCommand(t, z.host.Command("tcptune", "states"))
		for _, line := range []string{"4 LISTEN", "20 ESTABLISHED", "14 CLOSE_WAIT", "14 FIN_WAIT2", "22 TIME_WAIT", "3 SYN_SENT", "77 all"} {
			if !strings.Contains(fold(out.stdout), line) {
				t.Errorf("the text lacks %q:\n%s", line, out.stdout)
			}
		}
		if out = runCommand(t, z.host.Command("tcptune", "states", "--no-netlink")); !strings.Contains(out.stdout, "not read: sock_diag") {
			t.Errorf("--no-netlink is not told:\n%s", out.stdout)
		}
	})
}

// TestScenarioStatesLikeSS has a zoo of its own, because TIME_WAIT ends after a
// minute.
func TestScenarioStatesLikeSS(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		needIPv6(t)
		z := newZoo(t)
		if diff := cmp.Diff(countSS(t, z.host), askStates(t, z.host).States); diff != "" {
			t.Errorf("states (-ss +states):\n%s", diff)
		}
	})
}

func TestScenarioStatesGrouped(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		needIPv6(t)
		z := newZoo(t)
		row := func(pairs ...any) map[string]int64 {
			counts := map[string]int64{}
			for i := 0; i < len(pairs); i += 2 {
				counts[pairs[i].(string)] = int64(pairs[i+1].(int))
			}
			return counts
		}
		holder, quitter := row("listen", 1, "established", zooOpen, "close_wait", zooClosed), row("listen", 1)
		toHolder, toQuitter := row("established", zooOpen, "fin_wait2", zooClosed), row("time_wait", zooDone)
		tests := []struct {
			by   snapshot.Grouping
			want map[string]map[string]int64
		}{
			{snapshot.ByListener, map[string]map[string]int64{
				"127.0.0.1:8080": holder, "[::1]:8080": holder, "127.0.0.1:8081": quitter, "[::1]:8081": quitter,
			}},
			{snapshot.ByDestination, map[string]map[string]int64{
				"127.0.0.1:8080": toHolder, "[::1]:8080": toHolder, "127.0.0.1:8081": toQuitter, "[::1]:8081": toQuitter,
				"198.19.0.1:5432": row("syn_sent", zooUnheard),
			}},
			{snapshot.ByProcess, map[string]map[string]int64{
				"holder": row("listen", 2, "established", 2*zooOpen, "close_wait", 2*zooClosed), "quitter": row("listen", 2),
				"caller": row("established", 2*zooOpen), "dialer": row("syn_sent", zooUnheard),
				"(no process)": row("fin_wait2", 2*zooClosed, "time_wait", 2*zooDone),
			}},
		}
		for _, test := range tests {
			for _, args := range [][]string{nil, {"--no-netlink"}} {
				s := askStates(t, z.host, append(args, "--by", string(test.by))...)
				got := map[string]map[string]int64{}
				for _, r := range s.Rows {
					name := r.Name
					if test.by == snapshot.ByProcess { // the two servers of a name are one here
						name, _, _ = strings.Cut(name, "[")
					}
					if got[name] == nil {
						got[name] = map[string]int64{}
					}
					for state, n := range r.States {
						got[name][state] += n
					}
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("states --by %s %v (-want +got):\n%s", test.by, args, diff)
				}
			}
		}
		text := runCommand(t, z.host.Command("tcptune", "states", "--by", "listener")).stdout
		for _, words := range []string{fmt.Sprintf("[::1]:8080 %s, queue 0 of ", processName(z.holder)), "LISTEN ESTAB CLOSE-W"} {
			if !strings.Contains(fold(text), words) {
				t.Errorf("the text lacks %q:\n%s", words, text)
			}
		}
		text = runCommand(t, z.host.Command("tcptune", "states", "--by", "process")).stdout
		for _, p := range []*lab.Process{z.holder, z.quitter, z.caller, z.dialer} {
			if !strings.Contains(text, processName(p)) {
				t.Errorf("the text lacks %q:\n%s", processName(p), text)
			}
		}
	})
}
