// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

func TestCompileErrors(t *testing.T) {
	env := newEnvironment(t)
	tests := []struct {
		name, text, forEach string
		kind                Kind
		want                string
	}{
		{"field of it", `it.queu > 1`, "listeners", Bool, `x.yaml:1:3: unknown fact "queu" of listeners; did you mean "queue"?`},
		{"field of a variable", `listeners.exists(l, l.drop > 1)`, "", Bool, `x.yaml:1:22: unknown fact "drop" of listeners; did you mean "drops"?`},
		{"field of a group", `rate.ListenOverflow > 1`, "", Bool, `x.yaml:1:5: unknown fact "ListenOverflow" of rate; did you mean "ListenOverflows"?`},
		{"field like none", `rate.xyz > 1`, "", Bool, `x.yaml:1:5: unknown fact "xyz" of rate`},
		{"name", `size(listners) > 0`, "", Bool, `x.yaml:1:6: unknown name "listners"; did you mean "listeners"?`},
		{"name with a field", `socket.time_wait > 0`, "", Bool, `x.yaml:1:1: unknown name "socket"; did you mean "sockets"?`},
		{"function", `clmp(1, 2, 3)`, "", Int, `x.yaml:1:5: unknown name "clmp"; did you mean "clamp"?`},
		{"it without for_each", `it.queue > 1`, "", Bool, `x.yaml:1:1: unknown name "it"; it stands for an element of the list that for_each names`},
		{"for_each", `it.queue > 1`, "listener", Bool, `x.yaml:1:1: "listener" is not a list of facts; did you mean "listeners"?`},
		{"for_each of a group", `it.queue > 1`, "kernel", Bool, `x.yaml:1:1: "kernel" is not a list of facts; it must be one of ` + strings.Join(newEnvironment(t).Lists(), ", ")},
		{"key", `sysctl("net.core.somaxcon") > 1`, "", Bool, `x.yaml:1:8: unknown sysctl key "net.core.somaxcon"; did you mean "net.core.somaxconn"?`},
		{"key of lines", `size(files.lines("net.core.somaxcon")) > 1`, "", Bool, `x.yaml:1:18: unknown sysctl key "net.core.somaxcon"; did you mean "net.core.somaxconn"?`},
		{"key pattern", `sysctl("net.ipv4.conf.*.rp_filter") > 1`, "", Bool, `x.yaml:1:8: sysctl key "net.ipv4.conf.*.rp_filter" is a pattern; it must name one interface`},
		{"key not literal", `sysctl(it.key) > 1`, "lines", Bool, `x.yaml:1:10: the key of sysctl() must be a literal text, so that it can be checked`},
		{"release", `kernel.atLeast("x")`, "", Bool, `x.yaml:1:16: "x" is not a kernel release such as "5.4"`},
		{"release not literal", `kernel.atLeast(kernel.release)`, "", Bool, `x.yaml:1:22: the release of atLeast() must be a literal text`},
		{"regexp", `kernel.release.matches("(")`, "", Bool, "x.yaml:1:24: bad regular expression: error parsing regexp: missing closing ): `(`"},
		{"regexp not literal", `kernel.release.matches(kernel.release)`, "", Bool, `x.yaml:1:30: the regular expression of matches() must be a literal text`},
		{"kind", `sockets.time_wait`, "", Bool, `x.yaml:1:1: this must be bool, it is int`},
		{"kind of a fact", `kernel`, "", Scalar, `x.yaml:1:1: this must be bool, int, double or string, it is kernel`},
		{"kind of a double", `1.5`, "", Int, `x.yaml:1:1: this must be int, it is double`},
		{"overload", `clamp(1, "a", 3)`, "", Int, `x.yaml:1:6: clamp does not apply to (int, string, int)`},
		{"operator", `kernel.release + 1 == ""`, "", Bool, `x.yaml:1:16: + does not apply to (string, int)`},
		{"compare", `1 == "a"`, "", Bool, `x.yaml:1:3: == does not apply to (int, string)`},
		{"compare facts", `kernel == kernel`, "", Bool, `x.yaml:1:8: == does not apply to (kernel, kernel)`},
		{"null", `kernel.release == null`, "", Bool, `x.yaml:1:16: == does not apply to (string, null)`},
		{"dyn", `dyn(rate.ListenDrops) > 1`, "", Bool, `x.yaml:1:4: unknown name "dyn"`},
		{"mixed list", `[sockets, rate][0].time_wait > 1`, "", Bool, `x.yaml:1:19: the type of this is not known: a list or map must not mix types`},
		{"made up fact", `facts.Kernel{release: "9"}.release == "9"`, "", Bool, `x.yaml:1:13: kernel cannot be made in an expression`},
		{"shadowed fact", `listeners.exists(sockets, sockets.queue > 1)`, "", Bool, `x.yaml:1:18: variable "sockets" hides the fact of that name; call it otherwise`},
		{"shadowed it", `listeners.exists(it, it.queue > 1)`, "listeners", Bool, `x.yaml:1:18: variable "it" hides the fact of that name; call it otherwise`},
		{"empty", "  ", "", Bool, `x.yaml:1:1: an expression is missing; it must yield bool`},
		{"syntax", `sockets.time_wait >`, "", Bool, `x.yaml:1:20: syntax error: mismatched input end`},
		{"two mistakes", `it.queu > 1 && rate.xyz > 2`, "listeners", Bool, `x.yaml:1:3: unknown fact "queu" of listeners; did you mean "queue"?
x.yaml:1:20: unknown fact "xyz" of rate`},
		{"second line", "sockets.time_wait > 1 &&\n  it.x > 1", "lines", Bool, `x.yaml:2:5: unknown fact "x" of lines`},
		{"behind letters of two bytes", `"äö" == kernel.rel`, "", Bool, `x.yaml:1:15: unknown fact "rel" of kernel`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := env.Compile(source(test.text), test.kind, test.forEach)
			if p != nil || err == nil {
				t.Fatalf("Compile(%s) = %v, %v; want an error and no program", test.text, p, err)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.text, diff)
			}
			var one Error
			if !errors.As(err, &one) || one.Position.File != "x.yaml" {
				t.Errorf("no Error in %v", err)
			}
		})
	}
}

