// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEval(t *testing.T) {
	tests := []struct {
		text string
		want any
	}{
		{`1 + 2`, int64(3)}, {`1 + 2.5`, 3.5}, {`2.5 + 1`, 3.5}, {`"a" + "b"`, "ab"}, {`size([1] + [2])`, int64(2)},
		{`1 - 2`, int64(-1)}, {`1 - 0.5`, 0.5}, {`2 * 3`, int64(6)}, {`2 * 1.5`, 3.0}, {`7 / 2`, int64(3)}, {`7 / 2.0`, 3.5}, {`7 % 2`, int64(1)},
		{`1 == 1.0`, true}, {`1.5 != 1`, true}, {`"a" == "a"`, true}, {`true != false`, true}, {`rate.ListenDrops == 3`, true},
		{`1 < 1.5`, true}, {`sockets.time_wait > 2 * sockets.established`, true},
		{`min(1, 2)`, int64(1)}, {`min(1, 0.5)`, 0.5}, {`max(1, 2)`, int64(2)}, {`max(1.5, 1)`, 1.5},
		{`clamp(5, 1, 3)`, int64(3)}, {`clamp(-5, 1, 3)`, int64(1)}, {`clamp(2.5, 1, 3)`, 2.5}, {`clamp(9.0, 1, 3)`, 3.0}, {`clamp(9, 1.5, 3)`, 3.0},
		{`pow2ceil(0)`, int64(1)}, {`pow2ceil(65)`, int64(128)}, {`pow2ceil(128)`, int64(128)}, {`pow2ceil(128.1)`, int64(256)},
		{`pow2ceil(4611686018427387904)`, int64(1 << 62)},
		{`ceil(1.2)`, int64(2)}, {`ceil(-1.2)`, int64(-1)}, {`ceil(3)`, int64(3)},
		{`round(1.256, 2)`, 1.26}, {`round(2, 1)`, int64(2)}, {`round(1e300, 15)`, 1e300},
		{`percent(1, 8)`, 12.5}, {`percent(1.0, 4)`, 25.0},
		{`numberAt("4096 131072	6291456", 2)`, int64(6291456)}, {`numberAt("-1", 0)`, int64(-1)},
		{`bytes(999)`, "999 B"}, {`bytes(4700000)`, "4.7 MB"}, {`bytes(999600)`, "1 MB"}, {`bytes(12.3e9)`, "12 GB"}, {`bytes(0)`, "0 B"}, {`bytes(-2000)`, "-2 kB"},
		{`kernel.atLeast("6.18")`, true}, {`kernel.atLeast("6.18.45")`, false}, {`kernel.release`, "6.18.44"},
		{`files.lines("net.ipv4.tcp_tw_recycle").exists(l, l.status == "removed" && l.number == 3)`, true},
		{`files.lines("net.ipv4.tcp_tw_recycle")[0].address`, "/etc/sysctl.conf:3"},
		{`listeners.exists(l, l.queue > l.backlog)`, true}, {`listeners.map(l, l.queue)[0]`, int64(65)},
		{`size(listeners.filter(l, l.port > 9000))`, int64(1)}, {`listeners.filter(l, l.port > 9000)[0].address`, "198.18.0.2:9090"},
		{`listeners[0].process.startsWith("server")`, true}, {`kernel.release.matches("^6[.]")`, true}, {`"abc".contains("b") && "abc".endsWith("c")`, true},
		{`int(2.9) + int("3")`, int64(5)}, {`double(1) / 2`, 0.5}, {`string(4096) + " " + string(65535)`, "4096 65535"}, {`bool("true")`, true},
		{`2 in [1, 2]`, true}, {`"cubic" in ["reno"]`, false}, {`-sockets.time_wait`, int64(-30000)},
	}
	env := newEnvironment(t)
	a := NewActivation(decodeFacts(t, testFacts))
	for _, test := range tests {
		if diff := cmp.Diff(known(test.want), compile(t, env, test.text, Scalar, "").Eval(a)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.text, diff)
		}
	}
}

