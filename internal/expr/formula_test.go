// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPossible: never, always, or open.
func TestPossible(t *testing.T) {
	tests := []struct{ text, want string }{
		{`sockets.time_wait > 5`, "open"},
		{`true`, "always"},
		{`1 > 2`, "never"},
		{`2 * 3 >= max(5, 6)`, "always"},
		{`"a" == "b"`, "never"},
		{`has(sockets.time_wait)`, "open"},
		{`has(ports.held) && !has(ports.held)`, "never"},
		{`has(ports.held) || !has(ports.held)`, "always"},
		{`sysctlExists("net.ipv4.tcp_tw_reuse")`, "open"},
		{`sysctl("net.ipv4.tcp_tw_reuse") == 1`, "open"},
		{`kernel.atLeast("5.4")`, "open"},

		{`sockets.time_wait > 5 && sockets.time_wait < 3`, "never"},
		{`sockets.time_wait > 5 || sockets.time_wait <= 5`, "always"},
		{`sockets.time_wait > 5 || 5 >= sockets.time_wait`, "always"},
		{`sockets.time_wait > 5 && sockets.time_wait < 6`, "never"}, // whole
		{`ports.max_use > 5.0 && ports.max_use < 6.0`, "open"},
		{`sockets.time_wait >= 5 && sockets.time_wait <= 5`, "open"},
		{`sockets.time_wait >= 5 && sockets.time_wait <= 5 && sockets.time_wait != 5`, "never"},
		{`ports.max_use >= 0.5 && ports.max_use < 0.5`, "never"},
		{`ports.max_use > 0.5 && !(ports.max_use > 0.5)`, "never"},
		{`sockets.time_wait == 1 && sockets.time_wait == 2`, "never"},
		{`sockets.time_wait == 1 && sockets.time_wait != 1`, "never"},
		{`sockets.time_wait == 1 && sockets.time_wait > 1`, "never"},
		{`sockets.time_wait == 1 && sockets.time_wait in [2, 3]`, "never"},
		{`sockets.time_wait == 2 && sockets.time_wait in [2, 3]`, "open"},
		{`sockets.time_wait in []`, "never"},
		{`ports.overlap == "a" && ports.overlap == "b"`, "never"},
		{`ports.overlap != "a" || ports.overlap != "b"`, "always"},
		{`ports.overlap < "a" && ports.overlap > "b"`, "open"}, // not looked at
		{`sockets.time_wait > sockets.established && sockets.established > sockets.time_wait`, "never"},
		{`sockets.time_wait > sockets.established && sockets.time_wait == sockets.established`, "never"},
		{`sockets.time_wait > 2 * sockets.established && sockets.time_wait < sockets.established`, "open"}, // the facts are not known to be positive
		{`netns.initial && !netns.initial`, "never"},
		{`netns.initial == true && netns.initial == false`, "never"},
		{`netns.initial != true && netns.initial != false`, "never"},
		{`(netns.initial ? sockets.time_wait > 5 : sockets.time_wait > 6) && sockets.time_wait < 4`, "never"},
		{`netns.initial ? true : true`, "always"},
		{`(sockets.time_wait > 5 || netns.initial) && !netns.initial && sockets.time_wait < 3`, "never"},
		{`(sockets.time_wait > 5 || netns.initial) && sockets.time_wait < 3`, "open"},

		{strings.Repeat("(", 4) + "netns.initial" + strings.Repeat(" ? false : true) ", 4) + "&& !netns.initial", "never"},
		{strings.Repeat("(", 99) + "netns.initial" + strings.Repeat(" ? false : true) ", 99) + "&& netns.initial", "open"}, // given up

		{`listeners.exists(l, l.queue > 5)`, "open"},
		{`listeners.exists(l, l.queue > 5 && l.queue < 5)`, "never"},
		{`listeners.exists(l, l.queue > 5) && !listeners.exists(l, l.queue > 5)`, "never"},
		{`listeners.exists(l, listeners.exists(m, m.queue > l.queue && m.queue < l.queue))`, "never"},
		{`listeners.all(l, l.queue > 5 && l.queue < 5)`, "open"}, // of an empty list
		{`size(listeners) > 0 && size(listeners) == 0`, "never"},
		{`size(listeners.filter(l, false)) > 0`, "open"},
		{`kernel.release.startsWith("6.") && !kernel.release.startsWith("6.")`, "never"},
	}
	env := newEnvironment(t)
	for _, tt := range tests {
		f := compile(t, env, tt.text, Bool, "").Formula()
		got := "open"
		switch {
		case !f.Possible():
			got = "never"
		case !f.Not().Possible():
			got = "always"
		}
		if got != tt.want {
			t.Errorf("%s is %s, want %s", tt.text, got, tt.want)
		}
	}
}

