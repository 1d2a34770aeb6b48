// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/tcptune/tcptune/internal/facts"
)

// testKeys stand for the catalogue.
var testKeys = []string{
	"net.core.somaxconn", "net.ipv4.tcp_tw_reuse", "net.ipv4.tcp_tw_recycle", "net.ipv4.tcp_rmem",
	"net.ipv4.tcp_congestion_control", "net.ipv4.conf.*.rp_filter",
}

// testFacts is a host of which much is known and much is not.
const testFacts = `
window: {seconds: 10}
kernel: {release: 6.18.44}
netns: {initial: true}
sockets: {time_wait: 30000, established: 2000, syn_recv: 0}
rate: {ListenOverflows: 53.5, ListenDrops: 3}
delta: {}
ports: {low: 32768, high: 60999, overlap: "40000"}
sysctl: {net.core.somaxconn: "4096", net.ipv4.tcp_rmem: "4096 131072 6291456", net.ipv4.tcp_congestion_control: cubic, net.ipv4.conf.eth0.rp_filter: "2"}
defaults: {net.core.somaxconn: "4096", net.ipv4.tcp_rmem: "4096 131072 33554432"}
absent: [net.ipv4.tcp_tw_recycle]
listeners:
  - {address: "198.18.0.2:8080", port: 8080, process: "server[42]", queue: 65, backlog: 64, drops_per_second: 53.5}
  - {address: "198.18.0.2:9090", port: 9090, queue: 0}
destinations: []
lines:
  - {file: /etc/sysctl.conf, number: 3, key: net.ipv4.tcp_tw_recycle, value: "1", status: removed}
`

func newEnvironment(t testing.TB) *Environment {
	t.Helper()
	env, err := New(testKeys)
	if err != nil {
		t.Fatalf("new environment: %v", err)
	}
	return env
}

func decodeFacts(t testing.TB, text string) *facts.Facts {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("parse yaml: %v", err)
	}
	f, err := facts.Decode("facts.yaml", doc.Content[0])
	if err != nil {
		t.Fatalf("decode facts: %v", err)
	}
	return f
}

func source(text string) Source {
	return Source{Text: text, Position: Position{"x.yaml", 1, 1}}
}

func compile(t testing.TB, env *Environment, text string, want Kind, forEach string) *Program {
	t.Helper()
	p, err := env.Compile(source(text), want, forEach)
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	return p
}

