// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fullRules use every field of the language.
func fullRules(t testing.TB) *Set {
	s := newSet(t,
		parseRule(t, "a", "title: 'queue of ${it.process}'", "for_each: listeners", "when: it.queue > it.backlog", "subject: it.address",
			"evidence: [{name: n, value: it.queue, limit: it.backlog, unit: connections, when: it.queue > 1}]",
			`recommend:
  - {action: 'look at ${it.process}', command: 'ss -l ${it.port}', when: it.port > 1}
  - {sysctl: net.core.somaxconn, value: 'pow2ceil(it.backlog)', risk: low, effect: 'for ${it.port}', because: 'of ${it.queue}'}
  - {file: '${it.address}', action: delete}`,
			"unless: [{text: words}, {text: more, when: it.loopback}]", "excludes: [b, c-*]", "references: [KDOC]"),
		parseRule(t, "b", `severity: 'sockets.time_wait > 200 ? "critical" : "warning"'`),
	)
	s.Version, s.SHA256 = "7", "f00"
	return s
}

const fullFacts = `
listeners: [{address: x, process: p, port: 80, queue: 65, backlog: 64}, {queue: 1}]
sockets: {time_wait: 300}
sysctl: {net.core.somaxconn: 4096}`

func TestBlob(t *testing.T) {
	want := fullRules(t)
	data, err := encodeSet(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeSet(testEnvironment(t), data)
	if err != nil {
		t.Fatal(err)
	}
	if got.Version != "7" || got.SHA256 != "f00" {
		t.Errorf("version %q, sha256 %q, want 7, f00", got.Version, got.SHA256)
	}
	f := decodeFacts(t, fullFacts)
	for _, opts := range []Options{{}, {Why: true}} {
		if diff := cmp.Diff(want.Evaluate(f, opts), got.Evaluate(f, opts)); diff != "" {
			t.Errorf("results with %+v (-compiled +loaded)\n%s", opts, diff)
		}
	}
	again, err := encodeSet(got)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, again) {
		t.Error("what was loaded is stored as other bytes")
	}
	if second, err := encodeSet(fullRules(t)); err != nil || !bytes.Equal(data, second) {
		t.Errorf("the same rules are stored as other bytes (%v)", err)
	}
}

// TestBlobDamaged cuts and garbles: never a panic, never a set with an error.
func TestBlobDamaged(t *testing.T) {
	data, err := encodeSet(fullRules(t))
	if err != nil {
		t.Fatal(err)
	}
	env := testEnvironment(t)
	for n := range len(data) {
		if s, err := decodeSet(env, data[:n]); s != nil || err == nil {
			t.Fatalf("first %d of %d bytes: %v, %v, want nil and an error", n, len(data), s, err)
		}
	}
	if s, err := decodeSet(env, append(bytes.Clone(data), 0)); s != nil || !errors.Is(err, errBlob) {
		t.Errorf("a byte too many: %v, %v, want %v", s, err, errBlob)
	}
}

func FuzzBlob(f *testing.F) {
	data, err := encodeSet(fullRules(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	env := testEnvironment(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := decodeSet(env, data)
		if (s == nil) != (err != nil) {
			t.Fatalf("decodeSet = %v, %v: want either a set or an error", s, err)
		}
	})
}