// TestPossibleIsSound: what holds of some host is never called impossible.
func TestPossibleIsSound(t *testing.T) {
	env := newEnvironment(t)
	atoms := []string{`sockets.time_wait > 5`, `sockets.time_wait <= 6`, `sockets.time_wait == 6`, `sockets.time_wait in [3, 7]`, `netns.initial`,
		`sockets.time_wait > sockets.established`, `sockets.established >= sockets.time_wait`, `has(ports.held)`, `listeners.exists(l, l.queue > 2)`}
	var texts []string
	for i, a := range atoms {
		for _, b := range atoms[:i] {
			for _, shape := range []string{"%s && %s", "%s && !(%s)", "!(%s) && %s", "!(%s || %s)", "(%s) != (%s)", "(%s) ? (%s) : false"} {
				texts = append(texts, fmt.Sprintf(shape, a, b))
			}
		}
	}
	hosts := make([]*Activation, 0, 100)
	for timeWait := range 8 {
		for _, established := range []int{5, 6, 7} {
			for _, rest := range []string{"netns: {initial: true}\nlisteners: [{queue: 3}]", "netns: {initial: false}\nlisteners: []\nports: {held: 1}"} {
				hosts = append(hosts, NewActivation(decodeFacts(t, fmt.Sprintf("sockets: {time_wait: %d, established: %d}\n%s", timeWait, established, rest))))
			}
		}
	}
	for _, text := range texts {
		p := compile(t, env, text, Bool, "")
		if p.Formula().Possible() && p.Formula().Not().Possible() {
			continue
		}
		for _, host := range hosts {
			switch v := p.Eval(host).Value; {
			case v == true && !p.Formula().Possible():
				t.Errorf("%s holds and is called impossible", text)
			case v == false && !p.Formula().Not().Possible():
				t.Errorf("%s does not hold and is called certain", text)
			}
		}
	}
}

// TestPossibleIsBounded gives up on what takes too long, and calls it possible:
// nine numbers cannot be eight different ones.
func TestPossibleIsBounded(t *testing.T) {
	const pigeons, holes = 9, 8
	in := func(pigeon, hole int) node {
		return comparison{fmt.Sprint("pigeon ", pigeon), equal, int64(hole), true}
	}
	var parts both
	for p := range pigeons {
		var one either
		for hole := range holes {
			one = append(one, in(p, hole))
			for q := range p {
				parts = append(parts, both{in(p, hole), in(q, hole)}.negated())
			}
		}
		parts = append(parts, one)
	}
	if !(Formula{parts}).Possible() {
		t.Error("what was given up on is called impossible")
	}
}

func TestOutcomes(t *testing.T) {
	env := newEnvironment(t)
	text := `sockets.time_wait > 9 ? "critical" : sockets.time_wait > 20 ? "warning" : "info"`
	p, err := env.CompileWord(source(text), []string{"info", "warning", "critical"}, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range p.Outcomes() {
		got = append(got, fmt.Sprint(o.Word, " ", o.When.Possible()))
	}
	if diff := cmp.Diff([]string{"critical true", "warning false", "info true"}, got); diff != "" {
		t.Errorf("outcomes (-want +got)\n%s", diff)
	}
	word, err := env.CompileWord(source("info"), []string{"info"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := word.Outcomes(); len(got) != 1 || got[0].Word != "info" || !got[0].When.Possible() {
		t.Errorf("outcomes of a word: %v", got)
	}
	if f := (*Program)(nil).Formula(); !f.Possible() || f.Not().Possible() {
		t.Error("no condition is not always true")
	}
}
