// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/sysctl"
)

// examplePlan has a step of each kind, and hostile text.
func examplePlan() *change.Plan {
	value := func(text string) *sysctl.Value { v := sysctl.Value(text); return &v }
	text := func(s string) *string { return &s }
	key := sysctl.MustKey("net.core.somaxconn")
	return &change.Plan{
		Tool: "tcptune test", Host: change.Host{Hostname: "web1", Kernel: "6.18.0"}, Mode: change.ModeBoth,
		File: "/etc/sysctl.d/90-tcptune.conf", Before: text("# a\nx = 1\n"), After: text("# a\nx = 2\n"),
		Steps: []change.Step{
			{Key: key, Action: change.ActionSet, Live: value("128"), New: value("4096"), Block: change.BlockProfile, Origin: "profile web",
				Reason: "a burst of connections fills the accept queue", Risk: "low", Effect: "the next listen()", Status: change.Changed, Shadowed: true},
			{Key: sysctl.MustKey("net.ipv4.tcp_rmem"), Action: change.ActionSet, Live: value("4096 131072 6291456"), New: value("4096 131072 16777216"),
				Origin: "--set", Risk: "medium", Guard: "less than 1 GiB of memory",
				Effect: "[1] new sockets (accepted copy listener); [2] immediate", Status: change.Changed},
			{Key: sysctl.MustKey("net.ipv4.tcp_fin_timeout"), Action: change.ActionRestore, Live: value("30"), New: value("60"), Status: change.Changed},
			{Key: sysctl.MustKey("net.ipv4.tcp_dsack"), Action: change.ActionRestore, Live: value("0"), Status: change.Changed, Detail: "its value from before tcptune is not known: 0 stays until the next boot"},
			{Key: sysctl.MustKey("net.ipv4.tcp_ecn"), Action: change.ActionRestore, Live: value("2"), New: value("2"), Reason: "not shown", Status: change.Changed},
			{Key: sysctl.MustKey("net.netfilter.nf_conntrack_max"), Action: change.ActionSet, New: value("262144"), Status: change.Pending, Detail: "its kernel module nf_conntrack is not loaded"},
			{Key: sysctl.MustKey("net.ipv4.tcp_timestamps"), Action: change.ActionSet, Live: value("1"), New: value("1"), Status: change.Unchanged},
			{Key: sysctl.MustKey("net.ipv4.tcp_sack"), Action: change.ActionSet, Live: value("1"), New: value("1"), Reason: "not shown", Status: change.Changed},
			{Key: sysctl.MustKey("net.ipv4.tcp_wmem"), Action: change.ActionSet, Live: value("4096 16384 4194304"), New: value("4096 16384 4194304"), Risk: "low", Status: change.Changed},
		},
		Conflicts: []change.Conflict{
			{Key: &key, Kind: "shadowed", Text: "/etc/sysctl.d/99-x.conf:12 sets net.core.somaxconn = 128 and wins", File: "/etc/sysctl.d/99-x.conf", Line: 12,
				Edit: "delete line 12 of /etc/sysctl.d/99-x.conf: net.core.somaxconn = 128", Accepted: true},
			{Kind: "edited", Text: "tcptune did not write this line: \x1b[2J", File: "/etc/sysctl.d/90-tcptune.conf", Line: 7},
		},
		Owners: []change.Owner{{Name: "tuned", Text: "tuned sets these again when it starts", File: "/etc/tuned/active_profile", Keys: []sysctl.Key{key}}},
		Notes:  []string{"left out: net.ipv4.tcp_mem"},
	}
}

func TestPlanText(t *testing.T) {
	for _, tt := range []struct {
		name  string
		width int
		want  string
	}{
		{"80 columns", 80, planAt80},
		{"40 columns", 40, planAt40},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := NewPlan(examplePlan()).WriteText(&b, Style{Width: tt.width}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, b.String()); diff != "" {
				t.Errorf("unexpected text (-want +got):\n%s\n%s", diff, b.String())
			}
			for line := range strings.Lines(b.String()) {
				if ansi.StringWidth(line) > tt.width {
					t.Errorf("the line is wider than %d columns: %q", tt.width, line)
				}
			}
		})
	}
}

func TestPlanSummary(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*change.Plan)
		want string
	}{
		{"refused", func(*change.Plan) {}, "refused: 1 conflict; nothing would be written\n"},
		{"changes", func(p *change.Plan) { p.Conflicts = nil }, "would change this host: 2 to set, 3 to take out, 1 not to be set now, 2\n  already live, 1 as wanted already\n"},
		{"the file only", func(p *change.Plan) { p.Conflicts, p.Steps = nil, nil }, "would write /etc/sysctl.d/90-tcptune.conf\n"},
		{"lines only", func(p *change.Plan) { p.Conflicts, p.Steps = nil, p.Steps[6:] }, "would write /etc/sysctl.d/90-tcptune.conf: 2 already live, 1 as wanted already\n"},
		{"the file goes", func(p *change.Plan) { p.Conflicts, p.Steps, p.After = nil, p.Steps[4:5], nil }, "would remove /etc/sysctl.d/90-tcptune.conf: 1 to take out\n"},
		{"nothing", func(p *change.Plan) { p.Conflicts, p.Steps, p.Before = nil, p.Steps[6:7], p.After }, "nothing to do: 1 as wanted already\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan := examplePlan()
			tt.edit(plan)
			var b strings.Builder
			if err := NewPlan(plan).WriteText(&b, Style{Width: 80}); err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(b.String(), tt.want) {
				t.Errorf("want the end %q, got\n%s", tt.want, b.String())
			}
		})
	}
}