func TestEvalFaults(t *testing.T) {
	env := newEnvironment(t)
	a := NewActivation(decodeFacts(t, testFacts))
	for text, want := range map[string]string{
		`1 / sockets.syn_recv`:          "division by zero",
		`1.0 / sockets.syn_recv`:        "division by zero",
		`percent(1, sockets.syn_recv)`:  "division by zero",
		`1 % sockets.syn_recv`:          "modulus by zero",
		`9223372036854775807 + 1`:       "overflow",
		`1e308 * 10`:                    "+Inf is not bool, int, double or string",
		`listeners[7].queue`:            "index out of bounds: 7",
		`clamp(1, 3, 2)`:                "the lower bound 3 is above the upper bound 2",
		`pow2ceil(4611686018427387905)`: "no power of two in range",
		`numberAt("4096", 1)`:           "no number 1 in \"4096\"",
		`numberAt("4096 x", 1)`:         "no number 1 in \"4096 x\"",
		`numberAt("4096", -1)`:          "no number -1 in \"4096\"",
		`pow2ceil(1e30)`:                "no power of two in range",
		`ceil(1e30)`:                    "out of range",
		`round(1.5, 16)`:                "0 to 15 are allowed",
		`int(kernel.release)`:           "type conversion error",
	} {
		got := compile(t, env, text, Scalar, "").Eval(a)
		if got.Err == nil || !strings.Contains(got.Err.Error(), want) || got.Value != nil || got.Missing != nil {
			t.Errorf("%s = %+v; want an error with %q", text, got, want)
		}
	}
	// Without Select there is no `it`.
	if got := compile(t, env, "it.queue > 1", Bool, "listeners").Eval(a); got.Err == nil {
		t.Errorf("it without an element = %+v", got)
	}
}

func TestCostLimit(t *testing.T) {
	env, err := New(testKeys, CostLimit(50))
	if err != nil {
		t.Fatal(err)
	}
	a := NewActivation(decodeFacts(t, testFacts))
	text := `lines.all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, b + c > 0)))`
	p := compile(t, env, text, Bool, "")
	if got := p.Eval(a); got.Err == nil || !strings.Contains(got.Err.Error(), "cost limit exceeded") {
		t.Errorf("dear expression = %+v", got)
	}
	if _, err := p.Why(a); err != nil && !strings.Contains(err.Error(), "cost limit") {
		t.Errorf("why: %v", err)
	}
	if got := compile(t, env, `sockets.time_wait > 1`, Bool, "").Eval(a); got.Value != true {
		t.Errorf("cheap expression = %+v", got)
	}
}

