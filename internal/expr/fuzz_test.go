// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzCompile: no text panics; an error means no program; a program evaluates
// to exactly one of value, missing facts and error, and so does its blob.
func FuzzCompile(f *testing.F) {
	for _, text := range blobTexts {
		f.Add(text)
	}
	for _, text := range []string{"", "it.", "`", "\"", "[].map(x, x)", "[1][0].a", "a.b.c(d)", "{}", "true ? kernel : machine", "1u", "b'x'", "\n\t.\x00\xff"} {
		f.Add(text)
	}
	env := newEnvironment(f)
	a := NewActivation(decodeFacts(f, testFacts))
	a.Select("listeners", 1)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := env.Compile(source(text), Scalar, "listeners")
		if err != nil {
			var errs Errors
			if p != nil || !errors.As(err, &errs) || len(errs) == 0 {
				t.Fatalf("Compile(%q) = %v, %#v", text, p, err)
			}
			return
		}
		r := p.Eval(a)
		if n := count(r.Value != nil) + count(r.Missing != nil) + count(r.Err != nil); n != 1 {
			t.Fatalf("%q = %+v", text, r)
		}
		if _, err := p.Why(a); err != nil && r.Err == nil {
			t.Fatalf("%q: why: %v", text, err)
		}
		data, err := p.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := env.Load(data, Scalar, "listeners")
		if err != nil {
			t.Fatal(err)
		}
		if got := loaded.Eval(a); got.Value != r.Value || (got.Err == nil) != (r.Err == nil) || len(got.Missing) != len(r.Missing) {
			t.Fatalf("%q: compiled %+v, loaded %+v", text, r, got)
		}
	})
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// FuzzTemplate: no text panics, and a text without $ is rendered as it is.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{"", "${it.queue}", "$${", "${", "${'}'}", "${{}}", "$$${1}", "a\n ${1 +\n 2}", "${\"\\"} {
		f.Add(text)
	}
	env := newEnvironment(f)
	a := NewActivation(decodeFacts(f, testFacts))
	a.Select("listeners", 0)
	f.Fuzz(func(t *testing.T, text string) {
		tmpl, err := env.CompileTemplate(source(text), "listeners")
		if err != nil {
			if tmpl != nil {
				t.Fatal("an error and a template")
			}
			return
		}
		got, missing, err := tmpl.Eval(a)
		if (missing != nil || err != nil) && got != "" {
			t.Fatalf("%q = %q, %v, %v", text, got, missing, err)
		}
		if !bytes.ContainsRune([]byte(text), '$') && got != string([]rune(text)) {
			t.Fatalf("%q = %q", text, got)
		}
	})
}

// FuzzLoad: no bytes panic, in loading or in evaluating.
func FuzzLoad(f *testing.F) {
	env := newEnvironment(f)
	for _, text := range blobTexts {
		data, err := compile(f, env, text, Scalar, "listeners").MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	a := NewActivation(decodeFacts(f, testFacts))
	a.Select("listeners", 1)
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := env.Load(data, Scalar, "listeners"); err == nil {
			p.Eval(a)
		}
		if tmpl, err := env.LoadTemplate(data, "listeners"); err == nil {
			tmpl.Eval(a)
		}
	})
}

// BenchmarkLoad is the start of a program: the environment, 100 rules with 12
// expressions each, of which the conditions are planned. Target: 4 ms.
func BenchmarkLoad(b *testing.B) {
	env := newEnvironment(b)
	var blobs [][]byte
	for _, text := range blobTexts[:12] {
		data, err := compile(b, env, text, Scalar, "listeners").MarshalBinary()
		if err != nil {
			b.Fatal(err)
		}
		blobs = append(blobs, data)
	}
	for b.Loop() {
		env := newEnvironment(b)
		for i := range 100 {
			for j, data := range blobs {
				p, err := env.Load(data, Scalar, "listeners")
				if err == nil && j == i%len(blobs) {
					err = p.Prepare()
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newEnvironment(b)
	}
}

func BenchmarkEval(b *testing.B) {
	env := newEnvironment(b)
	a := NewActivation(decodeFacts(b, testFacts))
	a.Select("listeners", 0)
	for name, text := range map[string]string{
		"known":   `sockets.time_wait > 2 * sockets.established && rate.ListenDrops + 1 > 1.5 && sysctl("net.core.somaxconn") > 1`,
		"it":      `it.queue > it.backlog`,
		"unknown": `machine.cpus > 1 && ports.held > 1 && sysctl("net.ipv4.tcp_tw_reuse") > 1`,
		"exists":  `listeners.exists(l, l.drops > 1)`,
	} {
		p := compile(b, env, text, Bool, "listeners")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Eval(a)
			}
		})
	}
}

func BenchmarkNewActivation(b *testing.B) {
	f := decodeFacts(b, testFacts)
	for b.Loop() {
		NewActivation(f)
	}
}