func TestPlanWithoutLiveValues(t *testing.T) {
	value := sysctl.Value("4096")
	plan := &change.Plan{Mode: change.ModePersist, File: "/etc/x.conf", Steps: []change.Step{
		{Key: sysctl.MustKey("net.core.somaxconn"), Action: change.ActionSet, New: &value, Status: change.Conflicting, Reason: "asked for"},
	}}
	var b strings.Builder
	if err := NewPlan(plan).WriteText(&b, Style{Width: 80}); err != nil {
		t.Fatal(err)
	}
	want := "to set\n  key                 live  new   risk\n  net.core.somaxconn  -     4096  -\n      conflict: see below\n      asked for\n\n"
	if got := b.String(); !strings.HasPrefix(got, want) {
		t.Errorf("want\n%sgot\n%s", want, got)
	}
}

func TestPlanJSON(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "docs", "schema", "plan.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, plan := range map[string]*change.Plan{"example": examplePlan(), "empty": {Mode: change.ModeRuntime}} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := NewPlan(plan).WriteJSON(&b); err != nil {
				t.Fatal(err)
			}
			value, err := jsonschema.UnmarshalJSON(&b)
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); err != nil {
				t.Error(err)
			}
		})
	}
}

const planAt80 = `to set
  key                 live                 new                   risk
  net.core.somaxconn  128                  4096                  low
      a burst of connections fills the accept queue (profile web)
      takes effect: the next listen()
      shadowed: another file wins at the next boot
  net.ipv4.tcp_rmem   4096 131072 6291456  4096 131072 16777216  medium
      (--set)
      takes effect: 2nd number: new sockets (accepted copy listener); 3rd
        number: immediate
      not if: less than 1 GiB of memory

to take out: the value from before tcptune comes back
  key                       live  new    risk
  net.ipv4.tcp_fin_timeout  30    60     -
  net.ipv4.tcp_dsack        0     stays  -
      its value from before tcptune is not known: 0 stays until the next boot

not to be set now
  key                             live  new     risk
  net.netfilter.nf_conntrack_max  none  262144  -
      pending: its kernel module nf_conntrack is not loaded

already live, only the line is new
  net.ipv4.tcp_sack  1
  net.ipv4.tcp_wmem  4096 16384 4194304

only the line goes, the live value stays
  net.ipv4.tcp_ecn  2

as wanted already, 1 key: tcp_timestamps

--- /etc/sysctl.d/90-tcptune.conf
+++ /etc/sysctl.d/90-tcptune.conf
@@ -1,2 +1,2 @@
 # a
-x = 1
+x = 2

accepted (shadowed)
  /etc/sysctl.d/99-x.conf:12 sets net.core.somaxconn = 128 and wins
  to resolve: delete line 12 of /etc/sysctl.d/99-x.conf: net.core.somaxconn =
    128
conflict (edited)
  /etc/sysctl.d/90-tcptune.conf:7: tcptune did not write this line: \x1b[2J
also here: tuned
  tuned sets these again when it starts: net.core.somaxconn
  (/etc/tuned/active_profile)
note: left out: net.ipv4.tcp_mem
refused: 1 conflict; nothing would be written
`

const planAt40 = `to set
  net.core.somaxconn
      128 -> 4096
      risk low
      a burst of connections fills the
      accept queue (profile web)
      takes effect: the next listen()
      shadowed: another file wins at the
      next boot
  net.ipv4.tcp_rmem
      4096 131072 6291456 -> 4096 131072
      16777216
      risk medium
      (--set)
      takes effect: 2nd number: new
        sockets (accepted copy
        listener); 3rd number: immediate
      not if: less than 1 GiB of
        memory

to take out: the value from before
tcptune comes back
  net.ipv4.tcp_fin_timeout
      30 -> 60
  net.ipv4.tcp_dsack
      0 stays
      its value from before tcptune is
      not known: 0 stays until the next
      boot

not to be set now
  net.netfilter.nf_conntrack_max
      none -> 262144
      pending: its kernel module
      nf_conntrack is not loaded

already live, only the line is new
  net.ipv4.tcp_sack  1
  net.ipv4.tcp_wmem  4096 16384 4194304

only the line goes, the live value stays
  net.ipv4.tcp_ecn  2

as wanted already, 1 key:
  tcp_timestamps

--- /etc/sysctl.d/90-tcptune.conf
+++ /etc/sysctl.d/90-tcptune.conf
@@ -1,2 +1,2 @@
 # a
-x = 1
+x = 2

accepted (shadowed)
  /etc/sysctl.d/99-x.conf:12 sets
  net.core.somaxconn = 128 and wins
  to resolve: delete line 12 of
    /etc/sysctl.d/99-x.conf:
    net.core.somaxconn = 128
conflict (edited)
  /etc/sysctl.d/90-tcptune.conf:7:
  tcptune did not write this line:
  \x1b[2J
also here: tuned
  tuned sets these again when it starts:
  net.core.somaxconn
  (/etc/tuned/active_profile)
note: left out: net.ipv4.tcp_mem
refused: 1 conflict; nothing would be
  written
`