func TestMaxCost(t *testing.T) {
	env := newEnvironment(t)
	for text, limit := range map[string]uint64{
		`sockets.time_wait > 1`:                                                    1e2,
		`listeners.exists(l, l.queue > l.backlog)`:                                 1e6,
		`lines.all(a, lines.all(b, lines.all(c, a.number + b.number > c.number)))`: 1e17,
	} {
		got, err := compile(t, env, text, Bool, "").MaxCost(100_000)
		if err != nil || got > limit || got < limit/1000 {
			t.Errorf("most that %s can cost = %d, %v; want up to %d", text, got, err, limit)
		}
	}
	word, err := env.CompileWord(source("warning"), []string{"warning"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := word.MaxCost(1); got != 0 || err != nil {
		t.Errorf("cost of a word = %d, %v", got, err)
	}
}

func TestEach(t *testing.T) {
	env := newEnvironment(t)
	a := NewActivation(decodeFacts(t, testFacts))
	p := compile(t, env, `it.port`, Int, "listeners")
	n, missing := a.Each("listeners")
	var got []Result
	for i := range n {
		a.Select("listeners", i)
		got = append(got, p.Eval(a))
	}
	if diff := cmp.Diff([]Result{known(int64(8080)), known(int64(9090))}, got); diff != "" || missing != nil {
		t.Errorf("each listener (-want +got):\n%s", diff)
	}
	if n, missing := a.Each("destinations"); n != 0 || missing != nil {
		t.Errorf("Each of an empty list = %d, %v", n, missing)
	}
	a.Select("listeners", 2)
	if got := p.Eval(a); got.Err == nil {
		t.Errorf("element out of range = %+v", got)
	}
}

func TestTemplate(t *testing.T) {
	env := newEnvironment(t)
	a := NewActivation(decodeFacts(t, testFacts))
	a.Select("listeners", 0)
	tests := []struct{ text, want, missing, err string }{
		{text: "", want: ""},
		{text: "plain { } $ text", want: "plain { } $ text"},
		{text: "${it.process} has ${it.queue} of ${it.backlog}", want: "server[42] has 65 of 64"},
		{text: "${it.drops_per_second}/s ${1.0 / 3} ${1234.56} ${2e20} ${0.0} ${12.34} ${true}", want: "53.5/s 0.333 1235 2e+20 0 12.3 true"},
		{text: "$${it.queue} $$ ${'}'} ${\"\\\"}\"} ${{'a': 1}['a']}", want: "${it.queue} $$ } \"} 1"},
		{text: "ss -ltn 'sport = :${it.port}'", want: "ss -ltn 'sport = :8080'"},
		{text: "${ports.held} ${machine.cpus} ${ports.held}", missing: "machine.cpus ports.held"},
		{text: "${1 / sockets.syn_recv}", err: "evaluate 1 / sockets.syn_recv: division by zero"},
		{text: "ü ${it.queu} ${it.x}", err: "x.yaml:1:7: unknown fact \"queu\" of listeners; did you mean \"queue\"?\nx.yaml:1:18: unknown fact \"x\" of listeners"},
		{text: "a ${it.queue", err: "x.yaml:1:3: ${ without }; write $${ for the two characters"},
		{text: "${}", err: "x.yaml:1:3: an expression is missing; it must yield bool, int, double or string"},
		{text: "${kernel}", err: "x.yaml:1:3: this must be bool, int, double or string, it is kernel"},
	}
	for _, test := range tests {
		tmpl, err := env.CompileTemplate(source(test.text), "listeners")
		var got string
		var missing []string
		if err == nil {
			got, missing, err = tmpl.Eval(a)
		}
		if err != nil && err.Error() != test.err || err == nil && test.err != "" {
			t.Errorf("%s: error %v, want %s", test.text, err, test.err)
		}
		if got != test.want || strings.Join(missing, " ") != test.missing {
			t.Errorf("%s = %q, missing %q; want %q, missing %q", test.text, got, missing, test.want, test.missing)
		}
	}
}

func TestWhy(t *testing.T) {
	env := newEnvironment(t)
	a := NewActivation(decodeFacts(t, testFacts))
	p := compile(t, env, `sockets.time_wait > 2 * sockets.established && !(rate.ListenDrops + 1 < 2) && listeners.exists(l, l.queue > 1) &&
		sysctl("net.core.somaxconn") in [4096] && (ports.exact || sockets.time_wait > 1 || machine.cpus == 1)`, Bool, "")
	got, err := p.Why(a)
	if err != nil {
		t.Fatal(err)
	}
	want := []Operand{
		{"sockets.time_wait", int64(30000)}, {"2 * sockets.established", int64(4000)}, {"rate.ListenDrops + 1", 4.0},
		{"listeners.exists(l, l.queue > 1)", true}, {`sysctl("net.core.somaxconn")`, int64(4096)}, {"ports.exact", nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("why (-want +got):\n%s", diff)
	}
	word, err := env.CompileWord(source("warning"), []string{"warning"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := word.Why(a); got != nil || err != nil {
		t.Errorf("why of a word = %v, %v", got, err)
	}
}