// TestUnknown is the promise of this package: a fact that is missing makes the
// result unknown, and is named, unless the rest decides.
func TestUnknown(t *testing.T) {
	tests := []struct {
		name    string
		text    string
		forEach string // the second listener, whose backlog is unknown, is `it`
		want    Result
	}{
		{"field of a group", `rate.TCPBacklogDrop > 0.0`, "", unknown("rate.TCPBacklogDrop")},
		{"field of a group, value", `rate.TCPBacklogDrop`, "", unknown("rate.TCPBacklogDrop")},
		{"whole group", `conntrack.count > 0`, "", unknown("conntrack.count")},
		{"whole group as a text", `conntrack.loaded`, "", unknown("conntrack.loaded")},
		{"whole group behind ?:", `(netns.initial ? machine : machine).cpus > 1`, "", unknown("machine.cpus")},
		{"known zero", `sockets.syn_recv == 0`, "", known(true)},
		{"string", `ports.overlap == "40000"`, "", known(true)},
		{"missing string", `sockets.fin_wait2_peers == ""`, "", unknown("sockets.fin_wait2_peers")},
		{"missing bool", `ports.exact`, "", unknown("ports.exact")},

		{"exists, one true", `listeners.exists(l, l.drops_per_second > 5)`, "", known(true)},
		{"exists, none true", `listeners.exists(l, l.drops_per_second > 100)`, "", unknown("listeners.drops_per_second")},
		{"exists over nothing", `destinations.exists(d, d.time_wait > 0)`, "", known(false)},
		{"all, one false", `listeners.all(l, l.backlog > 64)`, "", known(false)},
		{"all, none false", `listeners.all(l, l.backlog >= 64)`, "", unknown("listeners.backlog")},
		{"exists_one", `listeners.exists_one(l, l.backlog >= 64)`, "", unknown("listeners.backlog")},
		{"filter", `size(listeners.filter(l, l.backlog >= 64))`, "", unknown("listeners.backlog")},
		{"map", `listeners.map(l, l.backlog)[1]`, "", unknown("listeners.backlog")},
		{"index", `listeners[1].backlog`, "", unknown("listeners.backlog")},
		{"index of a missing list", `processes[0].fds`, "", unknown("processes")},
		{"whole list", `processes.exists(p, p.close_wait > 100)`, "", unknown("processes")},
		{"whole list, size", `size(processes) > 0`, "", unknown("processes")},
		{"known empty list", `size(destinations)`, "", known(int64(0))},
		{"lines of a missing group", `size(files.lines("net.core.somaxconn")) > 0`, "", known(false)},

		{"it", `it.backlog > 0`, "listeners", unknown("listeners.backlog")},
		{"it, known", `it.queue == 0`, "listeners", known(true)},
		{"it in exists", `listeners.exists(l, l.queue > it.backlog)`, "listeners", unknown("listeners.backlog")},

		{"false && unknown", `false && ports.exact`, "", known(false)},
		{"unknown && false", `ports.exact && sockets.syn_recv > 0`, "", known(false)},
		{"unknown && true", `ports.exact && true`, "", unknown("ports.exact")},
		{"true && unknown", `sockets.time_wait > 1 && ports.exact`, "", unknown("ports.exact")},
		{"unknown || true", `ports.exact || sockets.time_wait > 1`, "", known(true)},
		{"true || unknown", `true || ports.exact`, "", known(true)},
		{"unknown || false", `ports.exact || false`, "", unknown("ports.exact")},
		{"! unknown", `!ports.exact`, "", unknown("ports.exact")},
		{"unknown ? :", `ports.exact ? 1 : 2`, "", unknown("ports.exact")},
		{"? unknown : not taken", `sockets.syn_recv > 0 ? ports.held : 2`, "", known(int64(2))},
		{"? unknown taken", `sockets.syn_recv == 0 ? ports.held : 2`, "", unknown("ports.held")},
		{"in", `ports.held in [1, 2]`, "", unknown("ports.held")},

		{"arithmetic left", `ports.held + 1 > 0`, "", unknown("ports.held")},
		{"arithmetic right", `2.5 * ports.max_use`, "", unknown("ports.max_use")},
		{"negated", `-ports.held`, "", unknown("ports.held")},
		{"two names", `ports.held / machine.cpus`, "", unknown("machine.cpus", "ports.held")},
		{"two names, other order", `machine.cpus > 1 || ports.held > 1`, "", unknown("machine.cpus", "ports.held")},
		{"three names", `max(ports.held, machine.cpus) > sysctl("net.ipv4.tcp_tw_reuse")`, "",
			unknown("machine.cpus", "ports.held", `sysctl("net.ipv4.tcp_tw_reuse")`)},
		{"one name twice", `ports.held > 1 || ports.held < 0`, "", unknown("ports.held")},
		{"function", `clamp(pow2ceil(2 * ports.held), 1, 2)`, "", unknown("ports.held")},
		{"text function", `sockets.fin_wait2_peers.contains("x")`, "", unknown("sockets.fin_wait2_peers")},
		{"conversion", `string(ports.held)`, "", unknown("ports.held")},
		{"unknown wins over an error", `1 / sockets.syn_recv > 0 && ports.exact`, "", unknown("ports.exact")},
		{"unknown wins over an error, other order", `ports.exact || 1 / sockets.syn_recv > 0`, "", unknown("ports.exact")},

		{"sysctl", `sysctl("net.core.somaxconn")`, "", known(int64(4096))},
		{"sysctl missing", `sysctl("net.ipv4.tcp_tw_reuse") == 1`, "", unknown(`sysctl("net.ipv4.tcp_tw_reuse")`)},
		{"sysctl absent", `sysctl("net.ipv4.tcp_tw_recycle")`, "", unknown(`sysctl("net.ipv4.tcp_tw_recycle")`)},
		{"sysctl no number", `sysctl("net.ipv4.tcp_congestion_control")`, "", unknown(`sysctl("net.ipv4.tcp_congestion_control")`)},
		{"sysctlAt", `sysctlAt("net.ipv4.tcp_rmem", 2)`, "", known(int64(6291456))},
		{"sysctlAt missing", `sysctlAt("net.ipv4.tcp_rmem", 3)`, "", unknown(`sysctlAt("net.ipv4.tcp_rmem", 3)`)},
		{"sysctlText", `sysctlText("net.ipv4.tcp_congestion_control")`, "", known("cubic")},
		{"sysctlText missing", `sysctlText("net.ipv4.tcp_tw_reuse")`, "", unknown(`sysctlText("net.ipv4.tcp_tw_reuse")`)},
		{"sysctlExists", `sysctlExists("net.core.somaxconn")`, "", known(true)},
		{"sysctlExists absent", `sysctlExists("net.ipv4.tcp_tw_recycle")`, "", known(false)},
		{"sysctlExists unknown", `sysctlExists("net.ipv4.tcp_tw_reuse")`, "", unknown(`sysctlExists("net.ipv4.tcp_tw_reuse")`)},

		{"sysctlDefault", `sysctlDefault("net.core.somaxconn")`, "", known(int64(4096))},
		{"sysctlDefault unknown", `sysctlDefault("net.ipv4.tcp_tw_reuse") == 2`, "", unknown(`sysctlDefault("net.ipv4.tcp_tw_reuse")`)},
		{"sysctlDefault settled by the rest", `sysctlDefault("net.ipv4.tcp_tw_reuse") == 2 || netns.initial`, "", known(true)},
		{"sysctlDefaultAt", `sysctlAt("net.ipv4.tcp_rmem", 2) < sysctlDefaultAt("net.ipv4.tcp_rmem", 2)`, "", known(true)},
		{"sysctlDefaultAt unknown", `sysctlDefaultAt("net.ipv4.tcp_rmem", 3)`, "", unknown(`sysctlDefaultAt("net.ipv4.tcp_rmem", 3)`)},

		{"has, known", `has(sockets.time_wait)`, "", known(true)},
		{"has, known zero", `has(sockets.syn_recv)`, "", known(true)},
		{"has, missing", `has(ports.held)`, "", known(false)},
		{"has, missing group", `has(conntrack.count)`, "", known(false)},
		{"has, it", `has(it.backlog)`, "listeners", known(false)},
		{"has, plain field of it", `has(it.queue)`, "listeners", known(true)},
		{"has guards", `has(ports.held) && ports.held > 1`, "", known(false)},
		{"has in exists", `listeners.exists(l, has(l.backlog) && l.queue > l.backlog)`, "", known(true)},
	}
	env := newEnvironment(t)
	a := NewActivation(decodeFacts(t, testFacts))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.forEach != "" {
				a.Select(test.forEach, 1)
			}
			got := compile(t, env, test.text, Scalar, test.forEach).Eval(a)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.text, diff)
			}
		})
	}
}

