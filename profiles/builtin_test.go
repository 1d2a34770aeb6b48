// SPDX-License-Identifier: Apache-2.0

package profiles

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

// host is a server with 16 GB of memory, on which everything is known.
const host = `
machine: {memory_bytes: 16000000000, cpus: 8, softnet_dropped: 3}
kernel: {release: 6.18.0}
rate: {PassiveOpens: 6000.5}
total: {OutSegs: 1000000, RetransSegs: 200}
ports: {low: 20000, high: 60999, reserve: "8080-8081,33000"}
sysctl:
  net.ipv4.tcp_available_congestion_control: reno cubic bbr
  net.ipv4.ip_local_reserved_ports: "8080"
`

// other is another host, or the same one some time later.
const other = `
machine: {memory_bytes: 2000000000, cpus: 2, softnet_dropped: 0}
kernel: {release: 6.18.0}
rate: {PassiveOpens: 1.0}
total: {OutSegs: 1000000, RetransSegs: 0}
ports: {low: 32768, high: 60999, reserve: ""}
sysctl:
  net.ipv4.tcp_available_congestion_control: reno cubic
  net.ipv4.ip_local_reserved_ports: "9000-9010"
`

// TestBuiltin compares what every profile means on one host with its golden
// file: go test ./profiles -update rewrites them.
func TestBuiltin(t *testing.T) {
	set := builtinSet(t)
	want := []string{"bulk", "client", "database", "desktop", "hardened", "kubernetes-node", "low-latency", "proxy", "server", "web"}
	if diff := cmp.Diff(want, set.Names()); diff != "" {
		t.Fatalf("names (-want +got)\n%s", diff)
	}
	known := decodeFacts(t, host)
	for _, name := range set.Names() {
		t.Run(name, func(t *testing.T) {
			p := resolve(t, set, name)
			compareGolden(t, name+".golden", p.Evaluate(known, Given{Rate: pointer(1e9), RTT: pointer(0.1)}))
			compareGolden(t, name+"-unknown.golden", p.Evaluate(nil, Given{}))
		})
	}
}

func resolve(t *testing.T, s *Set, name string) *Profile {
	t.Helper()
	p, err := s.Resolve(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func compareGolden(t *testing.T, name string, e Evaluation) {
	t.Helper()
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +got)\n%s", path, diff)
	}
}

// TestUnknown checks that what a formula or a condition cannot know is left
// alone with the names of what is missing, unless the formula has a default.
func TestUnknown(t *testing.T) {
	set := builtinSet(t)
	for _, name := range set.Names() {
		e := resolve(t, set, name).Evaluate(nil, Given{})
		for _, l := range e.Left {
			if len(l.Missing) == 0 {
				t.Errorf("%s: %s is left without a missing fact: %s", name, l.Key, l.Reason)
			}
		}
		for _, s := range e.Settings {
			if strings.Contains(s.Value, Unknown) || s.Value == "" {
				t.Errorf("%s: %s = %q of nothing known", name, s.Key, s.Value)
			}
		}
	}
}

// TestFrozen checks that frozen inputs alone decide: on another host the same
// inputs give the same settings.
func TestFrozen(t *testing.T) {
	set := builtinSet(t)
	first, second := decodeFacts(t, host), decodeFacts(t, other)
	for _, name := range set.Names() {
		p := resolve(t, set, name)
		for _, given := range []Given{{}, {Rate: pointer(1e9), RTT: pointer(0.1)}} {
			want := p.Evaluate(first, given)
			got := p.Evaluate(second, Given{Frozen: want.Frozen()})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: other facts changed a frozen evaluation (-want +got)\n%s", name, diff)
			}
			unknown := p.Evaluate(nil, given)
			if diff := cmp.Diff(unknown.Frozen(), p.Evaluate(first, Given{Frozen: unknown.Frozen()}).Frozen()); diff != "" {
				t.Errorf("%s: what was unknown did not stay so (-want +got)\n%s", name, diff)
			}
		}
	}
}

// TestFrozenFlag checks that a flag wins over what is frozen, with all that
// follows from it, and leaves the rest frozen.
func TestFrozenFlag(t *testing.T) {
	p := resolve(t, builtinSet(t), "bulk")
	frozen := p.Evaluate(decodeFacts(t, host), Given{Rate: pointer(1e9), RTT: pointer(0.1)}).Frozen()
	got := p.Evaluate(decodeFacts(t, other), Given{Frozen: frozen, Rate: pointer(2e9)}).Frozen()
	if got["rate"] != "2000000000" || got["rtt"] != "0.1" || got["bdp"] != "25000000" || got["available"] != frozen["available"] {
		t.Errorf("inputs after --rate 2Gbit: %v", got)
	}
	if got := p.Evaluate(nil, Given{Frozen: map[string]string{"memory": "much"}}).Frozen()["memory"]; got != Unknown {
		t.Errorf("a frozen memory that is no number gave %q", got)
	}
}

// TestCapacity checks that no profile lowers a limit but low-latency, which says so.
func TestCapacity(t *testing.T) {
	capacity := []string{"net.core.somaxconn", "net.core.rmem_max", "net.core.wmem_max", "net.core.netdev_max_backlog",
		"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "net.netfilter.nf_conntrack_max"}
	set := builtinSet(t)
	for _, name := range set.Names() {
		for _, r := range resolve(t, set, name).Settings {
			deliberate := r.From == "low-latency" && r.Key == "net.ipv4.tcp_rmem"
			if slices.Contains(capacity, r.Key) && r.Bound != "at_least" && !deliberate {
				t.Errorf("%s: %s is %s, which may lower it", name, r.Key, r.Bound)
			}
		}
	}
}
