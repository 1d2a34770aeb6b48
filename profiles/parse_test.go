// SPDX-License-Identifier: Apache-2.0

package profiles

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tcptune/tcptune/internal/yamlfile"
)

const good = `name: a
title: A
inherits: web
about: An example.
inputs:
  - {name: pods, default: 7, doc: pods}
settings:
  - key: net.core.somaxconn
    at_least: ${int(input("pods") + input("arrivals"))}
    reason: r
    source: s
    risk: low
    effect: at once
leaves:
  - {what: tcp_mem, why: none}
`

func TestParse(t *testing.T) {
	p, err := builtinSet(t).Parse(testEnvironment(t), "dir/a.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Lineage(), " "); got != "server web a" {
		t.Errorf("lineage %q", got)
	}
	flat := p.flatten()
	for _, s := range flat.Evaluate(decodeFacts(t, host), Given{}).Settings {
		if s.Key == "net.core.somaxconn" && (s.Value != "6007" || s.From != "a") {
			t.Errorf("somaxconn %+v", s)
		}
	}
}

func TestParseErrors(t *testing.T) {
	set, env := builtinSet(t), testEnvironment(t)
	tests := []struct {
		name, old, new string // what is replaced in good
		want           string
	}{
		{"unknown field", "title:", "titel:", `a.yaml:2:1: unknown field "titel" of a profile; did you mean "title"?`},
		{"unknown key", "net.core.somaxconn", "net.core.somaxcon", `a.yaml:8:10: unknown sysctl key "net.core.somaxcon"; did you mean "net.core.somaxconn"?`},
		{"unknown fact", `input("pods")`, `sockets.time_wiat`, `a.yaml:9:28: unknown fact "time_wiat" of sockets; did you mean "time_wait"?`},
		{"unknown input", `input("pods")`, `input("podz")`, `a.yaml:9:27: unknown input "podz"; did you mean "pods"?`},
		{"kind of input", `int(input("pods") + input("arrivals"))`, `inputText("pods")`, `a.yaml:9:27: input "pods" is a number: inputText() does not read it`},
		{"double", `int(input("pods") + input("arrivals"))`, `input("pods")`, `a.yaml:9:17: this must be int or string`},
		{"octal", "at_least: ${int(input(\"pods\") + input(\"arrivals\"))}", "at_least: 010", `a.yaml:9:15: "010" must be a decimal number`},
		{"two bounds", "reason: r", "exactly: 1", `a setting has one of exactly, at_least, at_most, and this is the second`},
		{"risk", "risk: low", "risk: lwo", `a.yaml:12:11: risk "lwo" is not one of none, low, medium, high; did you mean "low"?`},
		{"name", "name: a\n", "name: b\n", `a.yaml:1:7: name "b" is not the file name: the file is a.yaml`},
		{"parent", "inherits: web", "inherits: wbe", `a.yaml:3:11: no profile is named "wbe"; did you mean "web"?`},
		{"itself", "inherits: web", "inherits: a", `a.yaml:3:11: profile "a" inherits itself`},
		{"default", "default: 7", "default: x", `a.yaml:6:27: default "x" of input "pods" is no number`},
		{"flag", "name: pods", "name: rate", `a.yaml:6:12: input "rate" comes from the command line (--rate)`},
		{"no bound", "    at_least: ${int(input(\"pods\") + input(\"arrivals\"))}\n", "", `a setting needs one of exactly, at_least, at_most`},
		{"no reason", "    reason: r\n", "", `a.yaml:8:5: a setting lacks the field "reason"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(good, tt.old) {
				t.Fatalf("%q is not in the file", tt.old)
			}
			p, err := set.Parse(env, "a.yaml", []byte(strings.Replace(good, tt.old, tt.new, 1)))
			if p != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse = %v, %v\nwant %s", p, err, tt.want)
			}
		})
	}
}

func TestLoadDir(t *testing.T) {
	set, env := builtinSet(t), testEnvironment(t)
	child := strings.NewReplacer("name: a\n", "name: b\n", "inherits: web", "inherits: a").Replace(good)
	more, err := set.LoadDir(env, write(t, map[string]string{"a.yaml": good, "b.yaml": child}))
	if err != nil {
		t.Fatal(err)
	}
	if len(more.Names()) != len(set.Names())+2 {
		t.Errorf("names %v", more.Names())
	}
	loop := strings.Replace(good, "inherits: web", "inherits: b", 1)
	_, err = set.LoadDir(env, write(t, map[string]string{"a.yaml": loop, "b.yaml": child}))
	if err == nil || !strings.Contains(err.Error(), "inherits itself") {
		t.Errorf("a circle: %v", err)
	}
	_, err = set.LoadDir(env, write(t, map[string]string{"web.yaml": strings.Replace(good, "name: a", "name: web", 1)}))
	if err == nil || !strings.Contains(err.Error(), "cannot replace another one") {
		t.Errorf("a second web: %v", err)
	}
	if os.Geteuid() != 0 {
		return // only root refuses what others can write
	}
	dir := write(t, map[string]string{"a.yaml": good})
	if err := os.Chmod(filepath.Join(dir, "a.yaml"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := set.LoadDir(env, dir); err == nil {
		t.Error("a file that everybody can write was loaded")
	} else if _, ok := errors.AsType[*yamlfile.UntrustedError](err); !ok {
		t.Errorf("a file that everybody can write: %v", err)
	}
}

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// FuzzParse checks that any text gives a profile or positions of mistakes, and
// that a profile can be evaluated.
func FuzzParse(f *testing.F) {
	set, env := builtinSet(f), testEnvironment(f)
	f.Add([]byte(good))
	f.Add([]byte("name: a\nsettings: [{key: x, exactly: '${'}]\n"))
	for _, name := range set.Names() {
		data, err := builtin.ReadFile("builtin/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(strings.Replace(string(data), "name: "+name, "name: a", 1)))
	}
	facts := decodeFacts(f, host)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := set.Parse(env, "a.yaml", data)
		if (p == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v", p, err)
		}
		if p == nil {
			return
		}
		flat := p.flatten()
		first := flat.Evaluate(facts, Given{})
		if second := flat.Evaluate(nil, Given{Frozen: first.Frozen()}); len(second.Inputs) != len(first.Inputs) {
			t.Fatalf("inputs %v, frozen %v", first.Inputs, second.Inputs)
		}
	})
}
