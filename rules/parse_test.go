// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/yamlfile"
)

func TestParse(t *testing.T) {
	r := parseRule(t, "some-rule",
		"title: '${it.process} overflows'", "for_each: listeners", "when: it.queue > 1", "subject: it.address",
		"excludes: [other, prefix-*]", "references: [KDOC, https://example.org/]",
		"unless: [{text: in words}, {text: in CEL, when: it.loopback}]",
		"recommend: [{file: '${it.address}', action: delete, risk: none}]")
	if r.ID != "some-rule" || r.ForEach != "listeners" || r.Title.Source != "${it.process} overflows" || r.When.Text() != "it.queue > 1" {
		t.Errorf("rule = %+v", r)
	}
	if diff := cmp.Diff([]string{"other", "prefix-*"}, r.Excludes); diff != "" {
		t.Errorf("excludes (-want +got)\n%s", diff)
	}
	if len(r.Unless) != 2 || r.Unless[0].When != nil || r.Unless[1].When == nil {
		t.Errorf("unless = %+v", r.Unless)
	}
	if len(r.Recommend) != 1 || r.Recommend[0].Kind != "file" || r.Recommend[0].Risk != "none" {
		t.Errorf("recommend = %+v", r.Recommend)
	}
}

// TestParseErrors checks text and position; the defaults of ruleText put id on
// line 1, title on 2, category on 3, when on 4, severity on 5 and so on.
func TestParseErrors(t *testing.T) {
	tests := []struct {
		name, text, want string
	}{
		{"empty", "", "a.yaml: the file is empty"},
		{"comment only", "# nothing\n", "a.yaml: the file is empty"},
		{"too large", strings.Repeat("#", yamlfile.MaxBytes+1), "a.yaml: the file is larger than 64 KiB"},
		{"syntax", "id: [", "a.yaml:1: did not find expected node content"},
		{"second document", ruleText("a") + "---\nid: b\n", "a.yaml:14:1: a second document starts here; one file holds one rule"},
		{"broken second document", ruleText("a") + "---\nid: [", "a.yaml:15: did not find expected node content"},
		{"no mapping", "- a\n", "a.yaml:1:1: a rule must be a mapping, it is a list"},
		{"lacks", ruleText("a", "why:", "scope:"), "a.yaml:1:1: the rule lacks the field \"scope\"\na.yaml:1:1: the rule lacks the field \"why\""},
		{"unknown field", ruleText("a", "wen: true"), `a.yaml:14:1: unknown field "wen" of a rule; did you mean "when"?`},
		{"complex key", "[a]: b\n" + ruleText("a"), `a.yaml:1:1: a field name must be a word, it is a list`},
		{"duplicate", ruleText("a") + "id: a\n", `a.yaml:14:1: duplicate field "id" of a rule`},
		{"null", ruleText("a", "why: ~"), `a.yaml:11:6: field "why" of a rule is empty`},
		{"blank", ruleText("a", "why: ' '"), `a.yaml:11:6: why is empty`},
		{"id", ruleText("b"), `a.yaml:1:5: id "b" is not the file name: the file is a.yaml`},
		{"id form", ruleText("A_b"), `a.yaml:1:5: id "A_b" must be lower-case words joined by -, at most 64 bytes`},
		{"category", ruleText("a", "category: sin"), `a.yaml:3:11: category "sin" is not one of time-wait, ephemeral-ports, close-wait, syn, accept-queue, orphan, memory, buffers, retransmit, keepalive, conntrack, softnet, congestion, hardening, config-files, myth; did you mean "syn"?`},
		{"scope", ruleText("a", "scope: hosts"), `a.yaml:8:8: scope "hosts" is not one of host, netns, process, peer; did you mean "host"?`},
		{"list", ruleText("a", "for_each: listners", "when: it.queue > 1"), `a.yaml:4:11: for_each "listners" is not one of ` + strings.Join(testEnvironment(t).Lists(), ", ") + `; did you mean "listeners"?`},
		{"fact", ruleText("a", "when: sockets.time_wai > 1"), `a.yaml:4:14: unknown fact "time_wai" of sockets; did you mean "time_wait"?`},
		{"kind", ruleText("a", "when: sockets.time_wait"), `a.yaml:4:7: this must be bool, it is int`},
		{"severity", ruleText("a", "severity: critcal"), `a.yaml:5:11: "critcal" is not one of info, notice, warning, critical; did you mean "critical"?`},
		{"not a text", ruleText("a", "when: [1]"), `a.yaml:4:7: when must be a text, it is a list`},
		{"alias", ruleText("a", "why: &x y", "proof: *x"), `a.yaml:13:8: proof must be a text, it is an alias, which is not allowed here`},
		{"template", ruleText("a", "title: '${sockets.tim}'"), `a.yaml:2:18: unknown fact "tim" of sockets`},
		{"plain", ruleText("a", "why: 'see ${it.x}'"), `a.yaml:11:6: why is plain text: ${ is not replaced here`},
		{"no evidence", ruleText("a", "evidence: []"), `a.yaml:9:11: evidence must name at least one value`},
		{"evidence", ruleText("a", "evidence: [{nam: x}]"), "a.yaml:9:12: evidence lacks the field \"name\"\na.yaml:9:12: evidence lacks the field \"value\"\na.yaml:9:13: unknown field \"nam\" of evidence; did you mean \"name\"?"},
		{"evidence no list", ruleText("a", "evidence: x"), `a.yaml:9:11: evidence must be a list, it is "x"`},
		{"recommend", ruleText("a", "recommend: [{risk: low}]"), `a.yaml:10:13: a recommendation needs one of action, sysctl, file`},
		{"recommend word", ruleText("a", "recommend: [reboot]"), `a.yaml:10:13: a recommendation must be a mapping, it is "reboot"`},
		{"two kinds", ruleText("a", "recommend: [{sysctl: net.core.somaxconn, value: 1, risk: low, effect: now, action: x}]"), `a.yaml:10:84: field "action" does not belong to a recommendation of kind sysctl`},
		{"action with value", ruleText("a", "recommend: [{action: x, value: 1}]"), `a.yaml:10:32: field "value" does not belong to a recommendation of kind action`},
		{"sysctl lacks", ruleText("a", "recommend: [{sysctl: net.core.somaxconn}]"), "a.yaml:10:13: a sysctl recommendation lacks the field \"value\"\na.yaml:10:13: a sysctl recommendation lacks the field \"risk\"\na.yaml:10:13: a sysctl recommendation lacks the field \"effect\""},
		{"key", ruleText("a", "recommend: [{sysctl: net.core.somaxcon, value: 1, risk: low, effect: now}]"), `a.yaml:10:22: unknown sysctl key "net.core.somaxcon"; did you mean "net.core.somaxconn"?`},
		{"risk", ruleText("a", "recommend: [{action: x, risk: lov}]"), `a.yaml:10:31: risk "lov" is not one of none, low, medium, high; did you mean "low"?`},
		{"file lacks", ruleText("a", "recommend: [{file: x}]"), `a.yaml:10:13: a file recommendation lacks the field "action"`},
		{"guard", ruleText("a", "unless: [{when: true}]"), `a.yaml:12:10: a guard lacks the field "text"`},
		{"reference", ruleText("a", "references: [KDOK]"), `a.yaml:12:14: unknown reference "KDOK"; did you mean "KDOC"?; an address starts with https://`},
		{"twice", ruleText("a", "excludes: [b, b]"), `a.yaml:12:15: excludes names "b" twice`},
		{"key of an interface", ruleText("a", "recommend: [{sysctl: 'net.ipv4.conf.${1}.rp_filer', value: 1, risk: low, effect: now}]"), `a.yaml:10:22: unknown sysctl key "net.ipv4.conf.IF.rp_filer"; did you mean "net.ipv4.conf.*.rp_filter"?`},
		{"all at once", ruleText("a", "when: tru", "scope: x", "verdict: y"), "a.yaml:4:7: unknown name \"tru\"; did you mean \"true\"?\na.yaml:7:10: \"y\" is not one of sysctl, application, operator, config-file, harmless\na.yaml:8:8: scope \"x\" is not one of host, netns, process, peer"},
	}
	env := testEnvironment(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Parse(env, "a.yaml", []byte(tt.text))
			if r != nil || err == nil {
				t.Fatalf("Parse = %v, %v, want nil and an error", r, err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got)\n%s", diff)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(ruleText("a"))
	f.Add(ruleText("a", "for_each: listeners", "when: it.queue > 1", "recommend: [{sysctl: net.core.somaxconn, value: 1, risk: low, effect: '${it.port}'}]"))
	f.Add("a: &a [*a]")
	f.Add("id: [")
	env := testEnvironment(f)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(env, "a.yaml", []byte(text))
		if (r == nil) != (err != nil) {
			t.Fatalf("Parse = %v, %v: want either a rule or an error", r, err)
		}
		if r == nil {
			return
		}
		set, err := NewSet([]*Rule{r})
		if err != nil {
			t.Fatal(err)
		}
		set.Evaluate(nil, Options{})
		data, err := encodeSet(set)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		if _, err := decodeSet(env, data); err != nil {
			t.Fatalf("decode: %v", err)
		}
	})
}
