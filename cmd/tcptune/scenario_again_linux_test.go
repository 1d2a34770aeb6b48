// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/lab"
)

// hold opens a listener on a port of the loopback address, and connections to it.
func hold(t *testing.T, h *lab.Host, port uint16, connections int) {
	t.Helper()
	target := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
	lab.Serve(t, h, lab.Server{Address: target, Behaviour: lab.Hold})
	if r := lab.Connect(t, h, lab.Client{Targets: oneTarget(target), Count: connections}); r.OK != connections {
		t.Fatalf("%d of %d connections to port %d: %v", r.OK, connections, port, r.Errors)
	}
}

// wantLive compares live values.
func wantLive(t *testing.T, h *lab.Host, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for key := range want {
		got[key] = h.ReadSysctl(t, key)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("live values (-want +got):\n%s", diff)
	}
}

// TestScenarioApplyUnderLoad applies a profile whose formula reads the listeners: the
// second run changes nothing although another program listens by then.
func TestScenarioApplyUnderLoad(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		const reserved = "net.ipv4.ip_local_reserved_ports"
		before := liveNet(t, host)
		proxy := []string{"apply", "--profile", "proxy", "--runtime-only", "--detailed-exitcode"}

		hold(t, host, 20000, 10)
		if a := applied(t, host, exitChanged, proxy...); !a.Changed {
			t.Errorf("first run: %+v", a)
		}
		after := liveNet(t, host)
		wantLive(t, host, map[string]string{reserved: "20000", "net.ipv4.ip_local_port_range": "10240 65535"})

		hold(t, host, 30000, 200)
		if a := applied(t, host, exitOK, proxy...); a.Changed || a.Entry != 0 {
			t.Errorf("second run: %+v", a)
		}
		if diff := cmp.Diff(after, liveNet(t, host)); diff != "" {
			t.Errorf("the second run changed values (-before +after):\n%s", diff)
		}

		if a := applied(t, host, exitChanged, append(proxy, "--refresh")...); !a.Changed {
			t.Errorf("with --refresh: %+v", a)
		}
		wantLive(t, host, map[string]string{reserved: "20000,30000"})
		if a := applied(t, host, exitOK, append(proxy, "--refresh")...); a.Changed {
			t.Errorf("with --refresh again: %+v", a)
		}

		applied(t, host, exitOK, "apply", "--absent", "--runtime-only")
		if diff := cmp.Diff(before, liveNet(t, host)); diff != "" {
			t.Errorf("after --absent (-before +after):\n%s", diff)
		}
	})
}

// TestScenarioApplyBlocks puts one block over the other and takes them out: each key
// goes back to its value from before tcptune, not to that of the run before.
func TestScenarioApplyBlocks(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		const idle, mtu, fin = "net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_mtu_probing", "net.ipv4.tcp_fin_timeout"
		host.Sysctl(t, fin, "45") // not the kernel's default
		before := liveNet(t, host)
		apply := func(want int, args ...string) {
			t.Helper()
			applied(t, host, want, append([]string{"apply", "--runtime-only", "--detailed-exitcode"}, args...)...)
		}

		apply(exitChanged, "--profile", "server")
		wantLive(t, host, map[string]string{mtu: "1", idle: "1", fin: "45"})
		apply(exitChanged, "--profile", "web")
		wantLive(t, host, map[string]string{mtu: "1", idle: "0", fin: "45"})
		apply(exitChanged, "--set", "tcp_fin_timeout=30", "--set", "tcp_mtu_probing=2")
		wantLive(t, host, map[string]string{mtu: "2", idle: "0", fin: "30"})
		apply(exitOK, "--profile", "web") // what was set wins
		apply(exitChanged, "--set", "tcp_fin_timeout=20")
		apply(exitChanged, "--profile", "server")
		wantLive(t, host, map[string]string{mtu: "2", idle: "1", fin: "20"})
		apply(exitChanged, "--unset", "tcp_fin_timeout")
		wantLive(t, host, map[string]string{mtu: "2", idle: "1", fin: "45"})
		apply(exitOK, "--unset", "tcp_fin_timeout")
		if out := runCommand(t, host.Command("tcptune", "verify", "--runtime")); out.status != exitOK {
			t.Errorf("verify: status %d\n%s", out.status, out.stdout)
		}

		apply(exitChanged, "--absent")
		if diff := cmp.Diff(before, liveNet(t, host)); diff != "" {
			t.Errorf("after --absent (-before +after):\n%s", diff)
		}
		apply(exitOK, "--absent")

		applied(t, host, exitOK, "rollback", "--to", "0")
		if diff := cmp.Diff(before, liveNet(t, host)); diff != "" {
			t.Errorf("after rollback (-before +after):\n%s", diff)
		}
	})
}

// TestScenarioApplyRecommended takes what a finding of the kernel's present state
// recommends, once somebody agrees.
func TestScenarioApplyRecommended(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		host.Sysctl(t, "net.ipv4.tcp_tw_reuse", "1")
		host.Sysctl(t, "net.ipv4.tcp_timestamps", "0")
		host.Sysctl(t, "net.ipv4.tcp_abort_on_overflow", "1")
		before := liveNet(t, host)
		recommended := []string{"apply", "--recommended", "--window", "0", "--runtime-only", "--detailed-exitcode"}

		if out := runCommand(t, host.Command("tcptune", recommended...)); out.status != exitUsage {
			t.Errorf("without --yes: status %d, want %d\n%s", out.status, exitUsage, out.stderr)
		}
		if diff := cmp.Diff(before, liveNet(t, host)); diff != "" {
			t.Errorf("without --yes (-before +after):\n%s", diff)
		}
		recommended = append(recommended, "--yes")
		applied(t, host, exitChanged, recommended...)
		wantLive(t, host, map[string]string{"net.ipv4.tcp_timestamps": "1", "net.ipv4.tcp_abort_on_overflow": "1"})
		applied(t, host, exitOK, recommended...)
		applied(t, host, exitChanged, append(recommended, "--max-risk", "medium")...)
		wantLive(t, host, map[string]string{"net.ipv4.tcp_timestamps": "1", "net.ipv4.tcp_abort_on_overflow": "0"})
		applied(t, host, exitOK, "rollback", "--to", "0")
		if diff := cmp.Diff(before, liveNet(t, host)); diff != "" {
			t.Errorf("after rollback (-before +after):\n%s", diff)
		}
	})
}

// TestScenarioApplyUnknownCongestion refuses while planning what the kernel would not
// take, and changes nothing of the rest.
func TestScenarioApplyUnknownCongestion(t *testing.T) {
	lab.Isolate(t, func(t *testing.T) {
		host := lab.NewHost(t, "host")
		before := liveNet(t, host)
		out := runCommand(t, host.Command("tcptune", "apply", "--set", "tcp_congestion_control=tcptune-none", "--set", "tcp_fin_timeout=30", "--runtime-only"))
		if out.status != exitFailed {
			t.Errorf("status %d, want %d", out.status, exitFailed)
		}
		for _, words := range []string{"conflict (invalid)", "this kernel has no such congestion control", "available are", "reno"} {
			if !strings.Contains(fold(out.stdout), words) {
				t.Errorf("want %q in\n%s", words, out.stdout)
			}
		}
		if diff := cmp.Diff(before, liveNet(t, host)); diff != "" {
			t.Errorf("values (-before +after):\n%s", diff)
		}
	})
}