// TestPlainCEL shows why the provider exists: without it a counter that the
// kernel lacks is 0. If this fails, CEL has changed, and the provider may go.
func TestPlainCEL(t *testing.T) {
	env, err := cel.NewEnv(cel.Types(cel.NativeTypeFor[facts.Facts](types.ParseStructTags(true))),
		cel.Variable("rate", cel.ObjectType("facts.Rates")))
	if err != nil {
		t.Fatal(err)
	}
	ast, issues := env.Compile("rate.ListenDrops")
	if issues.Err() != nil {
		t.Fatal(issues.Err())
	}
	program, err := env.Program(ast)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := program.Eval(map[string]any{"rate": &facts.Rates{}})
	if want := types.Double(0); err != nil || got != want {
		t.Errorf("missing counter = %v, %v; want %v", got, err, want)
	}
}

func unknown(names ...string) Result { return Result{Missing: names} }

func known(v any) Result { return Result{Value: v} }

// TestUnknownHost evaluates on a host of which nothing is known.
func TestUnknownHost(t *testing.T) {
	env := newEnvironment(t)
	a := NewActivation(nil)
	for text, want := range map[string]Result{
		`kernel.atLeast("5.4")`:                   unknown("kernel.release"),
		`kernel.release`:                          unknown("kernel.release"),
		`size(files.lines("net.core.somaxconn"))`: unknown("files"),
		`rate.ListenDrops + rate.ListenOverflows`: unknown("rate.ListenDrops", "rate.ListenOverflows"),
		`lines.exists(l, l.status == "removed")`:  unknown("lines"),
		`listeners.exists(l, l.backlog < 1)`:      unknown("listeners"),
		`sysctl("net.core.somaxconn") < 1`:        unknown(`sysctl("net.core.somaxconn")`),
		`has(kernel.release)`:                     known(false),
		`window.seconds > 1 || 1 < 2`:             known(true),
	} {
		if diff := cmp.Diff(want, compile(t, env, text, Scalar, "").Eval(a)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	if n, names := a.Each("listeners"); n != 0 || !cmp.Equal(names, []string{"listeners"}) {
		t.Errorf("Each of an unknown list = %d, %q", n, names)
	}
}
