// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInput(t *testing.T) {
	env := newEnvironment(t)
	inputs := Inputs{"memory": Number, "reserved": String, "rtt": Number}
	a := NewActivation(nil)
	a.SetInput("memory", Result{Value: 8e9})
	a.SetInput("reserved", Result{Value: "8080"})
	a.SetInput("rtt", Result{Missing: []string{"--rtt", "the network"}})
	tests := []struct {
		text string
		want Result
	}{
		{`input("memory") / 64`, Result{Value: 1.25e8}},
		{`pow2ceil(input("memory") / 64)`, Result{Value: int64(134217728)}},
		{`inputText("reserved") + ",1"`, Result{Value: "8080,1"}},
		{`input("rtt") * 2`, Result{Missing: []string{"--rtt", "the network"}}},
		{`input("memory") > 1 || input("rtt") > 1`, Result{Value: true}},
	}
	for _, tt := range tests {
		p, err := env.Compile(Source{Text: tt.text, Inputs: inputs}, Scalar, "")
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if diff := cmp.Diff(tt.want, p.Eval(a)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.text, diff)
		}
	}
	p, err := env.Compile(Source{Text: `input("rtt") * input("memory") * input("rtt")`, Inputs: inputs}, Number, "")
	if err != nil || !slices.Equal(p.Inputs(), []string{"rtt", "memory"}) {
		t.Errorf("inputs %v, %v", p.Inputs(), err)
	}
	if got := p.Eval(NewActivation(nil)); !slices.Equal(got.Missing, []string{`input("memory")`, `input("rtt")`}) {
		t.Errorf("inputs that nobody set: %v", got)
	}
}

func TestInputErrors(t *testing.T) {
	env := newEnvironment(t)
	inputs := Inputs{"memory": Number, "reserved": String}
	tests := []struct {
		text   string
		inputs Inputs
		want   string
	}{
		{`input("memory") > 1`, nil, "f:1:7: input() is for profiles: nothing declares an input here"},
		{`input("memroy") > 1`, inputs, `f:1:7: unknown input "memroy"; did you mean "memory"?`},
		{`input("reserved") > 1`, inputs, `f:1:7: input "reserved" is string: input() does not read it`},
		{`input("mem" + "ory") > 1`, inputs, "f:1:13: the name of input() must be a literal text, so that it can be checked"},
	}
	for _, tt := range tests {
		_, err := env.Compile(Source{Text: tt.text, Position: Position{"f", 1, 1}, Inputs: tt.inputs}, Bool, "")
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

func TestCompileValue(t *testing.T) {
	env := newEnvironment(t)
	if _, err := env.CompileValue(Source{Text: "1 ${1.5}", Position: Position{"f", 1, 1}}); err == nil {
		t.Error("a double was taken for a value")
	}
	v, err := env.CompileValue(Source{Text: `4096 ${int(input("a"))}`, Inputs: Inputs{"a": Number}})
	if err != nil {
		t.Fatal(err)
	}
	a := NewActivation(nil)
	a.SetInput("a", Result{Value: 33554432.7})
	if text, _, err := v.Eval(a); err != nil || text != "4096 33554432" {
		t.Errorf("value %q, %v", text, err)
	}
	if !slices.Equal(v.Inputs(), []string{"a"}) {
		t.Errorf("inputs %v", v.Inputs())
	}
}