// TestPositions finds the place of a mistake in every YAML style.
func TestPositions(t *testing.T) {
	const file = `plain: it.queu > 1
double: "it.queu > 1"
single: 'it.queu > 1'
literal: |
  it.queue > 1 &&
    it.queu > 1
deep:
  - when: |
      it.queu > 1
alias: &a it.queu > 1
used: *a
list: [1]
template: "queue ${it.queue} of ${it.queu}"
text: |
  queue ${it.queue}
  of ${it.queu} and ${1 +
  it.queu}
`
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(file), &doc); err != nil {
		t.Fatal(err)
	}
	env := newEnvironment(t)
	exact := Document{File: "x.yaml", Text: []byte(file)}
	var got []string
	for i := 0; i < len(doc.Content[0].Content); i += 2 {
		name, node := doc.Content[0].Content[i].Value, doc.Content[0].Content[i+1]
		if name == "deep" {
			node = node.Content[0].Content[1]
		}
		var err error
		switch src := exact.Source(node); name {
		case "template", "text":
			_, err = env.CompileTemplate(src, "listeners")
		default:
			_, err = env.Compile(src, Bool, "listeners")
		}
		for _, line := range strings.Split(err.Error(), "\n") {
			place, _, _ := strings.Cut(line, ": ")
			got = append(got, name+" "+place)
		}
		if from := FromNode("x.yaml", node); name != "deep" && !reflect.DeepEqual(from, exact.Source(node)) {
			t.Errorf("FromNode of %s = %v, want %v", name, from, exact.Source(node))
		}
	}
	want := []string{
		"plain x.yaml:1:10", "double x.yaml:2:12", "single x.yaml:3:12", "literal x.yaml:6:7", "deep x.yaml:9:9",
		"alias x.yaml:10:10", "used x.yaml:10:10", "list x.yaml:12:7", "template x.yaml:13:37",
		"text x.yaml:16:10", "text x.yaml:17:5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}
	if got := FromNode("x.yaml", nil); got.Text != "" || got.Position.String() != "x.yaml:1:1" {
		t.Errorf("FromNode of nothing = %+v", got)
	}
}

