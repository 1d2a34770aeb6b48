// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tcptune/tcptune/internal/change"
	"github.com/tcptune/tcptune/sysctl"
)

func TestAppliedText(t *testing.T) {
	value := func(text string) *sysctl.Value { v := sysctl.Value(text); return &v }
	text := func(s string) *string { return &s }
	keys := []change.KeyResult{
		{Key: sysctl.MustKey("net.core.somaxconn"), Before: value("128"), Wanted: value("4096"), After: value("4096"), Status: change.Changed},
		{Key: sysctl.MustKey("net.ipv4.tcp_syncookies"), Before: value("1"), Wanted: value("1"), After: value("1"), Status: change.Unchanged},
		{Key: sysctl.MustKey("net.netfilter.nf_conntrack_max"), Wanted: value("262144"), Status: change.Pending, Detail: "the module nf_conntrack is not loaded"},
		{Key: sysctl.MustKey("net.ipv4.ip_local_reserved_ports"), Before: value(""), Wanted: value("8080"), After: value("8080"), Status: change.Changed, Shadowed: true},
	}
	tests := []struct {
		name   string
		kind   change.Kind
		result *change.Result
		fault  string
		want   string
	}{
		{
			name: "changed", kind: change.KindApply,
			result: &change.Result{Entry: 3, Changed: true, Persisted: true, File: "/etc/sysctl.d/90-tcptune.conf", After: text("x"), Keys: keys},
			want: `changed 2 keys (entry 3)
  net.core.somaxconn  128 -> 4096
  net.netfilter.nf_conntrack_max
      pending, wanted 262144 (the module nf_conntrack is not
      loaded)
  net.ipv4.ip_local_reserved_ports
      (empty) -> 8080, shadowed at the next boot
wrote /etc/sysctl.d/90-tcptune.conf
undo: tcptune rollback
`,
		},
		{
			name: "nothing", kind: change.KindApply, result: &change.Result{File: "/etc/x.conf", Before: text("x"), After: text("x")},
			want: "nothing to do: everything is as wanted\n",
		},
		{
			name: "rolled back", kind: change.KindRollback,
			result: &change.Result{Entry: 4, Changed: true, File: "/etc/x.conf", Before: text("x"), Keys: keys[:1]},
			want:   "rolled back 1 key (entry 4)\n  net.core.somaxconn  128 -> 4096\nremoved /etc/x.conf\n",
		},
		{
			name: "trial", kind: change.KindApply,
			result: &change.Result{Entry: 4, Changed: true, Keys: keys[:1], Trial: &change.Trial{Seconds: 60, Deadline: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}},
			want: "changed on trial 1 key (entry 4)\n  net.core.somaxconn  128 -> 4096\n" +
				"until 03:04:05 UTC only: tcptune confirm keeps it, otherwise\n  everything goes back\n",
		},
		{
			name: "kept", kind: change.KindApply,
			result: &change.Result{Entry: 4, Changed: true, Kept: true, Keys: keys[:1]},
			want:   "kept 1 key (entry 4)\n  net.core.somaxconn  128 -> 4096\nundo: tcptune rollback\n",
		},
		{name: "failed", kind: change.KindApply, fault: "write net.core.somaxconn: permission denied", want: "failed\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := NewApplied(test.kind, test.result, "tcptune test")
			a.Error = test.fault
			var b strings.Builder
			if err := a.WriteText(&b, Style{Width: 64}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, b.String()); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}
