// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"bytes"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// blobTexts exercise every kind of node that a blob must keep.
var blobTexts = []string{
	`sockets.time_wait > 2 * sockets.established && rate.ListenDrops + 1 > 1.5`,
	`listeners.exists(l, has(l.backlog) && l.queue > l.backlog && l.address.contains("8080"))`,
	`listeners.map(l, l.backlog)[1] > 1 || size(processes.filter(p, p.close_wait > 1)) > 0`,
	`it.drops_per_second > 5.0 ? "critical" : "warning"`,
	`clamp(pow2ceil(2 * it.backlog), 4096, 65535)`,
	`kernel.atLeast("5.4") && sysctl("net.core.somaxconn") in [128, 4096]`,
	`files.lines("net.ipv4.tcp_tw_recycle").all(l, l.status == "removed" && !l.ignored)`,
	`(netns.initial ? machine : machine).cpus > 1 || conntrack.count > 1`,
	`sysctlAt("net.ipv4.tcp_rmem", 2) / sockets.syn_recv`,
	`bytes(sysctlAt("net.ipv4.tcp_rmem", 2)) + sysctlText("net.ipv4.tcp_congestion_control")`,
	`-ports.low`, `percent(it.queue, it.backlog)`, `listeners[it.port > 1 ? 0 : 1].process`, `{"a": 1}["a"]`,
}

func TestBlob(t *testing.T) {
	env := newEnvironment(t)
	fresh := newEnvironment(t) // has compiled nothing
	a := NewActivation(decodeFacts(t, testFacts))
	for _, text := range blobTexts {
		p := compile(t, env, text, Scalar, "listeners")
		data, err := p.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := compile(t, env, text, Scalar, "listeners").MarshalBinary(); !bytes.Equal(again, data) {
			t.Errorf("%s: two compilations give different bytes", text)
		}
		loaded, err := fresh.Load(data, Scalar, "listeners")
		if err != nil {
			t.Fatal(err)
		}
		if err := loaded.Prepare(); err != nil {
			t.Fatalf("%s: prepare: %v", text, err)
		}
		if again, _ := loaded.MarshalBinary(); !bytes.Equal(again, data) || loaded.Text() != text {
			t.Errorf("%s: a loaded program gives different bytes or the text %s", text, loaded.Text())
		}
		for _, host := range []*Activation{a, NewActivation(nil)} {
			for i := range 2 {
				host.Select("listeners", i)
				want, got := p.Eval(host), loaded.Eval(host)
				if (want.Err == nil) != (got.Err == nil) || !cmp.Equal(want.Value, got.Value) || !cmp.Equal(want.Missing, got.Missing) {
					t.Errorf("%s: compiled %+v, loaded %+v", text, want, got)
				}
			}
		}
	}
	if _, err := compile(t, env, blobTexts[0], Bool, "").MarshalBinary(); err != nil {
		t.Error(err)
	}
}

func TestBlobTemplateAndWord(t *testing.T) {
	env := newEnvironment(t)
	a := NewActivation(decodeFacts(t, testFacts))
	tmpl, err := env.CompileTemplate(source("a ${sockets.time_wait} $${ ${kernel.release}"), "")
	if err != nil {
		t.Fatal(err)
	}
	data, err := tmpl.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := env.LoadTemplate(data, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := loaded.Eval(a); got != "a 30000 ${ 6.18.44" || err != nil {
		t.Errorf("loaded template = %q, %v", got, err)
	}
	word, err := env.CompileWord(source("warning"), []string{"warning"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if data, err = word.MarshalBinary(); err != nil {
		t.Fatal(err)
	}
	p, err := env.Load(data, String, "")
	if err != nil || p.Prepare() != nil {
		t.Fatal(err)
	}
	if got := p.Eval(a); got.Value != "warning" {
		t.Errorf("loaded word = %+v", got)
	}
}

// TestConcurrent shares an environment and its programs between goroutines; it
// is for the race detector.
func TestConcurrent(t *testing.T) {
	env := newEnvironment(t)
	data, err := compile(t, env, blobTexts[1], Scalar, "listeners").MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	p, err := env.Load(data, Scalar, "listeners")
	if err != nil {
		t.Fatal(err)
	}
	f := decodeFacts(t, testFacts)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if got := p.Eval(NewActivation(f)); got.Value != true {
				t.Errorf("%s = %+v", p.Text(), got)
			}
			if _, err := p.Why(NewActivation(f)); err != nil {
				t.Error(err)
			}
			if _, err := env.Compile(source("rate.x > 1"), Bool, "destinations"); err == nil {
				t.Error("an unknown fact compiles")
			}
		})
	}
	wait.Wait()
}

func TestLoadErrors(t *testing.T) {
	env := newEnvironment(t)
	good, err := compile(t, env, "sockets.time_wait > 1", Bool, "").MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for name, load := range map[string]func() (*Program, error){
		"empty":          func() (*Program, error) { return env.Load(nil, Bool, "") },
		"cut":            func() (*Program, error) { return env.Load(good[:len(good)-1], Bool, "") },
		"too long":       func() (*Program, error) { return env.Load(append(bytes.Clone(good), 0), Bool, "") },
		"other kind":     func() (*Program, error) { return env.Load(good, Int, "") },
		"unknown list":   func() (*Program, error) { return env.Load(good, Bool, "kernel") },
		"a template":     func() (*Program, error) { return env.Load([]byte("t"), Bool, "") },
		"no length":      func() (*Program, error) { return env.Load([]byte{programTag, byte(Bool), 0xff}, Bool, "") },
		"length too big": func() (*Program, error) { return env.Load([]byte{programTag, byte(Bool), 9, 'x'}, Bool, "") },
	} {
		if p, err := load(); p != nil || err == nil {
			t.Errorf("%s: %v, %v; want an error", name, p, err)
		}
	}
	bad := appendField(appendField([]byte{programTag, byte(Bool)}, []byte("x")), []byte("\xff\xff"))
	p, err := env.Load(bad, Bool, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Prepare(); err == nil || p.Eval(NewActivation(nil)).Err == nil {
		t.Error("a damaged tree loads")
	}
	for _, data := range []string{"", "p", "tx", "tz\x00", "tp\x01x"} {
		if tmpl, err := env.LoadTemplate([]byte(data), ""); tmpl != nil || err == nil {
			t.Errorf("LoadTemplate(%q) = %v, %v; want an error", data, tmpl, err)
		}
	}
}