func TestCompileWord(t *testing.T) {
	env := newEnvironment(t)
	words := []string{"info", "notice", "warning", "critical", "config-file"}
	tests := []struct{ name, text, want string }{
		{"bare", `warning`, "warning"},
		{"bare with a dash", `config-file`, "config-file"},
		{"literal", `"warning"`, "warning"},
		{"choice", `it.queue > 5 ? "critical" : it.queue > 1 ? "warning" : "notice"`, "critical"},
		{"bare, wrong", `critcal`, `x.yaml:1:1: "critcal" is not one of info, notice, warning, critical, config-file; did you mean "critical"?`},
		{"choice, wrong", `it.queue > 5 ? "critcal" : "x"`, `x.yaml:1:16: "critcal" is not one of info, notice, warning, critical, config-file; did you mean "critical"?
x.yaml:1:28: "x" is not one of info, notice, warning, critical, config-file`},
		{"computed", `it.address`, `x.yaml:1:3: this must be one of info, notice, warning, critical, config-file, or a choice (?:) of them`},
		{"number", `1`, `x.yaml:1:1: this must be string, it is int`},
	}
	a := NewActivation(decodeFacts(t, testFacts))
	a.Select("listeners", 0)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := env.CompileWord(source(test.text), words, "listeners")
			var got string
			if err != nil {
				got = err.Error()
			} else if r := p.Eval(a); r.Err == nil && r.Missing == nil {
				got = r.Value.(string)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.text, diff)
			}
		})
	}
}

func TestMatchKey(t *testing.T) {
	for _, test := range []struct {
		known, key string
		want       bool
	}{
		{"a.b", "a.b", true}, {"a.b", "a.c", false}, {"a.*.c", "a.eth0.c", true}, {"a.*.c", "a.eth0/200.c", true},
		{"a.*.c", "a.x.y.c", false}, {"a.*.c", "a..c", false}, {"a.*.c", "a.*.c", true}, {"a.*", "a", false},
	} {
		if got := matchKey(test.known, test.key); got != test.want {
			t.Errorf("matchKey(%q, %q) = %v", test.known, test.key, got)
		}
	}
	env := newEnvironment(t)
	if got := compile(t, env, `sysctl("net.ipv4.conf.eth0.rp_filter")`, Int, "").Eval(NewActivation(decodeFacts(t, testFacts))); got.Value != int64(2) {
		t.Errorf("pattern key = %+v", got)
	}
}

func TestVocabulary(t *testing.T) {
	entries := Vocabulary()
	for _, want := range []Entry{
		{Name: "sockets", Type: "group", Doc: "how many TCP sockets of this network namespace are in which state"},
		{Name: "sockets.time_wait_listen_share", Type: "double", Doc: "share of TIME_WAIT whose local port has a listener (0..1)"},
		{Name: "rate.ListenOverflows", Type: "double"},
		{Name: "total.ListenOverflows", Type: "int"},
		{Name: "listeners", Type: "list", Doc: "listening sockets"},
		{Name: "listeners.loopback", Type: "bool", Doc: "bound to 127.0.0.0/8 or ::1 only", Known: true},
		{Name: "kernel.release", Type: "string", Doc: "uname -r", Known: true},
	} {
		if !slices.Contains(entries, want) {
			t.Errorf("no %+v", want)
		}
	}
	// Every field can be asked for: in a group by its name, in a list as it.NAME.
	env := newEnvironment(t)
	list := ""
	for _, e := range entries {
		group, field, ok := strings.Cut(e.Name, ".")
		switch {
		case !ok && e.Type == "list":
			list = e.Name
		case !ok:
			list = ""
		case list == group:
			compile(t, env, itName+"."+field, Scalar, list)
		default:
			compile(t, env, e.Name, Scalar, "")
		}
	}
	for _, f := range Functions() {
		if f.Signature == "" || f.Doc == "" {
			t.Errorf("function %+v has no signature or doc", f)
		}
	}
}
